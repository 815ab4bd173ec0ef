//! Kubernetes RBAC as pure functions over values.
//!
//! Whoever holds roles and bindings asks here: does this rule allow this request ([`rule_allows`]), is this binding about
//! this person ([`Subject::is`]), may someone with those rules hand out these ([`covers`]), what does an aggregated role
//! contain ([`aggregate`]). Nothing here knows where rules come from, and nothing denies: RBAC only allows.

mod aggregation;
mod escalation;
mod rule;
mod subject;

pub use aggregation::{AggregationRule, LabelledRole, aggregate};
pub use escalation::{MAX_BREAKDOWN, MAX_UNCOVERED, covers};
pub use rule::{PolicyRule, RequestAttributes, rule_allows, rules_allow};
pub use subject::{SERVICE_ACCOUNT_PREFIX, Subject, SubjectKind};
