//! Expressions as trees.
//!
//! The macros of the language are nodes of their own: what they do is done directly, not spelled out as a loop over an
//! accumulator.

use regex::Regex;

use super::{library::Overload, types::Type, value::Value};

/// An expression.
#[derive(Debug)]
pub(super) struct Expression {
    /// Where it stands, in characters; of an operator or a call where that is written.
    pub(super) at: usize,
    pub(super) kind: Kind,
    /// What the checker found out.
    pub(super) ty: Type,
    /// How many expressions stand inside each other here.
    pub(super) height: usize,
}

/// What an expression is.
#[derive(Debug)]
pub(super) enum Kind {
    Literal(Value<'static>),
    Name(String, Place),
    /// `operand.field`, `operand.?field`, `has(operand.field)`.
    Select {
        operand: Box<Expression>,
        field: String,
        mode: Select,
    },
    /// A function or an operator (`_+_`).
    Call(Box<Call>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    /// Condition, then, else.
    Conditional(Box<[Expression; 3]>),
    /// Items, and whether each is optional (`[?x]`).
    List(Vec<(Expression, bool)>),
    /// Keys, values, and whether each entry is optional.
    Map(Vec<(Expression, Expression, bool)>),
    Fold(Box<Fold>),
    /// `optional.optMap(name, body)` and `optFlatMap`.
    OnValue(Box<OnValue>),
}

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not looked up yet.
    Open,
    Own,
    Old,
    /// A variable of a macro, counted from the outermost.
    Local(usize),
}

/// How a field is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Select {
    Plain,
    Optional,
    /// Whether it is there.
    Test,
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: String,
    /// The target, for calls of methods, is the first argument.
    pub(super) method: bool,
    pub(super) arguments: Vec<Expression>,
    /// What the function does, by its signatures; empty before the check.
    pub(super) overloads: &'static [Overload],
    /// The compiled pattern, where it is written as a literal.
    pub(super) pattern: Option<Regex>,
}

impl Call {
    pub(super) fn new(function: impl Into<String>, method: bool, arguments: Vec<Expression>) -> Box<Self> {
        Box::new(Call { function: function.into(), method, arguments, overloads: &[], pattern: None })
    }
}

/// A macro that goes over the elements of a list or the entries of a map.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Expression,
    /// One variable, or two: index and item, key and value.
    pub(super) variables: Vec<String>,
    pub(super) filter: Option<Expression>,
    /// The predicate, the transformed item, or the key to sort by.
    pub(super) body: Expression,
}

/// What a macro makes of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    /// A list of what each element becomes.
    Map,
    /// A map with the same keys and other values.
    TransformMap,
    /// A map of the entries that each element becomes.
    TransformEntries,
    SortBy,
}

/// What to do with the value of an optional.
#[derive(Debug)]
pub(super) struct OnValue {
    pub(super) optional: Expression,
    pub(super) variable: String,
    pub(super) body: Expression,
    /// Whether the body is an optional itself.
    pub(super) flat: bool,
}

impl Expression {
    pub(super) fn new(at: usize, kind: Kind) -> Self {
        let mut height = 0;
        kind.visit(&mut |child| height = height.max(child.height));
        Expression { at, kind, ty: Type::Dyn, height: height + 1 }
    }
    /// Whether this or an expression inside is such.
    pub(super) fn any(&self, is: &dyn Fn(&Kind) -> bool) -> bool {
        let mut found = is(&self.kind);
        self.kind.visit(&mut |child| found = found || child.any(is));
        found
    }
}

impl Kind {
    /// Shows the expressions directly inside.
    fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Expression)) {
        match self {
            Kind::Literal(_) | Kind::Name(..) => {}
            Kind::Select { operand, .. } => see(operand),
            Kind::Call(call) => call.arguments.iter().for_each(see),
            Kind::And(terms) | Kind::Or(terms) => terms.iter().for_each(see),
            Kind::Conditional(parts) => parts.iter().for_each(see),
            Kind::List(items) => items.iter().for_each(|(item, _)| see(item)),
            Kind::Map(entries) => entries.iter().for_each(|(key, value, _)| {
                see(key);
                see(value);
            }),
            Kind::Fold(fold) => {
                see(&fold.range);
                fold.filter.iter().for_each(&mut *see);
                see(&fold.body);
            }
            Kind::OnValue(on) => {
                see(&on.optional);
                see(&on.body);
            }
        }
    }
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// In characters.
    pub(super) at: usize,
    pub(super) why: String,
}

impl Fault {
    pub(super) fn new(at: usize, why: impl Into<String>) -> Self {
        Fault { at, why: why.into() }
    }

    /// The fault with the line it is on and a mark below it.
    pub(super) fn show(&self, source: &str) -> String {
        let before: Vec<char> = source.chars().take(self.at).collect();
        let line_start = before.iter().rposition(|character| *character == '\n').map_or(0, |at| at + 1);
        let column = before.len() - line_start;
        let number = before.iter().filter(|character| **character == '\n').count();
        let line = source.split('\n').nth(number).unwrap_or_default().replace('\t', " ");
        let dots = ".".repeat(column);
        format!("ERROR: <input>:{}:{}: {}\n | {line}\n | {dots}^", number + 1, column + 1, self.why)
    }
}
