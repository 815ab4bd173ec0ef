//! Label and field selectors as `kubectl -l` and `--field-selector` send them.
//!
//! Parsed selectors are canonical (value sets sorted, without doubles), and their `Display` parses back to the same.

use std::fmt;

use serde_json::Value;

use crate::name::{label_value, qualified_name};

/// Most requirements of one selector.
pub const MAX_REQUIREMENTS: usize = 256;

/// A parsed label selector; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelSelector {
    pub(crate) requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How its value is compared.
    pub operator: Operator,
}

/// The comparison of a [`Requirement`].
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// The value is one of these.
    In(Vec<String>),
    /// The label is absent or its value none of these.
    NotIn(Vec<String>),
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// The value is an integer greater than this.
    GreaterThan(i64),
    /// The value is an integer less than this.
    LessThan(i64),
}

impl LabelSelector {
    /// Parses the query form (`a=b,c in (d,e),!f`).
    pub fn parse(text: &str) -> Result<Self, String> {
        Parser { tokens: tokens(text)?.into_iter().peekable() }
            .requirements()
            .and_then(Self::from_requirements)
    }
    /// Reads the object form (`matchLabels`, `matchExpressions`). An empty object selects everything. A missing selector
    /// is the caller's to interpret (Kubernetes lets it select nothing), so `null` is an error.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        let Value::Object(selector) = value else { return Err("a label selector must be an object".into()) };
        let mut requirements = Vec::new();
        for (key, value) in object_member(selector.get("matchLabels"), "matchLabels")? {
            let Value::String(value) = value else {
                return Err(format!("matchLabels[{key}] must be a string"));
            };
            requirements.push(Requirement { key: key.clone(), operator: Operator::In(vec![value.clone()]) });
        }
        let expressions = match selector.get("matchExpressions") {
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(expressions)) => expressions,
            Some(_) => return Err("matchExpressions must be a list".into()),
        };
        for expression in expressions {
            requirements.push(Requirement::from_expression(expression)?);
        }
        Self::from_requirements(requirements)
    }
    /// A selector of these requirements, checked and made canonical.
    pub fn from_requirements(mut requirements: Vec<Requirement>) -> Result<Self, String> {
        if requirements.len() > MAX_REQUIREMENTS {
            return Err(format!("a selector may have at most {MAX_REQUIREMENTS} requirements"));
        }
        for requirement in &mut requirements {
            requirement.check().map_err(|fault| format!("unable to parse requirement: {fault}"))?;
        }
        Ok(LabelSelector { requirements })
    }
    /// What the selector requires.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
    /// Whether the labels, looked up by key, satisfy every requirement.
    pub fn matches<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.operator.accepts(lookup(&requirement.key)))
    }
}

impl Requirement {
    fn from_expression(expression: &Value) -> Result<Self, String> {
        let text = |field: &str| expression.get(field).and_then(Value::as_str).unwrap_or_default();
        let values: Vec<String> = match expression.get("values") {
            None | Some(Value::Null) => Vec::new(),
            Some(values) => serde_json::from_value(values.clone())
                .map_err(|_| "values must be a list of strings".to_owned())?,
        };
        let operator = match (text("operator"), values.is_empty()) {
            ("In", _) => Operator::In(values),
            ("NotIn", _) => Operator::NotIn(values),
            ("Exists", true) => Operator::Exists,
            ("DoesNotExist", true) => Operator::DoesNotExist,
            ("Exists" | "DoesNotExist", false) => {
                return Err(
                    "values: Invalid value: values set must be empty for exists and does not exist".into()
                );
            }
            (other, _) => {
                return Err(format!(
                    "{} is not a valid label selector operator",
                    crate::status::quote(other)
                ));
            }
        };
        Ok(Requirement { key: text("key").to_owned(), operator })
    }

    /// Checks key and values, and sorts the values.
    fn check(&mut self) -> Result<(), String> {
        let quote = crate::status::quote;
        qualified_name(&self.key)
            // Kubernetes names the place of a key that stands in no object like this.
            .map_err(|fault| format!("<nil>: Invalid value: {}: {fault}", quote(&self.key)))?;
        let (Operator::In(values) | Operator::NotIn(values)) = &mut self.operator else { return Ok(()) };
        if values.is_empty() {
            return Err(
                "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty".into()
            );
        }
        values.sort_unstable();
        values.dedup();
        for (index, value) in values.iter().enumerate() {
            label_value(value).map_err(|fault| {
                format!("values[{index}][{}]: Invalid value: {}: {fault}", self.key, quote(value))
            })?;
        }
        Ok(())
    }
}

impl Operator {
    fn accepts(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Operator::In(values) => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Operator::NotIn(values) => {
                value.is_none_or(|value| values.iter().all(|refused| refused != value))
            }
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Operator::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(formatter, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.operator {
            Operator::In(values) => match values.as_slice() {
                [only] => write!(formatter, "{key}={only}"),
                several => write!(formatter, "{key} in ({})", several.join(",")),
            },
            Operator::NotIn(values) => match values.as_slice() {
                [only] => write!(formatter, "{key}!={only}"),
                several => write!(formatter, "{key} notin ({})", several.join(",")),
            },
            Operator::Exists => write!(formatter, "{key}"),
            Operator::DoesNotExist => write!(formatter, "!{key}"),
            Operator::GreaterThan(bound) => write!(formatter, "{key}>{bound}"),
            Operator::LessThan(bound) => write!(formatter, "{key}<{bound}"),
        }
    }
}

fn object_member<'a>(
    value: Option<&'a Value>,
    field: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(format!("{field} must be an object")),
    }
    .map(|map| map.into_iter().flatten())
}

/// A token of the query form: one of the symbols, or a word.
type Token<'a> = &'a str;

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    // A token each two bytes: a requirement has at most a few, besides its values.
    const MAX_TOKENS: usize = 64 * 1024;
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        if tokens.len() == MAX_TOKENS {
            return Err("the selector is too long".into());
        }
        let length = match first {
            '(' | ')' | ',' => 1,
            symbol if is_symbol(symbol) => {
                let run = rest.find(|next| !matches!(next, '=' | '!' | '<' | '>')).unwrap_or(rest.len());
                // `==` and `!=` are one symbol, `!!` or `=!` two.
                if rest[..run].starts_with("==") || rest[..run].starts_with("!=") { 2 } else { 1 }
            }
            _ => rest.find(|next| is_symbol(next) || is_space(next)).unwrap_or(rest.len()),
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start_matches(is_space);
    }
    Ok(tokens)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_symbol(character: char) -> bool {
    matches!(character, '=' | '!' | '(' | ')' | ',' | '<' | '>')
}

fn is_word(token: &str) -> bool {
    !token.starts_with(is_symbol)
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token<'a>>>,
}

impl<'a> Parser<'a> {
    fn requirements(mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        if self.tokens.peek().is_none() {
            return Ok(requirements);
        }
        if self.tokens.peek().is_some_and(|first| *first != "!" && !is_word(first)) {
            let found = self.tokens.next().unwrap_or("");
            return Err(format!("found '{found}', expected: !, identifier, or 'end of string'"));
        }
        loop {
            let requirement = self.requirement();
            requirements.push(requirement.map_err(|fault| format!("unable to parse requirement: {fault}"))?);
            match self.tokens.next() {
                None => return Ok(requirements),
                Some(",") => {}
                Some(other) => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
            if self.tokens.peek().is_none_or(|next| *next != "!" && !is_word(next)) {
                return Err(format!(
                    "found '{}', expected: identifier after ','",
                    self.tokens.next().unwrap_or("")
                ));
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.tokens.next_if_eq(&"!").is_some();
        let key = self.word("identifier")?.to_owned();
        if absent {
            return Ok(Requirement { key, operator: Operator::DoesNotExist });
        }
        if self.at_end() {
            return Ok(Requirement { key, operator: Operator::Exists });
        }
        let operator = match self.tokens.next().unwrap_or("") {
            "=" | "==" => Operator::In(vec![self.exact_value()?]),
            "!=" => Operator::NotIn(vec![self.exact_value()?]),
            "in" => Operator::In(self.value_set()?),
            "notin" => Operator::NotIn(self.value_set()?),
            ">" => Operator::GreaterThan(self.bound()?),
            "<" => Operator::LessThan(self.bound()?),
            other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        Ok(Requirement { key, operator })
    }

    fn at_end(&mut self) -> bool {
        self.tokens.peek().is_none_or(|next| *next == ",")
    }

    fn word(&mut self, expected: &str) -> Result<&'a str, String> {
        match self.tokens.next() {
            Some(word) if is_word(word) => Ok(word),
            other => Err(format!("found '{}', expected: {expected}", other.unwrap_or(""))),
        }
    }

    /// The value behind `=`: absent means empty.
    fn exact_value(&mut self) -> Result<String, String> {
        if self.at_end() { Ok(String::new()) } else { self.word("identifier").map(str::to_owned) }
    }

    fn bound(&mut self) -> Result<i64, String> {
        let value = self.exact_value()?;
        value.parse().map_err(|_| {
            format!(
                "values[0]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must be an integer",
                crate::status::quote(&value)
            )
        })
    }

    /// `(a,b)`; an empty place between commas or brackets is the empty value.
    fn value_set(&mut self) -> Result<Vec<String>, String> {
        let mut values = Vec::new();
        match self.tokens.next() {
            Some("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.unwrap_or(""))),
        }
        loop {
            let value = self.tokens.next_if(|token| is_word(token)).unwrap_or("");
            values.push(value.to_owned());
            match self.tokens.next() {
                Some(",") => {}
                Some(")") => return Ok(values),
                other => return Err(format!("found '{}', expected: ',' or ')'", other.unwrap_or(""))),
            }
        }
    }
}

/// A parsed field selector: `path=value`, `path!=value`, comma separated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldSelector {
    /// path, whether equality is wanted, value.
    pub requirements: Vec<(String, bool, String)>,
}

impl FieldSelector {
    /// Parses the query form. In values, `\\`, `\,` and `\=` stand for the bare characters.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for term in split_terms(text) {
            if term.is_empty() {
                continue;
            }
            if requirements.len() == MAX_REQUIREMENTS {
                return Err(format!("a selector may have at most {MAX_REQUIREMENTS} requirements"));
            }
            let (path, equal, value) = split_term(term)
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{term}'"))?;
            // A term about nothing asks for nothing.
            if path.is_empty() && value.is_empty() {
                continue;
            }
            requirements.push((path.to_owned(), equal, unescape(value)?));
        }
        Ok(FieldSelector { requirements })
    }
    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
    /// The value that the field must have, where one is required: lists use it to read one object instead of all.
    pub fn required_value(&self, path: &str) -> Option<&str> {
        self.requirements
            .iter()
            .find(|(field, equal, _)| field == path && *equal)
            .map(|(_, _, value)| value.as_str())
    }
    /// Whether the fields, looked up by path, satisfy every requirement.
    pub fn matches(&self, lookup: impl Fn(&str) -> String) -> bool {
        self.requirements.iter().all(|(path, equal, value)| (lookup(path) == *value) == *equal)
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (path, equal, value)) in self.requirements.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let operator = if *equal { "=" } else { "!=" };
            let value = value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=");
            write!(formatter, "{comma}{path}{operator}{value}")?;
        }
        Ok(())
    }
}

/// Splits at commas that no backslash escapes.
fn split_terms(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |character| {
        let splits = character == ',' && !escaped;
        escaped = character == '\\' && !escaped;
        splits
    })
}

fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.find('=').into_iter().chain(term.find("!=")).min()?;
    let (path, rest) = term.split_at(at);
    match rest.strip_prefix("!=") {
        Some(value) => Some((path, false, value)),
        None => Some((path, true, rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?)),
    }
}

fn unescape(value: &str) -> Result<String, String> {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => out.push(escaped),
                _ => return Err(format!("invalid field selector: invalid escape sequence in '{value}'")),
            },
            ',' | '=' => return Err(format!("invalid field selector: unescaped '{character}' in '{value}'")),
            other => out.push(other),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
