//! A keyring over an AES key that the process itself holds: for development, tests, and files without AWS.

use std::fmt;
use std::path::Path;

use super::failures::Failures;
use super::{DataKey, DataKeyRequest, Keyring, KeyringFuture, raw_name, read_key_file};
use crate::crypto::{self, AeadKey, NONCE_LENGTH, Secret, TAG_LENGTH};
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};

/// Wraps data keys with an AES key of 16, 24 or 32 bytes (ESDK message format, section 5, raw AES).
///
/// ```
/// # use privet_core::keyring::RawAesKeyring;
/// # use privet_core::Secret;
/// let keyring = RawAesKeyring::new("my-team", "2026-11", &Secret::random(32)?)?;
/// # Ok::<(), privet_core::Error>(())
/// ```
///
/// # Security
///
/// Whoever reads the process's memory or the key's file has the key. Production keys belong into a KMS. Wrapping uses
/// random 96-bit nonces: with the data-key cache in front, far below the 2^32 wraps that one key may make.
pub struct RawAesKeyring {
    namespace: String,
    name: String,
    wrapping_key: AeadKey,
}

impl RawAesKeyring {
    /// A keyring over this wrapping key. Namespace and name are stored, in clear, with each wrapped data key.
    ///
    /// # Errors
    ///
    /// `Config` if the key is not of 16, 24 or 32 bytes, the namespace is `aws-kms` (which means AWS KMS to all
    /// readers) or `privet`, or a name is empty or overlong.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, wrapping_key: &Secret) -> Result<Self> {
        let (namespace, name) = raw_name::checked(namespace, name)?;
        Ok(Self { namespace, name, wrapping_key: AeadKey::new(wrapping_key.expose())? })
    }

    /// A keyring over the key in a file: 16, 24 or 32 bytes, raw or as hexadecimal text. Reads the file at once; call
    /// it at start-up.
    ///
    /// # Errors
    ///
    /// `Config` if others than the owner may read the file or it holds no key; `Io` if it cannot be read.
    pub fn from_file(namespace: impl Into<String>, name: impl Into<String>, path: &Path) -> Result<Self> {
        Self::new(namespace, name, &read_key_file(path)?)
    }
}

impl Keyring for RawAesKeyring {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async move {
            // One call of the operating system for both.
            let random = Secret::random(NONCE_LENGTH + request.length())?;
            let (nonce, key) = random.expose().split_first_chunk().ok_or_else(Error::integrity)?;
            let secret = Secret::copy_of(key);
            let edks = vec![self.wrap_with(*nonce, &secret, request)?];
            Ok(DataKey { secret, edks })
        })
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async move { self.wrap(data_key, request) })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move { self.unwrap_first(edks, request) })
    }
}

impl RawAesKeyring {
    fn wrap(&self, data_key: &Secret, request: &DataKeyRequest) -> Result<EncryptedDataKey> {
        let mut nonce = [0; NONCE_LENGTH];
        crypto::fill(&mut nonce)?;
        self.wrap_with(nonce, data_key, request)
    }

    fn wrap_with(
        &self,
        nonce: [u8; NONCE_LENGTH],
        data_key: &Secret,
        request: &DataKeyRequest,
    ) -> Result<EncryptedDataKey> {
        let (associated_data, data_key) = (request.context().serialise()?, data_key.expose());
        let mut ciphertext = vec![0; data_key.len() + TAG_LENGTH];
        let (sealed, tag) = ciphertext.split_at_mut_checked(data_key.len()).ok_or_else(Error::integrity)?;
        self.wrapping_key.seal_to(nonce, &associated_data, data_key, sealed, tag)?;
        let provider_info = [self.name.as_bytes(), &INFO_LENGTHS, &nonce].concat();
        Ok(EncryptedDataKey { provider_id: self.namespace.clone(), provider_info, ciphertext })
    }

    fn unwrap_first(&self, edks: &[EncryptedDataKey], request: &DataKeyRequest) -> Result<Option<Secret>> {
        let mut failures = Failures::default();
        for edk in edks.iter().filter(|edk| edk.provider_id == self.namespace) {
            // The name has no end mark: only the total length and the prefix tell whose it is.
            let Some(rest) = edk.provider_info.strip_prefix(self.name.as_bytes()) else { continue };
            let Ok(rest) = <&[u8; 8 + NONCE_LENGTH]>::try_from(rest) else { continue };
            match self.unwrap_one(rest, &edk.ciphertext, request) {
                Ok(secret) => return Ok(Some(secret)),
                Err(error) => failures.note(error),
            }
        }
        failures.into_result()
    }

    fn unwrap_one(&self, info: &[u8; 8 + NONCE_LENGTH], ciphertext: &[u8], request: &DataKeyRequest) -> Result<Secret> {
        let nonce = info.strip_prefix(&INFO_LENGTHS).and_then(|nonce| nonce.try_into().ok());
        let nonce = nonce.ok_or_else(Error::integrity)?;
        if ciphertext.len() != request.length() + TAG_LENGTH {
            return Err(Error::integrity());
        }
        let associated_data = request.context().serialise()?;
        Secret::filled(request.length(), |out| self.wrapping_key.open_to(nonce, &associated_data, ciphertext, out))
    }
}

impl fmt::Debug for RawAesKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawAesKeyring").field("namespace", &self.namespace).field("name", &self.name).finish()
    }
}

/// Tag length in bits and nonce length in bytes, as the provider info states them.
const INFO_LENGTHS: [u8; 8] = [0, 0, 0, 128, 0, 0, 0, 12];

#[cfg(test)]
mod tests;
