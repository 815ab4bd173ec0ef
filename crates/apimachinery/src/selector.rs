//! Label and field selectors as `kubectl -l` and `--field-selector` send them.

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
        let _ = text;
        todo!()
    }
    /// Reads the object form (`matchLabels`, `matchExpressions`).
    pub fn from_value(value: &serde_json::Value) -> Result<Self, String> {
        let _ = value;
        todo!()
    }
    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
    /// Whether the labels, looked up by key, satisfy every requirement.
    pub fn matches<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> bool {
        let _ = lookup;
        todo!()
    }
}

/// A parsed field selector: `path=value`, `path!=value`, comma separated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldSelector {
    /// path, whether equality is wanted, value.
    pub requirements: Vec<(String, bool, String)>,
}

impl FieldSelector {
    /// Parses the query form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let _ = text;
        todo!()
    }
    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
    /// Whether the fields, looked up by path, satisfy every requirement.
    pub fn matches(&self, lookup: impl Fn(&str) -> String) -> bool {
        self.requirements.iter().all(|(path, equal, value)| (lookup(path) == *value) == *equal)
    }
}
