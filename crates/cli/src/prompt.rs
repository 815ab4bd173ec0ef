//! Questions to a person at a terminal.
use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::error::Error;

/// Longest line that is read.
const MAX_LINE_BYTES: u64 = 4096;

pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for yes or no; anything but yes is no.
pub(crate) fn confirm(question: &str) -> Result<bool, Error> {
    eprint!("{question} [y/N] ");
    let answer = line()?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a password without showing it.
pub(crate) fn password(question: &str) -> Result<String, Error> {
    eprint!("{question}: ");
    let _ = std::io::stderr().flush();
    let is_hidden = echo(false);
    let answer = line();
    if is_hidden {
        echo(true);
        eprintln!();
    }
    answer
}

/// The first line of standard input.
pub(crate) fn line() -> Result<String, Error> {
    use std::io::Read as _;
    let _ = std::io::stderr().flush();
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_LINE_BYTES)
        .read_line(&mut text)
        .map_err(|source| Error::File { path: "standard input".into(), source })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Terminals are switched by `stty`: doing it ourselves would take unsafe code.
fn echo(on: bool) -> bool {
    std::process::Command::new("stty")
        .arg(if on { "echo" } else { "-echo" })
        .stdin(std::process::Stdio::inherit())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
