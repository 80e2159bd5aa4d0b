//! Keyrings of S3EC objects, whose data keys are wrapped as AWS's S3 encryption clients do it.

use std::fmt;

use zeroize::Zeroizing;

use super::failures::Failures;
#[cfg(feature = "kms")]
use super::kms::{self, KmsKeyring};
use super::{DataKey, DataKeyRequest, Keyring, KeyringFuture};
use crate::crypto::{self, AeadKey, NONCE_LENGTH, RsaPadding, RsaPrivateKey, RsaPublicKey, Secret, TAG_LENGTH};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, ErrorKind, Result};
use crate::s3ec::{CONTENT_CIPHER, Header, NewObject, PROVIDER_ID, Sealed, Unlocked, Wrapping, WriteOptions};

/// Wraps data keys of S3EC objects with a key of AWS KMS, an AES key or an RSA key (S3EC object formats, section 2).
///
/// An object has one wrapped data key, so there is one key to write with; others can be added to read with.
///
/// ```
/// use privet_core::keyring::S3ecKeyring;
/// use privet_core::s3ec::{Header, Lookup, ReadOptions, WriteOptions};
/// use privet_core::{EncryptionContext, Secret};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let keyring = S3ecKeyring::aes(&Secret::random(32)?)?;
/// let context = EncryptionContext::new().with("purpose", "backup");
/// let sealed = keyring.seal(b"attack at dawn".to_vec(), &WriteOptions::new(context.clone())).await?;
/// let metadata = sealed.header.object_metadata()?;
///
/// let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
/// let Lookup::Header(header) = Header::read(&metadata, &ReadOptions::new().with_context(context))? else { panic!() };
/// assert_eq!(keyring.unlock(&header).await?.open(sealed.body)?, b"attack at dawn");
/// # Ok::<(), privet_core::Error>(())
/// # }).unwrap();
/// ```
///
/// # Security
///
/// Only KMS binds the encryption context. With an AES or RSA key the context is stored as a description, and whoever may
/// write to the bucket can change it; RSA keys besides let everyone write who has the public one.
pub struct S3ecKeyring {
    key: WrappingKey,
    readers: Vec<S3ecKeyring>,
}

enum WrappingKey {
    #[cfg(feature = "kms")]
    Kms(Box<KmsKeyring>),
    Aes {
        key: AeadKey,
        /// For what old clients wrapped.
        bytes: Secret,
    },
    Rsa {
        private_key: Option<RsaPrivateKey>,
        public_key: RsaPublicKey,
    },
}

impl S3ecKeyring {
    /// A keyring over this KMS key. With one that is given by alias or bare id it only writes.
    #[cfg(feature = "kms")]
    #[must_use]
    pub fn kms(keyring: KmsKeyring) -> Self {
        Self::of(WrappingKey::Kms(Box::new(keyring)))
    }

    /// A keyring over this AES key of 16, 24 or 32 bytes.
    ///
    /// # Errors
    ///
    /// `Config` for another length.
    pub fn aes(key: &Secret) -> Result<Self> {
        Ok(Self::of(WrappingKey::Aes { key: AeadKey::new(key.expose())?, bytes: Secret::copy_of(key.expose()) }))
    }

    /// A keyring over this RSA key, with OAEP and SHA-1.
    #[must_use]
    pub fn rsa(key: RsaPrivateKey) -> Self {
        let public_key = key.public_key();
        Self::of(WrappingKey::Rsa { private_key: Some(key), public_key })
    }

    /// A keyring that only writes, for who has the private key.
    #[must_use]
    pub fn rsa_for_writing(key: RsaPublicKey) -> Self {
        Self::of(WrappingKey::Rsa { private_key: None, public_key: key })
    }

    /// The same with one more keyring to read with: for keys that nothing is written for any more.
    #[must_use]
    pub fn with_reader(mut self, reader: Self) -> Self {
        self.readers.push(reader);
        self
    }

    /// Seals an object whole, under a data key of its own.
    ///
    /// # Errors
    ///
    /// `Input` if the options contradict the format (before the key provider is asked) or the content is too long;
    /// otherwise as the key provider's.
    pub async fn seal(&self, content: Vec<u8>, options: &WriteOptions) -> Result<Sealed> {
        let object = NewObject::new(options)?;
        let (secret, edk) = self.new_data_key(object.context()).await?;
        object.seal(&secret, edk, content)
    }

    /// A data key for a new object, and itself wrapped.
    ///
    /// # Errors
    ///
    /// As the key provider's.
    pub async fn new_data_key(&self, context: &EncryptionContext) -> Result<(Secret, EncryptedDataKey)> {
        let request = DataKeyRequest::new(context.clone());
        let DataKey { secret, edks } = self.generate_data_key(&request).await?;
        let [edk] = <[_; 1]>::try_from(edks).map_err(|_| Error::config("an S3EC object has one wrapped data key"))?;
        Ok((secret, edk))
    }

    /// Goes on with an object whose header was read.
    ///
    /// # Errors
    ///
    /// `Denied` if its data key was not wrapped for this keyring; `Integrity` if it is not committed to its data key;
    /// otherwise as the key provider's.
    pub async fn unlock(&self, header: &Header) -> Result<Unlocked> {
        header.unlock(&self.data_key(header).await?)
    }

    /// Whether the object's data key was wrapped by the key that this keyring writes with, whoever else it reads for. Only
    /// unwrapping tells: metadata do not name KMS keys.
    ///
    /// # Errors
    ///
    /// `Denied` if the key provider refuses; its other errors.
    pub async fn is_of_writer(&self, header: &Header) -> Result<bool> {
        match self.key.unwrap(header.encrypted_data_key(), &DataKeyRequest::new(header.context())).await {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.kind() == ErrorKind::Integrity => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The key that it writes with, for people: the ARN of a KMS key, or the kind of another.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.key {
            #[cfg(feature = "kms")]
            WrappingKey::Kms(keyring) => keyring.key_arn().unwrap_or("a KMS key by alias").to_owned(),
            WrappingKey::Aes { .. } => "an AES key".to_owned(),
            WrappingKey::Rsa { .. } => "an RSA key".to_owned(),
        }
    }

    /// The header of an object with its [`data_key`](Self::data_key) wrapped anew, by this keyring and under this context of
    /// the caller.
    ///
    /// # Errors
    ///
    /// `Integrity` if the object is not committed to this data key, which is worth knowing before the old header is gone;
    /// otherwise as the key provider's and [`Header::rewrapped`].
    pub async fn rewrap(&self, data_key: &Secret, header: &Header, context: &EncryptionContext) -> Result<Header> {
        header.unlock(data_key)?;
        let context = context.clone().with(CONTENT_CIPHER, header.suite().name());
        let edk = self.wrap_data_key(data_key, &DataKeyRequest::new(context.clone())).await?;
        header.rewrapped(edk, &context)
    }

    /// The data key of an object, unwrapped.
    ///
    /// # Errors
    ///
    /// `Denied` if it was not wrapped for this keyring; otherwise as the key provider's.
    pub async fn data_key(&self, header: &Header) -> Result<Secret> {
        let request = DataKeyRequest::new(header.context());
        let edks = std::slice::from_ref(header.encrypted_data_key());
        let secret = self.unwrap_data_key(edks, &request).await?;
        secret.ok_or_else(|| Error::denied("the object's data key was not wrapped for this keyring"))
    }

    fn of(key: WrappingKey) -> Self {
        Self { key, readers: Vec::new() }
    }
}

impl Keyring for S3ecKeyring {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async move {
            #[cfg(feature = "kms")]
            if let WrappingKey::Kms(kms) = &self.key {
                let mut data_key = kms.generate_data_key(request).await?;
                data_key.edks = data_key.edks.into_iter().map(from_kms).collect();
                return Ok(data_key);
            }
            let secret = Secret::random(request.length())?;
            let edks = vec![self.wrap_data_key(&secret, request).await?];
            Ok(DataKey { secret, edks })
        })
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async move {
            match &self.key {
                #[cfg(feature = "kms")]
                WrappingKey::Kms(kms) => kms.wrap_data_key(data_key, request).await.map(from_kms),
                WrappingKey::Aes { key, .. } => wrap_with_aes(key, data_key, content_cipher(request)?),
                WrappingKey::Rsa { public_key, .. } => wrap_with_rsa(public_key, data_key, content_cipher(request)?),
            }
        })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let mut failures = Failures::default();
            for edk in edks.iter().filter(|edk| edk.provider_id == PROVIDER_ID) {
                for keyring in std::iter::once(self).chain(&self.readers) {
                    match keyring.key.unwrap(edk, request).await {
                        Ok(Some(secret)) => return Ok(Some(secret)),
                        Ok(None) => {}
                        Err(error) => failures.note(error),
                    }
                }
            }
            failures.into_result()
        })
    }
}

impl WrappingKey {
    /// The data key; `None` if it was wrapped by another kind of key.
    async fn unwrap(&self, edk: &EncryptedDataKey, request: &DataKeyRequest) -> Result<Option<Secret>> {
        let Some(wrapping) = Wrapping::of_provider_info(&edk.provider_info) else { return Ok(None) };
        let wrapped = &edk.ciphertext;
        let secret = match (self, wrapping) {
            #[cfg(feature = "kms")]
            (Self::Kms(keyring), Wrapping::KmsContext | Wrapping::LegacyKms) => {
                let Some(arn) = keyring.key_arn() else { return Ok(None) };
                // The metadata name no key: the one that is configured is the one that is meant.
                let edks = [EncryptedDataKey {
                    provider_id: kms::PROVIDER_ID.to_owned(),
                    provider_info: arn.as_bytes().to_vec(),
                    ciphertext: wrapped.clone(),
                }];
                return keyring.unwrap_data_key(&edks, request).await;
            }
            (Self::Aes { key, .. }, Wrapping::AesGcm) => unwrap_with_aes(key, wrapped, request)?,
            (Self::Aes { bytes, .. }, Wrapping::LegacyAesWrap) => crypto::unwrap_rfc3394(bytes.expose(), wrapped)?,
            (Self::Aes { bytes, .. }, Wrapping::LegacyAes) => crypto::unwrap_ecb(bytes.expose(), wrapped)?,
            (Self::Rsa { private_key: Some(key), .. }, Wrapping::RsaOaepSha1) => {
                unwrap_with_rsa(key, wrapped, request)?
            }
            (Self::Rsa { private_key: Some(key), .. }, Wrapping::LegacyRsa) => {
                decrypt_rsa(key, RsaPadding::Pkcs1, wrapped, request.length())?
            }
            (Self::Rsa { .. }, Wrapping::LegacyRsaOaepSha256) => {
                return Err(Error::unsupported(
                    "RSA-OAEP with SHA-256 and MGF1 with SHA-1 is not supported: wrap the data key anew with a client \
                     that reads it",
                ));
            }
            _ => return Ok(None),
        };
        if secret.expose().len() == request.length() { Ok(Some(secret)) } else { Err(Error::integrity()) }
    }
}

/// What KMS wrapped, as metadata have it: the key's ARN is not stored.
#[cfg(feature = "kms")]
fn from_kms(edk: EncryptedDataKey) -> EncryptedDataKey {
    named(Wrapping::KmsContext, edk.ciphertext)
}

/// IV, ciphertext and tag; bound to the content's suite.
fn wrap_with_aes(key: &AeadKey, data_key: &Secret, cipher: &str) -> Result<EncryptedDataKey> {
    let mut nonce = [0; NONCE_LENGTH];
    crypto::fill(&mut nonce)?;
    let mut ciphertext = Vec::with_capacity(NONCE_LENGTH + data_key.expose().len() + TAG_LENGTH);
    ciphertext.extend_from_slice(&nonce);
    ciphertext.extend_from_slice(data_key.expose());
    let tag = key.seal(nonce, cipher.as_bytes(), ciphertext.get_mut(NONCE_LENGTH..).unwrap_or_default())?;
    ciphertext.extend_from_slice(&tag);
    Ok(named(Wrapping::AesGcm, ciphertext))
}

fn unwrap_with_aes(key: &AeadKey, wrapped: &[u8], request: &DataKeyRequest) -> Result<Secret> {
    let (nonce, sealed) = wrapped.split_first_chunk().ok_or_else(Error::integrity)?;
    if sealed.len() != request.length() + TAG_LENGTH {
        return Err(Error::integrity());
    }
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let cipher = content_cipher(request)?.as_bytes();
    Ok(Secret::copy_of(key.open(*nonce, cipher, &mut buffer)?))
}

/// The data key between its length and the content's suite.
fn wrap_with_rsa(key: &RsaPublicKey, data_key: &Secret, cipher: &str) -> Result<EncryptedDataKey> {
    let length = u8::try_from(data_key.expose().len()).map_err(|_| Error::config("the data key is too long"))?;
    let plaintext = Secret::filled(1 + usize::from(length) + cipher.len(), |out| {
        let parts = [&[length], data_key.expose(), cipher.as_bytes()];
        out.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        Ok(())
    })?;
    Ok(named(Wrapping::RsaOaepSha1, key.encrypt(RsaPadding::OaepSha1, &plaintext)?))
}

fn unwrap_with_rsa(key: &RsaPrivateKey, wrapped: &[u8], request: &DataKeyRequest) -> Result<Secret> {
    let cipher = content_cipher(request)?.as_bytes();
    let plaintext = decrypt_rsa(key, RsaPadding::OaepSha1, wrapped, 1 + request.length() + cipher.len())?;
    let (length, rest) = plaintext.expose().split_first().ok_or_else(Error::integrity)?;
    let (data_key, named) = rest.split_at_checked(request.length()).ok_or_else(Error::integrity)?;
    if usize::from(*length) != request.length() || named != cipher {
        return Err(Error::integrity());
    }
    Ok(Secret::copy_of(data_key))
}

fn decrypt_rsa(key: &RsaPrivateKey, padding: RsaPadding, wrapped: &[u8], length: usize) -> Result<Secret> {
    if wrapped.len() != key.ciphertext_length() {
        return Err(Error::integrity());
    }
    key.decrypt(padding, wrapped, length)
}

/// What the content's suite is called, which raw keys bind what they wrap to.
fn content_cipher(request: &DataKeyRequest) -> Result<&str> {
    request.context().value(CONTENT_CIPHER).ok_or_else(|| {
        Error::config("an `S3ecKeyring` wraps data keys of S3EC objects only: take another keyring for the rest")
    })
}

fn named(wrapping: Wrapping, ciphertext: Vec<u8>) -> EncryptedDataKey {
    EncryptedDataKey {
        provider_id: PROVIDER_ID.to_owned(),
        provider_info: wrapping.name().as_bytes().to_vec(),
        ciphertext,
    }
}

impl fmt::Debug for S3ecKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind: &dyn fmt::Debug = match &self.key {
            #[cfg(feature = "kms")]
            WrappingKey::Kms(keyring) => keyring,
            WrappingKey::Aes { .. } => &"AES",
            WrappingKey::Rsa { public_key, .. } => public_key,
        };
        f.debug_struct("S3ecKeyring").field("key", kind).field("readers", &self.readers).finish()
    }
}

#[cfg(test)]
mod tests;
