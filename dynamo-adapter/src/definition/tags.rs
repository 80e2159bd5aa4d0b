//! The tags that say what a table holds, for those who look at tables and not at policies.

use std::collections::{BTreeMap, BTreeSet};

use privet_core::Classification;
use privet_core::policy::plan::PlanEntry;
use privet_core::protector::Resource;
use privet_core::record::Integrity;

/// How tenants share a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tenancy {
    /// There are no tenants.
    None,
    /// Records of many tenants, each under data keys of its own.
    Shared,
    /// Records of one tenant.
    Single,
}

impl Tenancy {
    /// `none`, `shared` or `single`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Shared => "shared",
            Self::Single => "single",
        }
    }
}

/// The tags of a resource's table, without those of its classes.
pub(super) fn of_resource(resource: &Resource, inventory: &[PlanEntry]) -> BTreeMap<String, String> {
    let integrity = match resource.item_layout().integrity {
        Integrity::Record => "record",
        Integrity::Field => "field",
    };
    let categories: BTreeSet<&str> = inventory.iter().flat_map(|entry| &entry.categories).map(String::as_str).collect();
    let mut tags =
        BTreeMap::from([(RESOURCE.to_owned(), value(resource.name())), (INTEGRITY.to_owned(), integrity.to_owned())]);
    if !categories.is_empty() {
        tags.insert(CATEGORIES.to_owned(), value(&categories.into_iter().collect::<Vec<_>>().join(" ")));
    }
    tags
}

/// The classes in ascending order.
pub(super) fn of_classes(classes: impl IntoIterator<Item = Classification>) -> String {
    let classes: BTreeSet<Classification> = classes.into_iter().collect();
    classes.into_iter().map(Classification::as_str).collect::<Vec<_>>().join(" ")
}

/// What a tag can hold of a text: at most 256 letters, digits, spaces and `+ - = . _ : / @`; others become `_`
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Tagging.html>).
fn value(text: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
    text.chars().take(MAX_VALUE).map(|c| if fits(c) { c } else { '_' }).collect()
}

pub(super) const CLASSES: &str = "privet:classes";
pub(super) const TENANCY: &str = "privet:tenancy";
const RESOURCE: &str = "privet:resource";
const INTEGRITY: &str = "privet:integrity";
const CATEGORIES: &str = "privet:categories";
const MAX_VALUE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_holds_what_tags_may_hold() {
        assert_eq!(value("Kunden (ärzte) #1"), "Kunden _ärzte_ _1");
        assert_eq!(value(&"x".repeat(300)).len(), 256);
    }

    #[test]
    fn classes_are_named_once_and_in_order() {
        use Classification::{Confidential, Pii, Public};
        assert_eq!(of_classes([Confidential, Public, Pii, Public]), "public pii confidential");
    }
}
