//! What a key store asks of KMS, asked of AWS KMS.

use std::fmt;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId as _;
use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroize;

use super::KeyringFuture;
use super::store::BranchKeyKms;
use crate::crypto::Secret;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, ErrorKind, Result};

/// AWS KMS for a [`KeyStore`](super::store::KeyStore).
///
/// Creating and rotating keys needs `kms:GenerateDataKeyWithoutPlaintext`, `kms:ReEncryptFrom` and `kms:ReEncryptTo`;
/// using them needs `kms:Decrypt` and nothing else.
///
/// # Security
///
/// The answers of KMS are checked: the key ARN must be what was asked for.
pub struct KmsBranchKeys {
    client: Client,
}

impl KmsBranchKeys {
    /// KMS in the client's region, which must be the region of the key store's KMS key.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn generate(&self, key_arn: &str, context: &EncryptionContext) -> Result<Vec<u8>> {
        let mut call = self.client.generate_data_key_without_plaintext().key_id(key_arn).number_of_bytes(KEY_LENGTH);
        for (name, value) in context.iter() {
            call = call.encryption_context(name, value);
        }
        let answer = call.send().await.map_err(|error| from_sdk("GenerateDataKeyWithoutPlaintext", &error))?;
        checked(answer.ciphertext_blob, &[answer.key_id], key_arn)
    }

    async fn re_encrypt(
        &self,
        key_arn: &str,
        ciphertext: &[u8],
        from: &EncryptionContext,
        to: &EncryptionContext,
    ) -> Result<Vec<u8>> {
        let mut call = self.client.re_encrypt().source_key_id(key_arn).destination_key_id(key_arn);
        for (name, value) in from.iter() {
            call = call.source_encryption_context(name, value);
        }
        for (name, value) in to.iter() {
            call = call.destination_encryption_context(name, value);
        }
        let call = call.ciphertext_blob(Blob::new(ciphertext));
        let answer = call.send().await.map_err(|error| from_sdk("ReEncrypt", &error))?;
        checked(answer.ciphertext_blob, &[answer.source_key_id, answer.key_id], key_arn)
    }

    async fn decrypt(&self, key_arn: &str, ciphertext: &[u8], context: &EncryptionContext) -> Result<Secret> {
        let mut call = self.client.decrypt().key_id(key_arn).ciphertext_blob(Blob::new(ciphertext));
        for (name, value) in context.iter() {
            call = call.encryption_context(name, value);
        }
        let answer = call.send().await.map_err(|error| from_sdk("Decrypt", &error))?;
        let mut plaintext = answer.plaintext.map(Blob::into_inner).ok_or_else(unexpected_answer)?;
        let secret = Secret::copy_of(&plaintext);
        plaintext.zeroize();
        if answer.key_id.as_deref() == Some(key_arn) { Ok(secret) } else { Err(unexpected_answer()) }
    }
}

impl BranchKeyKms for KmsBranchKeys {
    fn generate<'a>(&'a self, key_arn: &'a str, context: &'a EncryptionContext) -> KeyringFuture<'a, Vec<u8>> {
        Box::pin(self.generate(key_arn, context))
    }

    fn re_encrypt<'a>(
        &'a self,
        key_arn: &'a str,
        ciphertext: &'a [u8],
        from: &'a EncryptionContext,
        to: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Vec<u8>> {
        Box::pin(self.re_encrypt(key_arn, ciphertext, from, to))
    }

    fn decrypt<'a>(
        &'a self,
        key_arn: &'a str,
        ciphertext: &'a [u8],
        context: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Secret> {
        Box::pin(self.decrypt(key_arn, ciphertext, context))
    }
}

impl fmt::Debug for KmsBranchKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KmsBranchKeys(..)")
    }
}

fn checked(ciphertext: Option<Blob>, key_ids: &[Option<String>], key_arn: &str) -> Result<Vec<u8>> {
    if key_ids.iter().any(|id| id.as_deref() != Some(key_arn)) {
        return Err(unexpected_answer());
    }
    ciphertext.map(Blob::into_inner).ok_or_else(unexpected_answer)
}

fn unexpected_answer() -> Error {
    Error::new(ErrorKind::KeyUnavailable, "the KMS answered with another key than it was asked for")
}

/// Tells the SDK's errors apart by code: <https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html>.
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
    Error::new(kind, format!("KMS `{operation}` failed: {what}{request}"))
}

/// Bytes of a branch key.
const KEY_LENGTH: i32 = 32;
