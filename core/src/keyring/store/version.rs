//! The version of a branch key: a UUID, as text in the key store and as 16 bytes in wrapped data keys.

use std::fmt;
use std::str::FromStr;

use crate::crypto;
use crate::error::{Error, Result};

/// The version of a branch key.
///
/// ```
/// # use privet_core::keyring::store::BranchKeyVersion;
/// let version: BranchKeyVersion = "9941e3c5-0e6d-4881-83ad-9ca668a01b27".parse()?;
/// assert_eq!(version.as_bytes()[..2], [0x99, 0x41]);
/// assert_eq!(version.to_string(), "9941e3c5-0e6d-4881-83ad-9ca668a01b27");
/// # Ok::<(), privet_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchKeyVersion([u8; 16]);

impl BranchKeyVersion {
    /// A new random one: a UUID of version 4 (RFC 9562, section 5.4).
    pub(super) fn random() -> Result<Self> {
        let mut bytes = [0; 16];
        crypto::fill(&mut bytes)?;
        let mut number = u128::from_be_bytes(bytes);
        // Version 4 and the variant of RFC 9562, in their places.
        number = number & !(0xf << 76) | 4 << 76;
        number = number & !(0b11 << 62) | 0b10 << 62;
        Ok(Self(number.to_be_bytes()))
    }

    /// The version with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes, as wrapped data keys carry them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Lower case with hyphens: the form that the key store's sort keys have.
impl fmt::Display for BranchKeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for BranchKeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Takes the one form that [`Display`](fmt::Display) writes: another spelling would name another record.
impl FromStr for BranchKeyVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = || Error::input("a branch key version is a UUID in lower case, with hyphens");
        let digits: String = text.chars().filter(|char| *char != '-').collect();
        let number = u128::from_str_radix(&digits, 16).map_err(|_| malformed())?;
        let version = Self(number.to_be_bytes());
        if version.to_string() == text { Ok(version) } else { Err(malformed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_versions_are_uuids_of_version_4() {
        for _ in 0..100 {
            let version = BranchKeyVersion::random().unwrap();
            let text = version.to_string();
            assert_eq!(text.len(), 36);
            assert_eq!(&text[14..15], "4", "{text}");
            assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
            assert_eq!(text.parse::<BranchKeyVersion>().unwrap(), version);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "9941e3c5",
            "9941E3C5-0e6d-4881-83ad-9ca668a01b27",
            "9941e3c50e6d488183ad9ca668a01b27",
            "9941e3c5-0e6d-4881-83ad-9ca668a01b2",
            "+941e3c5-0e6d-4881-83ad-9ca668a01b27",
            "9941e3c5-0e6d-4881-83ad-9ca668a01b27 ",
            "{9941e3c5-0e6d-4881-83ad-9ca668a01b27}",
        ] {
            assert!(text.parse::<BranchKeyVersion>().is_err(), "{text}");
        }
    }
}
