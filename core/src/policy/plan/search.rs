//! Which fields of a resource are searched for, under which attributes and versions.

use std::collections::BTreeSet;

use super::{Plan, PlanEntry, Root};
use crate::error::{Error, Result};
use crate::policy::search::{BeaconRule, is_name};
use crate::policy::{Compound, FieldOverride, Search};
use crate::value::{Map, Path, Step, Value};

/// Which fields of a resource are searched for, and how.
#[derive(Clone, Debug, Default)]
pub struct SearchPlan {
    write: Vec<u8>,
    query: Vec<u8>,
    fields: Vec<SearchField>,
    compound: Vec<SearchCompound>,
    without_length: Vec<String>,
}

/// A sealed field that is searched for.
#[derive(Clone, Debug)]
pub struct SearchField {
    path: Path,
    text: String,
    name: String,
    rule: BeaconRule,
}

/// Several fields that are searched for together, from the first on.
#[derive(Clone, Debug)]
pub struct SearchCompound {
    name: String,
    fields: Vec<SearchField>,
    sort: Option<Path>,
}

/// An index over beacons: what a table needs so that a search reads what it finds and little else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BeaconIndex {
    /// The name of the index.
    pub name: String,
    /// The attribute that is its partition key, a text.
    pub partition: String,
    /// The attribute that is its sort key, a text.
    pub sort: Option<String>,
    /// The version of the beacons.
    pub version: u8,
}

impl SearchPlan {
    /// Whether there is anything to search for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The versions that are written.
    #[must_use]
    pub fn write(&self) -> &[u8] {
        &self.write
    }

    /// The versions that are asked for.
    #[must_use]
    pub fn query(&self) -> &[u8] {
        &self.query
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &[SearchField] {
        &self.fields
    }

    /// The beacons of several fields.
    #[must_use]
    pub fn compound(&self) -> &[SearchCompound] {
        &self.compound
    }

    /// Fields that the model marks `searchable` and that have no beacon, since the policy says no length, they are in a
    /// list, or they are stored in clear.
    #[must_use]
    pub fn without_beacon(&self) -> &[String] {
        &self.without_length
    }

    /// The field at this path.
    #[must_use]
    pub fn field(&self, path: &Path) -> Option<&SearchField> {
        self.fields.iter().find(|field| field.path == *path)
    }

    /// The indexes for all versions that are written or asked for. Members of sets have none: no index has sets as keys.
    #[must_use]
    pub fn indexes(&self) -> Vec<BeaconIndex> {
        let versions: BTreeSet<u8> = self.write.iter().chain(&self.query).copied().collect();
        let mut indexes = Vec::new();
        for version in versions {
            for field in self.fields.iter().filter(|field| !field.is_of_members()) {
                let partition = field.attribute(version);
                indexes.push(BeaconIndex { name: partition.clone(), partition, sort: None, version });
            }
            for compound in &self.compound {
                let Some(first) = compound.fields.first() else { continue };
                let name = compound.attribute(version);
                let partition = first.attribute(version);
                indexes.push(BeaconIndex { sort: Some(name.clone()), name, partition, version });
            }
        }
        indexes
    }
}

impl SearchField {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is, names joined by dots.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The attribute of its beacons of this version: `privet_b1_email`.
    #[must_use]
    pub fn attribute(&self, version: u8) -> String {
        attribute(version, &self.name)
    }

    /// How many bits its beacons of this version have.
    #[must_use]
    pub fn length(&self, version: u8) -> u8 {
        self.rule.lengths.get(&version).copied().unwrap_or(self.rule.length)
    }

    /// What the beacon of an item in DB-ESDK format is called.
    pub(crate) fn item_name(&self) -> &str {
        self.rule.name.as_deref().unwrap_or(&self.text)
    }

    /// Whether the members of a set or list are searched for, and not the value as a whole.
    #[must_use]
    pub fn is_of_members(&self) -> bool {
        self.rule.members
    }
}

impl SearchCompound {
    /// The name that searches say.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fields that are hidden, in order. The first one's own beacon is the partition key of the index.
    #[must_use]
    pub fn fields(&self) -> &[SearchField] {
        &self.fields
    }

    /// The text in clear that comes last.
    #[must_use]
    pub fn sort(&self) -> Option<&Path> {
        self.sort.as_ref()
    }

    /// The attribute of its beacons of this version.
    #[must_use]
    pub fn attribute(&self, version: u8) -> String {
        attribute(version, &self.name)
    }
}

impl Plan {
    /// Which fields are searched for. Worked out anew: keep it.
    ///
    /// # Errors
    ///
    /// `Config` if a beacon is over a field in clear, two beacons have one name, or a beacon of several fields names what
    /// it cannot use.
    pub fn search(&self) -> Result<SearchPlan> {
        let names = &self.0.names;
        let said = self.resource().and_then(|resource| self.policy().resource(resource));
        let Search { write, query, compound } = said.map(|resource| resource.search.clone()).unwrap_or_default();
        let mut plan = SearchPlan { write, query, ..SearchPlan::default() };
        for over in names.overrides() {
            let Some(rule) = over.beacon.clone().filter(|_| over.searchable != Some(false)) else { continue };
            let text = over.names.join(".");
            if !self.is_sealed(&text) {
                return Err(Error::config(format!(
                    "{}: `{text}` is stored in clear and needs no beacon: make an index of the attribute itself",
                    over.place
                )));
            }
            let path = Path::from(over.names.iter().cloned().map(Step::Key).collect::<Vec<_>>());
            let name = rule.name.clone().unwrap_or_else(|| name_of(&text));
            if !is_name(&name) {
                return Err(Error::config(format!("{}: give the beacon of `{text}` a shorter `name`", over.place)));
            }
            plan.fields.push(SearchField { path, text, name, rule });
        }
        for compound in compound {
            let compound = self.compound(&plan, compound)?;
            plan.compound.push(compound);
        }
        let mut seen = BTreeSet::new();
        let all =
            plan.fields.iter().map(|field| &field.name).chain(plan.compound.iter().map(|compound| &compound.name));
        for name in all {
            if !seen.insert(name) {
                return Err(Error::config(format!("two beacons are called `{name}`: give one of them another `name`")));
            }
        }
        let marked = self.entries().iter().filter(|entry| entry.searchable);
        plan.without_length = marked
            .map(|entry| entry.path.clone())
            .filter(|path| !plan.fields.iter().any(|field| field.text == *path))
            .collect();
        Ok(plan)
    }

    /// Whether nothing of what is at this path is ever sealed in records that fit their model: its attribute is stored in
    /// clear whatever its class, or the model knows all that is there and has none of it sealed.
    ///
    /// A public field that may hold names which the model does not know, such as a map or a JSON value, is no such place: the
    /// policy's rules go for those names, and may have what is there sealed.
    #[must_use]
    pub fn is_all_clear(&self, path: &Path) -> bool {
        if self.names_clear(path.root()) {
            return true;
        }
        // As the inventory has it: any element of a list.
        let text = path.steps().iter().fold(String::new(), |text, step| match step {
            Step::Index(_) => text + "[]",
            Step::Key(name) if text.is_empty() => name.clone(),
            Step::Key(name) => text + "." + name,
        });
        let own = self.own_entries(&text);
        let has_any_name =
            |entry: &PlanEntry| entry.holds_names || entry.path.get(text.len()..).is_none_or(|rest| rest.contains('*'));
        let is_clear = |entry: &&PlanEntry| entry.at_rest != "encrypt" && !has_any_name(entry);
        // The model lists a type within itself once; the policy may name what is further in.
        let is_listed = |over: &FieldOverride| {
            let named = over.names.join(".");
            own.iter().any(|entry| entry.path.replace("[]", "") == named)
        };
        let keys: Vec<_> =
            path.steps().iter().filter_map(|step| if let Step::Key(name) = step { Some(name) } else { None }).collect();
        let is_below = |over: &&FieldOverride| {
            let mut pairs = keys.iter().zip(&over.names);
            over.names.len() >= keys.len() && pairs.all(|(key, name)| *key == name || name == "*")
        };
        self.has_model()
            && !own.is_empty()
            && own.iter().all(is_clear)
            && self.0.names.overrides().iter().filter(is_below).all(is_listed)
    }

    /// Whether anything of a top-level attribute may be sealed, as far as the model and the policy's `fields` say.
    pub(crate) fn may_seal(&self, attribute: &str) -> bool {
        if self.names_clear(attribute) {
            return false;
        }
        let own = self.own_entries(attribute);
        let is_known = self.has_model() && !own.is_empty();
        own.iter().any(|entry| entry.at_rest == "encrypt") || (!is_known && self.seals_at(&Path::attribute(attribute)))
    }

    /// Whether the model, the policy's `fields` or the table's key name this top-level attribute.
    pub(crate) fn names_attribute(&self, attribute: &str) -> bool {
        self.names_clear(attribute) || !self.own_entries(attribute).is_empty()
    }

    fn names_clear(&self, attribute: &str) -> bool {
        self.key().iter().any(|key| key == attribute) || self.unsigned().any(|unsigned| unsigned == attribute)
    }

    fn has_model(&self) -> bool {
        matches!(self.0.root, Root::Model(..))
    }

    /// The lines of the inventory that are of what is at this path, or of what is in it.
    fn own_entries(&self, at: &str) -> Vec<&PlanEntry> {
        let is_own =
            |path: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.entries().iter().filter(|entry| is_own(&entry.path)).collect()
    }

    fn compound(&self, plan: &SearchPlan, compound: Compound) -> Result<SearchCompound> {
        let name = compound.name;
        let mut fields = Vec::with_capacity(compound.fields.len());
        for text in &compound.fields {
            let field = plan.fields.iter().find(|field| field.text == *text && !field.is_of_members());
            let field = field.filter(|field| !fields.iter().any(|other: &SearchField| other.path == field.path));
            fields.push(field.cloned().ok_or_else(|| {
                Error::config(format!(
                    "the compound beacon `{name}` names `{text}`, which has no `beacon` of its whole value, or is in it twice"
                ))
            })?);
        }
        if let Some(sort) = compound.sort.as_deref().filter(|sort| self.is_sealed(sort)) {
            return Err(Error::config(format!(
                "the compound beacon `{name}` sorts by `{sort}`, which is sealed: only what is in clear can be compared"
            )));
        }
        let steps = |text: String| text.split('.').map(|name| Step::Key(name.to_owned())).collect::<Vec<_>>();
        Ok(SearchCompound { name, fields, sort: compound.sort.map(|sort| Path::from(steps(sort))) })
    }

    /// Whether values at this path are sealed, by themselves or with what they are in.
    fn is_sealed(&self, text: &str) -> bool {
        if let Some(entry) = self.entries().iter().find(|entry| entry.path == text) {
            return entry.at_rest == "encrypt";
        }
        let steps: Vec<Step> = text.split('.').map(|name| Step::Key(name.to_owned())).collect();
        self.seals_at(&Path::from(steps))
    }

    /// Whether a text at this path is sealed, by itself or with what it is in, in a record that has nothing else.
    pub(crate) fn seals_at(&self, path: &Path) -> bool {
        // An element of a list is sealed as its first one is.
        let steps = path.steps().iter().map(|step| match step {
            Step::Index(_) => Step::Index(0),
            Step::Key(_) => step.clone(),
        });
        let path = Path::from(steps.collect::<Vec<_>>());
        let nested = path.steps().iter().rev().fold(Value::S(String::new()), |value, step| match step {
            Step::Key(name) => Value::M(Map::from([(name.clone(), value)])),
            Step::Index(_) => Value::L(vec![value]),
        });
        let Value::M(record) = nested else { return false };
        self.sealings(&record)
            .is_ok_and(|sealings| sealings.iter().any(|(sealed, _)| path.steps().starts_with(sealed.steps())))
    }
}

/// Whether an attribute's name is one of beacons, which only privet writes: `privet_b`, digits, an underscore.
#[must_use]
pub fn is_beacon_name(attribute: &str) -> bool {
    let Some(rest) = attribute.strip_prefix(PREFIX) else { return false };
    let after = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    after.len() < rest.len() && after.starts_with('_')
}

fn attribute(version: u8, name: &str) -> String {
    format!("{PREFIX}{version}_{name}")
}

/// A path with underscores for what expressions cannot have.
fn name_of(path: &str) -> String {
    path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

const PREFIX: &str = "privet_b";
