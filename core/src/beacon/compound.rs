//! Compound beacons: hashes and clear texts joined into one text that can be compared from its start.

use std::collections::BTreeSet;

use super::transform::check_split;
use super::{Location, StandardBeacon};
use crate::error::{Error, Result};

/// Pieces of several values, joined with a split character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompoundBeacon {
    pub(super) name: String,
    pub(super) split: char,
    pub(super) encrypted: Vec<EncryptedPart>,
    pub(super) signed: Vec<SignedPart>,
    pub(super) constructors: Vec<Constructor>,
}

/// A part that a standard beacon hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedPart {
    pub(super) beacon: String,
    pub(super) prefix: String,
}

/// A part in clear, of data that is signed and not encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPart {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) location: Option<Location>,
}

/// An order of parts, which an item fits if it has all the required ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constructor {
    pub(super) parts: Vec<(String, bool)>,
}

/// A part, looked up by name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Encrypted(&'a EncryptedPart),
    Signed(&'a SignedPart),
}

impl CompoundBeacon {
    /// A beacon without parts as yet.
    pub fn new(name: impl Into<String>, split: char) -> Self {
        Self { name: name.into(), split, encrypted: Vec::new(), signed: Vec::new(), constructors: Vec::new() }
    }

    /// With a part that this standard beacon hides.
    #[must_use]
    pub fn encrypted(mut self, beacon: impl Into<String>, prefix: impl Into<String>) -> Self {
        self.encrypted.push(EncryptedPart { beacon: beacon.into(), prefix: prefix.into() });
        self
    }

    /// With a part in clear: the attribute of this name.
    #[must_use]
    pub fn signed(mut self, name: impl Into<String>, prefix: impl Into<String>) -> Self {
        self.signed.push(SignedPart { name: name.into(), prefix: prefix.into(), location: None });
        self
    }

    /// With a part in clear at this location.
    #[must_use]
    pub fn signed_at(mut self, name: impl Into<String>, prefix: impl Into<String>, location: Location) -> Self {
        self.signed.push(SignedPart { name: name.into(), prefix: prefix.into(), location: Some(location) });
        self
    }

    /// With one more constructor, tried after the ones before. Without any, all parts are required: the signed ones,
    /// then the encrypted ones.
    #[must_use]
    pub fn constructor(mut self, constructor: Constructor) -> Self {
        self.constructors.push(constructor);
        self
    }

    /// Whether all of its parts are in clear: then it is an attribute of its own that the item's signature covers.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.encrypted.is_empty()
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.signed.iter().map(Part::Signed).chain(self.encrypted.iter().map(Part::Encrypted))
    }

    pub(super) fn part(&self, name: &str) -> Option<Part<'_>> {
        self.parts().find(|part| part.name() == name)
    }

    /// Refuses what makes no sense by itself, and adds the default constructor.
    pub(super) fn complete(mut self) -> Result<Self> {
        let refuse = |what: String| Err(Error::config(format!("the compound beacon `{}` {what}", self.name)));
        check_split(self.split)?;
        let parts: Vec<_> = self.parts().collect();
        if parts.is_empty() {
            return refuse("has no parts".to_owned());
        }
        for (index, part) in parts.iter().enumerate() {
            let (name, prefix) = (part.name(), part.prefix());
            if prefix.is_empty() || prefix.contains(self.split) {
                return refuse(format!(
                    "gives the part `{name}` a prefix that is empty or contains the split character"
                ));
            }
            for other in parts.iter().skip(index + 1) {
                if other.name() == name {
                    return refuse(format!("has the part `{name}` twice"));
                }
                if other.prefix().starts_with(prefix) || prefix.starts_with(other.prefix()) {
                    return refuse(format!(
                        "has the prefixes `{prefix}` and `{}`, one of which starts the other",
                        other.prefix()
                    ));
                }
            }
        }
        let mut required_sets = BTreeSet::new();
        for constructor in &self.constructors {
            let names: BTreeSet<_> = constructor.parts.iter().map(|(name, _)| name).collect();
            if names.len() != constructor.parts.len() {
                return refuse("has a constructor with the same part twice".to_owned());
            }
            if let Some(unknown) = names.iter().find(|name| self.part(name).is_none()) {
                return refuse(format!("has a constructor with the unknown part `{unknown}`"));
            }
            let required: BTreeSet<_> =
                constructor.parts.iter().filter(|(_, required)| *required).map(|(name, _)| name.clone()).collect();
            if required.is_empty() {
                return refuse("has a constructor without a required part".to_owned());
            }
            if !required_sets.insert(required) {
                return refuse("has two constructors that require the same parts".to_owned());
            }
        }
        if self.constructors.is_empty() {
            let parts = self.parts().map(|part| (part.name().to_owned(), true)).collect();
            self.constructors.push(Constructor { parts });
        }
        Ok(self)
    }
}

impl Constructor {
    /// Without parts as yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a part that an item must have.
    #[must_use]
    pub fn required(mut self, part: impl Into<String>) -> Self {
        self.parts.push((part.into(), true));
        self
    }

    /// With a part that is left out where an item lacks it.
    #[must_use]
    pub fn optional(mut self, part: impl Into<String>) -> Self {
        self.parts.push((part.into(), false));
        self
    }
}

impl<'a> Part<'a> {
    pub(super) fn name(self) -> &'a str {
        match self {
            Part::Encrypted(part) => &part.beacon,
            Part::Signed(part) => &part.name,
        }
    }

    pub(super) fn prefix(self) -> &'a str {
        match self {
            Part::Encrypted(part) => &part.prefix,
            Part::Signed(part) => &part.prefix,
        }
    }
}

/// The piece of a part: its prefix and, in clear or as a hash, its text.
pub(super) fn check_piece(beacon: &str, part: Part<'_>, text: &str, split: char) -> Result<()> {
    if !text.contains(split) {
        return Ok(());
    }
    let name = part.name();
    Err(Error::input(format!("the value of the part `{name}` of the beacon `{beacon}` contains the split character")))
}

/// Refuses a standard beacon whose values cannot be texts.
pub(super) fn check_encrypted_part(beacon: &str, standard: &StandardBeacon) -> Result<()> {
    if standard.is_set() {
        let part = &standard.name;
        return Err(Error::config(format!("the part `{part}` of the beacon `{beacon}` is a set, which is no text")));
    }
    Ok(())
}
