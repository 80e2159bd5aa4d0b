//! AES-GCM with 96-bit nonces and 128-bit tags.

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::error::{Error, Result};

/// An AES-GCM key, ready for use.
///
/// # Security
///
/// The caller answers for nonces: under one key each nonce is used once. The library wipes the key schedule when it is
/// dropped.
pub(crate) struct AeadKey(LessSafeKey);

impl AeadKey {
    /// A key of 16, 24 or 32 bytes.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        let algorithm = match bytes.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            _ => return Err(Error::config("an AES key has 16, 24 or 32 bytes")),
        };
        UnboundKey::new(algorithm, bytes)
            .map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| Error::config("the AES key is not usable"))
    }

    /// Seals `data` in place and returns its tag.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_LENGTH],
        associated_data: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; TAG_LENGTH]> {
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated_data), data)
            .map_err(|_| Error::input("a value is too long to be sealed at once"))?;
        tag.as_ref().try_into().map_err(|_| Error::integrity())
    }

    /// Seals `plaintext` into `ciphertext`, which is as long, and its tag into `tag`.
    pub(crate) fn seal_to(
        &self,
        nonce: [u8; NONCE_LENGTH],
        associated_data: &[u8],
        plaintext: &[u8],
        ciphertext: &mut [u8],
        tag: &mut [u8],
    ) -> Result<()> {
        let (nonce, associated_data) = (Nonce::assume_unique_for_key(nonce), Aad::from(associated_data));
        self.0
            .seal_out_of_place_scatter(nonce, associated_data, plaintext, ciphertext, &[], tag)
            .map_err(|_| Error::input("a value is too long to be sealed at once"))
    }

    /// Opens `sealed`, ciphertext with its tag at the end, into `plaintext`, which is as long as the ciphertext. Where
    /// it does not authenticate, what is left in `plaintext` is nothing to go by.
    pub(crate) fn open_to(
        &self,
        nonce: [u8; NONCE_LENGTH],
        associated_data: &[u8],
        sealed: &[u8],
        plaintext: &mut [u8],
    ) -> Result<()> {
        let (nonce, associated_data) = (Nonce::assume_unique_for_key(nonce), Aad::from(associated_data));
        let (ciphertext, tag) = sealed.split_at_checked(plaintext.len()).ok_or_else(Error::integrity)?;
        self.0.open_separate_gather(nonce, associated_data, ciphertext, tag, plaintext).map_err(|_| Error::integrity())
    }

    /// Opens `data`, ciphertext with its tag at the end, in place; returns the plaintext's part of it.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; NONCE_LENGTH],
        associated_data: &[u8],
        data: &'a mut [u8],
    ) -> Result<&'a mut [u8]> {
        self.0
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(associated_data), data)
            .map_err(|_| Error::integrity())
    }
}

/// Bytes of a nonce.
pub(crate) const NONCE_LENGTH: usize = 12;
/// Bytes of a tag.
pub(crate) const TAG_LENGTH: usize = 16;
