//! Names, types and signatures: what can be known of an expression before it is evaluated.

use super::{
    library::{self, regexes, sprintf, times},
    syntax::{Call, Expression, Fault, Fold, FoldKind, Kind, OnValue, Place, Select},
    types::Type,
    value::Value,
};
use crate::schema::readings;

/// Most patterns that one expression holds compiled.
const MAX_PATTERNS: usize = 16;
/// Most faults told of one expression.
const MAX_FAULTS: usize = 10;

/// What an expression may speak of.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    /// The type of `self`.
    pub(super) own: Type,
    /// The type of `oldSelf`.
    pub(super) old: Type,
}

/// Looks up what an expression names, and finds out its type. The faults are in the order of the text.
pub(super) fn check(expression: &mut Expression, environment: &Environment) -> Result<(), Vec<Fault>> {
    let mut checker =
        Checker { environment, locals: Vec::new(), patterns: 0, formats: 0, faults: Vec::new() };
    checker.visit(expression);
    let mut faults = checker.faults;
    faults.sort_by_key(|fault| fault.at);
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

struct Checker<'e> {
    environment: &'e Environment,
    locals: Vec<(String, Type)>,
    patterns: usize,
    /// Inside how many calls of `format`: only there literals may mix types.
    formats: usize,
    faults: Vec<Fault>,
}

/// Types that expressions can name.
const NAMED_TYPES: &[&str] = &[
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "optional_type",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
    "net.IP",
    "net.CIDR",
    "kubernetes.URL",
    "kubernetes.Quantity",
    "kubernetes.Semver",
    "kubernetes.NamedFormat",
];

/// `a.b.c`, if that is all an expression is.
fn qualified(expression: &Expression) -> Option<String> {
    match &expression.kind {
        Kind::Name(name, _) => Some(name.clone()),
        Kind::Select { operand, field, mode: Select::Plain } => {
            qualified(operand).map(|start| format!("{start}.{field}"))
        }
        _ => None,
    }
}

impl Checker<'_> {
    fn fault(&mut self, at: usize, why: impl Into<String>) -> Type {
        self.faults.push(Fault::new(at, why));
        // Nothing more is said of what a fault gives.
        Type::Dyn
    }

    fn variable(&self, name: &str) -> Option<(Place, Type)> {
        if let Some(index) = self.locals.iter().rposition(|(local, _)| local == name) {
            return Some((Place::Local(index), self.locals[index].1.clone()));
        }
        match name {
            "self" => Some((Place::Own, self.environment.own.clone())),
            "oldSelf" => Some((Place::Old, self.environment.old.clone())),
            _ => None,
        }
    }

    /// Whether a qualified name begins with something that is no variable.
    fn is_free(&self, name: &str) -> bool {
        self.variable(name.split('.').next().unwrap_or_default()).is_none()
    }

    fn visit(&mut self, expression: &mut Expression) {
        let at = expression.at;
        if let Some(name) = qualified(expression).filter(|name| self.is_free(name))
            && let Some(name) = NAMED_TYPES.iter().find(|known| **known == name)
        {
            expression.kind = Kind::Literal(Value::Type(name));
        }
        expression.ty = match &mut expression.kind {
            Kind::Literal(literal) => literal_type(literal),
            Kind::Name(name, place) => match self.variable(name) {
                Some((found, ty)) => {
                    *place = found;
                    ty
                }
                None => {
                    let why = format!("undeclared reference to '{name}' (in container '')");
                    self.fault(at, why)
                }
            },
            Kind::Select { operand, field, mode } => {
                self.visit(operand);
                let mode = *mode;
                let ty = self.field(at, &operand.ty, field);
                match (mode, ty) {
                    (Select::Test, _) => Type::Bool,
                    (Select::Optional, ty @ Type::Optional(_)) | (Select::Plain, ty) => ty,
                    (Select::Optional, ty) => Type::optional(ty),
                }
            }
            Kind::Call(call) => self.call(at, call),
            Kind::And(terms) | Kind::Or(terms) => self.logic(terms),
            Kind::Conditional(parts) => {
                parts.iter_mut().for_each(|part| self.visit(part));
                let [condition, then, otherwise] = &**parts;
                let joined = then.ty.join(&otherwise.ty);
                match joined.filter(|_| matches!(condition.ty, Type::Bool | Type::Dyn)) {
                    Some(joined) => joined,
                    None => {
                        let types = [&condition.ty, &then.ty, &otherwise.ty];
                        self.no_overload(at, "_?_:_", &types, false)
                    }
                }
            }
            Kind::List(items) => {
                let mut joined = None;
                for (item, optional) in items {
                    self.visit(item);
                    joined = Some(self.element(item, *optional, joined));
                }
                Type::list(joined.unwrap_or(Type::Dyn))
            }
            Kind::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                for (key, value, optional) in entries {
                    self.visit(key);
                    self.visit(value);
                    keys = Some(self.element(key, false, keys));
                    values = Some(self.element(value, *optional, values));
                }
                Type::map(keys.unwrap_or(Type::Dyn), values.unwrap_or(Type::Dyn))
            }
            Kind::Fold(fold) => self.fold(at, fold),
            Kind::OnValue(on) => self.on_value(at, on),
        };
    }

    /// The type of a literal's elements with one more of them.
    fn element(&mut self, element: &Expression, optional: bool, before: Option<Type>) -> Type {
        let ty = match (&element.ty, optional) {
            (Type::Optional(inner), true) => Type::clone(inner),
            (ty, false) => ty.clone(),
            (Type::Dyn, true) => Type::Dyn,
            (ty, true) => {
                let why = format!("expected type 'optional_type({ty})' but found '{ty}'");
                self.fault(element.at, why)
            }
        };
        let Some(before) = before else { return ty };
        match before.join(&ty) {
            Some(joined) => joined,
            None if self.formats > 0 => Type::Dyn,
            None => self.fault(element.at, format!("expected type '{before}' but found '{ty}'")),
        }
    }

    fn field(&mut self, at: usize, operand: &Type, field: &str) -> Type {
        match operand {
            Type::Dyn => Type::Dyn,
            Type::Map(_, value) => Type::clone(value),
            Type::Object(declared) => match declared.field(field) {
                Some(declared) => declared.as_type(),
                None => self.fault(at, format!("undefined field '{field}'")),
            },
            Type::Optional(inner) => Type::optional(self.field(at, inner, field)),
            other => {
                let why = format!("type '{other}' does not support field selection");
                self.fault(at, why)
            }
        }
    }

    fn logic(&mut self, terms: &mut [Expression]) -> Type {
        for term in terms {
            self.visit(term);
            if !matches!(term.ty, Type::Bool | Type::Dyn) {
                self.fault(term.at, format!("expected type 'bool' but found '{}'", term.ty));
            }
        }
        Type::Bool
    }

    fn no_overload(&mut self, at: usize, function: &str, types: &[&Type], method: bool) -> Type {
        let mut shown: Vec<String> = types.iter().map(ToString::to_string).collect();
        let target = if method { format!("{}.", shown.remove(0)) } else { String::new() };
        let arguments = shown.join(", ");
        let why = format!("found no matching overload for '{function}' applied to '{target}({arguments})'");
        self.fault(at, why)
    }

    fn call(&mut self, at: usize, call: &mut Call) -> Type {
        // `sets.contains(…)` looks like a method of something called `sets`.
        if call.method
            && let Some(prefix) = call.arguments.first().and_then(qualified).filter(|name| self.is_free(name))
        {
            let function = format!("{prefix}.{}", call.function);
            if !library::find(&function).is_empty() {
                call.function = function;
                call.method = false;
                call.arguments.remove(0);
            }
        }
        let unsound = self.faults.len();
        let is_format = usize::from(call.function == "format");
        self.formats += is_format;
        call.arguments.iter_mut().for_each(|argument| self.visit(argument));
        self.formats -= is_format;
        call.overloads = library::find(&call.function);
        if call.overloads.is_empty() {
            let why = format!("undeclared reference to '{}' (in container '')", call.function);
            return self.fault(at, why);
        }
        let types: Vec<&Type> = call.arguments.iter().map(|argument| &argument.ty).collect();
        let result = library::result(call.overloads, call.method, &types);
        let Some(result) = result else {
            if self.faults.len() > unsound {
                return Type::Dyn;
            }
            return self.no_overload(at, &call.function, &types, call.method);
        };
        self.literals(at, call);
        result
    }

    /// What is written as a literal is checked once.
    fn literals(&mut self, at: usize, call: &mut Call) {
        let literal =
            |argument: Option<&Expression>| match argument.map(|argument| (argument.at, &argument.kind)) {
                Some((at, Kind::Literal(Value::String(text)))) => Some((at, text.to_string())),
                _ => None,
            };
        match call.function.as_str() {
            "matches" | "find" | "findAll" => {
                let Some((at, text)) = literal(call.arguments.get(1)) else { return };
                self.patterns += 1;
                if self.patterns > MAX_PATTERNS {
                    return drop(
                        self.fault(at, format!("an expression has at most {MAX_PATTERNS} patterns")),
                    );
                }
                match regexes::compile(&text) {
                    Ok(pattern) => call.pattern = Some(pattern),
                    Err(_) => drop(self.fault(at, format!("invalid {} argument", call.function))),
                }
            }
            "format" => {
                let (Some((_, format)), Some(Expression { kind: Kind::List(items), .. })) =
                    (literal(call.arguments.first()), call.arguments.get(1))
                else {
                    return;
                };
                let types: Vec<&Type> = items.iter().map(|(item, _)| &item.ty).collect();
                if let Some((item, why)) = sprintf::fault(&format, &types) {
                    let at = item.and_then(|index| items.get(index)).map_or(at, |(item, _)| item.at);
                    self.fault(at, why);
                }
            }
            "duration" => {
                let text = literal(call.arguments.first());
                if let Some((at, _)) = text.filter(|(_, text)| readings::go_duration(text).is_none()) {
                    self.fault(at, "invalid duration argument");
                }
            }
            "timestamp" => {
                let text = literal(call.arguments.first());
                if let Some((at, _)) = text.filter(|(_, text)| times::read(text).is_none()) {
                    self.fault(at, "invalid timestamp argument");
                }
            }
            _ => {}
        }
    }

    fn fold(&mut self, at: usize, fold: &mut Fold) -> Type {
        self.visit(&mut fold.range);
        let (first, second) = match &fold.range.ty {
            Type::List(item) if fold.variables.len() == 1 => (Type::clone(item), Type::Dyn),
            Type::List(item) => (Type::Int, Type::clone(item)),
            Type::Map(key, value) => (Type::clone(key), Type::clone(value)),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            other => {
                let why = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                (self.fault(fold.range.at, why), Type::Dyn)
            }
        };
        let depth = self.locals.len();
        self.locals.extend(fold.variables.iter().cloned().zip([first.clone(), second]));
        if let Some(filter) = &mut fold.filter {
            self.visit(filter);
        }
        self.visit(&mut fold.body);
        self.locals.truncate(depth);
        if let Some(filter) = &fold.filter {
            let made = Type::list(fold.body.ty.clone());
            self.condition(at, filter, &made);
        }
        let body = &fold.body;
        let list_item = match &fold.range.ty {
            Type::List(item) => Type::clone(item),
            _ => first.clone(),
        };
        match fold.kind {
            FoldKind::All | FoldKind::Exists => {
                if !matches!(body.ty, Type::Bool | Type::Dyn) {
                    self.fault(body.at, format!("expected type 'bool' but found '{}'", body.ty));
                }
                Type::Bool
            }
            FoldKind::ExistsOne => {
                self.condition(at, body, &Type::Int);
                Type::Bool
            }
            FoldKind::Filter => {
                let list = Type::list(list_item);
                self.condition(at, body, &list);
                list
            }
            FoldKind::Map => Type::list(body.ty.clone()),
            FoldKind::TransformMap => {
                let key = if let Type::Map(key, _) = &fold.range.ty { Type::clone(key) } else { first };
                Type::map(key, body.ty.clone())
            }
            FoldKind::TransformEntries => match &body.ty {
                Type::Map(..) | Type::Dyn => body.ty.clone(),
                other => {
                    let map = Type::map(Type::Dyn, Type::Dyn);
                    let other = other.clone();
                    self.no_overload(at, "cel.@mapInsert", &[&map, &other], false)
                }
            },
            FoldKind::SortBy => {
                let list = Type::list(list_item);
                if !library::ORDERED.contains(&body.ty) && !matches!(body.ty, Type::Dyn) {
                    let keys = Type::list(body.ty.clone());
                    return self.no_overload(at, "@sortByAssociatedKeys", &[&list, &keys], true);
                }
                list
            }
        }
    }

    /// What decides whether an element counts.
    fn condition(&mut self, at: usize, condition: &Expression, made: &Type) {
        if !matches!(condition.ty, Type::Bool | Type::Dyn) {
            self.no_overload(at, "_?_:_", &[&condition.ty, made, made], false);
        }
    }

    fn on_value(&mut self, at: usize, on: &mut OnValue) -> Type {
        self.visit(&mut on.optional);
        let inner = match &on.optional.ty {
            Type::Optional(inner) => Type::clone(inner),
            Type::Dyn => Type::Dyn,
            other => {
                let other = other.clone();
                self.no_overload(at, "hasValue", &[&other], true)
            }
        };
        self.locals.push((on.variable.clone(), inner));
        self.visit(&mut on.body);
        self.locals.pop();
        match (&on.body.ty, on.flat) {
            (ty, false) => Type::optional(ty.clone()),
            (Type::Optional(_) | Type::Dyn, true) => on.body.ty.clone(),
            (other, true) => {
                let (other, wanted) = (other.clone(), Type::optional(Type::Dyn));
                self.no_overload(at, "_?_:_", &[&Type::Bool, &other, &wanted], false)
            }
        }
    }
}

fn literal_type(literal: &Value<'_>) -> Type {
    match literal {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::String(_) => Type::String,
        Value::Bytes(_) => Type::Bytes,
        Value::Type(_) => Type::Meta,
        _ => Type::Dyn,
    }
}
