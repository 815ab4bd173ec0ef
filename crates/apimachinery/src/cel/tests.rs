//! What expressions give, and what is wrong with them.

mod bounds;

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::*;

/// `self` is an int, and its value 3.
fn run(source: &str) -> Result<bool, String> {
    let own = Arc::new(Declared { kind: DeclaredKind::Int, nullable: false, max_elements: 0, min_size: 1 });
    run_on(source, &own, &json!(3))
}

fn run_on(source: &str, own: &Arc<Declared>, value: &Json) -> Result<bool, String> {
    let program = match Program::compile(source, own, false, Wanted::Bool) {
        Ok(program) => program,
        Err(CompileError::Faults(faults)) => return Err(faults),
        Err(CompileError::Result) => return Err("no bool".into()),
    };
    let value = Value::read(value, own).unwrap();
    match program.evaluate(&value, Some(&value), MAX_EXPENSE).0 {
        Ok(Value::Bool(is)) => Ok(is),
        Ok(other) => Err(format!("{other:?}")),
        Err(Failure::Error(why)) => Err(why),
        Err(Failure::OverLimit) => Err("over limit".into()),
    }
}

fn all_true(sources: &[&str]) {
    for source in sources {
        assert_eq!(run(source), Ok(true), "{source}");
    }
}

#[test]
fn literals_and_operators() {
    all_true(&[
        "1 + 2 * 3 - 4 / 2 == 5",
        "7 % 4 == 3 && -7 % 4 == -3 && -7 / 2 == -3",
        "-9223372036854775808 < 0",
        "0x1F == 31 && 0xffu == 255u",
        "1e3 == 1000.0 && .5 == 0.5 && 2.5e-1 == 0.25",
        "'a' + \"b\" == 'ab'",
        r#"'\n\t\\\'\u00e9\U0001F600\x41\101' == "\n\t\\'é😀AA""#,
        r"r'\d' == '\\d'",
        "'''a\n'b''' == 'a\\n\\'b'",
        "b'\\xff' == b'\\377' && size(b'é') == 2 && size('é') == 1",
        "!false && !!true && (true || false)",
        "self == 3 && self > 2 && self <= 3 && self != 4",
        "1 < 1.5 && 2u > 1 && 1.0 <= 1u && 18446744073709551615u > 1",
        "true ? 1 == 1 : 1 == 2",
        "false ? false : true ? true : false",
        "[1, 2][1] == 2 && {'a': 1}['a'] == 1 && {'a': 1}.a == 1",
        "2 in [1, 2] && !(3 in [1, 2]) && 'a' in {'a': 1} && !('b' in {'a': 1})",
        "[1] + [2, 3] == [1, 2, 3] && {'a': [1]} == {'a': [1]}",
        "size([1, 2]) == 2 && {'a': 1}.size() == 1 && ''.size() == 0",
        "null == null",
        "// a comment\n true",
        "type(1) == int && type('') == string && type([]) == list && type(null) == null_type",
        "type(duration('1s')) == google.protobuf.Duration && type(int) == type",
        "dyn(1) == dyn(1.0) && [1, dyn('a')].size() == 2",
    ]);
}

#[test]
fn conversions() {
    all_true(&[
        "int('42') == 42 && int(4.9) == 4 && int(7u) == 7",
        "uint(7) == 7u && uint('7') == 7u",
        "double(1) == 1.0 && double('1.5') == 1.5",
        "string(1) == '1' && string(1.5) == '1.5' && string(1000000.0) == '1e+06' && string(true) == 'true'",
        "string(b'abc') == 'abc' && bytes('abc') == b'abc'",
        "bool('true') && !bool('F')",
        "string(duration('90m')) == '5400s' && string(duration('1.5s')) == '1.5s'",
        "string(timestamp('2024-02-29T00:00:00Z')) == '2024-02-29T00:00:00Z'",
        "int(timestamp('1970-01-01T00:01:00Z')) == 60 && timestamp(60) == timestamp('1970-01-01T00:01:00Z')",
    ]);
}

#[test]
fn macros() {
    all_true(&[
        "[1, 2, 3].all(x, x > 0) && ![1, 2].all(x, x > 1) && [].all(x, x > 0)",
        "[1, 2].exists(x, x == 2) && ![1].exists(x, x == 2)",
        "[1, 2, 2].exists_one(x, x == 1) && ![1, 2, 2].exists_one(x, x == 2)",
        "[1, 2, 3].map(x, x * 2) == [2, 4, 6] && [1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
        "[1, 2, 3].filter(x, x != 2) == [1, 3]",
        "{'a': 1, 'b': 2}.all(k, k in ['a', 'b']) && {'a': 1}.map(k, k) == ['a']",
        "{'a': 1, 'b': 2}.all(k, v, v > 0 && k != 'c') && [5, 6].all(i, v, v == i + 5)",
        "[5, 6].exists(i, v, i == 1 && v == 6) && [1, 1].existsOne(i, v, i == 0)",
        "[1, 2].transformList(i, v, i + v) == [1, 3] && [1, 2].transformList(i, v, i > 0, v) == [2]",
        "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
        "{'a': 1}.transformMap(k, v, v > 1, v) == {}",
        "['a', 'b'].transformMapEntry(i, v, {v: i}) == {'a': 0, 'b': 1}",
        "['bb', 'a'].sortBy(x, size(x)) == ['a', 'bb']",
        "[[1, 2], [3]].all(l, l.all(x, x > 0))",
        "[1, 2].map(x, [3].map(x, x)[0] + x) == [4, 5]",
        // An error does not matter where another element decides.
        "[1, 0].exists(x, 1 / x == 1) && ![0, 5].all(x, 10 / x == 5)",
    ]);
    assert_eq!(run("[0, 1].all(x, 1 / x == 1)"), Err("division by zero".into()));
    assert_eq!(run("[0, 2].all(x, 1 / x == 1)"), Ok(false));
}

#[test]
fn optionals() {
    all_true(&[
        "optional.of(1).value() == 1 && optional.none().orValue(2) == 2",
        "optional.of(1).hasValue() && !optional.none().hasValue()",
        "optional.none().or(optional.of(3)).value() == 3",
        "{'a': 1}.?a == optional.of(1) && {'a': 1}.?b.orValue(5) == 5",
        "{'a': 1}[?'a'].value() == 1 && [1][?0].value() == 1 && ![1][?1].hasValue()",
        "optional.of({'a': 1}).a.value() == 1",
        "[?optional.of(1), ?optional.none()] == [1] && {?'a': optional.none()} == {}",
        "optional.of(2).optMap(x, x + 1).value() == 3 && !optional.none().optMap(x, x).hasValue()",
        "optional.of(2).optFlatMap(x, optional.of(x * 2)).value() == 4",
        "optional.ofNonZeroValue(0) == optional.none() && optional.ofNonZeroValue(1).hasValue()",
        "[1, 2].first().value() == 1 && [1, 2].last().value() == 2 && ![].first().hasValue()",
        "[optional.of(1), optional.none()].unwrapOpt() == [1]",
    ]);
}

#[test]
fn texts() {
    all_true(&[
        "'hello'.contains('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo')",
        "'hello'.charAt(1) == 'e' && 'hello'.charAt(5) == ''",
        "'héllo héllo'.indexOf('llo') == 2 && 'abab'.indexOf('ab', 1) == 2 && 'abab'.lastIndexOf('ab') == 2",
        "'abab'.lastIndexOf('ab', 1) == 0 && 'a'.indexOf('b') == -1 && 'ab'.lastIndexOf('') == 2",
        "'TacoCÆt'.lowerAscii() == 'tacocÆt' && 'tacoCÆt'.upperAscii() == 'TACOCÆT'",
        "' a '.trim() == 'a'",
        "'aaa'.replace('a', 'b') == 'bbb' && 'aaa'.replace('a', 'b', 2) == 'bba' && 'ab'.replace('', '_') == '_a_b_'",
        "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
        "'abc'.split('') == ['a', 'b', 'c'] && 'abc'.split('', 2) == ['a', 'bc'] && 'a,b'.split(',', 0) == []",
        "'hello'.substring(1) == 'ello' && 'hello'.substring(1, 3) == 'el'",
        "['a', 'b'].join() == 'ab' && ['a', 'b'].join('-') == 'a-b' && [].join('x') == ''",
        r#"strings.quote('a"b\n') == '"a\\"b\\n"'"#,
        "'%s is %d and %.2f, %x'.format(['a', 5, 1.5, 255]) == 'a is 5 and 1.50, ff'",
        "'%s'.format([[1, 'a']]) == '[1, \"a\"]' && '%s'.format([{'b': 1, 'a': 2}]) == '{\"a\":2, \"b\":1}'",
        "'%.2e'.format([12345.0]) == '1.234500×10⁰⁴' && '%e'.format([0.001]) == '1.000000×10⁻⁰³'",
        "'%%%b'.format([5]) == '%101' && '%X'.format(['z']) == '7A'",
        "'abc123'.matches('^[a-z]+[0-9]+$') && 'xabcx'.matches('abc') && !'abc'.matches('^b')",
        "'abc 123'.find('[0-9]+') == '123' && 'abc'.find('[0-9]') == ''",
        "'1 2 3'.findAll('[0-9]') == ['1', '2', '3'] && '1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
    ]);
    for (source, expect) in [
        ("'abc'.substring(2, 1) == ''", "invalid substring range. start: 2, end: 1"),
        ("'abc'.substring(4) == ''", "index out of range: 4"),
        ("'abc'.charAt(4) == ''", "index out of range: 4"),
        (
            "'%d'.format([dyn('a')]) == ''",
            "error during formatting: decimal clause can only be used on integers, was given string",
        ),
    ] {
        assert_eq!(run(source), Err(expect.into()), "{source}");
    }
}

#[test]
fn lists_and_sets() {
    all_true(&[
        "[1, 2, 2].isSorted() && !['b', 'a'].isSorted()",
        "[1, 2].sum() == 3 && [1.5, 1.5].sum() == 3.0 && [duration('1s'), duration('2s')].sum() == duration('3s')",
        "[2, 1, 3].min() == 1 && ['a', 'c', 'b'].max() == 'c'",
        "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2 && [1].indexOf(5) == -1",
        "[1, 2, 3].slice(1, 3) == [2, 3] && [[1], [2, 3]].flatten() == [1, 2, 3]",
        "[dyn(1), [2, dyn([3])]].flatten(2) == [1, 2, 3]",
        "[3, 1, 2].sort() == [1, 2, 3] && [1, 2].reverse() == [2, 1] && [1, 1, 2].distinct() == [1, 2]",
        "lists.range(3) == [0, 1, 2]",
        "sets.contains([1, 2, 3], [1, 2]) && sets.equivalent([1, 2, 2], [2, 1]) && sets.intersects([1], [1, 2])",
    ]);
    assert_eq!(run("[].min() == 1"), Err("min called on empty list".into()));
    assert_eq!(run("lists.range(100000000).size() > 0"), Err("over limit".into()));
}

#[test]
fn times() {
    all_true(&[
        "timestamp('2024-02-29T12:30:45.123Z').getFullYear() == 2024",
        "timestamp('2024-02-29T12:30:45Z').getMonth() == 1 && timestamp('2024-02-29T12:30:45Z').getDate() == 29",
        "timestamp('2024-02-29T12:30:45Z').getDayOfMonth() == 28 && timestamp('2024-02-29T00:00:00Z').getDayOfWeek() == 4",
        "timestamp('2024-02-29T12:30:45Z').getDayOfYear() == 59 && timestamp('2024-02-29T12:30:45Z').getHours('-02:00') == 10",
        "timestamp('2024-02-29T12:30:45.123Z').getMilliseconds() == 123",
        "timestamp('2024-03-01T00:00:00Z') - timestamp('2024-02-29T00:00:00Z') == duration('24h')",
        "timestamp('2024-02-29T00:00:00Z') + duration('1h') == timestamp('2024-02-29T01:00:00Z')",
        "duration('1h30m').getMinutes() == 90 && duration('1h') > duration('59m') && duration('-1s') < duration('0s')",
    ]);
}

#[test]
fn kubernetes_libraries() {
    all_true(&[
        "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('50k').add(quantity('1')).compareTo(quantity('50001')) == 0",
        "quantity('1.5').asApproximateFloat() == 1.5 && !quantity('1.5').isInteger() && quantity('5k').asInteger() == 5000",
        "isQuantity('1.3Gi') && !isQuantity('1,3Gi') && quantity('1k') == quantity('1000') && sign(quantity('-1')) == -1",
        "quantity('10').sub(3).asInteger() == 7",
        "ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && isIP('10.0.0.1') && !isIP('10.0.0.256')",
        "!isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0') && ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')",
        "ip('10.0.0.1').isGlobalUnicast() && ip('224.0.0.1').isLinkLocalMulticast() && string(ip('1.2.3.4')) == '1.2.3.4'",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))",
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
        "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('::/0').prefixLength() == 0 && isCIDR('1.2.3.4/32')",
        "cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && string(cidr('10.0.0.0/8')) == '10.0.0.0/8' && !isCIDR('1.2.3.4/33')",
        "url('https://user@example.com:80/p%20q?k=a&k=b#f').getHost() == 'example.com:80'",
        "url('https://example.com:80/path').getHostname() == 'example.com' && url('https://[::1]:80/').getHostname() == '::1'",
        "url('https://example.com:80/a').getPort() == '80' && url('/path').getScheme() == '' && url('HTTPS://a/').getScheme() == 'https'",
        "url('https://a/with space/').getEscapedPath() == '/with%20space/' && url('https://a/?k=a&k=b&q').getQuery() == {'k': ['a', 'b'], 'q': ['']}",
        "isURL('https://a.b') && isURL('/p') && !isURL('a.b/c') && !isURL('')",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && isSemver('1.2.3+b')",
        "!isSemver('v1.2') && isSemver('v01.2', true) && semver('1.2.3').minor() == 2 && semver('1.2.3') == semver('1.2.3+x')",
        "semver('1.0.0-alpha.2').compareTo(semver('1.0.0-alpha.10')) == -1",
        "!format.dns1123Label().validate('good').hasValue() && format.dns1123Label().validate('Bad').hasValue()",
        "format.named('uuid').hasValue() && !format.named('unknown').hasValue() && format.date().validate('x').value() == ['invalid date']",
        "!format.dns1123LabelPrefix().validate('a-').hasValue()",
    ]);
}

#[test]
fn failures_say_why() {
    for (source, expect) in [
        ("1 / 0 == 1", "division by zero"),
        ("1 % 0 == 1", "modulus by zero"),
        ("9223372036854775807 + 1 > 0", "integer overflow"),
        ("[1][5] == 1", "index out of bounds: 5"),
        ("{'a': 1}['b'] == 1", "no such key: b"),
        ("{'a': 1}.b == 1", "no such key: b"),
        ("optional.none().value() == 1", "optional.none() dereference"),
        ("dyn('a') < 1", "no such overload"),
        ("dyn(1).startsWith('a')", "no such overload: startsWith"),
        ("int('x') == 1", "type conversion error from 'string' to 'int'"),
        ("dyn([1]).all(x, x)", "no such overload"),
    ] {
        assert_eq!(run(source), Err(expect.into()), "{source}");
    }
    // What is decided without the failure is decided.
    assert_eq!(run("1 / 0 == 1 || true"), Ok(true));
    assert_eq!(run("false && 1 / 0 == 1"), Ok(false));
    assert_eq!(run("1 / 0 == 1 && false"), Ok(false));
}

#[test]
fn faults_are_found_before_evaluation() {
    for (source, expect) in [
        ("self.x", "ERROR: <input>:1:5: type 'int' does not support field selection\n | self.x\n | ....^"),
        (
            "1 == 'a'",
            "ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, string)'\n | 1 == 'a'\n | ..^",
        ),
        (
            "unknown == 1",
            "ERROR: <input>:1:1: undeclared reference to 'unknown' (in container '')\n | unknown == 1\n | ^",
        ),
        (
            "'a'.nothing()",
            "ERROR: <input>:1:12: undeclared reference to 'nothing' (in container '')\n | 'a'.nothing()\n | ...........^",
        ),
        (
            "'a'.startsWith(1)",
            "ERROR: <input>:1:15: found no matching overload for 'startsWith' applied to 'string.(int)'\n | 'a'.startsWith(1)\n | ..............^",
        ),
        ("true &&\n 1", "ERROR: <input>:2:2: expected type 'bool' but found 'int'\n |  1\n | .^"),
        (
            "[1, 'a'].size() == 2",
            "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a'].size() == 2\n | ....^",
        ),
        (
            "'a'.matches('[')",
            "ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('[')\n | ............^",
        ),
        (
            "duration('x') == duration('1s')",
            "ERROR: <input>:1:10: invalid duration argument\n | duration('x') == duration('1s')\n | .........^",
        ),
        (
            "self.all(x, true)",
            "ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.all(x, true)\n | ^",
        ),
        (
            "[1].all(1, true)",
            "ERROR: <input>:1:9: argument must be a simple name\n | [1].all(1, true)\n | ........^",
        ),
        ("has(self)", "ERROR: <input>:1:5: invalid argument to has() macro\n | has(self)\n | ....^"),
        ("1 + 2", "no bool"),
        ("dyn(true)", "no bool"),
    ] {
        assert_eq!(run(source), Err(expect.into()), "{source}");
    }
    for source in [
        "self ==",
        "(1",
        "'a",
        "1 +* 2",
        "a b",
        "@",
        "for == 1",
        "[1,,2]",
        "99999999999999999999 > 1",
        "self.in == 1",
    ] {
        let fault = run(source).unwrap_err();
        assert!(fault.starts_with("ERROR: <input>:"), "{source}: {fault}");
    }
}
