//! Why a reconcile or a rendering failed.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The management API refused or failed.
    #[error("the management API answered: {0}")]
    Api(#[source] Box<kube::Error>),
    /// The manifest could not be rendered.
    #[error("the manifest could not be rendered: {0}")]
    Render(String),
    /// Something that a controller relies on is not as it should be.
    #[error("{0}")]
    State(String),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Error::Api(Box::new(error))
    }
}

/// Whether the API said that the object is there already.
pub(crate) fn already_exists(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.reason == "AlreadyExists")
}

/// Whether the API said that the object changed meanwhile.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.reason == "Conflict")
}

/// Whether the API said that the object is not there.
pub(crate) fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// An error with everything that caused it, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors already say what caused them.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
