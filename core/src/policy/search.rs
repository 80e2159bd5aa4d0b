//! What a policy says of searching: lengths and versions of beacons, beacons of several fields.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::document::{BeaconEntry, SearchEntry};
use super::read::Source;
use crate::error::Result;

/// How a resource's records are searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The versions of beacons that are written.
    pub write: Vec<u8>,
    /// The versions that are asked for.
    pub query: Vec<u8>,
    /// Beacons of several fields.
    pub compound: Vec<Compound>,
}

impl Default for Search {
    fn default() -> Self {
        Self { write: vec![1], query: vec![1], compound: Vec::new() }
    }
}

/// A beacon of several fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compound {
    /// What its attribute is called after the version.
    pub name: String,
    /// The paths of the fields, each with a beacon of its own.
    pub fields: Vec<String>,
    /// The path of a text in clear that comes last.
    pub sort: Option<String>,
}

/// The beacon of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BeaconRule {
    pub(super) length: u8,
    pub(super) lengths: BTreeMap<u8, u8>,
    pub(super) name: Option<String>,
    pub(super) members: bool,
}

pub(super) fn beacon(source: &Source<'_>, entry: Spanned<BeaconEntry>) -> Result<BeaconRule> {
    let (place, entry) = (entry.span(), entry.into_inner());
    let refuse = |message: &str| Err(source.error(place.clone(), message));
    let mut lengths = BTreeMap::new();
    for (version, length) in entry.lengths {
        match version.parse() {
            Ok(number) if number > 0 && version == u8::to_string(&number) => lengths.insert(number, length),
            _ => return refuse("`lengths` names versions of beacons; allowed: 1 to 255"),
        };
    }
    if !lengths.values().chain([&entry.length]).all(|length| (1..=63).contains(length)) {
        return refuse("a beacon has 1 to 63 bits");
    }
    if entry.name.as_deref().is_some_and(|name| !is_name(name)) {
        return refuse("the name of a beacon has letters, digits and underscores only, 200 at most");
    }
    Ok(BeaconRule { length: entry.length, lengths, name: entry.name, members: entry.members })
}

pub(super) fn search(source: &Source<'_>, entry: Spanned<SearchEntry>) -> Result<Search> {
    let (place, entry) = (entry.span(), entry.into_inner());
    let refuse = |message: &str| Err(source.error(place.clone(), message));
    let write = entry.write.unwrap_or_else(|| vec![1]);
    let query = entry.query.unwrap_or_else(|| write.clone());
    for versions in [&write, &query] {
        let distinct: BTreeSet<_> = versions.iter().collect();
        if versions.is_empty() || versions.contains(&0) || distinct.len() != versions.len() {
            return refuse("`write` and `query` name versions of beacons, each once; allowed: 1 to 255");
        }
    }
    for compound in &entry.compound {
        if !is_name(&compound.name) {
            return refuse("the name of a beacon has letters, digits and underscores only, 200 at most");
        }
        if compound.fields.is_empty() || (compound.fields.len() == 1 && compound.sort.is_none()) {
            return refuse("a compound beacon is of two fields at least, or of one and a `sort`");
        }
    }
    let compound = entry.compound.into_iter();
    let compound =
        compound.map(|entry| Compound { name: entry.name, fields: entry.fields, sort: entry.sort }).collect();
    Ok(Search { write, query, compound })
}

/// Whether attributes of this name work in expressions as they are.
pub(super) fn is_name(name: &str) -> bool {
    (1..=200).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
