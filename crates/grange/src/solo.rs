//! `grange solo`.
use std::process::ExitCode;

use crate::{arguments, exit::Refusal};

pub(crate) async fn run(arguments: arguments::Solo) -> anyhow::Result<ExitCode> {
    let _ = arguments;
    Err(Refusal::not_in_this_build("this build has no stand-in cluster yet"))
}
