//! A keyring of tests, which counts what it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{DataKey, DataKeyRequest, Keyring, KeyringFuture, RawAesKeyring};
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;

/// A raw AES keyring, and how often it was asked for anything.
#[derive(Debug)]
pub(crate) struct Counting(RawAesKeyring, AtomicUsize);

impl Counting {
    pub(crate) fn of(keyring: RawAesKeyring) -> Self {
        Self(keyring, AtomicUsize::new(0))
    }

    pub(crate) fn asked(&self) -> usize {
        self.1.load(Ordering::Relaxed)
    }

    fn ask(&self) -> &RawAesKeyring {
        self.1.fetch_add(1, Ordering::Relaxed);
        &self.0
    }
}

impl Keyring for Counting {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        self.ask().generate_data_key(request)
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        self.ask().wrap_data_key(data_key, request)
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        self.ask().unwrap_data_key(edks, request)
    }
}
