//! Errors of connections in words for people. What ends up in conditions and on pages is read by those who run clusters:
//! numbers of the operating system and addresses of a library's manual belong into the log.

use std::{borrow::Cow, io};

/// What happened to a connection.
pub fn of_io(error: &io::Error) -> Cow<'static, str> {
    match error.kind() {
        // A TLS library says it with the address of its manual: this is how most connections that are cut end.
        io::ErrorKind::UnexpectedEof => "the connection broke off".into(),
        io::ErrorKind::ConnectionReset => "the connection was reset".into(),
        io::ErrorKind::ConnectionAborted => "the connection was given up".into(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => "the connection was closed".into(),
        _ => error.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_connection_needs_no_manual() {
        let cut = io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/rustls/manual/",
        );
        assert_eq!(of_io(&cut), "the connection broke off");
        assert_eq!(of_io(&io::Error::from_raw_os_error(104)), "the connection was reset");
        assert_eq!(of_io(&io::Error::other("no route")), "no route");
    }
}
