//! What can go wrong between an application and its table.

use std::sync::Arc;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId as _;
use privet_core::ErrorKind;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the DynamoDB adapter.
///
/// # Security
///
/// Neither `Display` nor `Debug` carries keys, attributes or answers of the service: its error code and request id only.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Error {
    kind: ErrorKind,
    retryable: bool,
    message: String,
    code: Option<String>,
    #[source]
    source: Option<Cause>,
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
        self.retryable
    }

    /// DynamoDB's error code, such as `ConditionalCheckFailedException`, if it was DynamoDB that refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, retryable: false, message: message.into(), code: None, source: None }
    }

    /// The same error, of which it is known that it will pass.
    pub(crate) fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Tells the SDK's errors apart by code.
    pub(crate) fn from_sdk<E>(operation: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let server_error = error.raw_response().is_some_and(|response| response.status().is_server_error());
        let (kind, retryable) = match code.as_deref() {
            Some("ConditionalCheckFailedException" | "TransactionConflictException") => (ErrorKind::Conflict, false),
            Some(
                "ProvisionedThroughputExceededException"
                | "ThrottlingException"
                | "RequestLimitExceeded"
                | "LimitExceededException",
            ) => (ErrorKind::Throttled, true),
            Some("AccessDeniedException" | "UnrecognizedClientException") => (ErrorKind::Denied, false),
            Some("ResourceNotFoundException") => (ErrorKind::Config, false),
            Some("ValidationException" | "ItemCollectionSizeLimitExceededException") => (ErrorKind::Input, false),
            Some(_) => (ErrorKind::Io, server_error),
            // No answer at all: refused connections, timeouts, broken answers.
            None => (ErrorKind::Io, true),
        };
        let what = code.as_deref().unwrap_or("no answer");
        let request = error.request_id().map(|id| format!(", request {id}")).unwrap_or_default();
        let message = format!("DynamoDB `{operation}` failed: {what}{request}");
        Self { kind, retryable, message, code, source: None }
    }
}

impl From<privet_core::Error> for Error {
    fn from(error: privet_core::Error) -> Self {
        Self {
            kind: error.kind(),
            retryable: error.is_retryable(),
            message: error.to_string(),
            code: None,
            source: error.into_cause().map(Cause),
        }
    }
}

/// What caused an error of the core.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(Arc<dyn std::error::Error + Send + Sync>);
