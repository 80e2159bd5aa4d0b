//! Searching: the beacons of a record, what to ask a table for, and what of its answers is meant.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::beacon_keys::TenantKeys;
use super::{Protector, Resource};
use crate::beacon::{BeaconLength, Comparison};
use crate::classification::Classification;
use crate::error::{Error, Result};
use crate::policy::plan::{SearchCompound, SearchField, SearchPlan, is_beacon_name};
use crate::value::{Map, Path, Step, TypeId, Value, serialise_into};

/// What is searched for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Condition {
    /// The value at a path is this one.
    Equals(Path, Value),
    /// The set or list at a path has this member.
    Contains(Path, Value),
    /// The first fields of a compound beacon are these, and its last text starts like this.
    Compound {
        /// The name of the beacon.
        name: String,
        /// The values of its fields, from the first on.
        values: Vec<Value>,
        /// How the text that it sorts by starts. Only if all fields are given.
        starts: Option<String>,
    },
    /// What one of AWS's beacons stands for, in a table in DB-ESDK format. A compound beacon is asked with the text that
    /// it would be with nothing hidden, as AWS's clients do.
    Beacon {
        /// The name of the beacon.
        name: String,
        /// How it compares with the value. Never by `Order`.
        comparison: Comparison,
        /// The value.
        value: Value,
    },
    /// In a table in DB-ESDK format whose items name their beacon key: those that name this one and meet the condition.
    Keyed {
        /// The id of the key.
        key: String,
        /// What else is asked.
        condition: Box<Condition>,
    },
}

/// One question to a table. The answers to all of a search's questions, together and without repetitions, have all
/// records that are meant, and some more: keep those that [`Resource::matches`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BeaconQuery {
    /// The version of the beacons.
    pub version: u8,
    /// How to ask.
    pub ask: Ask,
}

/// How to ask a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// An index: its partition key is this text.
    Index {
        /// The name of the index.
        name: String,
        /// Its partition key and the value.
        partition: (String, String),
        /// Its sort key and how the value begins.
        begins_with: Option<(String, String)>,
    },
    /// All records: this attribute is a set that contains this text.
    Filter {
        /// The attribute.
        attribute: String,
        /// The member.
        contains: String,
    },
    /// All records: this attribute is a text that begins with this one.
    Beginning {
        /// The attribute.
        attribute: String,
        /// How it begins.
        begins_with: String,
    },
}

impl Protector {
    /// The beacons that a record in clear is stored with, in all versions that are written. Sealing a whole record adds
    /// them; this is for whoever writes single values.
    ///
    /// # Errors
    ///
    /// `Config` if the policy names beacons and there is no key for them; `Input` if a value cannot have one, or if one
    /// would show in clear what is sealed in this record, which does not fit its model; the key source's.
    pub async fn beacons(&self, resource: &Resource, record: &Map) -> Result<Map> {
        let has_sorts = resource.search().compound().iter().any(|compound| compound.sort().is_some());
        let sealings = if has_sorts { resource.plan().sealings(record)? } else { Vec::new() };
        self.beacons_beside(resource, record, &sealings).await
    }

    /// The beacons of a record in clear of which this is sealed.
    pub(super) async fn beacons_beside(
        &self,
        resource: &Resource,
        record: &Map,
        sealings: &[(Path, Classification)],
    ) -> Result<Map> {
        let plan = resource.search();
        let mut beacons = Map::new();
        if plan.is_empty() {
            return Ok(beacons);
        }
        plan.compound().iter().try_for_each(|compound| check_sort(compound, record, sealings))?;
        for version in plan.write() {
            let keys = self.shared.beacon_keys.keys(*version, &self.tenant.name).await?;
            let hasher = Hasher { resource: resource.name(), version: *version, keys };
            for field in plan.fields() {
                if let Some(beacon) =
                    present(field.path(), record).map(|value| hasher.stored(field, value)).transpose()?
                {
                    beacons.extend(beacon.map(|beacon| (field.attribute(*version), beacon)));
                }
            }
            for compound in plan.compound() {
                let text = hasher.compound(compound, record)?;
                beacons.extend(text.map(|text| (compound.attribute(*version), Value::S(text))));
            }
        }
        Ok(beacons)
    }

    /// Whether records of this resource are written with beacons, and this protector has keys for them.
    #[must_use]
    pub fn has_beacons(&self, resource: &Resource) -> bool {
        !resource.search().is_empty() && self.shared.beacon_keys.is_there()
    }

    /// What happens to beacons when the value at a path becomes another, or is removed: the attributes to set, and those
    /// to remove. For updates of single values in resources with field integrity.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the path is part of a searchable value, or in a compound beacon, whose other values are needed:
    /// read the record and use [`beacons`](Self::beacons); otherwise as there.
    pub async fn beacon_changes(
        &self,
        resource: &Resource,
        path: &Path,
        value: Option<&Value>,
    ) -> Result<BTreeMap<String, Option<Value>>> {
        let plan = resource.search();
        let mut changes = BTreeMap::new();
        let touches = |other: &Path| other.steps().starts_with(path.steps()) || path.steps().starts_with(other.steps());
        let in_compound = |compound: &SearchCompound| {
            compound.fields().iter().any(|field| touches(field.path())) || compound.sort().is_some_and(touches)
        };
        if plan.compound().iter().any(in_compound) {
            return Err(whole_record_needed(path));
        }
        for field in plan.fields().iter().filter(|field| touches(field.path())) {
            // What a new value around the field holds of it is known; what is left of a field that changes inside is not.
            let Some(inner) = field.path().steps().strip_prefix(path.steps()) else {
                return Err(whole_record_needed(path));
            };
            let value = value.and_then(|value| inside(value, inner)).filter(|value| !matches!(value, Value::Null));
            for version in plan.write() {
                let keys = self.shared.beacon_keys.keys(*version, &self.tenant.name).await?;
                let hasher = Hasher { resource: resource.name(), version: *version, keys };
                let beacon = value.map(|value| hasher.stored(field, value)).transpose()?.flatten();
                changes.insert(field.attribute(*version), beacon);
            }
        }
        Ok(changes)
    }

    /// What to ask a table for, once for each version that is asked for.
    ///
    /// # Errors
    ///
    /// `Config` if what is searched for has no beacon, or there is no key for it; `Input` for a null, and for values that
    /// cannot be serialised or do not fit the beacon; the key source's.
    pub async fn search(&self, resource: &Resource, condition: &Condition) -> Result<Vec<BeaconQuery>> {
        let mut queries = Vec::new();
        if let Some(plan) = resource.item_search() {
            queries = self.search_items(resource, plan, condition).await?;
        }
        if !resource.has_records() {
            return if resource.item_search().is_some() { Ok(queries) } else { Err(no_beacons(resource)) };
        }
        let plan = resource.search();
        for version in plan.query() {
            let keys = self.shared.beacon_keys.keys(*version, &self.tenant.name).await?;
            let hasher = Hasher { resource: resource.name(), version: *version, keys };
            queries.push(BeaconQuery { version: *version, ask: hasher.ask(plan, condition)? });
        }
        Ok(queries)
    }
}

impl Resource {
    /// Whether a record gets other beacons when what is at this path changes.
    #[must_use]
    pub fn has_beacons(&self, path: &Path) -> bool {
        let touches = |other: &Path| other.steps().starts_with(path.steps()) || path.steps().starts_with(other.steps());
        let plan = self.search();
        plan.fields().iter().any(|field| touches(field.path()))
            || plan.compound().iter().any(|compound| compound.sort().is_some_and(touches))
    }

    /// The attributes of the beacons that change with what is at this path, in all versions that are written.
    pub(super) fn beacons_of(&self, path: &Path) -> Vec<String> {
        let touches = |other: &Path| other.steps().starts_with(path.steps()) || path.steps().starts_with(other.steps());
        let plan = self.search();
        let fields = plan.fields().iter().filter(|field| touches(field.path()));
        let compound = plan.compound().iter().filter(|compound| {
            compound.fields().iter().any(|field| touches(field.path())) || compound.sort().is_some_and(touches)
        });
        let versions =
            |name: &dyn Fn(u8) -> String| plan.write().iter().map(|version| name(*version)).collect::<Vec<_>>();
        let fields = fields.flat_map(|field| versions(&|version| field.attribute(version)));
        fields.chain(compound.flat_map(|compound| versions(&|version| compound.attribute(version)))).collect()
    }

    /// What the beacons are made of that change with what is at this path, if more than that: the fields of a beacon of
    /// several ones, or the rest of a field that changes inside.
    #[must_use]
    pub fn beacon_sources(&self, path: &Path) -> Vec<Path> {
        let touches = |other: &Path| other.steps().starts_with(path.steps()) || path.steps().starts_with(other.steps());
        let plan = self.search();
        let inside = |field: &&SearchField| path.steps().len() > field.path().steps().len() && touches(field.path());
        let mut sources: Vec<Path> = plan.fields().iter().filter(inside).map(|field| field.path().clone()).collect();
        for compound in plan.compound() {
            let all = || compound.fields().iter().map(SearchField::path).chain(compound.sort());
            if all().any(touches) {
                sources.extend(all().cloned());
            }
        }
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Whether an opened record is what was searched for. Answers of a table have to be asked this: other values may have
    /// the same beacon, and who can write to the table can give a record any beacon.
    ///
    /// # Errors
    ///
    /// `Config` if there is no such beacon; `Input` if a value cannot be serialised.
    pub fn matches(&self, condition: &Condition, record: &Map) -> Result<bool> {
        if let Some(plan) = self.item_search().filter(|_| !self.has_records()) {
            return plan.matches(condition, record);
        }
        match condition {
            Condition::Beacon { .. } | Condition::Keyed { .. } => Err(only_items()),
            Condition::Equals(path, wanted) => is_alike(path.find(record), wanted),
            Condition::Contains(path, wanted) => {
                let Some(value) = path.find(record) else { return Ok(false) };
                let wanted = canonical(wanted)?;
                Ok(members(value).iter().any(|member| canonical(member).is_ok_and(|member| member == wanted)))
            }
            Condition::Compound { name, values, starts } => {
                let compound = compound(self.search(), name)?;
                for (field, wanted) in compound.fields().iter().zip(values) {
                    if !is_alike(field.path().find(record), wanted)? {
                        return Ok(false);
                    }
                }
                let text = compound.sort().and_then(|sort| sort.find(record)?.as_text());
                Ok(starts.as_deref().is_none_or(|start| text.is_some_and(|text| text.starts_with(start))))
            }
        }
    }
}

/// Refuses a record of which a compound beacon would show in clear what is sealed: whether the text that it sorts by is,
/// the record decides as well as the policy.
fn check_sort(compound: &SearchCompound, record: &Map, sealings: &[(Path, Classification)]) -> Result<()> {
    let Some(sort) = compound.sort().filter(|sort| present(sort, record).is_some()) else { return Ok(()) };
    if !sealings.iter().any(|(sealed, _)| sort.steps().starts_with(sealed.steps())) {
        return Ok(());
    }
    Err(Error::input(format!(
        "the compound beacon `{}` would show `{sort}` in clear, which is sealed in this record: give what is around it the \
         form that the model says",
        compound.name()
    )))
}

/// Refuses a record that brings attributes of its own under names of beacons.
pub(super) fn refuse_beacon_names(record: &Map) -> Result<()> {
    record.keys().try_for_each(|name| refuse_beacon_name(name))
}

pub(super) fn refuse_beacon_name(name: &str) -> Result<()> {
    if is_beacon_name(name) {
        return Err(Error::input(format!("the attribute name `{name}` is for beacons: rename the attribute")));
    }
    Ok(())
}

/// Hashes for one resource, version and tenant.
struct Hasher<'a> {
    resource: &'a str,
    version: u8,
    keys: Arc<TenantKeys>,
}

impl Hasher<'_> {
    fn hash(&self, field: &SearchField, value: &Value) -> Result<String> {
        let length = BeaconLength::new(field.length(self.version))?;
        self.keys.field(self.resource, field.path())?.beacon(value, length)
    }

    /// The tenant's tag and the hash.
    fn tagged(&self, field: &SearchField, value: &Value) -> Result<String> {
        Ok(format!("{}{}", self.keys.tag(self.resource)?.as_str(), self.hash(field, value)?))
    }

    /// What is stored for a value; nothing for a set or list without members.
    fn stored(&self, field: &SearchField, value: &Value) -> Result<Option<Value>> {
        if !field.is_of_members() {
            return self.tagged(field, value).map(|text| Some(Value::S(text)));
        }
        if !matches!(value, Value::Ss(_) | Value::Ns(_) | Value::Bs(_) | Value::L(_)) {
            let path = field.path();
            return Err(Error::input(format!("the beacon of `{path}` is of members, and the value is no set or list")));
        }
        let members = members(value);
        let mut texts = members.iter().map(|member| self.tagged(field, member)).collect::<Result<Vec<_>>>()?;
        texts.sort_unstable();
        texts.dedup();
        Ok((!texts.is_empty()).then_some(Value::Ss(texts)))
    }

    /// The pieces after the first field, up to the first that the record lacks; nothing if there is none.
    fn compound(&self, compound: &SearchCompound, record: &Map) -> Result<Option<String>> {
        let mut pieces = Vec::new();
        for (index, field) in compound.fields().iter().enumerate() {
            let Some(value) = present(field.path(), record) else { return Ok(joined(&pieces)) };
            if index > 0 {
                pieces.push(self.hash(field, value)?);
            }
        }
        if let Some(value) = compound.sort().and_then(|sort| present(sort, record)) {
            let text = value.as_text().ok_or_else(|| {
                Error::input(format!(
                    "the compound beacon `{}` sorts by a text, and the value is none",
                    compound.name()
                ))
            })?;
            pieces.push(text.to_owned());
        }
        Ok(joined(&pieces))
    }

    fn ask(&self, plan: &SearchPlan, condition: &Condition) -> Result<Ask> {
        match condition {
            Condition::Beacon { .. } | Condition::Keyed { .. } => Err(only_items()),
            Condition::Equals(path, value) => {
                let field = searchable(plan, path, false)?;
                refuse_null(value)?;
                let attribute = field.attribute(self.version);
                let partition = (attribute.clone(), self.tagged(field, value)?);
                Ok(Ask::Index { name: attribute, partition, begins_with: None })
            }
            Condition::Contains(path, value) => {
                let field = searchable(plan, path, true)?;
                Ok(Ask::Filter { attribute: field.attribute(self.version), contains: self.tagged(field, value)? })
            }
            Condition::Compound { name, values, starts } => {
                let compound = compound(plan, name)?;
                let [first, rest @ ..] = compound.fields() else { return Err(no_beacon(name)) };
                let Some((first_value, other_values)) = values.split_first() else {
                    return Err(Error::input(format!(
                        "the compound beacon `{name}` is searched from its first field on"
                    )));
                };
                let is_whole = values.len() == compound.fields().len();
                if values.len() > compound.fields().len()
                    || (starts.is_some() && !(is_whole && compound.sort().is_some()))
                {
                    return Err(Error::input(format!(
                        "the compound beacon `{name}` has fewer fields than values, or no text after them"
                    )));
                }
                values.iter().try_for_each(refuse_null)?;
                let mut pieces = Vec::new();
                for (field, value) in rest.iter().zip(other_values) {
                    pieces.push(self.hash(field, value)?);
                }
                pieces.extend(starts.clone());
                let start = pieces.join(SEPARATOR);
                let attribute = compound.attribute(self.version);
                let partition = (first.attribute(self.version), self.tagged(first, first_value)?);
                if start.is_empty() {
                    // The first field alone: records that lack all others are not in the compound index.
                    return Ok(Ask::Index { name: partition.0.clone(), partition, begins_with: None });
                }
                Ok(Ask::Index { name: attribute.clone(), partition, begins_with: Some((attribute, start)) })
            }
        }
    }
}

fn searchable<'a>(plan: &'a SearchPlan, path: &Path, members: bool) -> Result<&'a SearchField> {
    let field = plan.field(path).ok_or_else(|| no_beacon(&path.to_string()))?;
    match (field.is_of_members(), members) {
        (true, false) => Err(Error::config(format!("the beacon of `{path}` is of members: ask what it contains"))),
        (false, true) => {
            Err(Error::config(format!("the beacon of `{path}` is of the whole value: say `members = true`")))
        }
        _ => Ok(field),
    }
}

fn compound<'a>(plan: &'a SearchPlan, name: &str) -> Result<&'a SearchCompound> {
    plan.compound().iter().find(|compound| compound.name() == name).ok_or_else(|| no_beacon(name))
}

fn only_items() -> Error {
    Error::config("only tables in DB-ESDK format alone are searched by the names and keys of AWS's beacons")
}

fn no_beacons(resource: &Resource) -> Error {
    Error::config(format!("`{}` has no beacons: give its fields a `beacon` in the policy", resource.name()))
}

pub(super) fn no_beacon(what: &str) -> Error {
    Error::config(format!("`{what}` cannot be searched for: give it a `beacon` under `[[fields]]` in the policy"))
}

fn whole_record_needed(path: &Path) -> Error {
    Error::unsupported(format!("the beacons that `{path}` is part of need the whole record: read it and write it anew"))
}

fn refuse_null(value: &Value) -> Result<()> {
    if matches!(value, Value::Null) {
        return Err(Error::input("a null has no beacon and cannot be searched for"));
    }
    Ok(())
}

/// The value, unless there is none or a null.
fn present<'a>(path: &Path, record: &'a Map) -> Option<&'a Value> {
    path.find(record).filter(|value| !matches!(value, Value::Null))
}

fn inside<'a>(value: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match (step, value) {
        (Step::Key(name), Value::M(members)) => members.get(name),
        (Step::Index(index), Value::L(values)) => values.get(usize::try_from(*index).ok()?),
        _ => None,
    })
}

/// The members of a set or list, nulls left out.
fn members(value: &Value) -> Vec<Value> {
    match value {
        Value::Ss(texts) => texts.iter().cloned().map(Value::S).collect(),
        Value::Ns(numbers) => numbers.iter().cloned().map(Value::N).collect(),
        Value::Bs(blobs) => blobs.iter().cloned().map(Value::B).collect(),
        Value::L(values) => values.iter().filter(|value| !matches!(value, Value::Null)).cloned().collect(),
        _ => Vec::new(),
    }
}

fn joined(pieces: &[String]) -> Option<String> {
    let text = pieces.join(SEPARATOR);
    // A sort key must not be empty.
    (!text.is_empty()).then_some(text)
}

fn is_alike(value: Option<&Value>, wanted: &Value) -> Result<bool> {
    value.map_or(Ok(false), |value| Ok(canonical(value)? == canonical(wanted)?))
}

/// Type and bytes: sets in any order, numbers in any spelling.
fn canonical(value: &Value) -> Result<([u8; 2], Zeroizing<Vec<u8>>)> {
    let mut bytes = Zeroizing::new(Vec::new());
    serialise_into(value, &mut bytes)?;
    Ok((TypeId::of(value).0, bytes))
}

/// Between hashes, which do not contain it, and before the text in clear, which may.
const SEPARATOR: &str = ".";
