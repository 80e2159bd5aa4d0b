//! How an object's content is encrypted, and which of that a commitment policy lets through.

use crate::error::{Error, Result};

/// How an object's content is encrypted (S3EC object formats, section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentSuite {
    /// 0x0070: AES-256-CBC, as the first clients wrote. Only to read, behind an option: nothing authenticates it.
    Cbc,
    /// 0x0072: AES-256-GCM under the data key itself (format V2).
    Gcm,
    /// 0x0073: AES-256-GCM under a key that is derived from the data key and committed to (format V3). What privet
    /// writes unless told otherwise.
    CommittingGcm,
}

impl ContentSuite {
    /// The suite's id, in the number space that it shares with ESDK messages.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::Cbc => 0x0070,
            Self::Gcm => 0x0072,
            Self::CommittingGcm => 0x0073,
        }
    }

    /// Whether objects are bound to a single data key.
    #[must_use]
    pub fn commits(self) -> bool {
        self == Self::CommittingGcm
    }

    /// What metadata and wrapped keys call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cbc => "AES/CBC/PKCS5Padding",
            Self::Gcm => "AES/GCM/NoPadding",
            Self::CommittingGcm => "115",
        }
    }

    /// Bytes of what is stored in front of the wrapped key's content: an IV, or with commitment the message id.
    pub(super) fn seed_length(self) -> usize {
        match self {
            Self::Cbc => 16,
            Self::Gcm => 12,
            Self::CommittingGcm => 28,
        }
    }
}

/// Which suites may be written and read, as AWS's clients name the choices.
///
/// # Security
///
/// What may be read is set here, by configuration, never by the object: the data key of one without commitment can be
/// replaced, so that it decrypts to another plaintext for another reader (CVE-2025-14763).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CommitmentPolicy {
    /// Write format V2, read everything: the first step of a migration from clients that cannot commit.
    ForbidEncryptAllowDecrypt,
    /// Write format V3, read V2 too: while older objects are being rewritten.
    RequireEncryptAllowDecrypt,
    /// Write and read format V3 only. The default.
    #[default]
    RequireEncryptRequireDecrypt,
}

impl CommitmentPolicy {
    /// What is written.
    pub(super) fn suite(self) -> ContentSuite {
        match self {
            Self::ForbidEncryptAllowDecrypt => ContentSuite::Gcm,
            Self::RequireEncryptAllowDecrypt | Self::RequireEncryptRequireDecrypt => ContentSuite::CommittingGcm,
        }
    }

    /// Whether an object of this suite may be read.
    pub(super) fn check_read(self, suite: ContentSuite) -> Result<()> {
        if self == Self::RequireEncryptRequireDecrypt && !suite.commits() {
            return Err(Error::denied(
                "the object has no key commitment, which the commitment policy asks for: rewrite it, or allow it",
            ));
        }
        Ok(())
    }
}
