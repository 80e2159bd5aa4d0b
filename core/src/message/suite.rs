//! The algorithm suites of ESDK messages, and which of them a commitment policy lets through.

use crate::crypto::{Curve, Hash};
use crate::error::{Error, Result};

/// How a message is encrypted (ESDK message format, section 1). All use AES-GCM with 96-bit nonces and 128-bit tags.
///
/// # Security
///
/// Only [`Committing`](Self::Committing) and [`CommittingSigned`](Self::CommittingSigned) bind a message to a single
/// data key. The others are there to read what older writers left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlgorithmSuite {
    /// 0x0014: AES-128, the data key used as it is.
    Aes128,
    /// 0x0046: AES-192, the data key used as it is.
    Aes192,
    /// 0x0078: AES-256, the data key used as it is.
    Aes256,
    /// 0x0114: AES-128, HKDF-SHA-256.
    Aes128Hkdf,
    /// 0x0146: AES-192, HKDF-SHA-256.
    Aes192Hkdf,
    /// 0x0178: AES-256, HKDF-SHA-256.
    Aes256Hkdf,
    /// 0x0214: AES-128, HKDF-SHA-256, signed with ECDSA P-256.
    Aes128HkdfSigned,
    /// 0x0346: AES-192, HKDF-SHA-384, signed with ECDSA P-384.
    Aes192HkdfSigned,
    /// 0x0378: AES-256, HKDF-SHA-384, signed with ECDSA P-384.
    Aes256HkdfSigned,
    /// 0x0478: AES-256, HKDF-SHA-512, key commitment. What privet writes unless told otherwise.
    Committing,
    /// 0x0578: AES-256, HKDF-SHA-512, key commitment, signed with ECDSA P-384: readers who can decrypt cannot forge.
    CommittingSigned,
}

impl AlgorithmSuite {
    /// All suites, in the order of their ids.
    pub const ALL: [Self; 11] = [
        Self::Aes128,
        Self::Aes192,
        Self::Aes256,
        Self::Aes128Hkdf,
        Self::Aes192Hkdf,
        Self::Aes256Hkdf,
        Self::Aes128HkdfSigned,
        Self::Aes192HkdfSigned,
        Self::Aes256HkdfSigned,
        Self::Committing,
        Self::CommittingSigned,
    ];

    /// The suite with this id; `None` for ids of other formats and for unknown ones.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    /// The id in a message's header.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::Aes128 => 0x0014,
            Self::Aes192 => 0x0046,
            Self::Aes256 => 0x0078,
            Self::Aes128Hkdf => 0x0114,
            Self::Aes192Hkdf => 0x0146,
            Self::Aes256Hkdf => 0x0178,
            Self::Aes128HkdfSigned => 0x0214,
            Self::Aes192HkdfSigned => 0x0346,
            Self::Aes256HkdfSigned => 0x0378,
            Self::Committing => 0x0478,
            Self::CommittingSigned => 0x0578,
        }
    }

    /// Bytes of the data key, and of the key that encrypts.
    #[must_use]
    pub fn data_key_length(self) -> usize {
        match self {
            Self::Aes128 | Self::Aes128Hkdf | Self::Aes128HkdfSigned => 16,
            Self::Aes192 | Self::Aes192Hkdf | Self::Aes192HkdfSigned => 24,
            Self::Aes256 | Self::Aes256Hkdf | Self::Aes256HkdfSigned | Self::Committing | Self::CommittingSigned => 32,
        }
    }

    /// Whether messages are bound to a single data key.
    #[must_use]
    pub fn commits(self) -> bool {
        matches!(self, Self::Committing | Self::CommittingSigned)
    }

    /// Whether messages end in a signature.
    #[must_use]
    pub fn signs(self) -> bool {
        self.curve().is_some()
    }

    pub(super) fn curve(self) -> Option<Curve> {
        match self {
            Self::Aes128HkdfSigned => Some(Curve::P256),
            Self::Aes192HkdfSigned | Self::Aes256HkdfSigned | Self::CommittingSigned => Some(Curve::P384),
            _ => None,
        }
    }

    /// The hash of the key derivation, if there is one.
    pub(super) fn hash(self) -> Option<Hash> {
        match self {
            Self::Aes128 | Self::Aes192 | Self::Aes256 => None,
            Self::Aes128Hkdf | Self::Aes192Hkdf | Self::Aes256Hkdf | Self::Aes128HkdfSigned => Some(Hash::Sha256),
            Self::Aes192HkdfSigned | Self::Aes256HkdfSigned => Some(Hash::Sha384),
            Self::Committing | Self::CommittingSigned => Some(Hash::Sha512),
        }
    }

    /// The format version that the suite fixes.
    pub(super) fn version(self) -> u8 {
        if self.commits() { 2 } else { 1 }
    }

    /// Bytes of the message id.
    pub(super) fn message_id_length(self) -> usize {
        if self.commits() { 32 } else { 16 }
    }
}

/// Which suites may be written and read, as AWS's clients name the choices.
///
/// # Security
///
/// What may be read is set here, by configuration, never by the message: a message without key commitment can be made
/// to decrypt to different plaintexts for different readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CommitmentPolicy {
    /// Write without commitment, read everything: the first step of a migration from clients that cannot commit.
    ForbidEncryptAllowDecrypt,
    /// Write with commitment, read everything: while messages without are being rewritten.
    RequireEncryptAllowDecrypt,
    /// Write and read with commitment only. The default.
    #[default]
    RequireEncryptRequireDecrypt,
}

impl CommitmentPolicy {
    /// Whether a message of this suite may be written.
    pub(super) fn check_write(self, suite: AlgorithmSuite) -> Result<()> {
        match (self, suite.commits()) {
            (Self::ForbidEncryptAllowDecrypt, true) => {
                Err(Error::config("the commitment policy forbids to write with key commitment: choose another suite"))
            }
            (Self::RequireEncryptAllowDecrypt | Self::RequireEncryptRequireDecrypt, false) => {
                Err(Error::config("the commitment policy asks for key commitment: choose a suite that commits"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a message of this suite may be read.
    pub(super) fn check_read(self, suite: AlgorithmSuite) -> Result<()> {
        if self == Self::RequireEncryptRequireDecrypt && !suite.commits() {
            return Err(Error::denied(
                "the message has no key commitment, which the commitment policy asks for: rewrite it, or allow it",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_those_of_other_formats_unknown() {
        for suite in AlgorithmSuite::ALL {
            assert_eq!(AlgorithmSuite::from_id(suite.id()), Some(suite));
        }
        for id in [0, 0x0070, 0x0073, 0x0074, 0x0479, 0x6700, 0x6701] {
            assert_eq!(AlgorithmSuite::from_id(id), None);
        }
    }

    #[test]
    fn policies_let_through_what_they_say() {
        use CommitmentPolicy::*;
        for suite in AlgorithmSuite::ALL {
            assert_eq!(ForbidEncryptAllowDecrypt.check_write(suite).is_ok(), !suite.commits());
            assert_eq!(RequireEncryptAllowDecrypt.check_write(suite).is_ok(), suite.commits());
            assert_eq!(RequireEncryptRequireDecrypt.check_write(suite).is_ok(), suite.commits());
            assert!(ForbidEncryptAllowDecrypt.check_read(suite).is_ok());
            assert!(RequireEncryptAllowDecrypt.check_read(suite).is_ok());
            assert_eq!(RequireEncryptRequireDecrypt.check_read(suite).is_ok(), suite.commits());
        }
    }
}
