//! A keyring over an AWS KMS key.

use std::fmt;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId as _;
use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroize;

use super::{DataKey, DataKeyRequest, Keyring, KeyringFuture};
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, ErrorKind, Result};

/// Wraps data keys with a symmetric AWS KMS key (ESDK message format, section 5, AWS KMS).
///
/// The class of each data key is in its encryption context as `privet:class`, so a key policy or IAM policy with the
/// condition key `kms:EncryptionContext:privet:class` decides who may unwrap which class.
///
/// # Security
///
/// Data keys leave KMS over TLS and live in this process while they are cached. The answers of KMS are checked: key
/// ARN and length must be what was asked for.
pub struct KmsKeyring {
    client: Client,
    key_arn: String,
}

impl KmsKeyring {
    /// A keyring over the key with this ARN. The client's region must be the key's.
    ///
    /// # Errors
    ///
    /// `Config` if it is not the ARN of a KMS key. Aliases are refused: they may point elsewhere tomorrow.
    pub fn new(client: Client, key_arn: impl Into<String>) -> Result<Self> {
        let key_arn = key_arn.into();
        if !is_key_arn(&key_arn) {
            return Err(Error::config(
                "a KMS keyring needs a key ARN: `arn:aws:kms:<region>:<account>:key/<id>`, not an alias or a bare id",
            ));
        }
        Ok(Self { client, key_arn })
    }

    fn check_arn(&self, returned: Option<&str>) -> Result<()> {
        if returned == Some(self.key_arn.as_str()) { Ok(()) } else { Err(unexpected_answer()) }
    }

    async fn generate(&self, request: &DataKeyRequest) -> Result<DataKey> {
        let length =
            i32::try_from(request.length()).map_err(|_| Error::config("a data key has at most 1,024 bytes"))?;
        let mut call = self.client.generate_data_key().key_id(&self.key_arn).number_of_bytes(length);
        for (name, value) in request.context().iter() {
            call = call.encryption_context(name, value);
        }
        let answer = call.send().await.map_err(|error| from_sdk("GenerateDataKey", &error))?;
        let plaintext = answer.plaintext.map(Blob::into_inner);
        let secret = take_secret(plaintext, request.length())?;
        self.check_arn(answer.key_id.as_deref())?;
        let ciphertext = answer.ciphertext_blob.ok_or_else(unexpected_answer)?.into_inner();
        Ok(DataKey { secret, edks: vec![self.edk(ciphertext)] })
    }

    async fn wrap(&self, data_key: &Secret, request: &DataKeyRequest) -> Result<EncryptedDataKey> {
        let mut call = self.client.encrypt().key_id(&self.key_arn).plaintext(Blob::new(data_key.expose()));
        for (name, value) in request.context().iter() {
            call = call.encryption_context(name, value);
        }
        let answer = call.send().await.map_err(|error| from_sdk("Encrypt", &error))?;
        self.check_arn(answer.key_id.as_deref())?;
        Ok(self.edk(answer.ciphertext_blob.ok_or_else(unexpected_answer)?.into_inner()))
    }

    async fn unwrap_one(&self, ciphertext: &[u8], request: &DataKeyRequest) -> Result<Secret> {
        let mut call = self.client.decrypt().key_id(&self.key_arn).ciphertext_blob(Blob::new(ciphertext));
        for (name, value) in request.context().iter() {
            call = call.encryption_context(name, value);
        }
        let answer = call.send().await.map_err(|error| from_sdk("Decrypt", &error))?;
        let secret = take_secret(answer.plaintext.map(Blob::into_inner), request.length())?;
        self.check_arn(answer.key_id.as_deref())?;
        Ok(secret)
    }

    fn edk(&self, ciphertext: Vec<u8>) -> EncryptedDataKey {
        let provider_info = self.key_arn.clone().into_bytes();
        EncryptedDataKey { provider_id: PROVIDER_ID.to_owned(), provider_info, ciphertext }
    }
}

impl Keyring for KmsKeyring {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(self.generate(request))
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(self.wrap(data_key, request))
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let ours = |edk: &&EncryptedDataKey| {
                edk.provider_id == PROVIDER_ID && edk.provider_info == self.key_arn.as_bytes()
            };
            let mut failure = None;
            for edk in edks.iter().filter(ours) {
                // KMS refuses these with another error than damaged ones, as if the request were at fault.
                let outcome = match edk.ciphertext.len() {
                    1..=MAX_CIPHERTEXT => self.unwrap_one(&edk.ciphertext, request).await,
                    _ => Err(Error::integrity()),
                };
                match outcome {
                    Ok(secret) => return Ok(Some(secret)),
                    // Another blob under the same key will fare no better, unless this one is damaged.
                    Err(error) if error.kind() == ErrorKind::Integrity => failure = Some(error),
                    Err(error) => return Err(error),
                }
            }
            failure.map_or(Ok(None), Err)
        })
    }
}

impl fmt::Debug for KmsKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsKeyring").field("key_arn", &self.key_arn).finish_non_exhaustive()
    }
}

fn take_secret(plaintext: Option<Vec<u8>>, length: usize) -> Result<Secret> {
    let mut plaintext = plaintext.ok_or_else(unexpected_answer)?;
    let secret = Secret::copy_of(&plaintext);
    plaintext.zeroize();
    if secret.expose().len() == length { Ok(secret) } else { Err(unexpected_answer()) }
}

fn unexpected_answer() -> Error {
    Error::new(ErrorKind::KeyUnavailable, "the KMS answered with another key or length than it was asked for")
}

/// `arn:` partition `:kms:` region `:` account `:key/` id, nothing empty.
fn is_key_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let prefix = next() == Some("arn") && next().is_some() && next() == Some("kms") && next().is_some();
    prefix && next().is_some() && next().and_then(|key| key.strip_prefix("key/")).is_some_and(|id| !id.is_empty())
}

/// Tells the SDK's errors apart by code: <https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html>.
fn from_sdk<E>(operation: &str, error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned();
    let status = error.raw_response().map(|response| response.status().as_u16());
    let kind = match code.as_str() {
        "AccessDeniedException" => ErrorKind::Denied,
        "InvalidCiphertextException" | "IncorrectKeyException" => return Error::integrity(),
        "ThrottlingException" | "LimitExceededException" | "RequestLimitExceeded" | "TooManyRequestsException" => {
            ErrorKind::Throttled
        }
        "NotFoundException"
        | "InvalidArnException"
        | "ValidationException"
        | "InvalidKeyUsageException"
        | "UnrecognizedClientException"
        | "InvalidGrantTokenException" => ErrorKind::Config,
        _ if status == Some(429) => ErrorKind::Throttled,
        // Disabled keys, keys pending deletion, internal errors, timeouts, connections that never came about.
        _ => ErrorKind::KeyUnavailable,
    };
    let what = if code.is_empty() { "no answer" } else { code.as_str() };
    let request = error.request_id().map(|id| format!(", request {id}")).unwrap_or_default();
    Error::new(kind, format!("KMS `{operation}` failed: {what}{request}")).with_source(ErrorCode(what.to_owned()))
}

/// The service's error code alone: the SDK's own error can quote the request, and with it the context.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct ErrorCode(String);

const PROVIDER_ID: &str = "aws-kms";
/// In bytes: <https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html>.
const MAX_CIPHERTEXT: usize = 6144;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_key_arns_are_taken() {
        assert!(is_key_arn("arn:aws:kms:eu-west-1:111122223333:key/1234abcd"));
        for text in [
            "alias/app",
            "1234abcd",
            "arn:aws:kms:eu-west-1:111122223333:alias/app",
            "arn:aws:kms::111122223333:key/1",
            "arn:aws:kms:eu-west-1:111122223333:key/",
            "arn:aws:s3:eu-west-1:111122223333:key/1",
        ] {
            assert!(!is_key_arn(text), "{text}");
        }
    }
}
