//! Keyrings over AWS KMS keys (ESDK message format, section 5, AWS KMS).

use std::fmt;
use std::time::Duration;

use aws_sdk_kms::Client;

use super::arn::{self, KeyArn, KeyName};
use super::failures::first_unwrapped;
use super::{DataKey, DataKeyRequest, Keyring, KeyringFuture};
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};

mod branch;
mod calls;
mod clients;
mod discovery;
mod errors;

pub use branch::KmsBranchKeys;
use calls::Calls;
pub use clients::KmsClients;
pub use discovery::KmsDiscoveryKeyring;

/// Wraps data keys with a symmetric AWS KMS key.
///
/// The class of each data key is in its encryption context as `privet:class`, so a key policy or IAM policy with the
/// condition key `kms:EncryptionContext:privet:class` decides who may unwrap which class.
///
/// A multi-Region key can be configured by the ARN of any of its replicas: what a replica in another region has wrapped
/// is unwrapped by the configured one.
///
/// # Retries
///
/// Throttled requests, server errors, timeouts and broken connections are tried again by the SDK, with growing, jittered
/// pauses: how often is the `RetryConfig` of the client. All attempts of one request together end with the time budget
/// ([`with_time_budget`](Self::with_time_budget)). What is left is an error that [`is_retryable`](Error::is_retryable);
/// refusals and wrong ciphertexts are never tried again.
///
/// # Security
///
/// Data keys leave KMS over TLS and live in this process while they are cached. The answers of KMS are checked: key
/// ARN and length must be what was asked for.
pub struct KmsKeyring {
    client: Client,
    key: String,
    reads: bool,
    calls: Calls,
}

impl KmsKeyring {
    /// A keyring over the key with this ARN. Takes the client of the key's region, or [`KmsClients`].
    ///
    /// # Errors
    ///
    /// `Config` if it is not the ARN of a KMS key, or the client is for another region. Aliases and bare ids cannot be
    /// compared with the ARN that stored data names: [`for_writing`](Self::for_writing) takes them.
    pub fn new(clients: impl Into<KmsClients>, key_arn: impl Into<String>) -> Result<Self> {
        let key = key_arn.into();
        let arn = KeyArn::parse(&key).ok_or_else(|| {
            Error::config(
                "a KMS keyring needs a key ARN, `arn:aws:kms:<region>:<account>:key/<id>`; with an alias or a bare id \
                 it can only write: `KmsKeyring::for_writing`",
            )
        })?;
        let client = clients.into().in_region(arn.region)?;
        Ok(Self { client, key, reads: true, calls: Calls::default() })
    }

    /// A keyring that only writes, with the key behind this alias (`alias/<name>` or its ARN), key id or key ARN.
    ///
    /// What is stored is the ARN of the key that the alias leads to at the time; it names no alias. So that the same process can
    /// read, add keyrings over the keys' ARNs or a [`KmsDiscoveryKeyring`]:
    ///
    /// ```
    /// # use privet_core::keyring::{KmsDiscoveryKeyring, KmsKeyring, MultiKeyring};
    /// # fn keyring(kms: aws_sdk_kms::Client) -> privet_core::Result<MultiKeyring> {
    /// let keyring = MultiKeyring::new(KmsKeyring::for_writing(kms.clone(), "alias/customers")?)
    ///     .with_reader(KmsDiscoveryKeyring::of_accounts(kms, "aws", ["111122223333"])?);
    /// # Ok(keyring)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` if it is none of these, or says no region while there is a client for each.
    ///
    /// # Security
    ///
    /// Who may change the alias decides which key seals.
    pub fn for_writing(clients: impl Into<KmsClients>, key: impl Into<String>) -> Result<Self> {
        let (clients, key) = (clients.into(), key.into());
        let name = KeyName::parse(&key)
            .ok_or_else(|| Error::config("a KMS key is named by its ARN, its id, `alias/<name>` or an alias's ARN"))?;
        let client = match name.region() {
            Some(region) => clients.in_region(region)?,
            None => clients.one()?,
        };
        Ok(Self { client, key, reads: false, calls: Calls::default() })
    }

    /// The keyring with grant tokens for its requests.
    #[must_use]
    pub fn with_grant_tokens(mut self, tokens: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.calls.grant_tokens = tokens.into_iter().map(Into::into).collect();
        self
    }

    /// The keyring with another time that a request and its retries may take. Default: the client's operation timeout,
    /// or 10 seconds if it has none.
    #[must_use]
    pub fn with_time_budget(mut self, budget: Duration) -> Self {
        self.calls.time_budget = Some(budget);
        self
    }

    /// The ARN of its key, if it reads.
    pub(super) fn key_arn(&self) -> Option<&str> {
        self.reads.then_some(self.key.as_str())
    }

    async fn unwrap<'a>(&'a self, edks: &'a [EncryptedDataKey], request: &'a DataKeyRequest) -> Result<Option<Secret>> {
        let Some(own) = KeyArn::parse(&self.key).filter(|_| self.reads) else { return Ok(None) };
        let is_ours = |edk: &&EncryptedDataKey| {
            edk.provider_id == PROVIDER_ID
                && KeyArn::parse_bytes(&edk.provider_info).is_some_and(|key| key.is_same_key(&own))
        };
        let decrypt = |edk: &'a EncryptedDataKey| self.calls.decrypt(&self.client, &self.key, &edk.ciphertext, request);
        first_unwrapped(edks.iter().filter(is_ours), decrypt).await
    }
}

impl Keyring for KmsKeyring {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(self.calls.generate(&self.client, &self.key, request))
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(self.calls.encrypt(&self.client, &self.key, data_key, request))
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(self.unwrap(edks, request))
    }
}

impl fmt::Debug for KmsKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsKeyring").field("key", &self.key).field("reads", &self.reads).finish_non_exhaustive()
    }
}

fn read_only() -> Error {
    Error::config("a discovery keyring only reads: write with a `KmsKeyring`, and add this one with `with_reader`")
}

pub(super) const PROVIDER_ID: &str = "aws-kms";
