//! One process per database: an operating-system lock on a file beside it. The system drops it with the process, so
//! nothing stale remains after a crash.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::OpenError;

/// The longest process number that is read back.
const HOLDER_LIMIT_BYTES: u64 = 16;

/// Held for as long as the database is open.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = lock_path(database);
        let io_error = |source| OpenError::Io { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = (&file).take(HOLDER_LIMIT_BYTES).read_to_string(&mut text);
                let holder = read.ok().and_then(|_| text.trim().parse().ok());
                return Err(OpenError::InUse { path: database.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(io_error(source)),
        }
        // Only for the message above; a full disk must not keep the store from opening.
        let noted = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = noted {
            tracing::debug!(path = %path.display(), %error, "the lock file does not name this process");
        }
        Ok(Lock { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is just being started may hold a copy of it for a moment.
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock file could not be unlocked");
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
