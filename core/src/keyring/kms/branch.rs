//! What a key store asks of KMS, asked of AWS KMS.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use super::KmsClients;
use super::arn::KeyArn;
use super::calls::{Calls, MAX_BLOB};
use super::errors::{from_sdk, unexpected_answer};
use crate::crypto::Secret;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};
use crate::keyring::KeyringFuture;
use crate::keyring::store::BranchKeyKms;

/// AWS KMS for a [`KeyStore`](crate::keyring::store::KeyStore).
///
/// Creating and rotating keys needs `kms:GenerateDataKeyWithoutPlaintext`, `kms:ReEncryptFrom` and `kms:ReEncryptTo`;
/// using them needs `kms:Decrypt` and nothing else.
///
/// # Security
///
/// The answers of KMS are checked: the key ARN must be what was asked for.
pub struct KmsBranchKeys {
    clients: KmsClients,
    calls: Calls,
}

impl KmsBranchKeys {
    /// AWS KMS. Takes the client of the region of the key store's KMS key, or [`KmsClients`].
    pub fn new(clients: impl Into<KmsClients>) -> Self {
        Self { clients: clients.into(), calls: Calls::default() }
    }

    /// The same with grant tokens for its requests.
    #[must_use]
    pub fn with_grant_tokens(mut self, tokens: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.calls.grant_tokens = tokens.into_iter().map(Into::into).collect();
        self
    }

    /// The same with another time that a request and its retries may take. Default: the client's operation timeout, or
    /// 10 seconds if it has none.
    #[must_use]
    pub fn with_time_budget(mut self, budget: Duration) -> Self {
        self.calls.time_budget = Some(budget);
        self
    }

    /// The client of the key's region.
    fn client(&self, key_arn: &str) -> Result<Client> {
        let arn = KeyArn::parse(key_arn).ok_or_else(|| Error::config("a key store's KMS key is named by its ARN"))?;
        self.clients.in_region(arn.region)
    }

    async fn generate(&self, key_arn: &str, context: &EncryptionContext) -> Result<Vec<u8>> {
        let client = self.client(key_arn)?;
        let answer = client
            .generate_data_key_without_plaintext()
            .key_id(key_arn)
            .number_of_bytes(KEY_LENGTH)
            .set_encryption_context(pairs(context))
            .set_grant_tokens(self.calls.grant_tokens())
            .customize()
            .config_override(self.calls.within_budget(client.config()))
            .send()
            .await
            .map_err(|error| from_sdk("GenerateDataKeyWithoutPlaintext", &error))?;
        checked(answer.ciphertext_blob, &[answer.key_id], key_arn)
    }

    async fn re_encrypt(
        &self,
        key_arn: &str,
        ciphertext: &[u8],
        from: &EncryptionContext,
        to: &EncryptionContext,
    ) -> Result<Vec<u8>> {
        let client = self.client(key_arn)?;
        let answer = client
            .re_encrypt()
            .ciphertext_blob(blob(ciphertext)?)
            .source_key_id(key_arn)
            .set_source_encryption_context(pairs(from))
            .destination_key_id(key_arn)
            .set_destination_encryption_context(pairs(to))
            .set_grant_tokens(self.calls.grant_tokens())
            .customize()
            .config_override(self.calls.within_budget(client.config()))
            .send()
            .await
            .map_err(|error| from_sdk("ReEncrypt", &error))?;
        checked(answer.ciphertext_blob, &[answer.source_key_id, answer.key_id], key_arn)
    }

    async fn decrypt(&self, key_arn: &str, ciphertext: &[u8], context: &EncryptionContext) -> Result<Secret> {
        let client = self.client(key_arn)?;
        let answer = client
            .decrypt()
            .ciphertext_blob(blob(ciphertext)?)
            .key_id(key_arn)
            .set_encryption_context(pairs(context))
            .set_grant_tokens(self.calls.grant_tokens())
            .customize()
            .config_override(self.calls.within_budget(client.config()))
            .send()
            .await
            .map_err(|error| from_sdk("Decrypt", &error))?;
        let plaintext = Zeroizing::new(answer.plaintext.map(Blob::into_inner).ok_or_else(unexpected_answer)?);
        if answer.key_id.as_deref() == Some(key_arn) {
            Ok(Secret::copy_of(&plaintext))
        } else {
            Err(unexpected_answer())
        }
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

/// The blob, if KMS says that it is of the right key.
fn checked(ciphertext: Option<Blob>, key_ids: &[Option<String>], key_arn: &str) -> Result<Vec<u8>> {
    if key_ids.iter().any(|id| id.as_deref() != Some(key_arn)) {
        return Err(unexpected_answer());
    }
    ciphertext.map(Blob::into_inner).ok_or_else(unexpected_answer)
}

/// What KMS does not even look at has been damaged.
fn blob(ciphertext: &[u8]) -> Result<Blob> {
    if (1..=MAX_BLOB).contains(&ciphertext.len()) { Ok(Blob::new(ciphertext)) } else { Err(Error::integrity()) }
}

fn pairs(context: &EncryptionContext) -> Option<HashMap<String, String>> {
    Some(context.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Bytes of a branch key.
const KEY_LENGTH: i32 = 32;
