//! A keyring that keeps to a job's pace.

use privet_core::keyring::{DataKey, DataKeyRequest, Keyring, KeyringFuture};
use privet_core::{EncryptedDataKey, ErrorKind, Secret};

use crate::pace::Bucket;

/// A keyring whose calls keep to a pace, and that slows down when the key provider asks for it. Each call counts as one,
/// whatever the keyring does behind it.
#[derive(Debug)]
pub struct PacedKeyring<K> {
    inner: K,
    pace: Bucket,
}

impl<K: Keyring> PacedKeyring<K> {
    /// This keyring at the pace of [`Pace::keys`](crate::pace::Pace::keys).
    pub fn new(inner: K, pace: Bucket) -> Self {
        Self { inner, pace }
    }

    async fn at_pace<T>(&self, call: KeyringFuture<'_, T>) -> privet_core::Result<T> {
        self.pace.wait().await;
        self.pace.spend(1.0);
        let result = call.await;
        if matches!(&result, Err(error) if error.kind() == ErrorKind::Throttled) {
            self.pace.throttled();
        }
        result
    }
}

impl<K: Keyring> Keyring for PacedKeyring<K> {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(self.at_pace(self.inner.generate_data_key(request)))
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(self.at_pace(self.inner.wrap_data_key(data_key, request)))
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(self.at_pace(self.inner.unwrap_data_key(edks, request)))
    }

    fn purge(&self) {
        self.inner.purge();
    }
}
