//! What came of opening a record: its values, and which were withheld or stored under another class than planned.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::classification::Classification;
use crate::error::{Error, Result};
use crate::policy::TableFormat;
use crate::policy::plan::Plan;
use crate::value::{Map, Path, Step, Value};

/// A record that was opened as far as this process's keys go.
#[derive(Debug)]
#[must_use = "values may be withheld: ask for `complete()`, or look at `withheld()`"]
pub struct Unprotected {
    pub(super) record: Map,
    pub(super) sealed: Vec<(Path, Classification)>,
    pub(super) withheld: Vec<Withheld>,
    pub(super) drift: Vec<Drift>,
    pub(super) plaintext: bool,
    /// Whether the record as a whole was verified, and with it what is in clear.
    pub(super) is_proven: bool,
    pub(super) version: Option<u64>,
    pub(super) format: TableFormat,
}

impl Unprotected {
    /// The record, if nothing of it is withheld.
    ///
    /// # Errors
    ///
    /// `Denied` if the key provider refused a class of it, with the paths; `Integrity` if a wrapped key is not for this
    /// keyring, or was damaged so as to look like it.
    pub fn complete(self) -> Result<Map> {
        if self.withheld.is_empty() {
            return Ok(self.record);
        }
        if self.withheld.iter().any(|withheld| withheld.reason == WithheldReason::NoKey) {
            return Err(Error::integrity());
        }
        let paths: Vec<String> =
            self.withheld.iter().map(|withheld| format!("`{}` ({})", withheld.path, withheld.class)).collect();
        Err(Error::denied(format!("the key provider refuses the keys of {}", paths.join(", "))))
    }

    /// What could be opened. Withheld members are missing; withheld elements of lists are null.
    #[must_use]
    pub fn record(&self) -> &Map {
        &self.record
    }

    /// Where values were sealed, and under which class, as stored.
    #[must_use]
    pub fn sealed(&self) -> &[(Path, Classification)] {
        &self.sealed
    }

    /// What could not be opened, and why.
    #[must_use]
    pub fn withheld(&self) -> &[Withheld] {
        &self.withheld
    }

    /// Values that are stored under another class than the policy gives them now. They are opened all the same; writing
    /// the record again mends it. Until then, with field integrity, a view withholds those that are stored under a greater
    /// class.
    #[must_use]
    pub fn drift(&self) -> &[Drift] {
        &self.drift
    }

    /// Whether the record was stored in clear, which the policy allows while a migration lasts.
    #[must_use]
    pub fn was_plaintext(&self) -> bool {
        self.plaintext
    }

    /// The format it was stored in. If that is not its table's, writing it again makes it so.
    #[must_use]
    pub fn format(&self) -> TableFormat {
        self.format
    }

    /// The record and what of it nobody may see.
    ///
    /// Where the record as a whole is not verified, a tag in clear that somebody changed can make a sealed value look
    /// like one of a lesser class: such a value is not shown.
    pub(super) fn into_parts(self) -> (Map, Vec<Path>) {
        let is_lesser = |drift: &Drift| !self.is_proven && drift.planned < drift.stored;
        let lesser = self.drift.into_iter().filter(is_lesser).map(|drift| drift.path);
        (self.record, self.withheld.into_iter().map(|withheld| withheld.path).chain(lesser).collect())
    }
}

/// A value that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Withheld {
    /// Where it is.
    pub path: Path,
    /// The class it is sealed under.
    pub class: Classification,
    /// Why it could not be opened.
    pub reason: WithheldReason,
}

/// Why a value could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WithheldReason {
    /// The key provider refuses this process the class's key.
    Denied,
    /// None of the class's wrapped keys is for this keyring.
    NoKey,
}

/// A value that is stored under another class than the policy gives it now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// Where it is.
    pub path: Path,
    /// The class it is sealed under; `None` if it is stored in clear.
    pub stored: Option<Classification>,
    /// The class it would be sealed under now; `None` if it would be stored in clear.
    pub planned: Option<Classification>,
}

/// Compares what is sealed with what would be. A map that is sealed whole and one that is sealed in parts are alike if
/// the classes are and no part is in clear.
///
/// # Errors
///
/// `Input` if the record nests so deep that nobody would seal it.
pub(super) fn drift(
    plan: &Plan,
    record: &Map,
    sealed: &[(Path, Classification)],
    withheld: &[Withheld],
) -> Result<Vec<Drift>> {
    Ok(drift_from(&plan.sealings(record)?, record, sealed, withheld))
}

/// [`drift`] from what is planned for the record.
pub(super) fn drift_from(
    planned: &[(Path, Classification)],
    record: &Map,
    sealed: &[(Path, Classification)],
    withheld: &[Withheld],
) -> Vec<Drift> {
    if planned == sealed {
        return Vec::new();
    }
    let (planned_at, sealed_at) = (by_steps(planned), by_steps(sealed));
    let withheld: BTreeSet<&[Step]> = withheld.iter().map(|withheld| withheld.path.steps()).collect();
    let stored = sealed.iter().filter(|(path, _)| !withheld.contains(path.steps())).filter_map(|(path, class)| {
        let mut near = near(&planned_at, path.steps()).peekable();
        match near.peek() {
            None => Some(Drift { path: path.clone(), stored: Some(*class), planned: None }),
            Some(_) => {
                let other = near.find(|planned| planned != class)?;
                Some(Drift { path: path.clone(), stored: Some(*class), planned: Some(other) })
            }
        }
    });
    let clear = planned
        .iter()
        .filter(|(path, _)| around(&sealed_at, path.steps()).next().is_none())
        .filter(|(path, _)| path.find(record).is_some_and(|value| has_clear(value, &mut path.clone(), &sealed_at)))
        .map(|(path, class)| Drift { path: path.clone(), stored: None, planned: Some(*class) });
    stored.chain(clear).collect()
}

/// Classes by place. Sorted, since whoever writes to the table decides how many places there are.
type BySteps<'a> = BTreeMap<&'a [Step], Classification>;

fn by_steps(sealings: &[(Path, Classification)]) -> BySteps<'_> {
    sealings.iter().map(|(path, class)| (path.steps(), *class)).collect()
}

/// Whether anything of the value is neither sealed nor all that withheld values left of a map.
fn has_clear(value: &Value, path: &mut Path, sealed: &BySteps<'_>) -> bool {
    if sealed.contains_key(path.steps()) {
        return false;
    }
    let mut go = |step, value: &Value| {
        path.push(step);
        let has_clear = has_clear(value, path, sealed);
        path.pop();
        has_clear
    };
    match value {
        Value::M(members) if !members.is_empty() => {
            members.iter().any(|(name, value)| go(Step::Key(name.clone()), value))
        }
        Value::L(values) if !values.is_empty() => (0..).zip(values).any(|(index, value)| go(Step::Index(index), value)),
        _ => within(sealed, path.steps()).next().is_none(),
    }
}

/// The classes of what this place is in or is, or what is in it.
fn near<'a>(places: &'a BySteps<'_>, steps: &'a [Step]) -> impl Iterator<Item = Classification> + 'a {
    around(places, steps).chain(within(places, steps))
}

/// The classes of what this place is in.
fn around<'a>(places: &'a BySteps<'_>, steps: &'a [Step]) -> impl Iterator<Item = Classification> + 'a {
    (1..steps.len()).filter_map(|length| places.get(steps.get(..length)?).copied())
}

/// The classes of what this place is, or what is in it.
fn within<'a>(places: &'a BySteps<'_>, steps: &'a [Step]) -> impl Iterator<Item = Classification> + 'a {
    let from_here = places.range::<[Step], _>((Bound::Included(steps), Bound::Unbounded));
    from_here.take_while(move |(place, _)| place.starts_with(steps)).map(|(_, class)| *class)
}
