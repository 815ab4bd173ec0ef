//! The functions that expressions know: those of the language and of Kubernetes' libraries.
//!
//! A row is a signature and what to do; the checker reads the former, the evaluator calls the latter with values that
//! fit it. `A` and `B` in a signature stand for any type.

mod conversions;
pub(super) mod formats;
pub(super) mod ips;
pub(super) mod lists;
pub(super) mod operators;
mod optionals;
pub(super) mod quantities;
pub(super) mod regexes;
pub(super) mod semvers;
mod sets;
pub(super) mod sprintf;
mod strings;
pub(super) mod times;
pub(super) mod urls;

use std::{collections::HashMap, sync::LazyLock};

use regex::Regex;

use super::{
    meter::{Failure, Meter},
    types::{Bindings, Opaque, Type},
    value::Value,
};

/// What a function may use besides its arguments.
pub(crate) struct Site<'s> {
    pub(super) meter: &'s mut Meter,
    /// The pattern, where it was compiled before.
    pub(super) pattern: Option<&'s Regex>,
}

/// A function at work.
pub(super) type Run = for<'a> fn(&[Value<'a>], &mut Site<'_>) -> Result<Value<'a>, Failure>;

/// A row of a library.
pub(super) type Row = (&'static str, Run);

/// A function with one signature.
pub(crate) struct Overload {
    /// Called as a method of the first argument.
    pub(super) method: bool,
    pub(super) parameters: Vec<Type>,
    pub(super) result: Type,
    pub(super) run: Run,
}

impl std::fmt::Debug for Overload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?} -> {}", self.parameters, self.result)
    }
}

static FUNCTIONS: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let mut functions: HashMap<&'static str, Vec<Overload>> = HashMap::new();
    let libraries = [
        operators::ROWS,
        conversions::ROWS,
        optionals::ROWS,
        sets::ROWS,
        strings::ROWS,
        lists::ROWS,
        times::ROWS,
        regexes::ROWS,
        urls::ROWS,
        ips::ROWS,
        quantities::ROWS,
        semvers::ROWS,
        formats::ROWS,
    ];
    for (signature, run) in libraries.into_iter().flatten() {
        let (name, overload) = read(signature, *run);
        functions.entry(name).or_default().push(overload);
    }
    for (name, run) in operators::ORDER {
        let pairs = ORDERED.iter().flat_map(|left| ORDERED.iter().map(move |right| (left, right)));
        let both_numbers = |left, right| NUMBERS.contains(left) && NUMBERS.contains(right);
        for (left, right) in pairs.filter(|(left, right)| left == right || both_numbers(left, right)) {
            let parameters = vec![left.clone(), right.clone()];
            let overload = Overload { method: false, parameters, result: Type::Bool, run: *run };
            functions.entry(name).or_default().push(overload);
        }
    }
    for (name, run) in lists::ORDERED {
        for item in ORDERED {
            let list = Type::list(item.clone());
            let result = match *name {
                "isSorted" => Type::Bool,
                "sort" => list.clone(),
                _ => item.clone(),
            };
            let overload = Overload { method: true, parameters: vec![list], result, run: *run };
            functions.entry(name).or_default().push(overload);
        }
    }
    functions
});

const NUMBERS: &[Type] = &[Type::Int, Type::Uint, Type::Double];
/// What has an order.
pub(super) const ORDERED: &[Type] = &[
    Type::Int,
    Type::Uint,
    Type::Double,
    Type::Bool,
    Type::Duration,
    Type::Timestamp,
    Type::String,
    Type::Bytes,
];

/// The overloads of a function; none for unknown ones.
pub(super) fn find(name: &str) -> &'static [Overload] {
    FUNCTIONS.get(name).map_or(&[], Vec::as_slice)
}

/// What a call gives: of several signatures that fit (where types are dynamic), what they have in common.
pub(super) fn result(overloads: &[Overload], method: bool, arguments: &[&Type]) -> Option<Type> {
    let mut result: Option<Type> = None;
    for overload in overloads {
        if overload.method != method || overload.parameters.len() != arguments.len() {
            continue;
        }
        let mut bound = Bindings::default();
        let mut pairs = overload.parameters.iter().zip(arguments);
        if pairs.all(|(parameter, argument)| parameter.accepts(argument, &mut bound)) {
            let found = bound.fill(&overload.result);
            result = Some(match result {
                Some(before) if before != found => Type::Dyn,
                _ => found,
            });
        }
    }
    result
}

/// What a function says of arguments that its signature does not promise.
pub(super) fn unfit<T>() -> Result<T, Failure> {
    Err(Failure::no_such_overload())
}

/// Reads `type.name(type, type): type` or `name(type): type`.
fn read(signature: &'static str, run: Run) -> (&'static str, Overload) {
    let (head, result) = signature.rsplit_once(": ").expect("invariant: a signature has a result");
    let (mut name, mut rest) = (head, "");
    // The list of parameters is the last thing in parentheses.
    let mut open = 0;
    for (at, byte) in head.bytes().enumerate().rev() {
        match byte {
            b')' => open += 1,
            b'(' if open == 1 => {
                (name, rest) = (&head[..at], &head[at + 1..head.len() - 1]);
                break;
            }
            b'(' => open -= 1,
            _ => {}
        }
    }
    let receiver = name.rsplit_once('.').and_then(|(receiver, name)| Some((type_of(receiver)?, name)));
    let method = receiver.is_some();
    let mut parameters = Vec::new();
    if let Some((receiver, method)) = receiver {
        parameters.push(receiver);
        name = method;
    }
    for parameter in split(rest) {
        parameters.push(type_of(parameter).expect("invariant: a signature names known types"));
    }
    let result = type_of(result).expect("invariant: a signature names known types");
    (name, Overload { method, parameters, result, run })
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn type_of(text: &str) -> Option<Type> {
    Some(match text {
        "dyn" => Type::Dyn,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "timestamp" => Type::Timestamp,
        "duration" => Type::Duration,
        "type" => Type::Meta,
        "A" => Type::Parameter(0),
        "B" => Type::Parameter(1),
        "IP" => Type::Opaque(Opaque::Ip),
        "CIDR" => Type::Opaque(Opaque::Cidr),
        "URL" => Type::Opaque(Opaque::Url),
        "Quantity" => Type::Opaque(Opaque::Quantity),
        "Semver" => Type::Opaque(Opaque::Semver),
        "Format" => Type::Opaque(Opaque::Format),
        other => {
            let (name, inner) = other.strip_suffix(')')?.split_once('(')?;
            match (name, split(inner).as_slice()) {
                ("list", [item]) => Type::list(type_of(item)?),
                ("optional", [inner]) => Type::optional(type_of(inner)?),
                ("map", [key, value]) => Type::map(type_of(key)?, type_of(value)?),
                _ => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read() {
        for (signature, name, method, parameters) in [
            ("string.charAt(int): string", "charAt", true, "string int"),
            ("ip.isCanonical(string): bool", "ip.isCanonical", false, "string"),
            ("optional.none(): optional(A)", "optional.none", false, ""),
            ("_[_](map(A, B), A): B", "_[_]", false, "map(<parameter 0>, <parameter 1>) <parameter 0>"),
            (
                "list(optional(A)).unwrapOpt(): list(A)",
                "unwrapOpt",
                true,
                "list(optional_type(<parameter 0>))",
            ),
        ] {
            let (found, overload) = read(signature, |_, _| Ok(Value::Null));
            let shown: Vec<String> = overload.parameters.iter().map(Type::to_string).collect();
            assert_eq!((found, overload.method, shown.join(" ").as_str()), (name, method, parameters));
        }
        assert!(!find("size").is_empty() && find("no such function").is_empty());
    }
}
