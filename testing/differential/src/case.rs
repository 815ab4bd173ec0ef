//! Cases as data.
use serde_json::Value;

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// In `system:masters`.
    Admin,
    /// Jane of the group `tenants`, who may nothing but what a case grants.
    User,
    /// Nobody.
    Anonymous,
    /// A token that nobody issued.
    Unknown,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Step {
    pub(crate) person: Person,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// How many events of a watch to read; `None` reads the answer whole.
    pub(crate) events: Option<usize>,
    /// Sent again until the code of the answer is this one (what controllers do takes a moment).
    pub(crate) until: Option<u16>,
    /// Not compared: it only prepares what follows.
    pub(crate) silent: bool,
}

impl Step {
    /// A request as the administrator. In path and body `{ns}` is the case's namespace, `{rv:2}`, `{uid:2}` and
    /// `{continue:2}` are what the second step's answer held, `{name:2}` its name.
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Step {
            person: Person::Admin,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            events: None,
            until: None,
            silent: false,
        }
    }
    /// `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }
    /// `DELETE` without options.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new("DELETE", path)
    }
    /// `POST` of JSON.
    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", path).json(body)
    }
    /// `PUT` of JSON.
    pub fn put(path: impl Into<String>, body: &Value) -> Self {
        Self::new("PUT", path).json(body)
    }
    /// A JSON patch.
    pub fn json_patch(path: impl Into<String>, body: &Value) -> Self {
        Self::new("PATCH", path).text("application/json-patch+json", body.to_string())
    }
    /// A merge patch.
    pub fn merge_patch(path: impl Into<String>, body: &Value) -> Self {
        Self::new("PATCH", path).text("application/merge-patch+json", body.to_string())
    }
    /// A strategic merge patch.
    pub fn strategic_patch(path: impl Into<String>, body: &Value) -> Self {
        Self::new("PATCH", path).text("application/strategic-merge-patch+json", body.to_string())
    }
    /// Server-side apply; the manager is in the path's query.
    pub fn apply(path: impl Into<String>, body: &Value) -> Self {
        Self::new("PATCH", path).text("application/apply-patch+yaml", body.to_string())
    }
    /// A body of JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }
    /// A body of any type.
    #[must_use]
    pub fn text(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }
    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
    /// As somebody else.
    #[must_use]
    pub fn by(mut self, person: Person) -> Self {
        self.person = person;
        self
    }
    /// A watch of which `count` events are read (bookmarks not counted).
    #[must_use]
    pub fn events(mut self, count: usize) -> Self {
        self.events = Some(count);
        self
    }
    /// Sent again until it is answered with `code`.
    #[must_use]
    pub fn until(mut self, code: u16) -> Self {
        self.until = Some(code);
        self
    }
    /// The answer is not compared.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }
    /// The request in one line.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Requests that are sent one after the other, in a namespace of their own.
#[derive(Clone, Debug)]
pub struct Case {
    /// `area/what is tried`; unique.
    pub name: String,
    /// The requests.
    pub steps: Vec<Step>,
}

impl Case {
    /// A case.
    pub fn new(name: impl Into<String>, steps: Vec<Step>) -> Self {
        Case { name: name.into(), steps }
    }
}
