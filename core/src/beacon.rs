//! Searchable tags of sealed values: AWS's beacons, byte for byte, and the hashes behind privet's own.
//!
//! Bytes in, bytes out: no clock, no I/O, no policy. AWS's beacons are those of the AWS Database Encryption SDK; what is
//! privet's own is specified in `docs/FORMAT.md`.

mod advice;
mod build;
mod compound;
mod field;
mod find;
mod hash;
mod length;
mod location;
mod query;
mod standard;
mod transform;
mod virtual_field;
mod write;

pub use advice::{BeaconAdvice, Skew};
pub use build::{BeaconsBuilder, Protection};
pub use compound::{CompoundBeacon, Constructor, EncryptedPart, SignedPart};
pub use field::{FieldKey, TenantTag};
pub use find::StoredBeacon;
pub use hash::BeaconKeys;
pub use length::BeaconLength;
pub use location::Location;
pub use query::{Comparison, Term};
pub use standard::{StandardBeacon, Style};
pub use transform::Transform;
pub use virtual_field::{VirtualField, VirtualPart};
pub use write::BeaconAttributes;

use std::collections::BTreeMap;

use crate::crypto;
use crate::error::Result;

/// The beacons of one table, as AWS's clients configure them: standard beacons, compound beacons and the virtual fields
/// that either may be made of.
///
/// ```
/// # use privet_core::Secret;
/// # use privet_core::beacon::{BeaconLength, Beacons, Protection, StandardBeacon};
/// # use privet_core::value::{Map, Value};
/// let beacons = Beacons::builder()
///     .standard(StandardBeacon::new("name", BeaconLength::new(16)?))
///     .build(|attribute| (attribute == "name").then_some(Protection::Encrypted))?;
/// let keys = beacons.keys(&Secret::copy_of(&(0..32).collect::<Vec<u8>>()))?;
/// let item = Map::from([("name".to_owned(), Value::S("Alice".into()))]);
/// let attributes = beacons.attributes(&item, &keys, 0)?;
/// assert_eq!(attributes.beacons["aws_dbe_b_name"].as_text(), Some("4b78"));
/// # Ok::<(), privet_core::Error>(())
/// ```
///
/// # Security
///
/// Equal values have equal beacons, so that frequencies show, and whoever has the beacon key can test guesses. See
/// [`BeaconAdvice`] for how long a beacon should be.
#[derive(Clone, Debug)]
pub struct Beacons {
    standard: BTreeMap<String, StandardBeacon>,
    compound: BTreeMap<String, CompoundBeacon>,
    virtual_fields: BTreeMap<String, VirtualField>,
    max_partitions: u8,
    default_partitions: Option<u8>,
}

impl Beacons {
    /// Puts the beacons of a table together.
    pub fn builder() -> BeaconsBuilder {
        BeaconsBuilder::default()
    }

    /// The keys of all beacons, derived from the table's beacon key.
    ///
    /// # Errors
    ///
    /// `Config` if a beacon's name is longer than a key derivation takes.
    pub fn keys(&self, beacon_key: &crypto::Secret) -> Result<BeaconKeys> {
        BeaconKeys::derive(beacon_key, self.standard.values().map(StandardBeacon::key_name))
    }

    /// How many partitions the table has. Each item is in one of them, and beacons of equal values in different ones
    /// differ.
    #[must_use]
    pub fn partitions(&self) -> u8 {
        self.max_partitions
    }

    /// How many partitions the values of one beacon are spread over: a query has to ask in each. `None` if there is no
    /// beacon of this name.
    #[must_use]
    pub fn partitions_of(&self, beacon: &str) -> Option<u8> {
        if let Some(compound) = self.compound.get(beacon) {
            let parts = compound.encrypted.iter().filter_map(|part| self.standard.get(&part.beacon));
            return Some(parts.map(|standard| self.spread(standard)).max().unwrap_or(1));
        }
        self.standard.get(beacon).map(|standard| self.spread(standard))
    }

    /// A partition for an item, each as likely as any other.
    ///
    /// # Errors
    ///
    /// `Io` if the operating system gives no random bytes.
    pub fn random_partition(&self) -> Result<u8> {
        // The most that can be shared out evenly; what is above is drawn again.
        let fair = u8::MAX - u8::MAX % self.max_partitions;
        loop {
            let mut drawn = [0];
            crypto::fill(&mut drawn)?;
            let [drawn] = drawn;
            if drawn < fair {
                return Ok(drawn % self.max_partitions);
            }
        }
    }

    /// The partition that this beacon uses for an item in `partition`.
    fn partition_for(&self, standard: &StandardBeacon, partition: u8) -> u8 {
        partition.checked_rem(self.spread(standard)).unwrap_or(0)
    }

    fn spread(&self, standard: &StandardBeacon) -> u8 {
        standard.partitions.or(self.default_partitions).unwrap_or(self.max_partitions)
    }
}

/// What the names of stored beacons start with.
pub const ATTRIBUTE_PREFIX: &str = "aws_dbe_b_";

#[cfg(test)]
mod tests;
