//! What can go wrong, told apart by what a caller can do about it, and never by what was in the data.

use std::fmt;
use std::sync::Arc;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// An error of privet's core.
///
/// # Security
///
/// Neither `Display` nor `Debug` carries plaintext, ciphertext, key bytes or context values. All integrity failures
/// (commitment, tag, sealed field, malformed plaintext) are one and the same error, so nothing can be learnt from it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Source>,
}

impl Error {
    /// What kind of error it is: what a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later, unchanged.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Throttled | ErrorKind::KeyUnavailable)
    }

    /// An error of the given kind. The message must not hold plaintext, key bytes or context values.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same error with the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What caused it, for errors that wrap this one and say what it says.
    #[must_use]
    pub fn into_cause(self) -> Option<Arc<dyn std::error::Error + Send + Sync>> {
        self.source
    }

    /// The one error for everything that does not authenticate.
    #[must_use]
    pub fn integrity() -> Self {
        Self::new(ErrorKind::Integrity, "the record is damaged, was moved, or was sealed under another key or context")
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }
}

/// What kind of error it is: what a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The policy, model or builder is wrong: mend the configuration.
    Config,
    /// The key provider or the policy says no.
    Denied,
    /// The data does not authenticate.
    Integrity,
    /// The key provider cannot be reached or failed: try again.
    KeyUnavailable,
    /// The key provider asks to slow down: try again later.
    Throttled,
    /// The data is of a version or kind that this release does not know.
    Unsupported,
    /// The caller's value cannot be protected as it is.
    Input,
    /// What was to be replaced is not there any more, or what was to be new exists.
    Conflict,
    /// A file, stream or store failed.
    Io,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Denied => "denied",
            Self::Integrity => "integrity",
            Self::KeyUnavailable => "key unavailable",
            Self::Throttled => "throttled",
            Self::Unsupported => "unsupported",
            Self::Input => "input",
            Self::Conflict => "conflict",
            Self::Io => "io",
        })
    }
}
