//! What a policy says of searching items in DB-ESDK format: AWS's beacons, as all clients of the table configure them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::read::Source;
use crate::beacon::{
    BeaconLength, Beacons, BeaconsBuilder, CompoundBeacon, Constructor, Location, StandardBeacon, Style, Transform,
    VirtualField, VirtualPart,
};
use crate::error::Result;

/// How items in DB-ESDK format are searched for: the beacons that all clients of the table agree on, beside those of
/// `[[fields]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemSearch {
    /// The beacons.
    pub beacons: BeaconsBuilder,
    /// The attribute that names the branch key whose beacon key an item's beacons are made with. One key for all, if it
    /// is not said.
    pub key_field: Option<String>,
    /// The names of indexes that are not called like the attribute of their beacon, by the name of the beacon.
    pub indexes: BTreeMap<String, String>,
}

impl Default for ItemSearch {
    fn default() -> Self {
        Self { beacons: Beacons::builder(), key_field: None, indexes: BTreeMap::new() }
    }
}

/// How items in DB-ESDK format are searched for: AWS's beacons, beside those of `fields`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemSearchEntry {
    /// The attribute, in clear, that names the branch key whose beacon key an item's beacons are made with: for tables
    /// of several tenants. One key for all if not said.
    key_field: Option<String>,
    /// How many partitions the table has: equal values in different ones have different beacons. 1 if not said.
    #[schemars(range(min = 1, max = 255))]
    max_partitions: Option<u8>,
    /// How many of them a beacon uses that does not say; all if not said.
    #[schemars(range(min = 1, max = 255))]
    default_partitions: Option<u8>,
    /// Beacons of one value, which is encrypted.
    #[serde(default)]
    #[schemars(with = "Vec<StandardEntry>")]
    standard: Vec<Spanned<StandardEntry>>,
    /// Fields that are never stored: put together from parts of others, for beacons over them.
    #[serde(default, rename = "virtual")]
    #[schemars(with = "Vec<VirtualEntry>")]
    virtual_fields: Vec<Spanned<VirtualEntry>>,
    /// Beacons of several values, hidden or in clear.
    #[serde(default)]
    #[schemars(with = "Vec<ItemCompoundEntry>")]
    compound: Vec<Spanned<ItemCompoundEntry>>,
}

/// A beacon of one value.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StandardEntry {
    /// Its name: `aws_dbe_b_` and this is the attribute that it is stored as.
    name: String,
    /// How many bits it has.
    #[schemars(range(min = 1, max = 63))]
    length: u8,
    /// Where its value is, such as `address.zip` or `visits[0].doctor`, or the name of a virtual field; the beacon's
    /// name if not said.
    location: Option<String>,
    /// Whether its value is a set, whose members are searched for.
    #[serde(default)]
    members: bool,
    /// Whether it is not stored, but a part of compound beacons only.
    #[serde(default)]
    part_only: bool,
    /// Another standard beacon, whose key it shares so that the two can be compared.
    shared: Option<String>,
    /// How many of the table's partitions it uses.
    #[schemars(range(min = 1, max = 255))]
    partitions: Option<u8>,
    /// The name of the index that has it as partition key; the attribute's if not said.
    index: Option<String>,
}

/// A field that is never stored.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VirtualEntry {
    /// Its name, which no attribute has.
    name: String,
    /// What it is put together from.
    parts: Vec<VirtualPartEntry>,
}

/// A part of a virtual field.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VirtualPartEntry {
    /// Where its value is.
    location: String,
    /// What is made of its text, one after the other.
    #[serde(default)]
    transforms: Vec<TransformEntry>,
}

/// What is made of a text. Positions count from 0, negative ones from the end.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum TransformEntry {
    /// ASCII letters in upper case.
    Upper,
    /// ASCII letters in lower case.
    Lower,
    /// The text, then this one.
    Insert(String),
    /// The first characters; negative: all but the last.
    Prefix(i32),
    /// The last characters; negative: all but the first.
    Suffix(i32),
    /// From one position up to another, which is left out.
    Substring {
        /// The first position.
        low: i32,
        /// The position after the last.
        high: i32,
    },
    /// The piece at this position of the text split at a character.
    Segment {
        /// Where it is split.
        split: char,
        /// Which piece.
        index: i32,
    },
    /// The pieces from one position up to another, joined again.
    Segments {
        /// Where it is split.
        split: char,
        /// The first piece.
        low: i32,
        /// The piece after the last.
        high: i32,
    },
}

/// A beacon of several values.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ItemCompoundEntry {
    /// Its name: `aws_dbe_b_` and this is the attribute that it is stored as, and the name alone if all of its parts are
    /// in clear.
    name: String,
    /// The character between its parts, which their values do not have.
    split: char,
    /// Parts that standard beacons hide.
    #[serde(default)]
    encrypted: Vec<EncryptedPartEntry>,
    /// Parts in clear, of what is signed and not encrypted.
    #[serde(default)]
    signed: Vec<SignedPartEntry>,
    /// Orders of parts, of which an item has the first that it has all required parts of. All parts are required, those
    /// in clear first, if not said.
    #[serde(default)]
    constructors: Vec<Vec<ConstructorPartEntry>>,
    /// The name of the index that has it as partition key; the attribute's if not said.
    index: Option<String>,
}

/// A part that a standard beacon hides.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EncryptedPartEntry {
    /// The standard beacon.
    name: String,
    /// What stands in front of it. None starts another one.
    prefix: String,
}

/// A part in clear.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignedPartEntry {
    /// Its name.
    name: String,
    /// What stands in front of it. None starts another one.
    prefix: String,
    /// Where its value is; its name if not said.
    location: Option<String>,
}

/// A part of a constructor.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConstructorPartEntry {
    /// The name of an encrypted or signed part.
    name: String,
    /// Whether an item must have it; `true` if not said.
    required: Option<bool>,
}

/// What the entry says. Whether its beacons fit each other and the table's attributes is looked at with the resource.
pub(super) fn item_search(source: &Source<'_>, entry: ItemSearchEntry) -> Result<ItemSearch> {
    let mut search = ItemSearch { key_field: entry.key_field, ..ItemSearch::default() };
    if let Some(partitions) = entry.max_partitions {
        search.beacons = search.beacons.max_partitions(partitions);
    }
    if let Some(partitions) = entry.default_partitions {
        search.beacons = search.beacons.default_partitions(partitions);
    }
    for beacon in entry.standard {
        let (place, entry) = (beacon.span(), beacon.into_inner());
        search.index(&entry.name, entry.index.clone());
        let beacon = standard(entry).map_err(|message| source.error(place, &message))?;
        search.beacons = search.beacons.standard(beacon);
    }
    for field in entry.virtual_fields {
        let (place, entry) = (field.span(), field.into_inner());
        let field = virtual_field(entry).map_err(|message| source.error(place, &message))?;
        search.beacons = search.beacons.virtual_field(field);
    }
    for beacon in entry.compound {
        let (place, entry) = (beacon.span(), beacon.into_inner());
        search.index(&entry.name, entry.index.clone());
        let beacon = compound(entry).map_err(|message| source.error(place, &message))?;
        search.beacons = search.beacons.compound(beacon);
    }
    Ok(search)
}

impl ItemSearch {
    fn index(&mut self, beacon: &str, index: Option<String>) {
        self.indexes.extend(index.map(|index| (beacon.to_owned(), index)));
    }
}

fn standard(entry: StandardEntry) -> Result<StandardBeacon, String> {
    let length = BeaconLength::new(entry.length).map_err(|error| error.to_string())?;
    let mut beacon = StandardBeacon::new(entry.name, length);
    if let Some(at) = entry.location {
        beacon = beacon.at(location(&at)?);
    }
    if let Some(partitions) = entry.partitions {
        beacon = beacon.partitions(partitions);
    }
    let style = match (entry.part_only, entry.members, entry.shared) {
        (false, false, None) => Style::Plain,
        (true, false, None) => Style::PartOnly,
        (false, true, None) => Style::AsSet,
        (false, false, Some(other)) => Style::Shared(other),
        (false, true, Some(other)) => Style::SharedSet(other),
        (true, ..) => return Err("a beacon that is a part only is of no set and shares no key".to_owned()),
    };
    Ok(beacon.style(style))
}

fn virtual_field(entry: VirtualEntry) -> Result<VirtualField, String> {
    let parts = entry.parts.into_iter().map(|part| {
        let start = VirtualPart::new(location(&part.location)?);
        Ok(part.transforms.into_iter().fold(start, |part, entry| part.transform(transform(entry))))
    });
    Ok(VirtualField::new(entry.name, parts.collect::<Result<Vec<_>, String>>()?))
}

fn transform(entry: TransformEntry) -> Transform {
    match entry {
        TransformEntry::Upper => Transform::Upper,
        TransformEntry::Lower => Transform::Lower,
        TransformEntry::Insert(text) => Transform::Insert(text),
        TransformEntry::Prefix(count) => Transform::Prefix(count),
        TransformEntry::Suffix(count) => Transform::Suffix(count),
        TransformEntry::Substring { low, high } => Transform::Substring { low, high },
        TransformEntry::Segment { split, index } => Transform::Segment { split, index },
        TransformEntry::Segments { split, low, high } => Transform::Segments { split, low, high },
    }
}

fn compound(entry: ItemCompoundEntry) -> Result<CompoundBeacon, String> {
    let mut beacon = CompoundBeacon::new(entry.name, entry.split);
    for part in entry.encrypted {
        beacon = beacon.encrypted(part.name, part.prefix);
    }
    for part in entry.signed {
        beacon = match part.location {
            Some(at) => beacon.signed_at(part.name, part.prefix, location(&at)?),
            None => beacon.signed(part.name, part.prefix),
        };
    }
    for parts in entry.constructors {
        beacon = beacon.constructor(parts.into_iter().fold(Constructor::new(), |constructor, part| {
            match part.required.unwrap_or(true) {
                true => constructor.required(part.name),
                false => constructor.optional(part.name),
            }
        }));
    }
    Ok(beacon)
}

fn location(text: &str) -> Result<Location, String> {
    text.parse().map_err(|error: crate::error::Error| error.to_string())
}
