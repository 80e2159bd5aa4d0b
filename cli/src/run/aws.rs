//! What AWS says no with, in words for the person at the terminal.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::exit::{Exit, Failure};

/// The failure of a call: what could not be done, and the service's code. Its message may quote what was sent.
pub(super) fn failed<E: ProvideErrorMetadata, R>(what: &str, error: &SdkError<E, R>) -> Failure {
    let (exit, why) = match error {
        SdkError::ServiceError(context) => of_code(context.err().code().unwrap_or("an error without a code")),
        SdkError::TimeoutError(_) => (Exit::Failed, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => (Exit::Failed, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_io() => {
            (Exit::Failed, "the service cannot be reached: look at region, endpoint and network".to_owned())
        }
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
            (Exit::Failed, "the connection broke off, or the call could not be made".to_owned())
        }
        _ => (Exit::Failed, "the answer cannot be read".to_owned()),
    };
    Failure::new(exit, format!("{what}: {why}"))
}

fn of_code(code: &str) -> (Exit, String) {
    if code.starts_with("AccessDenied") {
        return (Exit::Denied, code.to_owned());
    }
    let is_of_credentials =
        ["ExpiredToken", "UnrecognizedClient", "InvalidSignature", "InvalidAccessKeyId", "InvalidClientTokenId"]
            .iter()
            .any(|beginning| code.starts_with(beginning));
    (
        Exit::Failed,
        if is_of_credentials { format!("{code}: sign in again, or look at the credentials") } else { code.to_owned() },
    )
}
