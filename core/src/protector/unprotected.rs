//! What came of opening a record: its values, and which were withheld or stored under another class than planned.

use crate::classification::Classification;
use crate::error::{Error, Result};
use crate::policy::plan::Plan;
use crate::value::{Map, Path};

/// A record that was opened as far as this process's keys go.
#[derive(Debug)]
#[must_use = "values may be withheld: ask for `complete()`, or look at `withheld()`"]
pub struct Unprotected {
    pub(super) record: Map,
    pub(super) withheld: Vec<Withheld>,
    pub(super) drift: Vec<Drift>,
    pub(super) plaintext: bool,
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

    /// What could not be opened, and why.
    #[must_use]
    pub fn withheld(&self) -> &[Withheld] {
        &self.withheld
    }

    /// Values that are stored under another class than the policy gives them now. They are opened all the same; writing
    /// the record again mends it.
    #[must_use]
    pub fn drift(&self) -> &[Drift] {
        &self.drift
    }

    /// Whether the record was stored in clear, which the policy allows while a migration lasts.
    #[must_use]
    pub fn was_plaintext(&self) -> bool {
        self.plaintext
    }

    pub(super) fn into_parts(self) -> (Map, Vec<Path>) {
        (self.record, self.withheld.into_iter().map(|withheld| withheld.path).collect())
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
/// the classes are.
pub(super) fn drift(plan: &Plan, record: &Map, sealed: &[(Path, Classification)], withheld: &[Withheld]) -> Vec<Drift> {
    let planned = plan.sealings(record).unwrap_or_default();
    if planned == sealed {
        return Vec::new();
    }
    let is_withheld = |path: &Path| withheld.iter().any(|withheld| withheld.path == *path);
    let stored = sealed.iter().filter(|(path, _)| !is_withheld(path)).filter_map(|(path, class)| {
        let mut near = planned.iter().filter(|(other, _)| overlap(path, other)).map(|(_, planned)| *planned).peekable();
        match near.peek().copied() {
            None => Some(Drift { path: path.clone(), stored: Some(*class), planned: None }),
            Some(_) => {
                let other = near.find(|planned| planned != class)?;
                Some(Drift { path: path.clone(), stored: Some(*class), planned: Some(other) })
            }
        }
    });
    let clear = planned
        .iter()
        .filter(|(path, _)| !sealed.iter().any(|(other, _)| overlap(path, other)))
        .map(|(path, class)| Drift { path: path.clone(), stored: None, planned: Some(*class) });
    stored.chain(clear).collect()
}

/// Whether one path leads to the other or into it.
fn overlap(one: &Path, other: &Path) -> bool {
    one.steps().starts_with(other.steps()) || other.steps().starts_with(one.steps())
}
