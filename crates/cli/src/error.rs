//! What can go wrong, the exit code it has, and what to do about it.

/// A client command's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments do not make sense together.
    #[error("{0}")]
    Usage(String),
    /// The person said no.
    #[error("{0}")]
    Declined(String),
    /// Nobody logged in yet.
    #[error("not logged in")]
    NotLoggedIn,
    /// The server does not know the session (any more).
    #[error("{server} does not accept the session")]
    SessionEnded {
        /// Which server.
        server: String,
    },
    /// The server refused.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// The server's sentence.
        message: String,
    },
    /// The server cannot be reached.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// Which server.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server has a CA that nobody has vouched for.
    #[error("the CA of {server} is not known here; its SHA-256 is {checksum}")]
    UnknownCa {
        /// Which server.
        server: String,
        /// The CA's checksum.
        checksum: String,
    },
    /// The server's certificate is not trusted.
    #[error("{0}")]
    Untrusted(String),
    /// The remembered login cannot be read.
    #[error("the login kept in {path} cannot be read: {reason}")]
    Remembered {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The named cluster is not there, or not for this person.
    #[error("there is no cluster {0:?}")]
    NoSuchCluster(String),
    /// It took too long.
    #[error("{0}")]
    TimedOut(String),
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The answer is not what it should be.
    #[error("{server} answered something unexpected: {reason}")]
    Unexpected {
        /// Which server.
        server: String,
        /// What.
        reason: String,
    },
}

impl Error {
    /// 1 failed, 2 wrong arguments, 3 refused or not logged in, 4 waited too long.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::NotLoggedIn
            | Error::SessionEnded { .. }
            | Error::UnknownCa { .. }
            | Error::Untrusted(_)
            | Error::Remembered { .. } => 3,
            Error::Refused { code: 401 | 403 | 429, .. } => 3,
            // What was given on the command line is out of rule.
            Error::Refused { code: 422, .. } => 2,
            Error::TimedOut(_) => 4,
            _ => 1,
        }
    }
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NotLoggedIn | Error::Remembered { .. } => Some("grange login https://HOST:8443".into()),
            Error::SessionEnded { server } => Some(format!("grange login {server}")),
            Error::NoSuchCluster(_) => Some("grange cluster list shows the clusters you may see".into()),
            Error::Unreachable { server, .. } => Some(format!("curl -k {server}/ping should print pong")),
            Error::UnknownCa { server, checksum } => Some(format!(
                "if that is what the server prints when it starts: grange login {server} --ca-checksum {checksum}"
            )),
            _ => None,
        }
    }
}
