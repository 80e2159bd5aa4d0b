//! A policy resolved for one model or resource: which values to seal, and what a caller may see.

use std::sync::{Arc, OnceLock};

use super::{Disclosure, Policy};
use crate::classification::Classification;
use crate::error::{Error, Result};
use crate::mask::Masks;
use crate::principal::Principal;
use crate::schema::Schema;
use crate::value::{Map, Path, Value};
use crate::view::Tree;

mod explain;
mod inventory;
pub(super) mod names;
mod place;
mod seal;
mod search;
mod shape;
mod show;
mod trail;

#[cfg(test)]
mod tests;

pub use explain::{Explanation, NamedClasses};
pub use inventory::PlanEntry;
use names::{Names, State};
pub use place::Placement;
pub use search::{BeaconIndex, SearchCompound, SearchField, SearchPlan, is_beacon_name};
use shape::{NodeId, Shapes};

/// A policy resolved for one model or resource. Make it once and use it for every record; cheap to clone.
///
/// A value belongs to every class that a name on its path has. It is sealed under the greatest of them and shown no
/// wider than each of them allows.
#[derive(Clone, Debug)]
pub struct Plan(Arc<Resolved>);

#[derive(Debug)]
struct Resolved {
    names: Names,
    key: Vec<String>,
    root: Root,
    /// Made when it is first asked for.
    entries: OnceLock<Vec<PlanEntry>>,
}

impl Resolved {
    fn new(names: Names, key: Vec<String>, root: Root) -> Arc<Self> {
        Arc::new(Self { names, key, root, entries: OnceLock::new() })
    }
}

/// What a record is known by.
#[derive(Debug)]
enum Root {
    Model(&'static Schema, Shapes, NodeId),
    Dynamic(State),
}

impl Plan {
    /// Resolves the policy for a model.
    ///
    /// # Errors
    ///
    /// `Config` if the policy loosens what the model says without `allow_loosen`, if a key or an unsigned attribute is
    /// not of class `public`, if a mask is not known, or if model and policy name different keys.
    pub fn for_model(schema: &'static Schema, policy: &Policy, masks: &Masks) -> Result<Self> {
        let key = model_key(schema, policy)?;
        let names = Names::new(policy, masks, schema.resource, key.clone(), true);
        check_masks(&names, schema.inventory().iter().filter_map(|entry| entry.mask))?;
        let (shapes, root) = Shapes::of_model(schema, &names)?;
        Ok(Self(Resolved::new(names, key, Root::Model(schema, shapes, root))))
    }

    /// Resolves the policy for records that no model describes.
    ///
    /// # Errors
    ///
    /// As [`Plan::for_model`].
    pub fn for_resource(resource: &str, policy: &Policy, masks: &Masks) -> Result<Self> {
        let key = policy.resource(resource).map(|resource| resource.key.clone()).unwrap_or_default();
        let names = Names::new(policy, masks, Some(resource), key.clone(), false);
        check_masks(&names, [])?;
        let start = names.start();
        for attribute in key.iter().map(String::as_str).chain(policy.unsigned(Some(resource))) {
            names.check(&names.step(&start, attribute), None, attribute).map_err(Error::config)?;
        }
        for over in names.overrides() {
            let state = over.names.iter().fold(start.clone(), |state, name| names.step(&state, name));
            names.check(&state, None, &over.names.join(".")).map_err(Error::config)?;
        }
        Ok(Self(Resolved::new(names, key, Root::Dynamic(start))))
    }

    /// The policy that was resolved.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.0.names.policy()
    }

    /// The resource that records of this kind live in, if model or policy says.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.0.names.resource()
    }

    /// Top-level attributes that are stored in clear and left out of the signature.
    pub fn unsigned(&self) -> impl Iterator<Item = &str> {
        self.policy().unsigned(self.resource())
    }

    /// The key attributes, partition key first; empty if neither model nor policy says.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.0.key
    }

    /// Which values to seal, and under which class, in the record's order.
    ///
    /// A field of a model that has a class is sealed whole, whatever is in it; only if that class is not sealed are the
    /// names inside of it asked. Without a model, a map that a rule matches is sealed whole if all in it is to be sealed
    /// under its class, a list if all in it is to be sealed under one class; other maps and lists are sealed in parts.
    /// Key attributes and what is left out of the signature are never sealed.
    ///
    /// # Errors
    ///
    /// `Input` if the record nests deeper than 32 levels.
    pub fn sealings(&self, record: &Map) -> Result<Vec<(Path, Classification)>> {
        seal::sealings(&self.0, record)
    }

    /// The class that a top-level attribute is sealed under if it is neither a map nor a list: none, if it is stored in
    /// clear. Without a model its name decides that alone; with one, `None` is the answer.
    pub(crate) fn class_by_name(&self, attribute: &str) -> Option<Option<Classification>> {
        let Root::Dynamic(start) = &self.0.root else { return None };
        Some(self.0.names.unnamed(&self.0.names.step(start, attribute)).seal)
    }

    /// How a value at this path would be stored, whatever else the record holds.
    ///
    /// This is what lets a single value be written, or compared with, without the rest of its record.
    ///
    /// # Errors
    ///
    /// `Input` if the value nests deeper than 32 levels.
    pub fn place(&self, path: &Path, value: &Value) -> Result<Placement> {
        place::place(&self.0, path, value)
    }

    /// What the principal may see of a record, given in clear.
    ///
    /// `withheld` are the paths of values that could not be opened: they are withheld whatever the policy says. `tenant`
    /// keeps the pseudonyms of the mask `hash` apart; empty if there is none.
    #[must_use]
    pub fn view(&self, record: Map, principal: &Principal, withheld: &[Path], tenant: &str) -> Viewed {
        show::view(&self.0, Value::M(record), principal, withheld, tenant)
    }
}

/// What a principal may see of a record, and what has to be audited before it is shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Viewed {
    /// The record as it may be seen.
    pub tree: Tree,
    /// What it reveals of audited classes, wholly or in part.
    pub revealed: Vec<Reveal>,
}

/// One value of an audited class that is revealed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reveal {
    /// Where it is. A map or list that is revealed with all that is in it is named once.
    pub path: Path,
    /// The greatest of its classes.
    pub class: Classification,
    /// How much of it is shown.
    pub disclosure: Disclosure,
}

impl Reveal {
    /// A value that is there for all to read.
    pub(crate) fn whole(path: Path, class: Classification) -> Self {
        Self { path, class, disclosure: Disclosure::Reveal }
    }
}

/// What happens to a field at rest, for the inventory.
fn at_rest(seal: Option<Classification>) -> &'static str {
    if seal.is_some() { "encrypt" } else { "sign" }
}

fn model_key(schema: &Schema, policy: &Policy) -> Result<Vec<String>> {
    let of_model: Vec<_> = schema.key.iter().map(|name| (*name).to_owned()).collect();
    let resource = schema.resource.and_then(|name| policy.resource(name));
    let of_policy = resource.map(|resource| resource.key.clone()).unwrap_or_default();
    match (of_model.is_empty(), of_policy.is_empty()) {
        (true, _) => Ok(of_policy),
        _ if policy.unsigned(schema.resource).any(|unsigned| of_model.iter().any(|key| key == unsigned)) => {
            Err(Error::config(format!(
                "a key of `{}` is `unsigned` in the policy, and keys are signed; leave it out there",
                schema.name
            )))
        }
        (false, false) if of_model != of_policy => Err(Error::config(format!(
            "the key of `{}` is `{}` in the model and `{}` in the policy; write the same in both, or only in one",
            schema.name,
            of_model.join("`, `"),
            of_policy.join("`, `")
        ))),
        _ => Ok(of_model),
    }
}

/// Refuses masks that are not known.
fn check_masks<'a>(names: &Names, of_model: impl IntoIterator<Item = &'a str>) -> Result<()> {
    for class in &names.policy().0.classes {
        class.mask.as_deref().map(|mask| names.find_mask(mask)).transpose()?;
    }
    for over in names.overrides() {
        let found = over.mask.as_deref().map(|mask| names.find_mask(mask)).transpose();
        found.map_err(|error| Error::config(format!("{}: {error}", over.place)))?;
    }
    of_model.into_iter().try_for_each(|mask| names.find_mask(mask).map(drop))
}
