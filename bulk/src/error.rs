//! What can go wrong in a job.

use privet_core::ErrorKind;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a job: of a store, a key provider, a checkpoint, or of the job itself.
///
/// # Security
///
/// Neither `Display` nor `Debug` carries keys, attributes or values.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Error {
    kind: ErrorKind,
    retryable: bool,
    of_all: bool,
    message: String,
}

impl Error {
    /// An error of this kind. The message must not hold anything of a record.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable = matches!(kind, ErrorKind::Throttled | ErrorKind::KeyUnavailable);
        Self { kind, retryable, of_all: false, message: message.into() }
    }

    /// The same error, saying whether the same call may succeed later, unchanged. Default: if it is `Throttled` or
    /// `KeyUnavailable`.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// The same error, said to be no fault of the record that it came with: others would fail in the same way. The shard then
    /// fails, where otherwise the record would be left as poison.
    #[must_use]
    pub fn of_all(mut self) -> Self {
        self.of_all = true;
        self
    }

    /// The same error; if it is `Denied`, it is [`of_all`](Self::of_all) records: for what asks for the target's keys, or
    /// writes to the store.
    #[must_use]
    pub fn denied_to_all(self) -> Self {
        if self.kind == ErrorKind::Denied { self.of_all() } else { self }
    }

    /// Whether it is no fault of the record that it came with: see [`of_all`](Self::of_all).
    #[must_use]
    pub fn is_of_all(&self) -> bool {
        self.of_all
    }

    /// Whether it is wrong with one record alone, and the next one may succeed.
    pub(crate) fn is_of_record(&self) -> bool {
        let may_be =
            matches!(self.kind, ErrorKind::Integrity | ErrorKind::Input | ErrorKind::Denied | ErrorKind::Unsupported);
        may_be && !self.of_all && !self.retryable
    }

    /// What kind of error it is: what a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later, unchanged.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A file that could not be read or written. The system's message names no content.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("{what}: {}", error.kind()))
    }
}

impl From<privet_core::Error> for Error {
    fn from(error: privet_core::Error) -> Self {
        Self { kind: error.kind(), retryable: error.is_retryable(), of_all: false, message: error.to_string() }
    }
}
