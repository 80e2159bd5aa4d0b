//! The errors of KMS, in the words of the service.

use std::fmt;

use crate::answer::{Answer, status_of};

/// An error KMS answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    message: Option<String>,
}

impl Refusal {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()) }
    }

    /// Damaged, of another context, or no ciphertext at all: the service does not say which.
    pub(crate) fn invalid_ciphertext() -> Self {
        Self { code: "InvalidCiphertextException", message: None }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new("NotFoundException", message)
    }

    pub(crate) fn invalid_state(message: impl Into<String>) -> Self {
        Self::new("KMSInvalidStateException", message)
    }

    pub(crate) fn invalid_usage(message: impl Into<String>) -> Self {
        Self::new("InvalidKeyUsageException", message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new("UnsupportedOperationException", message)
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// A member that breaks a constraint of the API model.
    pub(crate) fn constraint(value: &str, member: &str, constraint: &str) -> Self {
        let mut letters = member.chars();
        let member: String =
            letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
        Self::validation(format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }

    pub(crate) fn dry_run() -> Self {
        Self::new("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
    }

    pub(crate) fn into_answer(self) -> Answer {
        Answer::error(status_of(self.code), self.code, self.message.as_deref())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.code),
            None => f.write_str(self.code),
        }
    }
}
