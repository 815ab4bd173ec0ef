//! Exit codes: 0 done, 1 failed, 2 wrong arguments, 64 not in this build.
use std::process::ExitCode;

/// The command line asks for something that cannot be.
pub(crate) const USAGE: u8 = 2;
/// The command line asks for something that this build does not have.
pub(crate) const NOT_IN_THIS_BUILD: u8 = 64;

/// An error with its own exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    code: u8,
    message: String,
}

impl Refusal {
    pub(crate) fn usage(message: impl Into<String>) -> anyhow::Error {
        Refusal { code: USAGE, message: message.into() }.into()
    }
    pub(crate) fn not_in_this_build(message: impl Into<String>) -> anyhow::Error {
        Refusal { code: NOT_IN_THIS_BUILD, message: message.into() }.into()
    }
}

/// Prints an error with its causes, once each, and gives its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let mut message = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many errors repeat their source in their own text.
        if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    eprintln!("error: {message}");
    match error.downcast_ref::<Refusal>() {
        Some(refusal) => ExitCode::from(refusal.code),
        None => ExitCode::FAILURE,
    }
}
