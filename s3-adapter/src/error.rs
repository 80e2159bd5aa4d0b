//! What can go wrong between an application and its bucket.

use std::sync::Arc;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId as _;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use privet_core::ErrorKind;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the S3 adapter.
///
/// # Security
///
/// Neither `Display` nor `Debug` carries names of objects, metadata, bodies or answers of the service: its error code and
/// request id only.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Error {
    kind: ErrorKind,
    retryable: bool,
    message: String,
    code: Option<String>,
    /// Whether it is the target of a job that refuses, whatever the object.
    of_target: bool,
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

    /// S3's error code, such as `PreconditionFailed`, if it was S3 that refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, retryable: false, message: message.into(), code: None, of_target: false, source: None }
    }

    /// What a job found, whose own error it comes from.
    #[cfg(feature = "bulk")]
    pub(crate) fn of_job(error: &privet_bulk::Error) -> Self {
        let (retryable, of_target) = (error.is_retryable(), error.is_of_all());
        Self { retryable, of_target, ..Self::new(error.kind(), error.to_string()) }
    }

    /// The same error, said to come from what a bucket writes with.
    pub(crate) fn of_target(mut self) -> Self {
        self.of_target = true;
        self
    }

    #[cfg(feature = "bulk")]
    pub(crate) fn is_of_target(&self) -> bool {
        self.of_target
    }

    pub(crate) fn integrity() -> Self {
        privet_core::Error::integrity().into()
    }

    /// A body that could not be read to its end.
    pub(crate) fn body(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = "the body could not be read to its end".to_owned();
        let source = Some(Cause(Arc::new(error)));
        Self { kind: ErrorKind::Io, retryable: true, message, code: None, of_target: false, source }
    }

    /// The same of an upload whose parts S3 may have kept, since it refused to give it up, too.
    pub(crate) fn with_parts_left(mut self, refused: &Self) -> Self {
        self.message = format!("{}; parts of the upload may be left behind: {}", self.message, refused.message);
        self
    }

    /// Tells the SDK's errors apart by code, or by status where S3 gives none, as for `HEAD`.
    pub(crate) fn from_sdk<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let (kind, retryable) = match (code.as_deref(), status) {
            (Some("PreconditionFailed" | "ConditionalRequestConflict"), _) | (_, Some(409 | 412)) => {
                (ErrorKind::Conflict, false)
            }
            (Some("SlowDown" | "RequestLimitExceeded" | "ThrottlingException"), _) | (_, Some(429)) => {
                (ErrorKind::Throttled, true)
            }
            (Some("AccessDenied"), _) | (_, Some(403)) => (ErrorKind::Denied, false),
            (Some("NoSuchBucket"), _) => (ErrorKind::Config, false),
            (
                Some("InvalidRange" | "EntityTooLarge" | "EntityTooSmall" | "MetadataTooLarge" | "KeyTooLongError"),
                _,
            ) => (ErrorKind::Input, false),
            (_, Some(status)) => (ErrorKind::Io, status >= 500),
            // No answer at all: refused connections, timeouts, broken answers.
            (_, None) => (ErrorKind::Io, true),
        };
        let what = code.clone().or(status.map(|status| format!("HTTP status {status}")));
        let what = what.unwrap_or_else(|| "no answer".to_owned());
        let request = error.request_id().map(|id| format!(", request {id}")).unwrap_or_default();
        let message = format!("S3 `{operation}` failed: {what}{request}");
        Self { kind, retryable, message, code, of_target: false, source: None }
    }
}

/// Whether S3 says that there is no such object.
pub(crate) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    matches!(code, Some("NoSuchKey" | "NotFound"))
}

impl From<privet_core::Error> for Error {
    fn from(error: privet_core::Error) -> Self {
        Self {
            kind: error.kind(),
            retryable: error.is_retryable(),
            message: error.to_string(),
            code: None,
            of_target: false,
            source: error.into_cause().map(Cause),
        }
    }
}

/// What caused an error.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(Arc<dyn std::error::Error + Send + Sync>);
