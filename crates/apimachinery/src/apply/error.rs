//! Why a configuration cannot be applied.

use super::conflict::{self, Conflict};
use crate::Status;

/// Why a configuration cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields with other values.
    #[error("other managers own {} fields with other values", .0.len())]
    Conflicts(Vec<Conflict>),
    /// The configuration says what must not be said.
    #[error("{0}")]
    Refused(String),
    /// The configuration or the present object does not fit the kind's schema.
    #[error("{0}")]
    Unfit(String),
}

impl From<ApplyError> for Status {
    fn from(error: ApplyError) -> Status {
        match error {
            ApplyError::Conflicts(conflicts) => conflict::status(&conflicts),
            ApplyError::Refused(why) => Status::bad_request(why),
            // kube-apiserver answers so, and clients know the sentence.
            ApplyError::Unfit(why) => {
                Status { code: 500, reason: None, message: why, details: None, warnings: Vec::new() }
            }
        }
    }
}
