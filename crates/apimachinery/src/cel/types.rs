//! The types of expressions, and what the values they speak of are declared to be.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::lexer::RESERVED;

/// The type of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Type {
    /// Known when it is evaluated only.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    /// A type itself, as `type(x)` gives it.
    Meta,
    List(Arc<Type>),
    Map(Arc<Type>, Arc<Type>),
    Optional(Arc<Type>),
    /// An object with declared fields; only the same declaration is the same type.
    Object(Arc<Declared>),
    /// A type of Kubernetes' libraries.
    Opaque(Opaque),
    /// A placeholder in a function's signature.
    Parameter(usize),
}

/// The types that Kubernetes' libraries add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opaque {
    Ip,
    Cidr,
    Url,
    Quantity,
    Semver,
    Format,
}

impl Opaque {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Opaque::Ip => "net.IP",
            Opaque::Cidr => "net.CIDR",
            Opaque::Url => "kubernetes.URL",
            Opaque::Quantity => "kubernetes.Quantity",
            Opaque::Semver => "kubernetes.Semver",
            Opaque::Format => "kubernetes.NamedFormat",
        }
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::List(left), Type::List(right)) | (Type::Optional(left), Type::Optional(right)) => {
                left == right
            }
            (Type::Map(key, value), Type::Map(other_key, other_value)) => {
                key == other_key && value == other_value
            }
            (Type::Object(left), Type::Object(right)) => Arc::ptr_eq(left, right),
            (Type::Opaque(left), Type::Opaque(right)) => left == right,
            (Type::Parameter(left), Type::Parameter(right)) => left == right,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Dyn => formatter.write_str("dyn"),
            Type::Null => formatter.write_str("null"),
            Type::Bool => formatter.write_str("bool"),
            Type::Int => formatter.write_str("int"),
            Type::Uint => formatter.write_str("uint"),
            Type::Double => formatter.write_str("double"),
            Type::String => formatter.write_str("string"),
            Type::Bytes => formatter.write_str("bytes"),
            Type::Timestamp => formatter.write_str("timestamp"),
            Type::Duration => formatter.write_str("duration"),
            Type::Meta => formatter.write_str("type"),
            Type::List(item) => write!(formatter, "list({item})"),
            Type::Map(key, value) => write!(formatter, "map({key}, {value})"),
            Type::Optional(inner) => write!(formatter, "optional_type({inner})"),
            Type::Object(_) => formatter.write_str("object"),
            Type::Opaque(opaque) => formatter.write_str(opaque.name()),
            Type::Parameter(index) => write!(formatter, "<parameter {index}>"),
        }
    }
}

impl Type {
    pub(crate) fn list(item: Type) -> Type {
        Type::List(Arc::new(item))
    }
    pub(crate) fn map(key: Type, value: Type) -> Type {
        Type::Map(Arc::new(key), Arc::new(value))
    }
    pub(crate) fn optional(inner: Type) -> Type {
        Type::Optional(Arc::new(inner))
    }

    /// The name that values of the type give.
    pub(crate) fn runtime_name(&self) -> &'static str {
        match self {
            Type::Dyn | Type::Parameter(_) => "dyn",
            Type::Null => "null_type",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Double => "double",
            Type::String => "string",
            Type::Bytes => "bytes",
            Type::Timestamp => "google.protobuf.Timestamp",
            Type::Duration => "google.protobuf.Duration",
            Type::Meta => "type",
            Type::List(_) => "list",
            Type::Map(..) => "map",
            Type::Object(_) => "object",
            Type::Optional(_) => "optional_type",
            Type::Opaque(opaque) => opaque.name(),
        }
    }

    /// Whether a null may stand where this type is asked for.
    fn takes_null(&self) -> bool {
        matches!(self, Type::Null | Type::Object(_) | Type::Duration | Type::Timestamp | Type::Opaque(_))
    }

    /// The type that values of both types have, if there is one: what is known of neither or one of them is dynamic.
    pub(crate) fn join(&self, other: &Type) -> Option<Type> {
        match (self, other) {
            (Type::Dyn, _) | (_, Type::Dyn) => Some(Type::Dyn),
            (Type::Null, some) | (some, Type::Null) if some.takes_null() => Some(some.clone()),
            (Type::List(left), Type::List(right)) => Some(Type::list(left.join(right)?)),
            (Type::Optional(left), Type::Optional(right)) => Some(Type::optional(left.join(right)?)),
            (Type::Map(key, value), Type::Map(other_key, other_value)) => {
                Some(Type::map(key.join(other_key)?, value.join(other_value)?))
            }
            (left, right) => (left == right).then(|| left.clone()),
        }
    }

    /// Whether a value of type `found` may be passed where `self` is written in a signature; binds its parameters.
    pub(crate) fn accepts(&self, found: &Type, bound: &mut Bindings) -> bool {
        match (self, found) {
            (Type::Parameter(index), found) => match &bound.0[*index] {
                None => {
                    bound.0[*index] = Some(found.clone());
                    true
                }
                Some(before) => match before.join(found) {
                    // What is known of one occurrence is known of all.
                    Some(Type::Dyn) if matches!(before, Type::Dyn) => {
                        bound.0[*index] = Some(found.clone());
                        true
                    }
                    Some(Type::Dyn) => true,
                    Some(joined) => {
                        bound.0[*index] = Some(joined);
                        true
                    }
                    None => false,
                },
            },
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::List(item), Type::List(found)) => item.accepts(found, bound),
            (Type::Optional(inner), Type::Optional(found)) => inner.accepts(found, bound),
            (Type::Map(key, value), Type::Map(found_key, found_value)) => {
                key.accepts(found_key, bound) && value.accepts(found_value, bound)
            }
            (wanted, Type::Null) => wanted.takes_null(),
            (wanted, found) => wanted == found,
        }
    }
}

/// What the parameters of a signature stand for.
#[derive(Default)]
pub(crate) struct Bindings([Option<Type>; 2]);

impl Bindings {
    /// A type with its parameters filled in; a free one is dynamic.
    pub(crate) fn fill(&self, ty: &Type) -> Type {
        match ty {
            Type::Parameter(index) => self.0[*index].clone().unwrap_or(Type::Dyn),
            Type::List(item) => Type::list(self.fill(item)),
            Type::Optional(inner) => Type::optional(self.fill(inner)),
            Type::Map(key, value) => Type::map(self.fill(key), self.fill(value)),
            other => other.clone(),
        }
    }
}

/// What a value is declared to be: its type, and what bounds its size.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) kind: DeclaredKind,
    pub(crate) nullable: bool,
    /// Most elements, bytes or entries a value can have.
    pub(crate) max_elements: u64,
    /// Fewest bytes its JSON can have.
    pub(crate) min_size: u64,
}

/// What is declared.
#[derive(Debug)]
pub(crate) enum DeclaredKind {
    Bool,
    Int,
    Double,
    String,
    Bytes,
    Duration,
    Date,
    DateTime,
    IntOrString,
    /// Fields by the names they have in JSON.
    Object(BTreeMap<String, Arc<Declared>>),
    Map(Arc<Declared>),
    List(Arc<Declared>, Items),
    /// Nothing: expressions cannot speak of it, but compare what holds it.
    Unknown,
}

/// What a list is.
#[derive(Clone, Debug)]
pub(crate) enum Items {
    Atomic,
    /// Without order.
    Set,
    /// Without order, its items known by these fields.
    Map(Arc<[String]>),
}

impl Declared {
    /// Whether expressions may speak of such a value.
    pub(crate) fn is_exposed(&self) -> bool {
        !matches!(self.kind, DeclaredKind::Unknown)
    }

    /// The field by the name that expressions use.
    pub(crate) fn field(&self, name: &str) -> Option<&Arc<Declared>> {
        let DeclaredKind::Object(fields) = &self.kind else { return None };
        fields.get(unescape(name)?.as_ref()).filter(|field| field.is_exposed())
    }

    /// The type that expressions see.
    pub(crate) fn as_type(self: &Arc<Self>) -> Type {
        match &self.kind {
            DeclaredKind::Bool => Type::Bool,
            DeclaredKind::Int => Type::Int,
            DeclaredKind::Double => Type::Double,
            DeclaredKind::String => Type::String,
            DeclaredKind::Bytes => Type::Bytes,
            DeclaredKind::Duration => Type::Duration,
            DeclaredKind::Date | DeclaredKind::DateTime => Type::Timestamp,
            DeclaredKind::IntOrString | DeclaredKind::Unknown => Type::Dyn,
            DeclaredKind::Object(_) => Type::Object(self.clone()),
            DeclaredKind::Map(value) => Type::map(Type::String, value.as_type()),
            DeclaredKind::List(item, _) => Type::list(item.as_type()),
        }
    }
}

/// Whether a word is of the language: a field of that name has another in expressions (`__in__`).
fn is_reserved(word: &str) -> bool {
    matches!(word, "true" | "false" | "null" | "in") || RESERVED.contains(&word)
}

/// The name by which expressions know a field; `None` for names that cannot be written.
pub(crate) fn escape(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if is_reserved(name) {
        return Some(format!("__{name}__"));
    }
    let mut escaped = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let (part, length) = match first {
            '_' if rest.starts_with("__") => ("__underscores__", 2),
            '.' => ("__dot__", 1),
            '-' => ("__dash__", 1),
            '/' => ("__slash__", 1),
            first if first.is_ascii_alphanumeric() || first == '_' => (&rest[..1], 1),
            _ => return None,
        };
        escaped.push_str(part);
        rest = &rest[length..];
    }
    Some(escaped)
}

/// The field that a name in an expression means; `None` if it means none.
pub(crate) fn unescape(name: &str) -> Option<std::borrow::Cow<'_, str>> {
    if !name.contains("__") {
        return Some(name.into());
    }
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("__") {
        plain.push_str(&rest[..at]);
        let behind = &rest[at + 2..];
        let end = behind.find('_').filter(|end| *end > 0 && behind[*end..].starts_with("__"));
        let Some(end) = end else {
            plain.push('_');
            rest = &rest[at + 1..];
            continue;
        };
        plain.push_str(match &behind[..end] {
            "underscores" => "__",
            "dot" => ".",
            "dash" => "-",
            "slash" => "/",
            word if is_reserved(word) && at == 0 && behind.len() == end + 2 && plain.is_empty() => word,
            _ => return None,
        });
        rest = &behind[end + 2..];
    }
    plain.push_str(rest);
    Some(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_back() {
        for (name, escaped) in [
            ("plain", "plain"),
            ("snake_case", "snake_case"),
            ("a__b", "a__underscores__b"),
            ("a.b-c/d", "a__dot__b__dash__c__slash__d"),
            ("namespace", "__namespace__"),
            ("in", "__in__"),
            ("int", "int"),
            ("-", "__dash__"),
            ("___", "__underscores___"),
        ] {
            assert_eq!(escape(name).as_deref(), Some(escaped), "{name}");
            assert_eq!(unescape(escaped).as_deref(), Some(name), "{escaped}");
        }
        for name in ["", "1a", "a b", "é", "a$"] {
            assert_eq!(escape(name), None, "{name}");
        }
        for name in ["a__b__c", "__other__", "x__namespace__"] {
            assert_eq!(unescape(name), None, "{name}");
        }
    }
}
