//! Expressions that want too much.

use super::*;

#[test]
fn deep_and_long_expressions_are_refused() {
    let deep =
        |open: &str, close: &str, count: usize| format!("{}true{}", open.repeat(count), close.repeat(count));
    for source in [
        deep("(", ")", 5000),
        deep("[", "]", 5000),
        deep("!(", ")", 3000),
        deep("[1].all(x, ", ")", 1400),
        deep("true ? ", " : false", 1000),
        deep("{'a': ", "}", 2000),
        format!("self{}", ".a".repeat(5000)),
        format!("self{} == 1", "[0]".repeat(5000)),
        format!("1{} > 0", " + 1".repeat(3000)),
        format!("optional.of(1){}", ".optMap(x, x)".repeat(1000)),
        format!("({}", "-".repeat(16_000)),
        "x".repeat(20_000),
    ] {
        assert!(run(&source).is_err(), "{}", &source[..40]);
    }
    // As deep as can be: parsed, checked, estimated and evaluated on a small stack.
    for source in [
        deep("[", "]", 61) + " != []",
        format!("1{} > 0", " + 1".repeat(61)),
        deep("[1].all(x, ", ")", 62),
        deep("(", ")", 62),
        deep("false ? true : (", ")", 30),
    ] {
        let result = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || run(&source)).unwrap();
        assert_eq!(result.join().unwrap(), Ok(true));
    }
}

fn numbers(count: usize) -> (Arc<Declared>, Json) {
    let kind = DeclaredKind::Int;
    let item = Arc::new(Declared { kind, nullable: false, max_elements: 0, min_size: 1 });
    let kind = DeclaredKind::List(item, Items::Atomic);
    let list = Declared { kind, nullable: false, max_elements: 1_000_000, min_size: 2 };
    (Arc::new(list), Json::from((0..count).collect::<Vec<_>>()))
}

#[test]
fn hostile_expressions_end() {
    let (own, value) = numbers(3000);
    for source in [
        "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))",
        "self.map(a, self.map(b, self)).size() > 0",
        "self.all(a, self == self && self == self && self == self && [self] == [self])",
        "self.map(a, self + self).flatten().map(a, self + self).size() > 0",
        "self.map(a, string(a)).map(a, self.map(b, string(b)).join(a)).join('').size() > 0",
        "self.exists(a, self.distinct().size() < 0)",
        "self.exists(a, self.sort().size() < 0)",
        "self.exists(a, 'aaaaaaaaaaaaaaaaaaaaaa'.replace('', 'bbbbbbbbbbbbbbbbbbbbbbbb').replace('', 'cccccccccccccccccccccc').replace('', 'dddddddddddddddddd').size() < 0)",
        "self.all(a, !'aaaaa'.matches('(a' + string(a) + '{1,100}){1,10}'))",
        "self.all(a, '%s'.format([self]).size() > 0)",
    ] {
        assert_eq!(run_on(source, &own, &value), Err("over limit".into()), "{source}");
    }
}

#[test]
fn costs_are_estimated() {
    let cost = |source: &str, most: u64| {
        let (own, _) = numbers(0);
        let Ok(mut declared) = Arc::try_unwrap(own) else { panic!("shared") };
        declared.max_elements = most;
        let program = Program::compile(source, &Arc::new(declared), false, Wanted::Bool).unwrap();
        program.max_cost()
    };
    assert_eq!(cost("true", 10), 0);
    assert_eq!(cost("size(self) < 5", 10), 3);
    assert!(cost("self.all(x, x > 0)", 10) < 100);
    assert!(cost("self.all(x, self.all(y, x != y || true))", 1000) > 1_000_000);
    assert!(cost("self.all(x, self.all(y, self.all(z, true)))", 1_000_000) > 1_000_000_000_000);
}

/// Pieces that expressions are made of, and some that they are not.
const PIECES: &[&str] = &[
    "self",
    "oldSelf",
    "x",
    "1",
    "0",
    "-1",
    "2u",
    "1.5",
    "'a'",
    "b'a'",
    "true",
    "null",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    "?",
    ".?",
    "[?",
    "+",
    "-",
    "*",
    "/",
    "%",
    "!",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "in",
    "has(",
    ".all(x, ",
    ".map(x, ",
    ".filter(x, ",
    ".exists_one(x, ",
    ".sortBy(x, ",
    ".transformMap(i, v, ",
    ".size()",
    ".format([",
    "'%s %d'",
    "dyn(",
    "string(",
    "int(",
    "type(",
    "optional.of(",
    ".value()",
    ".optMap(x, ",
    "lists.range(3)",
    ".sum()",
    ".sort()",
    ".distinct()",
    ".flatten()",
    ".matches('",
    "quantity(",
    "ip(",
    "url(",
    "semver(",
    "timestamp('2024-01-01T00:00:00Z')",
    "duration('1h')",
    "// ",
    "\n",
    "é",
    "'",
    "\"",
    "\\",
    "r'",
    "'\'\'",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, ..Default::default() })]

    /// Whatever is written, it is refused or it is evaluated; nothing panics.
    #[test]
    fn anything_can_be_written(pieces in proptest::collection::vec(0..PIECES.len(), 1..12)) {
        let source: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
        let _ = run(&source);
        let _ = run(&format!("[{source}].size() >= 0"));
        let _ = run(&format!("dyn(self) == ({source})"));
    }
}
