//! What is known of a table's beacons: which are stored where, and what each would say in clear.

use std::borrow::Cow;

use super::compound::Part;
use super::standard::input;
use super::write::{Found, no_such_beacon, stored_name};
use super::{Beacons, BeaconsBuilder, Comparison, CompoundBeacon, Location, StandardBeacon, Style};
use crate::error::{Error, Result};
use crate::value::{Map, Path, TypeId, Value};

/// A beacon that is stored with items, and the attribute it is stored as.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredBeacon<'a> {
    /// Its name.
    pub name: &'a str,
    /// The attribute.
    pub attribute: String,
    /// Whether the attribute is a set of texts, which no index can have as its key, and not a text.
    pub is_set: bool,
}

impl Beacons {
    /// The beacons that are stored with items.
    pub fn stored(&self) -> impl Iterator<Item = StoredBeacon<'_>> {
        let standard = self.standard.values().filter(|beacon| beacon.style != Style::PartOnly);
        let standard = standard.map(|beacon| StoredBeacon {
            name: &beacon.name,
            attribute: stored_name(&beacon.name),
            is_set: beacon.is_set(),
        });
        let compound = self.compound.values();
        standard.chain(compound.map(|beacon| StoredBeacon {
            name: &beacon.name,
            attribute: if beacon.is_signed() { beacon.name.clone() } else { stored_name(&beacon.name) },
            is_set: false,
        }))
    }

    /// The standard beacon over what is at this path of an item.
    #[must_use]
    pub fn standard_at(&self, path: &Path) -> Option<StoredBeacon<'_>> {
        let at = |beacon: &&StandardBeacon| {
            let is_field = beacon.whole().is_some_and(|name| self.virtual_fields.contains_key(name));
            !is_field && beacon.location.as_ref().is_some_and(|location| location.path() == path)
        };
        let found = self.standard.values().find(at)?;
        self.stored().find(|stored| stored.name == found.name)
    }

    /// The names of signed beacons: attributes of their own, which follow from others.
    pub fn signed(&self) -> impl Iterator<Item = &str> {
        self.compound.values().filter(|beacon| beacon.is_signed()).map(|beacon| beacon.name.as_str())
    }

    /// The names that an item must have no attributes of: virtual fields and compound beacons.
    pub fn reserved(&self) -> impl Iterator<Item = &str> {
        self.virtual_fields.keys().chain(self.compound.keys()).map(String::as_str)
    }

    /// The attributes that compound beacons show in clear, each after the beacon's name.
    pub fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.compound.values().flat_map(|beacon| {
            let locations = beacon.signed.iter().filter_map(|part| part.location.as_ref());
            let attributes = locations.flat_map(|location| {
                let field = location.whole().and_then(|name| self.virtual_fields.get(name));
                let parts = field.map(|field| field.parts.iter().map(|part| part.location.attribute()).collect());
                parts.unwrap_or_else(|| vec![location.attribute()])
            });
            attributes.map(|attribute| (beacon.name.as_str(), attribute))
        })
    }

    /// Whether an item in clear is what a condition on this beacon asks for. What is found by a beacon has to be asked
    /// this: other values may have the same one, and whoever may write to the table can change it unnoticed.
    ///
    /// # Errors
    ///
    /// `Config` if there is no such beacon; `Unsupported` for `Order`; `Input` if a value cannot be serialised.
    pub fn matches(&self, beacon: &str, comparison: Comparison, wanted: &Value, item: &Map) -> Result<bool> {
        let Some(said) = self.clear(beacon, item)? else { return Ok(false) };
        let said = &*said;
        match comparison {
            Comparison::Equals => is_alike(said, wanted),
            Comparison::BeginsWith => {
                Ok(said.as_text().zip(wanted.as_text()).is_some_and(|(said, wanted)| said.starts_with(wanted)))
            }
            Comparison::Contains => {
                let has = |member: Value| is_alike(&member, wanted).is_ok_and(|is| is);
                Ok(match said {
                    Value::Ss(members) => members.iter().cloned().map(Value::S).any(has),
                    Value::Ns(members) => members.iter().cloned().map(Value::N).any(has),
                    Value::Bs(members) => members.iter().cloned().map(Value::B).any(has),
                    _ => false,
                })
            }
            Comparison::Order => Err(Error::unsupported("what a beacon finds is compared for equality only")),
        }
    }

    /// What a beacon stands for: the value that it hides, or the text of a compound beacon with nothing hidden.
    fn clear<'a>(&self, beacon: &str, item: &'a Map) -> Result<Option<Cow<'a, Value>>> {
        let text = |text: String| Cow::Owned(Value::S(text));
        if let Some(standard) = self.standard.get(beacon) {
            return Ok(match self.virtual_text(standard.whole(), item)? {
                Found::Field(found) => found.map(|mut found| text(std::mem::take(&mut found))),
                Found::NoField => standard.find(item).map(Cow::Borrowed),
            });
        }
        let compound = self.compound.get(beacon).ok_or_else(|| no_such_beacon(beacon))?;
        Ok(self.clear_compound(compound, item)?.map(text))
    }

    fn clear_compound(&self, beacon: &CompoundBeacon, item: &Map) -> Result<Option<String>> {
        let piece = |part: Part<'_>, text: &str| Ok(format!("{}{text}", part.prefix()));
        self.compound_text(beacon, item, &piece)
    }
}

impl BeaconsBuilder {
    /// Whether there is no beacon.
    pub(crate) fn is_empty(&self) -> bool {
        self.standard.is_empty() && self.compound.is_empty()
    }

    /// The names that are virtual fields' and compound beacons', and so no attributes'.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let compound = self.compound.iter().map(|beacon| beacon.name.as_str());
        self.virtual_fields.iter().map(|field| field.name.as_str()).chain(compound)
    }

    /// The locations that beacons are over, alone or as parts of virtual fields.
    pub(crate) fn locations(&self) -> impl Iterator<Item = Location> {
        let fields = self.virtual_fields.iter().flat_map(|field| &field.parts).map(|part| part.location.clone());
        let standard = self.standard.iter();
        standard.filter_map(|beacon| beacon.location.clone().or_else(|| beacon.name.parse().ok())).chain(fields)
    }
}

/// Type and canonical bytes.
fn is_alike(one: &Value, other: &Value) -> Result<bool> {
    Ok(TypeId::of(one) == TypeId::of(other) && input(one)? == input(other)?)
}
