//! What can go wrong between an application and its table.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId as _;
use aws_sdk_dynamodb::types::AttributeValue;
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
    answer: Box<Answer>,
    #[source]
    source: Option<Cause>,
}

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// What DynamoDB gave back with its refusal, opened.
#[derive(Default)]
struct Answer {
    item: Option<Item>,
    key: Option<Item>,
    reasons: Vec<CancellationReason>,
}

/// Prints nothing of what was given back.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("has_item", &self.item.is_some())
            .field("has_key", &self.key.is_some())
            .field("reasons", &self.reasons)
            .finish()
    }
}

/// Why DynamoDB cancelled a transaction, as far as one of its actions goes.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct CancellationReason {
    /// DynamoDB's code, such as `ConditionalCheckFailed`; `None` if it was not for this action.
    pub code: Option<String>,
    /// The item as it was, opened, if the action asked for it.
    pub item: Option<Item>,
}

impl fmt::Debug for CancellationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationReason").field("code", &self.code).finish_non_exhaustive()
    }
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

    /// The item that made a condition fail, opened, if the request asked for it with
    /// `ReturnValuesOnConditionCheckFailure`.
    #[must_use]
    pub fn item(&self) -> Option<&Item> {
        self.answer.item.as_ref()
    }

    /// The key of the item that did not open, of several that a request read: the others are not given either.
    #[must_use]
    pub fn key(&self) -> Option<&Item> {
        self.answer.key.as_ref()
    }

    /// Why DynamoDB cancelled a transaction, one for each of its actions; empty if it did not.
    #[must_use]
    pub fn cancellation_reasons(&self) -> &[CancellationReason] {
        &self.answer.reasons
    }

    pub(crate) fn throttled(message: &str) -> Self {
        Self { retryable: true, ..Self::new(ErrorKind::Throttled, message) }
    }

    pub(crate) fn with_item(mut self, item: Option<Item>) -> Self {
        self.answer.item = item;
        self
    }

    /// Of one of several items that were read.
    pub(crate) fn of_key(mut self, table: &str, key: Vec<(String, AttributeValue)>) -> Self {
        self.message = format!("an item of `{table}` does not open: {}", self.message);
        self.answer.key = Some(key.into_iter().collect());
        self
    }

    /// Of a cancelled transaction; its kind is that of the first reason that says more than that it was cancelled.
    pub(crate) fn with_reasons(mut self, reasons: Vec<CancellationReason>) -> Self {
        let codes = || reasons.iter().filter_map(|reason| reason.code.as_deref());
        if codes().any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict")) {
            self.kind = ErrorKind::Conflict;
        } else if codes().any(|code| matches!(code, "ThrottlingError" | "ProvisionedThroughputExceeded")) {
            (self.kind, self.retryable) = (ErrorKind::Throttled, true);
        } else {
            self.kind = ErrorKind::Input;
        }
        if let Some(code) = codes().next() {
            self.message = format!("{} ({code})", self.message);
        }
        self.answer.reasons = reasons;
        self
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, retryable: false, message: message.into(), code: None, answer: Box::default(), source: None }
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
            Some(
                "ConditionalCheckFailedException"
                | "TransactionConflictException"
                // A token that was used before, for the same values under other nonces.
                | "IdempotentParameterMismatchException",
            ) => (ErrorKind::Conflict, false),
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
        Self { kind, retryable, message, code, answer: Box::default(), source: None }
    }
}

impl From<privet_core::Error> for Error {
    fn from(error: privet_core::Error) -> Self {
        Self {
            kind: error.kind(),
            retryable: error.is_retryable(),
            message: error.to_string(),
            code: None,
            answer: Box::default(),
            source: error.into_cause().map(Cause),
        }
    }
}

/// What caused an error of the core.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Cause(Arc<dyn std::error::Error + Send + Sync>);
