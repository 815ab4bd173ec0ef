//! From tokens to a tree.
//!
//! INVARIANT: no tree is higher than [`MAX_HEIGHT`], and parsing recurses no deeper, so that no walk along a tree can
//! exhaust the stack.

use super::{
    lexer::{RESERVED, Token, TokenKind, tokens},
    syntax::{Call, Expression, Fault, Fold, FoldKind, Kind, OnValue, Place, Select},
    value::Value,
};

/// Most characters of an expression.
pub(super) const MAX_CHARACTERS: usize = 16_384;
/// Most expressions inside each other.
pub(super) const MAX_HEIGHT: usize = 64;

/// Operators with two operands, their functions, and how tightly they bind.
const OPERATORS: &[(&str, &str, usize)] = &[
    ("||", OR, 0),
    ("&&", AND, 1),
    ("<", "_<_", 2),
    ("<=", "_<=_", 2),
    (">", "_>_", 2),
    (">=", "_>=_", 2),
    ("==", "_==_", 2),
    ("!=", "_!=_", 2),
    ("in", "@in", 2),
    ("+", "_+_", 3),
    ("-", "_-_", 3),
    ("*", "_*_", 4),
    ("/", "_/_", 4),
    ("%", "_%_", 4),
];
const OR: &str = "_||_";
const AND: &str = "_&&_";

/// Reads an expression.
pub(super) fn parse(source: &str) -> Result<Expression, Fault> {
    if source.chars().count() > MAX_CHARACTERS {
        return Err(Fault::new(0, format!("an expression has at most {MAX_CHARACTERS} characters")));
    }
    let mut parser = Parser { tokens: tokens(source)?, next: 0, depth: 0 };
    let expression = parser.expression()?;
    match parser.peek() {
        TokenKind::End => Ok(expression),
        _ => Err(parser.unexpected("<EOF>")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &TokenKind {
        self.tokens.get(self.next).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |token| token.at)
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), TokenKind::Symbol(next) if *next == symbol)
    }

    /// Steps over a symbol, if it is the next one, and says where it stood.
    fn take(&mut self, symbol: &str) -> Option<usize> {
        let at = self.at();
        let is = self.is(symbol);
        self.next += usize::from(is);
        is.then_some(at)
    }

    fn expect(&mut self, symbol: &str) -> Result<usize, Fault> {
        self.take(symbol).ok_or_else(|| self.unexpected(&format!("'{symbol}'")))
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let found = match self.peek() {
            TokenKind::End => "<EOF>".to_owned(),
            TokenKind::Symbol(symbol) => (*symbol).to_owned(),
            TokenKind::Name(name) => name.clone(),
            TokenKind::Literal(_) | TokenKind::Huge => "a literal".to_owned(),
        };
        Fault::new(self.at(), format!("Syntax error: mismatched input '{found}' expecting {wanted}"))
    }

    /// A node, unless the tree becomes too high.
    fn node(&self, at: usize, kind: Kind) -> Result<Expression, Fault> {
        let node = Expression::new(at, kind);
        if node.height > MAX_HEIGHT { Err(too_high(at)) } else { Ok(node) }
    }

    fn call(&self, at: usize, function: &str, arguments: Vec<Expression>) -> Result<Expression, Fault> {
        self.node(at, Kind::Call(Call::new(function, false, arguments)))
    }

    fn expression(&mut self) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > MAX_HEIGHT {
            return Err(too_high(self.at()));
        }
        let condition = self.binary(0)?;
        let expression = match self.take("?") {
            None => condition,
            Some(at) => {
                let then = self.binary(0)?;
                self.expect(":")?;
                let otherwise = self.expression()?;
                self.node(at, Kind::Conditional(Box::new([condition, then, otherwise])))?
            }
        };
        self.depth -= 1;
        Ok(expression)
    }

    /// Operands and operators that bind at least so tightly.
    fn binary(&mut self, least: usize) -> Result<Expression, Fault> {
        let mut left = self.unary()?;
        let mut before = "";
        loop {
            let at = self.at();
            let TokenKind::Symbol(symbol) = *self.peek() else { return Ok(left) };
            let operator =
                OPERATORS.iter().find(|(operator, _, level)| *operator == symbol && *level >= least);
            let Some((_, function, level)) = operator else { return Ok(left) };
            self.next += 1;
            let right = self.binary(level + 1)?;
            left = self.operation(at, function, left, right, before == *function)?;
            before = function;
        }
    }

    /// Two operands; those of `&&` and `||` become one list where `goes_on` says that the left ones are open.
    fn operation(
        &self,
        at: usize,
        function: &str,
        mut left: Expression,
        right: Expression,
        goes_on: bool,
    ) -> Result<Expression, Fault> {
        match &mut left.kind {
            Kind::And(terms) | Kind::Or(terms) if goes_on => {
                left.height = left.height.max(right.height + 1);
                terms.push(right);
                if left.height > MAX_HEIGHT { Err(too_high(at)) } else { Ok(left) }
            }
            _ if function == AND => self.node(at, Kind::And(vec![left, right])),
            _ if function == OR => self.node(at, Kind::Or(vec![left, right])),
            _ => self.call(at, function, vec![left, right]),
        }
    }

    fn unary(&mut self) -> Result<Expression, Fault> {
        let start = self.at();
        let (symbol, function) = match *self.peek() {
            TokenKind::Symbol("!") => ("!", "!_"),
            TokenKind::Symbol("-") => ("-", "-_"),
            _ => ("", ""),
        };
        let mut count = 0;
        while !symbol.is_empty() && self.take(symbol).is_some() {
            count += 1;
        }
        let operand = match self.negative().filter(|_| symbol == "-" && count == 1) {
            Some(literal) => {
                self.next += 1;
                count = 0;
                Expression::new(start, Kind::Literal(literal))
            }
            None => self.primary()?,
        };
        let operand = self.member(operand)?;
        // An even number of them does nothing.
        if count % 2 == 0 { Ok(operand) } else { self.call(start, function, vec![operand]) }
    }

    /// The next token as a number behind a minus.
    fn negative(&self) -> Option<Value<'static>> {
        Some(match self.peek() {
            TokenKind::Literal(Value::Int(number)) => Value::Int(number.checked_neg()?),
            TokenKind::Literal(Value::Double(number)) => Value::Double(-number),
            TokenKind::Huge => Value::Int(i64::MIN),
            _ => return None,
        })
    }

    /// Fields, calls and indexes behind an operand.
    fn member(&mut self, mut operand: Expression) -> Result<Expression, Fault> {
        loop {
            if let Some(at) = self.take(".") {
                let optional = self.take("?").is_some();
                let field = self.name()?;
                if !optional && let Some(open) = self.take("(") {
                    let arguments = self.arguments(")")?;
                    operand = self.method(open, operand, field, arguments)?;
                    continue;
                }
                let mode = if optional { Select::Optional } else { Select::Plain };
                operand = self.node(at, Kind::Select { operand: Box::new(operand), field, mode })?;
            } else if let Some(at) = self.take("[") {
                let function = if self.take("?").is_some() { "_[?_]" } else { "_[_]" };
                let index = self.expression()?;
                self.expect("]")?;
                operand = self.call(at, function, vec![operand, index])?;
            } else {
                return Ok(operand);
            }
        }
    }

    fn name(&mut self) -> Result<String, Fault> {
        let TokenKind::Name(name) = self.peek() else { return Err(self.unexpected("IDENTIFIER")) };
        let name = name.clone();
        self.next += 1;
        Ok(name)
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        let at = self.at();
        if self.take("(").is_some() {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if let Some(at) = self.take("[") {
            return self.list(at);
        }
        if let Some(at) = self.take("{") {
            return self.map(at);
        }
        if let TokenKind::Literal(literal) = self.peek() {
            let literal = literal.clone();
            self.next += 1;
            return Ok(Expression::new(at, Kind::Literal(literal)));
        }
        // A leading dot looks names up at the root, where all of ours are.
        self.take(".");
        let at = self.at();
        let name = self.name()?;
        if RESERVED.contains(&name.as_str()) {
            return Err(Fault::new(at, format!("reserved identifier: {name}")));
        }
        match self.take("(") {
            Some(open) => {
                let arguments = self.arguments(")")?;
                self.function(open, name, arguments)
            }
            None => Ok(Expression::new(at, Kind::Name(name, Place::Open))),
        }
    }

    /// Expressions up to a closing symbol.
    fn arguments(&mut self, closing: &str) -> Result<Vec<Expression>, Fault> {
        let mut arguments = Vec::new();
        if self.take(closing).is_some() {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if self.take(",").is_none() {
                self.expect(closing)?;
                return Ok(arguments);
            }
        }
    }

    fn list(&mut self, at: usize) -> Result<Expression, Fault> {
        let mut items = Vec::new();
        while self.take("]").is_none() {
            let optional = self.take("?").is_some();
            items.push((self.expression()?, optional));
            if self.take(",").is_none() {
                self.expect("]")?;
                break;
            }
        }
        self.node(at, Kind::List(items))
    }

    fn map(&mut self, at: usize) -> Result<Expression, Fault> {
        let mut entries = Vec::new();
        while self.take("}").is_none() {
            let optional = self.take("?").is_some();
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?, optional));
            if self.take(",").is_none() {
                self.expect("}")?;
                break;
            }
        }
        self.node(at, Kind::Map(entries))
    }

    fn function(
        &self,
        at: usize,
        function: String,
        mut arguments: Vec<Expression>,
    ) -> Result<Expression, Fault> {
        if function == "has" && arguments.len() == 1 {
            return match arguments.remove(0) {
                Expression { kind: Kind::Select { operand, field, mode: Select::Plain }, .. } => {
                    self.node(at, Kind::Select { operand, field, mode: Select::Test })
                }
                other => Err(Fault::new(other.at, "invalid argument to has() macro")),
            };
        }
        self.node(at, Kind::Call(Call::new(function, false, arguments)))
    }

    fn method(
        &self,
        at: usize,
        target: Expression,
        function: String,
        arguments: Vec<Expression>,
    ) -> Result<Expression, Fault> {
        let macros = Macro::named(&function, arguments.len());
        let Some(Macro { kind, variables, filtered }) = macros else {
            let arguments = std::iter::once(target).chain(arguments).collect();
            return self.node(at, Kind::Call(Call::new(function, true, arguments)));
        };
        let mut arguments = arguments.into_iter();
        let mut names = Vec::new();
        for argument in arguments.by_ref().take(variables) {
            match argument.kind {
                Kind::Name(name, _) if names.contains(&name) => {
                    let why = format!("duplicate variable name: {name}");
                    return Err(Fault::new(argument.at, why));
                }
                Kind::Name(name, _) => names.push(name),
                _ if matches!(kind, MacroKind::OnValue { .. }) => {
                    let why = format!("{function}() variable name must be a simple identifier");
                    return Err(Fault::new(argument.at, why));
                }
                _ => return Err(Fault::new(argument.at, "argument must be a simple name")),
            }
        }
        let filter = if filtered { arguments.next() } else { None };
        let lost = || Fault::new(at, "invariant: a macro has a body");
        let body = arguments.next().ok_or_else(lost)?;
        match kind {
            MacroKind::Fold(kind) => {
                let fold = Fold { kind, range: target, variables: names, filter, body };
                self.node(at, Kind::Fold(Box::new(fold)))
            }
            MacroKind::OnValue { flat } => {
                let variable = names.pop().ok_or_else(lost)?;
                self.node(at, Kind::OnValue(Box::new(OnValue { optional: target, variable, body, flat })))
            }
        }
    }
}

/// What a method that is a macro takes.
struct Macro {
    kind: MacroKind,
    variables: usize,
    filtered: bool,
}

enum MacroKind {
    Fold(FoldKind),
    OnValue { flat: bool },
}

impl Macro {
    fn named(name: &str, arguments: usize) -> Option<Macro> {
        use FoldKind::{All, Exists, ExistsOne, Filter, Map, SortBy, TransformEntries, TransformMap};
        let (kind, variables, filtered) = match (name, arguments) {
            ("all", 2 | 3) => (All, arguments - 1, false),
            ("exists", 2 | 3) => (Exists, arguments - 1, false),
            ("exists_one", 2) => (ExistsOne, 1, false),
            ("existsOne", 2 | 3) => (ExistsOne, arguments - 1, false),
            ("map", 2 | 3) => (Map, 1, arguments == 3),
            ("filter", 2) => (Filter, 1, false),
            ("transformList", 3 | 4) => (Map, 2, arguments == 4),
            ("transformMap", 3 | 4) => (TransformMap, 2, arguments == 4),
            ("transformMapEntry", 3 | 4) => (TransformEntries, 2, arguments == 4),
            ("sortBy", 2) => (SortBy, 1, false),
            ("optMap" | "optFlatMap", 2) => {
                let kind = MacroKind::OnValue { flat: name == "optFlatMap" };
                return Some(Macro { kind, variables: 1, filtered: false });
            }
            _ => return None,
        };
        Some(Macro { kind: MacroKind::Fold(kind), variables, filtered })
    }
}

fn too_high(at: usize) -> Fault {
    Fault::new(at, format!("expressions nest at most {MAX_HEIGHT} deep"))
}
