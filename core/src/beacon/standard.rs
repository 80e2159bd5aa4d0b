//! Standard beacons: a keyed, shortened hash of one value.

use zeroize::Zeroizing;

use super::{BeaconLength, Location};
use crate::error::{Error, Result};
use crate::value::{Map, Value, serialise_into, serialised_size};

/// A keyed, shortened hash of the value at one location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardBeacon {
    pub(super) name: String,
    pub(super) length: BeaconLength,
    pub(super) location: Option<Location>,
    pub(super) style: Style,
    pub(super) partitions: Option<u8>,
}

/// What a standard beacon does besides being stored and asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Nothing.
    #[default]
    Plain,
    /// It is not stored: it is a part of compound beacons only.
    PartOnly,
    /// It hashes with the key of another standard beacon, so that the two can be compared.
    Shared(String),
    /// Its value is a set, and the beacon the set of its members' hashes.
    AsSet,
    /// Both of the two before.
    SharedSet(String),
}

impl StandardBeacon {
    /// A beacon over the attribute (or virtual field) of its name.
    pub fn new(name: impl Into<String>, length: BeaconLength) -> Self {
        Self { name: name.into(), length, location: None, style: Style::Plain, partitions: None }
    }

    /// Over this location instead.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// With this style.
    #[must_use]
    pub fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Spread over this many of the table's partitions.
    #[must_use]
    pub fn partitions(mut self, partitions: u8) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// Whose key it hashes with.
    pub(super) fn key_name(&self) -> &str {
        match &self.style {
            Style::Shared(other) | Style::SharedSet(other) => other,
            Style::Plain | Style::PartOnly | Style::AsSet => &self.name,
        }
    }

    pub(super) fn is_set(&self) -> bool {
        matches!(self.style, Style::AsSet | Style::SharedSet(_))
    }

    /// The value that it is over; `None` if the item has none. [`build`](super::BeaconsBuilder::build) has given every
    /// beacon its location.
    pub(super) fn find<'a>(&self, item: &'a Map) -> Option<&'a Value> {
        self.location.as_ref()?.find(item)
    }

    /// The name of the attribute or virtual field that it is over, if it is over a whole one.
    pub(super) fn whole(&self) -> Option<&str> {
        self.location.as_ref()?.whole()
    }

    /// The bytes of each member of the set, or of the value itself.
    pub(super) fn inputs(&self, value: &Value) -> Result<Vec<Zeroizing<Vec<u8>>>> {
        if !self.is_set() {
            return Ok(vec![input(value)?]);
        }
        // The set as a whole is looked at first: its members must be different ones.
        input(value)?;
        match value {
            Value::Ss(texts) => Ok(texts.iter().map(|text| Zeroizing::new(text.as_bytes().to_vec())).collect()),
            Value::Ns(numbers) => numbers.iter().map(|number| input(&Value::N(number.clone()))).collect(),
            Value::Bs(blobs) => Ok(blobs.iter().map(|bytes| Zeroizing::new(bytes.clone())).collect()),
            _ => Err(Error::input(format!("the beacon `{}` is of a set, and the value is none", self.name))),
        }
    }
}

/// The canonical bytes of a value, without its type.
pub(super) fn input(value: &Value) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(serialised_size(value)));
    serialise_into(value, &mut bytes)?;
    Ok(bytes)
}
