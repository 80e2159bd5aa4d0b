//! Where data keys come from: the trait that every key provider implements, and the keyrings privet brings.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use crate::crypto::Secret;
pub use crate::crypto::{RsaPadding, RsaPrivateKey, RsaPublicKey};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::Result;

#[cfg_attr(not(feature = "kms"), allow(dead_code, reason = "the KMS keyrings use the rest"))]
mod arn;
mod beacon_key;
mod branch;
#[cfg(test)]
pub(crate) mod counting;
mod failures;
mod hierarchical;
mod key_file;
#[cfg(feature = "kms")]
mod kms;
mod multi;
mod raw_aes;
mod raw_name;
mod raw_rsa;
mod s3ec;
pub mod store;
mod supplier;
mod wrapping_key;

pub use beacon_key::{BeaconKeySource, KeyStoreBeaconKeys, WrappedBeaconKey};
pub use branch::BranchKeyring;
pub(crate) use failures::Failures;
pub use hierarchical::HierarchicalKeyring;
pub use key_file::read_key_file;
#[cfg(feature = "kms")]
pub use kms::{KmsBranchKeys, KmsClients, KmsDiscoveryKeyring, KmsKeyring};
pub use multi::MultiKeyring;
pub use raw_aes::RawAesKeyring;
pub use raw_rsa::RawRsaKeyring;
pub use s3ec::S3ecKeyring;
pub use supplier::{BranchKeyIds, BranchKeySupplier};
pub use wrapping_key::WrappingKey;
pub(crate) use wrapping_key::same_wrapping_keys;

/// A source of data keys, wrapped by keys that it does not give away.
///
/// Keyrings are asked through the data-key cache, so an implementation need not cache. It must bind the encryption
/// context to what it wraps (or say that it does not, as [`RawRsaKeyring`]), and must not print keys or context values.
pub trait Keyring: fmt::Debug + Send + Sync {
    /// A new data key, with itself wrapped.
    ///
    /// # Errors
    ///
    /// `Denied`, `Throttled`, `KeyUnavailable` as the provider says; `Config` if the keyring cannot write.
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey>;

    /// New data keys, one for each wrapping key, each wrapped by that key alone: for formats in which every recipient
    /// has a key of its own. A keyring of one wrapping key has nothing to add.
    ///
    /// # Errors
    ///
    /// As [`generate_data_key`](Self::generate_data_key).
    fn generate_for_each<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, Vec<DataKey>> {
        Box::pin(async move { Ok(vec![self.generate_data_key(request).await?]) })
    }

    /// This data key wrapped by this keyring too.
    ///
    /// # Errors
    ///
    /// As [`generate_data_key`](Self::generate_data_key).
    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey>;

    /// The data key behind the first of these that this keyring can unwrap; `None` if none of them names a key of this
    /// keyring.
    ///
    /// # Errors
    ///
    /// `Integrity` if one names a key of this keyring but does not authenticate; `Denied`, `Throttled`,
    /// `KeyUnavailable` as the provider says.
    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>>;

    /// Lets go of all keys that it holds in memory of its own. Those that hold none have nothing to do.
    fn purge(&self) {}
}

/// A future of a [`Keyring`].
pub type KeyringFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// What a data key is wanted for.
#[derive(Clone, Debug)]
pub struct DataKeyRequest {
    context: EncryptionContext,
    length: usize,
    message: Option<MessageUse>,
    /// Made when it is first asked for: not everyone caches.
    name: OnceLock<Arc<[u8]>>,
}

impl DataKeyRequest {
    /// A data key of 32 bytes under this context.
    #[must_use]
    pub fn new(context: EncryptionContext) -> Self {
        Self::with_length(context, 32)
    }

    /// A data key of `length` bytes under this context.
    #[must_use]
    pub fn with_length(context: EncryptionContext, length: usize) -> Self {
        Self { context, length, message: None, name: OnceLock::new() }
    }

    /// The same for a message of this suite under this commitment policy. Says how many bytes of plaintext the message
    /// has at most, if its data key may serve other messages too.
    pub(crate) fn for_message(mut self, suite: u16, policy: u8, shared: Option<u64>) -> Self {
        self.message = Some(MessageUse { suite, policy, shared });
        self
    }

    /// How many bytes the data key is to seal at most, if it may serve several messages.
    pub(crate) fn shared(&self) -> Option<u64> {
        self.message.and_then(|message| message.shared)
    }

    /// The pairs that the wrapped key is bound to. Coarse, so that data keys can be cached: class, tenant, application.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The length of the data key in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Bytes that are the same for the same request only: what the cache files its key under.
    pub(crate) fn name(&self) -> &Arc<[u8]> {
        self.name.get_or_init(|| {
            let mut name = (self.length as u64).to_be_bytes().to_vec();
            for text in self.context.iter().flat_map(|(name, value)| [name, value]) {
                name.extend_from_slice(&(text.len() as u64).to_be_bytes());
                name.extend_from_slice(text.as_bytes());
            }
            // Shorter than any pair, so that no context is named alike.
            if let Some(MessageUse { suite, policy, .. }) = self.message {
                name.extend_from_slice(&suite.to_be_bytes());
                name.push(policy);
            }
            name.into()
        })
    }
}

/// What a message's data key is wanted for beside its context.
#[derive(Clone, Copy, Debug)]
struct MessageUse {
    suite: u16,
    policy: u8,
    shared: Option<u64>,
}

/// A data key, and itself wrapped.
#[derive(Debug)]
pub struct DataKey {
    /// The key.
    pub secret: Secret,
    /// The key wrapped, once per wrapping key.
    pub edks: Vec<EncryptedDataKey>,
}

macro_rules! forward {
    ($($pointer:ident),+) => {$(
impl<K: Keyring + ?Sized> Keyring for $pointer<K> {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        (**self).generate_data_key(request)
    }

    fn generate_for_each<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, Vec<DataKey>> {
        (**self).generate_for_each(request)
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        (**self).wrap_data_key(data_key, request)
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        (**self).unwrap_data_key(edks, request)
    }

    fn purge(&self) {
        (**self).purge();
    }
}
    )+};
}

forward!(Arc, Box);
