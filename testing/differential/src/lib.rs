//! The differential suite: the same requests are sent to our API server and to a real kube-apiserver, and what they
//! answer must be the same.
//!
//! A [`Case`] is a few requests in a namespace of its own, as data. [`Pair::run`] sends them to both sides; what may
//! differ between any two servers (uids, times, revisions) is masked, and every other difference is a [`Finding`].
//! Differences that stay are listed with their reason in [`known`], and in `docs/internals/kubernetes-differences.md`.
//!
//! Start reading at [`Case`].

mod case;
mod compare;
pub mod known;
mod mask;
pub mod oracle;
pub mod ours;
mod pair;
mod side;

pub use case::{Case, Person, Step};
pub use compare::Finding;
pub use pair::{Pair, Report};
