//! Putting the beacons of a table together, and refusing what contradicts itself.

use std::collections::{BTreeMap, BTreeSet};

use super::compound::check_encrypted_part;
use super::{ATTRIBUTE_PREFIX, Beacons, CompoundBeacon, Location, StandardBeacon, Style, VirtualField};
use crate::error::{Error, Result};

/// What happens to a top-level attribute at rest, as far as beacons ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// It is encrypted, and signed.
    Encrypted,
    /// It is signed.
    Signed,
    /// It is neither.
    Unsigned,
}

/// Puts the beacons of a table together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "nothing happens before `build`"]
pub struct BeaconsBuilder {
    pub(super) standard: Vec<StandardBeacon>,
    pub(super) compound: Vec<CompoundBeacon>,
    pub(super) virtual_fields: Vec<VirtualField>,
    max_partitions: Option<u8>,
    default_partitions: Option<u8>,
}

impl BeaconsBuilder {
    /// With a standard beacon.
    pub fn standard(mut self, beacon: StandardBeacon) -> Self {
        self.standard.push(beacon);
        self
    }

    /// With a compound beacon.
    pub fn compound(mut self, beacon: CompoundBeacon) -> Self {
        self.compound.push(beacon);
        self
    }

    /// With a virtual field.
    pub fn virtual_field(mut self, field: VirtualField) -> Self {
        self.virtual_fields.push(field);
        self
    }

    /// How many partitions the table has. Default: 1.
    pub fn max_partitions(mut self, partitions: u8) -> Self {
        self.max_partitions = Some(partitions);
        self
    }

    /// How many of them a beacon uses that does not say. Default: all.
    pub fn default_partitions(mut self, partitions: u8) -> Self {
        self.default_partitions = Some(partitions);
        self
    }

    /// The beacons. `protection` says what happens to a top-level attribute at rest; `None` if it is not configured.
    ///
    /// # Errors
    ///
    /// `Config` for names that are taken, two beacons in one place, beacons over what is not encrypted, parts in clear of
    /// what is, compound beacons that cannot be told apart, and numbers of partitions out of range.
    pub fn build(self, protection: impl Fn(&str) -> Option<Protection>) -> Result<Beacons> {
        let max_partitions = self.max_partitions.unwrap_or(1);
        if max_partitions == 0 {
            return Err(Error::config("a table has at least 1 partition"));
        }
        let mut beacons = Beacons {
            standard: BTreeMap::new(),
            compound: BTreeMap::new(),
            virtual_fields: BTreeMap::new(),
            max_partitions,
            default_partitions: self.default_partitions,
        };
        check_partitions(self.default_partitions, max_partitions)?;
        let names = Names { protection: &protection };
        for field in self.virtual_fields {
            names.check_virtual_field(&beacons, &field)?;
            beacons.virtual_fields.insert(field.name.clone(), field);
        }
        for mut beacon in self.standard {
            check_partitions(beacon.partitions, max_partitions)?;
            if beacon.location.is_none() {
                beacon.location = Some(beacon.name.parse()?);
            }
            names.check_standard(&beacons, &beacon)?;
            beacons.standard.insert(beacon.name.clone(), beacon);
        }
        beacons.standard.values().try_for_each(|beacon| check_shared(&beacons, beacon))?;
        for beacon in self.compound {
            let mut beacon = beacon.complete()?;
            for part in beacon.signed.iter_mut().filter(|part| part.location.is_none()) {
                part.location = Some(part.name.parse()?);
            }
            names.check_compound(&beacons, &beacon)?;
            beacons.compound.insert(beacon.name.clone(), beacon);
        }
        Ok(beacons)
    }
}

/// What is known of names that are not beacons'.
struct Names<'a> {
    protection: &'a dyn Fn(&str) -> Option<Protection>,
}

impl Names<'_> {
    fn check_virtual_field(&self, beacons: &Beacons, field: &VirtualField) -> Result<()> {
        let name = &field.name;
        let refuse = |what: &str| Err(Error::config(format!("the virtual field `{name}` {what}")));
        if field.parts.is_empty() {
            return refuse("has no parts");
        }
        if is_reserved(name) || (self.protection)(name).is_some() || beacons.virtual_fields.contains_key(name) {
            return refuse("has a name that is taken");
        }
        for part in &field.parts {
            part.transforms.iter().try_for_each(super::Transform::check)?;
            if self.of(&part.location).is_none_or(|protection| protection == Protection::Unsigned) {
                return refuse("is partly of data that is not signed");
            }
        }
        if beacons.virtual_fields.values().any(|other| locations(other) == locations(field)) {
            return refuse("has the same locations as another one");
        }
        Ok(())
    }

    fn check_standard(&self, beacons: &Beacons, beacon: &StandardBeacon) -> Result<()> {
        let name = &beacon.name;
        let refuse = |what: &str| Err(Error::config(format!("the beacon `{name}` {what}")));
        if is_reserved(name) || beacons.standard.contains_key(name) || self.is_plain(name) {
            return refuse("has a name that is taken: by another beacon, or by data that is not encrypted");
        }
        if beacons.standard.values().any(|other| other.location == beacon.location) {
            return refuse("has the location of another beacon");
        }
        let field = beacon.whole().and_then(|name| beacons.virtual_fields.get(name));
        let is_encrypted = |location: &Location| self.of(location) == Some(Protection::Encrypted);
        let is_over_encrypted = match (field, &beacon.location) {
            (Some(field), _) => field.parts.iter().any(|part| is_encrypted(&part.location)),
            (None, Some(location)) => is_encrypted(location),
            (None, None) => false,
        };
        if !is_over_encrypted {
            return refuse("is not over encrypted data");
        }
        let is_its_only_part = |field: &VirtualField| match field.parts.as_slice() {
            [part] => Some(&part.location) == beacon.location.as_ref(),
            _ => false,
        };
        if beacons.virtual_fields.values().any(is_its_only_part) {
            return refuse("has the only location of a virtual field");
        }
        Ok(())
    }

    fn check_compound(&self, beacons: &Beacons, beacon: &CompoundBeacon) -> Result<()> {
        let name = &beacon.name;
        let refuse = |what: String| Err(Error::config(format!("the compound beacon `{name}` {what}")));
        let is_taken = beacons.standard.contains_key(name)
            || beacons.compound.contains_key(name)
            || beacons.virtual_fields.contains_key(name)
            || (self.protection)(name).is_some();
        if is_reserved(name) || is_taken {
            return refuse("has a name that is taken".to_owned());
        }
        for part in &beacon.encrypted {
            let Some(standard) = beacons.standard.get(&part.beacon) else {
                return refuse(format!("has the part `{}`, which is no standard beacon", part.beacon));
            };
            check_encrypted_part(name, standard)?;
        }
        for part in &beacon.signed {
            let is_signed = |location: &Location| self.of(location) == Some(Protection::Signed);
            let is_fine = part.location.as_ref().is_some_and(|location| {
                match location.whole().and_then(|name| beacons.virtual_fields.get(name)) {
                    Some(field) => field.parts.iter().all(|part| is_signed(&part.location)),
                    None => is_signed(location),
                }
            });
            if !is_fine {
                return refuse(format!(
                    "has the part `{}` in clear, which is not of signed and unencrypted data",
                    part.name
                ));
            }
        }
        Ok(())
    }

    fn is_plain(&self, name: &str) -> bool {
        (self.protection)(name).is_some_and(|protection| protection != Protection::Encrypted)
    }

    fn of(&self, location: &Location) -> Option<Protection> {
        (self.protection)(location.attribute())
    }
}

fn locations(field: &VirtualField) -> BTreeSet<&Location> {
    field.parts.iter().map(|part| &part.location).collect()
}

/// Who shares a key hashes alike: the other beacon must be there, have a key of its own, and be of the same length.
fn check_shared(beacons: &Beacons, beacon: &StandardBeacon) -> Result<()> {
    let (Style::Shared(other) | Style::SharedSet(other)) = &beacon.style else { return Ok(()) };
    let is_fine = beacons.standard.get(other).is_some_and(|other| {
        !matches!(other.style, Style::Shared(_) | Style::SharedSet(_)) && other.length == beacon.length
    });
    if is_fine {
        return Ok(());
    }
    let name = &beacon.name;
    Err(Error::config(format!(
        "the beacon `{name}` shares the key of `{other}`, which must be another standard beacon of the same length with a \
         key of its own"
    )))
}

fn check_partitions(partitions: Option<u8>, max: u8) -> Result<()> {
    if partitions.is_none_or(|partitions| (1..=max).contains(&partitions)) {
        return Ok(());
    }
    Err(Error::config(format!("a beacon uses 1 to {max} partitions, as many as the table has")))
}

/// What starts like the client's own attributes, and so like a stored beacon.
fn is_reserved(name: &str) -> bool {
    name.is_empty() || name.starts_with("aws_dbe_") || name.starts_with(ATTRIBUTE_PREFIX)
}
