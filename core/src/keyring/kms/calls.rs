//! The three requests a keyring makes of KMS, and the checks of what comes back.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{Builder, Config};
use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use super::PROVIDER_ID;
use super::arn::{KeyArn, KeyName};
use super::errors::{from_sdk, unexpected_answer};
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};
use crate::keyring::{DataKey, DataKeyRequest};

/// What every request of a keyring has in common.
#[derive(Clone, Default)]
pub(super) struct Calls {
    pub(super) grant_tokens: Vec<String>,
    pub(super) time_budget: Option<Duration>,
}

impl Calls {
    pub(super) async fn generate(&self, client: &Client, key: &str, request: &DataKeyRequest) -> Result<DataKey> {
        let length = i32::try_from(request.length()).ok().filter(|length| (1..=1024).contains(length));
        let length = length.ok_or_else(|| Error::config("a data key of KMS has 1 to 1,024 bytes"))?;
        let answer = client
            .generate_data_key()
            .key_id(key)
            .number_of_bytes(length)
            .set_encryption_context(context(request))
            .set_grant_tokens(self.grant_tokens())
            .customize()
            .config_override(self.within_budget(client.config()))
            .send()
            .await
            .map_err(|error| from_sdk("GenerateDataKey", &error))?;
        let secret = take_secret(answer.plaintext, request.length())?;
        Ok(DataKey { secret, edks: vec![take_edk(key, answer.key_id, answer.ciphertext_blob)?] })
    }

    pub(super) async fn encrypt(
        &self,
        client: &Client,
        key: &str,
        data_key: &Secret,
        request: &DataKeyRequest,
    ) -> Result<EncryptedDataKey> {
        let answer = client
            .encrypt()
            .key_id(key)
            .plaintext(Blob::new(data_key.expose()))
            .set_encryption_context(context(request))
            .set_grant_tokens(self.grant_tokens())
            .customize()
            .config_override(self.within_budget(client.config()))
            .send()
            .await
            .map_err(|error| from_sdk("Encrypt", &error))?;
        take_edk(key, answer.key_id, answer.ciphertext_blob)
    }

    /// `key_arn` must be a key ARN, and nothing but that key is taken as the answer's.
    pub(super) async fn decrypt(
        &self,
        client: &Client,
        key_arn: &str,
        ciphertext: &[u8],
        request: &DataKeyRequest,
    ) -> Result<Secret> {
        if !(1..=MAX_BLOB).contains(&ciphertext.len()) {
            return Err(Error::integrity());
        }
        let answer = client
            .decrypt()
            .key_id(key_arn)
            .ciphertext_blob(Blob::new(ciphertext))
            .set_encryption_context(context(request))
            .set_grant_tokens(self.grant_tokens())
            .customize()
            .config_override(self.within_budget(client.config()))
            .send()
            .await
            .map_err(|error| from_sdk("Decrypt", &error))?;
        let secret = take_secret(answer.plaintext, request.length())?;
        if answer.key_id.as_deref() == Some(key_arn) { Ok(secret) } else { Err(unexpected_answer()) }
    }

    pub(super) fn grant_tokens(&self) -> Option<Vec<String>> {
        (!self.grant_tokens.is_empty()).then(|| self.grant_tokens.clone())
    }

    /// A call ends in time even if KMS never answers: the SDK has no such limit of its own.
    pub(super) fn within_budget(&self, client: &Config) -> Builder {
        let own = client.timeout_config().and_then(TimeoutConfig::operation_timeout);
        let budget = match (self.time_budget, own) {
            (Some(budget), _) => budget,
            (None, Some(_)) => return Builder::new(),
            (None, None) => DEFAULT_TIME_BUDGET,
        };
        Builder::new().timeout_config(TimeoutConfig::builder().operation_timeout(budget).build())
    }
}

fn context(request: &DataKeyRequest) -> Option<HashMap<String, String>> {
    let pairs: HashMap<_, _> =
        request.context().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (!pairs.is_empty()).then_some(pairs)
}

fn take_secret(plaintext: Option<Blob>, length: usize) -> Result<Secret> {
    let plaintext = Zeroizing::new(plaintext.ok_or_else(unexpected_answer)?.into_inner());
    if plaintext.len() == length { Ok(Secret::copy_of(&plaintext)) } else { Err(unexpected_answer()) }
}

/// The wrapped key under the ARN that KMS gave, which must be one that `asked` can mean.
fn take_edk(asked: &str, key_id: Option<String>, blob: Option<Blob>) -> Result<EncryptedDataKey> {
    let (Some(key_id), Some(blob)) = (key_id, blob) else { return Err(unexpected_answer()) };
    let is_meant = |key: KeyArn<'_>| KeyName::parse(asked).is_some_and(|name| name.may_be(&key));
    let ciphertext = blob.into_inner();
    if !KeyArn::parse(&key_id).is_some_and(is_meant) || !(1..=MAX_BLOB).contains(&ciphertext.len()) {
        return Err(unexpected_answer());
    }
    Ok(EncryptedDataKey { provider_id: PROVIDER_ID.to_owned(), provider_info: key_id.into_bytes(), ciphertext })
}

/// Bytes of the largest blob that KMS takes: <https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html>.
pub(super) const MAX_BLOB: usize = 6144;
/// Ends well before the 29 seconds of an API that waits for a Lambda function, with room for the SDK's retries.
const DEFAULT_TIME_BUDGET: Duration = Duration::from_secs(10);
