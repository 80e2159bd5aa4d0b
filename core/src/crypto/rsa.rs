//! RSA encryption: OAEP to write and read, PKCS#1 v1.5 to read, and keys from PEM and DER.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{
    KeyPair, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use zeroize::Zeroizing;

use super::Secret;
use crate::error::{Error, Result};

/// How a data key is padded before RSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RsaPadding {
    /// OAEP with SHA-256, and MGF1 with SHA-256. The one to choose.
    OaepSha256,
    /// OAEP with SHA-384, and MGF1 with SHA-384.
    OaepSha384,
    /// OAEP with SHA-512, and MGF1 with SHA-512.
    OaepSha512,
    /// OAEP with SHA-1, and MGF1 with SHA-1: what some older software knows. OAEP needs no collision resistance of its
    /// hash, so it is no weakness.
    OaepSha1,
    /// PKCS#1 v1.5, only to read what exists.
    ///
    /// # Security
    ///
    /// Whoever can have many ciphertexts of their making unwrapped, and tell well padded from badly padded ones, can
    /// unwrap any other (Bleichenbacher 1998). All failures are one error here, after the same work; still, do not
    /// let outsiders submit data to be read with it and measure how long that takes.
    Pkcs1,
}

impl RsaPadding {
    fn oaep(self) -> Option<&'static OaepAlgorithm> {
        match self {
            Self::OaepSha1 => Some(&OAEP_SHA1_MGF1SHA1),
            Self::OaepSha256 => Some(&OAEP_SHA256_MGF1SHA256),
            Self::OaepSha384 => Some(&OAEP_SHA384_MGF1SHA384),
            Self::OaepSha512 => Some(&OAEP_SHA512_MGF1SHA512),
            Self::Pkcs1 => None,
        }
    }
}

/// An RSA private key of 2,048 to 8,192 bits.
///
/// # Security
///
/// The key is not printable and not serialisable. The text or bytes that it came from are the caller's to wipe.
pub struct RsaPrivateKey(PrivateDecryptingKey);

impl RsaPrivateKey {
    /// The key in this PEM text: `PRIVATE KEY` (PKCS#8) or `RSA PRIVATE KEY` (PKCS#1), not encrypted.
    ///
    /// # Errors
    ///
    /// `Config` if it is no such key.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self> {
        let mut buffer = Zeroizing::new(vec![0; LONGEST_DER]);
        match decode_pem(pem.as_ref(), &mut buffer)? {
            ("PRIVATE KEY" | "RSA PRIVATE KEY", der) => Self::from_der(der),
            ("ENCRYPTED PRIVATE KEY", _) => {
                Err(Error::config("the private key is encrypted: decrypt it first, for example with `openssl pkcs8`"))
            }
            _ => Err(Error::config("the PEM text holds no `PRIVATE KEY` or `RSA PRIVATE KEY`")),
        }
    }

    /// The key in these bytes: DER of PKCS#8 or PKCS#1.
    ///
    /// # Errors
    ///
    /// `Config` if it is no such key.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        if let Ok(key) = PrivateDecryptingKey::from_pkcs8(der) {
            return Ok(Self(key));
        }
        // The library decrypts with keys in PKCS#8 alone, and reads both kinds for signing.
        let pair = KeyPair::from_der(der).map_err(|_| unusable())?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| unusable())?;
        PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).map(Self).map_err(|_| unusable())
    }

    /// Its public key.
    #[must_use]
    pub fn public_key(&self) -> RsaPublicKey {
        RsaPublicKey(self.0.public_key())
    }

    /// The secret of `length` bytes behind this ciphertext. Whatever is wrong with it is the same integrity error, after
    /// the same work.
    pub(crate) fn decrypt(&self, padding: RsaPadding, ciphertext: &[u8], length: usize) -> Result<Secret> {
        let mut buffer = Zeroizing::new(vec![0; self.0.key_size_bytes().max(length)]);
        let failed = |_| Error::integrity();
        let found = match padding.oaep() {
            Some(oaep) => {
                let key = OaepPrivateDecryptingKey::new(self.0.clone()).map_err(failed)?;
                key.decrypt(oaep, ciphertext, &mut buffer, None).map(|plaintext| plaintext.len())
            }
            None => {
                let key = Pkcs1PrivateDecryptingKey::new(self.0.clone()).map_err(failed)?;
                key.decrypt(ciphertext, &mut buffer).map(|plaintext| plaintext.len())
            }
        };
        // Good or bad padding, right or wrong length: until the last line all go the same way.
        let secret = Secret::copy_of(buffer.get(..length).unwrap_or_default());
        let is_right = found.is_ok_and(|found| found == length);
        is_right.then_some(secret).ok_or_else(Error::integrity)
    }

    /// Bytes of a ciphertext.
    pub(crate) fn ciphertext_length(&self) -> usize {
        self.0.key_size_bytes()
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaPrivateKey").field("bits", &self.0.key_size_bits()).finish_non_exhaustive()
    }
}

/// An RSA public key of 2,048 to 8,192 bits.
pub struct RsaPublicKey(PublicEncryptingKey);

impl RsaPublicKey {
    /// The key in this PEM text: `PUBLIC KEY` (SPKI, RFC 5280).
    ///
    /// # Errors
    ///
    /// `Config` if it is no such key.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self> {
        let mut buffer = vec![0; LONGEST_DER];
        match decode_pem(pem.as_ref(), &mut buffer)? {
            ("PUBLIC KEY", der) => Self::from_der(der),
            _ => Err(Error::config("the PEM text holds no `PUBLIC KEY`")),
        }
    }

    /// The key in these bytes: DER of SPKI.
    ///
    /// # Errors
    ///
    /// `Config` if it is no such key.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        PublicEncryptingKey::from_der(der).map(Self).map_err(|_| unusable())
    }

    /// These bytes encrypted. PKCS#1 v1.5 is refused.
    pub(crate) fn encrypt(&self, padding: RsaPadding, plaintext: &Secret) -> Result<Vec<u8>> {
        let oaep = padding.oaep().ok_or_else(|| {
            Error::config("RSA with PKCS#1 v1.5 is only for reading what exists: write with `RsaPadding::OaepSha256`")
        })?;
        let failed = |_| Error::config("the RSA key is too short for this data key and padding");
        let key = OaepPublicEncryptingKey::new(self.0.clone()).map_err(failed)?;
        let mut ciphertext = vec![0; key.ciphertext_size()];
        let length = key.encrypt(oaep, plaintext.expose(), &mut ciphertext, None).map_err(failed)?.len();
        ciphertext.truncate(length);
        Ok(ciphertext)
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaPublicKey").field("bits", &self.0.key_size_bits()).finish_non_exhaustive()
    }
}

/// The label and the bytes of a PEM text.
fn decode_pem<'a>(pem: &'a [u8], buffer: &'a mut [u8]) -> Result<(&'a str, &'a [u8])> {
    // The parser's error says where and what, but never which bytes; still, its like is not worth the risk.
    pem_rfc7468::decode(pem.trim_ascii(), buffer)
        .map_err(|_| Error::config("the key is no PEM text: `-----BEGIN ...-----`, base64, `-----END ...-----`"))
}

fn unusable() -> Error {
    Error::config("the bytes are no usable RSA key: it needs 2,048 to 8,192 bits, as PKCS#8, PKCS#1 or SPKI")
}

/// More bytes than a private key of 8,192 bits has.
const LONGEST_DER: usize = 8192;

#[cfg(test)]
mod tests;
