//! The data inventory of a plan: what the model says, with the policy applied.

use serde::Serialize;

use super::names::{Names, Rule, State};
use super::{Plan, Root, at_rest};
use crate::classification::Classification;
use crate::schema::ClassifiedSpec;

/// One line of the data inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlanEntry {
    /// Where the field is: names joined by dots, `[]` for any element of a list, `*` for any key of a map.
    pub path: String,
    /// All its classes, in ascending order.
    pub classes: Vec<Classification>,
    /// Its category tags.
    pub categories: Vec<String>,
    /// The mask of a partial disclosure.
    pub mask: String,
    /// Whether it can be searched for by equality.
    pub searchable: bool,
    /// Whether the field is part of the record's key.
    pub key: bool,
    /// What happens to it at rest: `encrypt` or `sign`.
    pub at_rest: &'static str,
    /// Whether showing it leaves an audit event.
    pub audit: bool,
    /// Whether it may hold names that the model does not know.
    #[serde(skip)]
    pub holds_names: bool,
}

impl Plan {
    /// The data inventory: the model's fields, or without a model the fields that the policy names one by one.
    #[must_use]
    pub fn inventory(&self) -> Vec<PlanEntry> {
        self.entries().to_vec()
    }

    /// The same, made once.
    pub(super) fn entries(&self) -> &[PlanEntry] {
        self.0.entries.get_or_init(|| self.make_entries())
    }

    fn make_entries(&self) -> Vec<PlanEntry> {
        let names = &self.0.names;
        match &self.0.root {
            Root::Model(schema, ..) => schema
                .inventory()
                .into_iter()
                .map(|entry| {
                    let spec = ClassifiedSpec {
                        class: entry.class,
                        categories: &[],
                        mask: entry.mask,
                        searchable: entry.searchable,
                        holds_names: entry.holds_names,
                    };
                    let state = walk(names, names.start(), &entry.path);
                    let (rule, state) = names.classified(&state, &spec);
                    let categories = entry.categories.into_iter().map(str::to_owned).collect();
                    let line = self.line(entry.path, &rule, &state, categories, entry.mask, entry.searchable);
                    PlanEntry { holds_names: entry.holds_names, ..line }
                })
                .collect(),
            Root::Dynamic(start) => names
                .overrides()
                .iter()
                .map(|over| {
                    let path = over.names.join(".");
                    let state = walk(names, start.clone(), &path);
                    self.line(path, &names.unnamed(&state), &state, Vec::new(), None, false)
                })
                .collect(),
        }
    }

    fn line(
        &self,
        path: String,
        rule: &Rule,
        state: &State,
        categories: Vec<String>,
        mask: Option<&str>,
        searchable: bool,
    ) -> PlanEntry {
        let names = &self.0.names;
        PlanEntry {
            classes: rule.classes.iter().collect(),
            categories: categories.into_iter().chain(names.categories(state)).collect(),
            mask: names.mask_name(state, rule.classes, mask).unwrap_or("partial").to_owned(),
            searchable: self.is_searchable(&path, searchable),
            key: self.key().contains(&path),
            at_rest: at_rest(rule.seal),
            audit: rule.audit,
            holds_names: true,
            path,
        }
    }

    fn is_searchable(&self, path: &str, of_model: bool) -> bool {
        let over = self.0.names.overrides().iter().find(|over| over.names.join(".") == path);
        over.and_then(|over| over.searchable.or(over.beacon.as_ref().map(|_| true))).unwrap_or(of_model)
    }
}

fn walk(names: &Names, start: State, path: &str) -> State {
    path.split('.').fold(start, |state, name| names.step(&state, name.trim_end_matches("[]")))
}
