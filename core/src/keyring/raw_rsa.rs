//! A keyring over an RSA key that the process itself holds: to share data with someone who has the other half.

use std::fmt;

use super::failures::Failures;
use super::{DataKey, DataKeyRequest, Keyring, KeyringFuture, raw_name};
use crate::crypto::{RsaPadding, RsaPrivateKey, RsaPublicKey, Secret};
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};

/// Wraps data keys with an RSA key (ESDK message format, section 5, raw RSA).
///
/// With the private key it writes and reads; with the public key it only writes.
///
/// ```no_run
/// # use privet_core::keyring::{RawRsaKeyring, RsaPadding, RsaPrivateKey, RsaPublicKey};
/// # fn keyrings(public_pem: &str, private_pem: &str) -> privet_core::Result<()> {
/// let sender = RawRsaKeyring::for_writing("partner", "2026", RsaPublicKey::from_pem(public_pem)?, RsaPadding::OaepSha256)?;
/// let receiver = RawRsaKeyring::new("partner", "2026", RsaPrivateKey::from_pem(private_pem)?, RsaPadding::OaepSha256)?;
/// # Ok(())
/// # }
/// ```
///
/// # Security
///
/// RSA does not authenticate: whoever knows the public key can wrap a data key of their own and seal with it. Where that
/// matters, sign (a message suite with signature), or take another keyring.
///
/// The encryption context is not bound to the wrapped key. Messages bind all of it by themselves. Records bind class and tenant,
/// but not the application's own pairs.
///
/// Reading costs a millisecond or two of computing (4,096 bits), on the thread that asks; the data-key cache saves most
/// of it. On PKCS#1 v1.5 see [`RsaPadding::Pkcs1`].
pub struct RawRsaKeyring {
    namespace: String,
    name: String,
    padding: RsaPadding,
    private_key: Option<RsaPrivateKey>,
    public_key: RsaPublicKey,
}

impl RawRsaKeyring {
    /// A keyring that writes and reads; only reads with [`RsaPadding::Pkcs1`]. Namespace and name are stored, in clear, with
    /// each wrapped data key; the padding is not, and must be the writer's.
    ///
    /// # Errors
    ///
    /// `Config` if the namespace is `aws-kms` (which means AWS KMS to all readers) or `privet`, or a name is empty or
    /// overlong.
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        private_key: RsaPrivateKey,
        padding: RsaPadding,
    ) -> Result<Self> {
        let (namespace, name) = raw_name::checked(namespace, name)?;
        let public_key = private_key.public_key();
        Ok(Self { namespace, name, padding, private_key: Some(private_key), public_key })
    }

    /// A keyring that only writes: what it has written is read by whoever has the private key.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); `Config` also for [`RsaPadding::Pkcs1`], which is only for reading.
    pub fn for_writing(
        namespace: impl Into<String>,
        name: impl Into<String>,
        public_key: RsaPublicKey,
        padding: RsaPadding,
    ) -> Result<Self> {
        let (namespace, name) = raw_name::checked(namespace, name)?;
        if padding == RsaPadding::Pkcs1 {
            return Err(Error::config("RSA with PKCS#1 v1.5 is only for reading: write with `RsaPadding::OaepSha256`"));
        }
        Ok(Self { namespace, name, padding, private_key: None, public_key })
    }

    fn wrap(&self, data_key: &Secret) -> Result<EncryptedDataKey> {
        Ok(EncryptedDataKey {
            provider_id: self.namespace.clone(),
            provider_info: self.name.clone().into_bytes(),
            ciphertext: self.public_key.encrypt(self.padding, data_key)?,
        })
    }

    fn unwrap_first(&self, edks: &[EncryptedDataKey], request: &DataKeyRequest) -> Result<Option<Secret>> {
        let Some(private_key) = &self.private_key else { return Ok(None) };
        let is_ours =
            |edk: &&EncryptedDataKey| edk.provider_id == self.namespace && edk.provider_info == self.name.as_bytes();
        let mut failures = Failures::default();
        for edk in edks.iter().filter(is_ours) {
            // The length is no secret: nothing is computed for what no key of this size can have made.
            if edk.ciphertext.len() != private_key.ciphertext_length() {
                failures.note(Error::integrity());
                continue;
            }
            match private_key.decrypt(self.padding, &edk.ciphertext, request.length()) {
                Ok(secret) => return Ok(Some(secret)),
                Err(error) => failures.note(error),
            }
        }
        failures.into_result()
    }
}

impl Keyring for RawRsaKeyring {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async move {
            let secret = Secret::random(request.length())?;
            let edks = vec![self.wrap(&secret)?];
            Ok(DataKey { secret, edks })
        })
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        _request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async move { self.wrap(data_key) })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move { self.unwrap_first(edks, request) })
    }
}

impl fmt::Debug for RawRsaKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRsaKeyring")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .field("padding", &self.padding)
            .field("reads", &self.private_key.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
