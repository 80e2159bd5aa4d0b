//! How an object's data key is wrapped, and what metadata calls that.

/// How an object's data key is wrapped (S3EC object formats, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wrapping {
    /// By AWS KMS, under an encryption context.
    KmsContext,
    /// By AES-GCM, with the content's suite as associated data.
    AesGcm,
    /// By RSA-OAEP with SHA-1, together with the content's suite.
    RsaOaepSha1,
    /// By AWS KMS, as the first clients did. Only to read, behind an option.
    LegacyKms,
    /// By AES as RFC 3394 has it. Only to read, behind an option.
    LegacyAesWrap,
    /// By RSA-OAEP with SHA-256 and MGF1 with SHA-1. Known, and not supported.
    LegacyRsaOaepSha256,
    /// By AES, block by block. Only to read, behind an option.
    LegacyAes,
    /// By RSA with PKCS#1 v1.5. Only to read, behind an option.
    LegacyRsa,
}

impl Wrapping {
    /// What the metadata of formats V1 and V2 call it. The oldest ones have no name there.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KmsContext => "kms+context",
            Self::AesGcm => "AES/GCM",
            Self::RsaOaepSha1 => "RSA-OAEP-SHA1",
            Self::LegacyKms => "kms",
            Self::LegacyAesWrap => "AESWrap",
            Self::LegacyRsaOaepSha256 => "RSA/ECB/OAEPWithSHA-256AndMGF1Padding",
            Self::LegacyAes => "AES",
            Self::LegacyRsa => "RSA",
        }
    }

    /// The wrapping of this name, which may be absent in format V1: then the wrapped key's length tells.
    pub(super) fn from_name(name: Option<&str>, wrapped_length: usize) -> Option<Self> {
        let Some(name) = name else {
            return Some(if wrapped_length > LONGEST_AES { Self::LegacyRsa } else { Self::LegacyAes });
        };
        Self::ALL.into_iter().find(|wrapping| wrapping.name() == name)
    }

    /// What the metadata of format V3 call it, which knows no old ones.
    pub(super) fn code(self) -> Option<&'static str> {
        match self {
            Self::KmsContext => Some("12"),
            Self::AesGcm => Some("02"),
            Self::RsaOaepSha1 => Some("22"),
            _ => None,
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wrapping| wrapping.code() == Some(code))
    }

    /// Whether only old clients wrapped so.
    #[must_use]
    pub fn is_legacy(self) -> bool {
        self.code().is_none()
    }

    /// Whether AWS KMS wrapped it, and the stored pairs are its encryption context.
    #[must_use]
    pub fn is_kms(self) -> bool {
        matches!(self, Self::KmsContext | Self::LegacyKms)
    }

    /// The wrapping that an [`EncryptedDataKey`](crate::EncryptedDataKey) of an S3EC keyring names in its provider info.
    #[must_use]
    pub fn of_provider_info(info: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|wrapping| wrapping.name().as_bytes() == info)
    }

    const ALL: [Self; 8] = [
        Self::KmsContext,
        Self::AesGcm,
        Self::RsaOaepSha1,
        Self::LegacyKms,
        Self::LegacyAesWrap,
        Self::LegacyRsaOaepSha256,
        Self::LegacyAes,
        Self::LegacyRsa,
    ];
}

/// The provider id of wrapped data keys of S3EC objects. Their provider info is the [`Wrapping::name`].
pub const PROVIDER_ID: &str = "s3ec";

/// The name of the pair that says the content's suite: part of the context that a data key is asked for with, and stored
/// with it where KMS wraps.
pub const CONTENT_CIPHER: &str = "aws:x-amz-cek-alg";
/// The name of the pair that old clients gave KMS.
pub(super) const LEGACY_KEY_ID: &str = "kms_cmk_id";
/// An AES-256 key with its padding, encrypted block by block.
const LONGEST_AES: usize = 48;
