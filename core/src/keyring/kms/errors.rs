//! The errors of KMS and its SDK, told apart by what a caller can do about them, and without what was asked.

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId as _;

use crate::error::{Error, ErrorKind};

/// Tells the SDK's errors apart by code: <https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html> and
/// the pages of the operations. Throttling has a code and no type in the SDK, so types would not do.
pub(super) fn from_sdk<E>(operation: &str, error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let failure = Failure {
        operation: operation.to_owned(),
        what: what(error),
        status: error.raw_response().map(|response| response.status().as_u16()),
        request_id: error.request_id().filter(|id| is_word(id)).map(str::to_owned),
    };
    let (kind, advice) = judge(&failure.what, failure.status);
    if kind == ErrorKind::Integrity {
        // Like every other one: whether KMS or a tag noticed is nobody's business.
        return Error::integrity();
    }
    let request = failure.request_id.as_ref().map(|id| format!(", request {id}")).unwrap_or_default();
    let message = format!("KMS `{operation}` failed: {}{request}: {advice}", failure.what);
    Error::new(kind, message).with_source(failure)
}

/// An answer that no working KMS gives.
pub(super) fn unexpected_answer() -> Error {
    Error::new(
        ErrorKind::KeyUnavailable,
        "KMS answered with another key or length than it was asked for: check what stands between this process and KMS",
    )
}

/// What KMS said or what became of the request. The SDK's own error can quote the request, and with it the context.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {what}{}", self.details())]
struct Failure {
    operation: String,
    what: String,
    status: Option<u16>,
    request_id: Option<String>,
}

impl Failure {
    fn details(&self) -> String {
        let status = self.status.map(|status| format!(", HTTP status {status}")).unwrap_or_default();
        let request = self.request_id.as_ref().map(|id| format!(", request {id}")).unwrap_or_default();
        status + &request
    }
}

fn what<E: ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    let words = match error {
        SdkError::ConstructionFailure(_) => "the request could not be made",
        SdkError::TimeoutError(_) => "no answer within the time budget",
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "no answer in time",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "an unreadable answer",
        _ => error.as_service_error().and_then(E::code).filter(|code| is_word(code)).unwrap_or("an error without code"),
    };
    words.to_owned()
}

fn judge(code: &str, status: Option<u16>) -> (ErrorKind, &'static str) {
    match code {
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => {
            (ErrorKind::Denied, "the key policy or IAM does not allow this key with this encryption context")
        }
        "InvalidCiphertextException" | "IncorrectKeyException" => (ErrorKind::Integrity, ""),
        "ThrottlingException"
        | "Throttling"
        | "LimitExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException" => (ErrorKind::Throttled, TOO_MANY),
        "NotFoundException" | "InvalidArnException" => (ErrorKind::Config, "there is no such key"),
        "InvalidKeyUsageException" | "UnsupportedOperationException" => {
            (ErrorKind::Config, "the key is not a symmetric encryption key")
        }
        "ValidationException" => (ErrorKind::Config, "the key, the encryption context or a grant token is malformed"),
        "InvalidGrantTokenException" => (ErrorKind::Config, "a grant token is not valid"),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "OptInRequired" => (ErrorKind::Config, "the credentials are not valid"),
        "ExpiredTokenException" | "ExpiredToken" => (ErrorKind::KeyUnavailable, "the credentials have expired"),
        "DisabledException" | "KMSInvalidStateException" => {
            (ErrorKind::KeyUnavailable, "the key is disabled, pending deletion or not ready")
        }
        "the request could not be made" => {
            (ErrorKind::Config, "check the client's region, credentials, timeouts and endpoint")
        }
        _ if status == Some(429) => (ErrorKind::Throttled, TOO_MANY),
        // Internal errors, timeouts, connections that never came about, whatever is new.
        _ => (ErrorKind::KeyUnavailable, "try again later"),
    }
}

/// Codes and ids come from outside: only what looks like one is repeated.
fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'#');
    !text.is_empty() && text.len() <= 80 && text.bytes().all(allowed)
}

const TOO_MANY: &str = "KMS asks to slow down";
