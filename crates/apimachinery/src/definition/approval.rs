//! Groups of the Kubernetes community, which are not everybody's to extend.

use super::status::{Condition, ConditionStatus};
use crate::{FieldError, Object, status::quote};

const ANNOTATION: &str = "api-approved.kubernetes.io";
const SEE: &str = "see https://github.com/kubernetes/enhancements/pull/1111";

/// What the annotation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Approval {
    Missing,
    Bypassed,
    Approved,
    Invalid,
}

impl Approval {
    fn of(object: &Object) -> Self {
        match object.annotation(ANNOTATION).unwrap_or_default() {
            "" => Approval::Missing,
            text if text.starts_with("unapproved") => Approval::Bypassed,
            text if is_url(text) => Approval::Approved,
            _ => Approval::Invalid,
        }
    }
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.contains(char::is_whitespace)
    })
}

/// Whether a group is the community's.
pub(super) fn is_protected(group: &str) -> bool {
    ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|own| group.strip_suffix(own).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// What the status of a definition in such a group says of its annotation.
pub fn approval_condition(object: &Object, group: &str) -> Option<ConditionStatus> {
    if !is_protected(group) {
        return None;
    }
    let text = object.annotation(ANNOTATION).unwrap_or_default();
    let (status, reason, message) = match Approval::of(object) {
        Approval::Missing => (false, "MissingAnnotation", format!("{}, {SEE}", must())),
        Approval::Bypassed => (false, "UnapprovedAnnotation", format!("not approved: {}", quote(text))),
        Approval::Approved => (true, "ApprovedAnnotation", format!("approved in {text}")),
        Approval::Invalid => (false, "InvalidAnnotation", invalid()),
    };
    Some(ConditionStatus { kind: Condition::ApprovalPolicyConformant, status, reason, message })
}

fn must() -> String {
    format!("protected groups must have approval annotation {}", quote(ANNOTATION))
}

fn invalid() -> String {
    format!("{} with either a URL or a reason starting with \"unapproved\", {SEE}", must())
}

pub(super) fn validate(object: &Object, old: Option<&Object>, group: &str, errors: &mut Vec<FieldError>) {
    if !is_protected(group) {
        return;
    }
    let approval = Approval::of(object);
    if old.is_some_and(|old| Approval::of(old) == approval) {
        return;
    }
    let field = format!("metadata.annotations[{ANNOTATION}]");
    match approval {
        Approval::Approved | Approval::Bypassed => {}
        Approval::Missing => errors.push(FieldError::required(field, format!("{}, {SEE}", must()))),
        Approval::Invalid => {
            let text = object.annotation(ANNOTATION).unwrap_or_default();
            errors.push(FieldError::invalid(field, text, invalid()));
        }
    }
}
