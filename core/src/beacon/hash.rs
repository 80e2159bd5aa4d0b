//! The keyed hash behind AWS's beacons.

use std::collections::BTreeMap;
use std::fmt;

use super::BeaconLength;
use crate::crypto::{Extracted, Hash, LongMacKey, Secret};
use crate::error::{Error, Result};

/// The keys of a table's standard beacons, one each.
///
/// # Security
///
/// Whoever has them can find out by trying which value a beacon stands for.
pub struct BeaconKeys(BTreeMap<String, LongMacKey>);

impl BeaconKeys {
    pub(super) fn derive<'a>(beacon_key: &Secret, names: impl Iterator<Item = &'a str>) -> Result<Self> {
        let extracted = Extracted::new(Hash::Sha512, &[], beacon_key.expose());
        let key = |name: &'a str| {
            let key = Secret::filled(KEY_LENGTH, |out| extracted.expand(&[INFO, name.as_bytes()], out))?;
            Ok((name.to_owned(), LongMacKey::new(key.expose())))
        };
        names.map(key).collect::<Result<_>>().map(Self)
    }

    /// The beacon text of these bytes in this partition.
    pub(super) fn text(&self, name: &str, input: &[u8], partition: u8, length: BeaconLength) -> Result<String> {
        let key = self.0.get(name).ok_or_else(|| Error::config("the beacon keys are those of other beacons"))?;
        let partition = [partition];
        let input: &[&[u8]] = if partition == [0] { &[input] } else { &[input, &partition] };
        Ok(length.text_of(first_8_bytes(&key.tag(input))))
    }
}

impl fmt::Debug for BeaconKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeaconKeys(..)")
    }
}

/// As a big-endian number.
pub(super) fn first_8_bytes(tag: &[u8]) -> u64 {
    tag.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What each derivation is for, before the name of the beacon (AWS Database Encryption SDK, search configuration, HMAC
/// key generation).
const INFO: &[u8] = b"AWS_DBE_SCAN_BEACON";
const KEY_LENGTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac` and an HKDF written from RFC 5869.
    #[test]
    fn known_answer() {
        let keys = BeaconKeys::derive(&Secret::copy_of(&(0..32).collect::<Vec<_>>()), ["name"].into_iter()).unwrap();
        let hash = first_8_bytes(&keys.0["name"].tag(&[b"Alice"]));
        assert_eq!(hash, 0x1608_d0c5_2d82_4b78);
        let length = BeaconLength::new(16).unwrap();
        assert_eq!(keys.text("name", b"Alice", 0, length).unwrap(), "4b78");
        assert_ne!(keys.text("name", b"Alice", 1, length).unwrap(), "4b78");
        assert!(keys.text("city", b"Alice", 0, length).is_err());
    }

    #[test]
    fn debug_prints_no_key() {
        let keys = BeaconKeys::derive(&Secret::copy_of(&[7; 32]), ["name"].into_iter()).unwrap();
        assert_eq!(format!("{keys:?}"), "BeaconKeys(..)");
    }
}
