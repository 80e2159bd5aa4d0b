//! A keyring over branch keys, in AWS's own format: data keys are wrapped locally, KMS is asked once per branch key.

use std::fmt;
use std::sync::Arc;

use super::failures::first_unwrapped;
use super::store::{BranchKeyCache, BranchKeyCacheLimits, KeyStore};
use super::supplier::FixedId;
use super::{BranchKeySupplier, DataKey, DataKeyRequest, Keyring, KeyringFuture};
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};
use crate::time::TimeSource;

mod wrapping;

use wrapping::Wrapped;

/// Wraps random data keys under branch keys, as AWS's hierarchical keyring does: what it writes, AWS's clients read.
///
/// The encryption context of a data key is bound to the wrapped key, but KMS sees the branch key's context only: who
/// may unwrap a branch key can unwrap all that it wraps. So [`with_supplier`](Self::with_supplier) with a key for each
/// class is the way to let IAM tell classes apart; [`new`](Self::new) takes one key for all.
///
/// # Security
///
/// Each wrap uses a key of its own, derived from the branch key and a random 128-bit salt. A branch key that was revoked
/// in KMS is usable until it is too old for this keyring's cache and its data keys too old for the data-key cache. After
/// a rotation, writers go on with the old version as long.
pub struct HierarchicalKeyring {
    keys: BranchKeyCache,
    supplier: Box<dyn BranchKeySupplier>,
}

impl HierarchicalKeyring {
    /// A keyring over one branch key.
    pub fn new(store: Arc<KeyStore>, branch_key_id: impl Into<String>) -> Self {
        Self::with_supplier(store, FixedId(branch_key_id.into()))
    }

    /// A keyring over the branch keys that the supplier chooses.
    pub fn with_supplier(store: Arc<KeyStore>, supplier: impl BranchKeySupplier + 'static) -> Self {
        Self { keys: BranchKeyCache::new(store), supplier: Box::new(supplier) }
    }

    /// How long and how many branch keys it holds. Default: [`BranchKeyCacheLimits::default`].
    #[must_use]
    pub fn cache(mut self, limits: BranchKeyCacheLimits) -> Self {
        self.keys.limits = limits;
        self
    }

    /// The clock. Default: the system's.
    #[must_use]
    pub fn time_source(mut self, time: impl TimeSource + 'static) -> Self {
        self.keys.time = Arc::new(time);
        self
    }

    async fn wrap(&self, data_key: &Secret, request: &DataKeyRequest) -> Result<EncryptedDataKey> {
        let id = self.supplier.branch_key_id(request.context()).ok_or_else(no_branch_key)?;
        let branch_key = self.keys.active(&id).await?.ok_or_else(no_branch_key)?;
        let ciphertext = wrapping::wrap(&branch_key, data_key, request.context())?;
        Ok(EncryptedDataKey { provider_id: PROVIDER_ID.to_owned(), provider_info: id.into_bytes(), ciphertext })
    }

    async fn unwrap_one(&self, id: &str, ciphertext: &[u8], request: &DataKeyRequest) -> Result<Secret> {
        let wrapped = Wrapped::parse(ciphertext, request.length())?;
        let branch_key = self.keys.version(id, wrapped.version).await?.ok_or_else(unknown_version)?;
        wrapped.unwrap(&branch_key, request.context())
    }
}

impl Keyring for HierarchicalKeyring {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async move {
            let secret = Secret::random(request.length())?;
            let edks = vec![self.wrap(&secret, request).await?];
            Ok(DataKey { secret, edks })
        })
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
            let Some(id) = self.supplier.branch_key_id(request.context()) else { return Ok(None) };
            let ours = |edk: &&EncryptedDataKey| edk.provider_id == PROVIDER_ID && edk.provider_info == id.as_bytes();
            let unwrap = |edk: &'a EncryptedDataKey| self.unwrap_one(&id, &edk.ciphertext, request);
            first_unwrapped(edks.iter().filter(ours), unwrap).await
        })
    }

    fn purge(&self) {
        self.keys.purge();
    }
}

impl fmt::Debug for HierarchicalKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HierarchicalKeyring").field("keys", &self.keys).finish_non_exhaustive()
    }
}

pub(super) fn no_branch_key() -> Error {
    Error::config("there is no branch key for this class and tenant: create it, and let the supplier name it")
}

/// A version that the store does not have cannot be told from a wrapped key that was damaged.
pub(super) fn unknown_version() -> Error {
    tracing::warn!("a wrapped data key names a version of its branch key that the key store does not have");
    Error::integrity()
}

const PROVIDER_ID: &str = "aws-kms-hierarchy";
