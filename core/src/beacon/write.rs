//! The beacons of an item.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::compound::{Part, check_piece};
use super::standard::input;
use super::virtual_field::text_of;
use super::{ATTRIBUTE_PREFIX, BeaconKeys, Beacons, CompoundBeacon, Constructor, Location, StandardBeacon, Style};
use crate::error::{Error, Result};
use crate::value::{Map, Value};

/// The attributes that beacons add to an item.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BeaconAttributes {
    /// Beacons, stored beside the encrypted item and outside of its signature.
    pub beacons: Map,
    /// Compound beacons without a hidden part: attributes of their own, which the item's signature covers.
    pub signed: Map,
}

impl Beacons {
    /// The attributes that an item gets, computed from its values in clear.
    ///
    /// # Errors
    ///
    /// `Input` if a value is not of the type that its beacon needs, a transform cuts a character in two, a part contains
    /// the split character, or the item has an attribute of a signed beacon's name with another value; `Config` if the
    /// keys are those of other beacons or there is no such partition.
    pub fn attributes(&self, item: &Map, keys: &BeaconKeys, partition: u8) -> Result<BeaconAttributes> {
        self.check_partition(partition)?;
        let mut attributes = BeaconAttributes::default();
        for beacon in self.standard.values().filter(|beacon| beacon.style != Style::PartOnly) {
            if let Some(value) = self.standard_value(beacon, item, keys, partition)? {
                attributes.beacons.insert(stored_name(&beacon.name), value);
            }
        }
        for beacon in self.compound.values() {
            let piece = |part: Part<'_>, text: &str| self.piece(part, text, keys, partition);
            let Some(text) = self.compound_text(beacon, item, &piece)? else { continue };
            if !beacon.is_signed() {
                attributes.beacons.insert(stored_name(&beacon.name), Value::S(text));
                continue;
            }
            let value = Value::S(text);
            if item.get(&beacon.name).is_some_and(|given| *given != value) {
                let name = &beacon.name;
                return Err(Error::input(format!(
                    "the attribute `{name}` is not what the signed beacon `{name}` says"
                )));
            }
            attributes.signed.insert(beacon.name.clone(), value);
        }
        Ok(attributes)
    }

    pub(super) fn check_partition(&self, partition: u8) -> Result<()> {
        if partition < self.max_partitions {
            return Ok(());
        }
        let last = self.max_partitions.saturating_sub(1);
        Err(Error::config(format!("there is no partition {partition}: the table has 0 to {last}")))
    }

    /// The hash of a standard beacon for these input bytes.
    pub(super) fn hash(
        &self,
        beacon: &StandardBeacon,
        input: &[u8],
        keys: &BeaconKeys,
        partition: u8,
    ) -> Result<String> {
        keys.text(beacon.key_name(), input, self.partition_for(beacon, partition), beacon.length)
    }

    /// What is stored for a value, or asked for.
    pub(super) fn hashed(
        &self,
        beacon: &StandardBeacon,
        value: &Value,
        keys: &BeaconKeys,
        partition: u8,
    ) -> Result<Value> {
        let inputs = beacon.inputs(value)?;
        let mut hashes =
            inputs.iter().map(|input| self.hash(beacon, input, keys, partition)).collect::<Result<Vec<_>>>()?;
        if !beacon.is_set() {
            return Ok(Value::S(hashes.pop().unwrap_or_default()));
        }
        hashes.sort_unstable();
        hashes.dedup();
        Ok(Value::Ss(hashes))
    }

    fn standard_value(
        &self,
        beacon: &StandardBeacon,
        item: &Map,
        keys: &BeaconKeys,
        partition: u8,
    ) -> Result<Option<Value>> {
        match self.virtual_text(beacon.whole(), item)? {
            Found::Field(None) => Ok(None),
            Found::Field(Some(text)) if !beacon.is_set() => {
                self.hash(beacon, text.as_bytes(), keys, partition).map(|hash| Some(Value::S(hash)))
            }
            Found::Field(Some(_)) => {
                Err(Error::input(format!("the beacon `{}` is of a set, and the value is none", beacon.name)))
            }
            Found::NoField => beacon.find(item).map(|value| self.hashed(beacon, value, keys, partition)).transpose(),
        }
    }

    /// The pieces of the first constructor that the item fits, each as `piece` makes it of a part and its text, joined.
    pub(super) fn compound_text(
        &self,
        beacon: &CompoundBeacon,
        item: &Map,
        piece: &impl Fn(Part<'_>, &str) -> Result<String>,
    ) -> Result<Option<String>> {
        for constructor in &beacon.constructors {
            if let Some(pieces) = self.pieces(beacon, constructor, item, piece)? {
                return Ok(Some(pieces.join(beacon.split.encode_utf8(&mut [0; 4]))));
            }
        }
        Ok(None)
    }

    /// The pieces of the parts that the item has, in order; `None` if it lacks a required one.
    fn pieces(
        &self,
        beacon: &CompoundBeacon,
        constructor: &Constructor,
        item: &Map,
        piece: &impl Fn(Part<'_>, &str) -> Result<String>,
    ) -> Result<Option<Vec<String>>> {
        let mut texts = Vec::with_capacity(constructor.parts.len());
        for (name, required) in &constructor.parts {
            let Some(part) = beacon.part(name) else { continue };
            match self.part_text(part, item)? {
                Some(text) => texts.push((part, text)),
                None if *required => return Ok(None),
                None => {}
            }
        }
        let piece = |(part, text): (Part<'_>, Zeroizing<String>)| {
            check_piece(&beacon.name, part, &text, beacon.split)?;
            piece(part, &text)
        };
        texts.into_iter().map(piece).collect::<Result<_>>().map(Some)
    }

    /// A part's prefix and its text, hashed if it is to be hidden.
    pub(super) fn piece(&self, part: Part<'_>, text: &str, keys: &BeaconKeys, partition: u8) -> Result<String> {
        let prefix = part.prefix();
        match part {
            Part::Signed(_) => Ok(format!("{prefix}{text}")),
            Part::Encrypted(part) => {
                let standard = self.standard.get(&part.beacon).ok_or_else(|| no_such_beacon(&part.beacon))?;
                let hash = self.hash(standard, text.as_bytes(), keys, partition)?;
                Ok(format!("{prefix}{hash}"))
            }
        }
    }

    /// The text of a part's value, as it is written and not normalised; `None` if the item has none.
    fn part_text(&self, part: Part<'_>, item: &Map) -> Result<Option<Zeroizing<String>>> {
        let location = match part {
            Part::Signed(part) => part.location.as_ref(),
            Part::Encrypted(part) => self.standard.get(&part.beacon).and_then(|standard| standard.location.as_ref()),
        };
        let Some(location) = location else { return Ok(None) };
        match self.virtual_text(location.whole(), item)? {
            Found::Field(text) => Ok(text),
            Found::NoField => {
                let Some(value) = location.find(item) else { return Ok(None) };
                let text = text_of(value).map(Cow::into_owned).map(Zeroizing::new);
                text.map(Some).ok_or_else(|| not_a_text(part, location))
            }
        }
    }

    pub(super) fn virtual_text(&self, name: Option<&str>, item: &Map) -> Result<Found> {
        match name.and_then(|name| self.virtual_fields.get(name)) {
            Some(field) => field.text(item).map(Found::Field),
            None => Ok(Found::NoField),
        }
    }

    /// The bytes that a plaintext value asked for stands for.
    pub(super) fn input_of(&self, value: &Value) -> Result<Zeroizing<Vec<u8>>> {
        input(value)
    }
}

/// What a location names.
pub(super) enum Found {
    /// A virtual field and its text, if the item has all that it is made of.
    Field(Option<Zeroizing<String>>),
    /// A place in the item.
    NoField,
}

pub(super) fn stored_name(beacon: &str) -> String {
    format!("{ATTRIBUTE_PREFIX}{beacon}")
}

pub(super) fn no_such_beacon(name: &str) -> Error {
    Error::config(format!("there is no beacon `{name}`"))
}

fn not_a_text(part: Part<'_>, location: &Location) -> Error {
    Error::input(format!("the part `{}` needs a text, number or flag at `{location}`", part.name()))
}
