//! A keyring that reads with whatever AWS KMS key the data names, within limits.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use super::arn::{KeyArn, is_account, is_label};
use super::calls::Calls;
use super::clients::KmsClients;
use super::{PROVIDER_ID, read_only};
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::failures::Failures;
use crate::keyring::{DataKey, DataKeyRequest, Keyring, KeyringFuture};

/// Reads with the AWS KMS keys that the wrapped keys name, instead of keys that are configured. It cannot write: add it
/// to a [`MultiKeyring`](super::super::MultiKeyring) as a reader.
///
/// It serves those who read what many keys have sealed (old keys after a rotation by hand, keys behind an alias), and
/// may unwrap whatever IAM lets it.
///
/// With one client, keys of its region are asked, and multi-Region keys by their replica in its region. With
/// [`KmsClients::from_config`] each key is asked in the region it names.
///
/// # Security
///
/// Who may write the data chooses the key. Someone with a KMS key of their own, shared with this process, could put
/// records of their making in the place of true ones: hence the accounts. Also, who can write the data makes this process
/// call KMS, in the regions they like.
pub struct KmsDiscoveryKeyring {
    clients: KmsClients,
    allowed: Option<Allowed>,
    own_region: Option<String>,
    calls: Calls,
}

impl KmsDiscoveryKeyring {
    /// A keyring that reads with keys of these accounts, in this partition (`aws`, `aws-cn`, `aws-us-gov` ...).
    ///
    /// # Errors
    ///
    /// `Config` if there are no accounts, or one is not an account's number.
    pub fn of_accounts(
        clients: impl Into<KmsClients>,
        partition: impl Into<String>,
        accounts: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self> {
        let allowed = Allowed { partition: partition.into(), accounts: accounts.into_iter().map(Into::into).collect() };
        if !is_label(&allowed.partition) || allowed.accounts.is_empty() {
            return Err(Error::config("discovery needs a partition, such as `aws`, and at least one account"));
        }
        if !allowed.accounts.iter().all(|account| is_account(account)) {
            return Err(Error::config("an AWS account is a number of 12 digits"));
        }
        Ok(Self::new(clients.into(), Some(allowed)))
    }

    /// A keyring that reads with the keys of anyone.
    ///
    /// # Security
    ///
    /// Whoever can write the data and share a KMS key with this process can make it read what they have sealed. Take
    /// [`of_accounts`](Self::of_accounts) unless all keys that IAM lets this process use are trusted.
    pub fn dangerous_of_any_account(clients: impl Into<KmsClients>) -> Self {
        Self::new(clients.into(), None)
    }

    fn new(clients: KmsClients, allowed: Option<Allowed>) -> Self {
        Self { own_region: clients.own_region().map(str::to_owned), clients, allowed, calls: Calls::default() }
    }

    /// The keyring, asking for multi-Region keys in this region, wherever they were used to write. One client does so
    /// in its own region anyway.
    #[must_use]
    pub fn with_own_region(mut self, region: impl Into<String>) -> Self {
        self.own_region = Some(region.into());
        self
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

    /// The region to ask for this key, if it is one of ours.
    fn region<'a>(&'a self, key: &KeyArn<'a>) -> Option<&'a str> {
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.allows(key)) {
            return None;
        }
        match &self.own_region {
            Some(own) if key.is_multi_region() => Some(own),
            // The one client is for its region.
            _ => self.clients.own_region().is_none_or(|own| own == key.region).then_some(key.region),
        }
    }

    async fn unwrap(&self, edks: &[EncryptedDataKey], request: &DataKeyRequest) -> Result<Option<Secret>> {
        let mut failures = Failures::default();
        let mut failed = HashSet::new();
        for edk in edks.iter().filter(|edk| edk.provider_id == PROVIDER_ID) {
            let Some(key) = KeyArn::parse_bytes(&edk.provider_info) else { continue };
            let Some(region) = self.region(&key) else { continue };
            let key_arn = key.in_region(region);
            if failed.contains(&key_arn) {
                continue;
            }
            let client = self.clients.in_region(region)?;
            match self.calls.decrypt(&client, &key_arn, &edk.ciphertext, request).await {
                Ok(secret) => return Ok(Some(secret)),
                Err(error) => {
                    // Another blob under this key would fare no better, unless this one is damaged.
                    if error.kind() != ErrorKind::Integrity {
                        failed.insert(key_arn);
                    }
                    failures.note(error);
                }
            }
        }
        failures.into_result()
    }
}

impl Keyring for KmsDiscoveryKeyring {
    fn generate_data_key<'a>(&'a self, _request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async { Err(read_only()) })
    }

    fn wrap_data_key<'a>(
        &'a self,
        _data_key: &'a Secret,
        _request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async { Err(read_only()) })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(self.unwrap(edks, request))
    }
}

impl fmt::Debug for KmsDiscoveryKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsDiscoveryKeyring")
            .field("allowed", &self.allowed)
            .field("own_region", &self.own_region)
            .finish_non_exhaustive()
    }
}

/// Whose keys may be used.
#[derive(Debug)]
struct Allowed {
    partition: String,
    accounts: HashSet<String>,
}

impl Allowed {
    fn allows(&self, key: &KeyArn<'_>) -> bool {
        self.partition == key.partition && self.accounts.contains(key.account)
    }
}
