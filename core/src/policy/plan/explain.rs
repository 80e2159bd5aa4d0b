//! Why a field has the classes it has, and what follows from them.

use serde::Serialize;

use super::names::ByClass;
use super::{Plan, Root, at_rest};
use crate::classification::{Classification, ClassificationSet};
use crate::policy::Disclosure;
use crate::principal::Principal;

/// What a policy says of one field that no model describes, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The field: names joined by dots, `[]` behind the name of a list for its elements.
    pub path: String,
    /// All its classes, in ascending order.
    pub classes: Vec<Classification>,
    /// Whether no rule and no `fields` entry speaks of it, so that it has the default class.
    pub is_default: bool,
    /// What each name on the way says: the classes that are known from there on.
    pub names: Vec<NamedClasses>,
    /// What happens to it at rest: `encrypt` or `sign`.
    pub at_rest: &'static str,
    /// The class that it is sealed under, if it is.
    pub sealed_under: Option<Classification>,
    /// The mask of a partial disclosure.
    pub mask: String,
    /// Category tags.
    pub categories: Vec<String>,
    /// Whether showing it leaves an audit event.
    pub audit: bool,
    /// Whether it is part of the record's key, or left out of the signature: stored in clear whatever its class.
    pub is_clear: bool,
}

/// The classes that are known once a name on the way has been met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NamedClasses {
    /// The name.
    pub name: String,
    /// The classes that this name brings in.
    pub adds: Vec<Classification>,
}

impl Plan {
    /// What the policy says of a field, as far as names go: a model may say more of it.
    #[must_use]
    pub fn explain(&self, path: &str) -> Explanation {
        let names = &self.0.names;
        let mut state = names.start();
        let mut said = Vec::new();
        for name in steps(path) {
            let next = names.step(&state, name);
            let adds = next.classes.iter().filter(|class| !state.classes.contains(*class)).collect();
            said.push(NamedClasses { name: name.to_owned(), adds });
            state = next;
        }
        let rule = names.unnamed(&state);
        Explanation {
            path: path.to_owned(),
            classes: rule.classes.iter().collect(),
            is_default: state.classes == ClassificationSet::EMPTY && !state.is_clear(),
            names: said,
            at_rest: at_rest(rule.seal),
            sealed_under: rule.seal,
            mask: names.mask_name(&state, rule.classes, None).unwrap_or("partial").to_owned(),
            categories: names.categories(&state),
            audit: rule.audit,
            is_clear: state.is_clear(),
        }
    }

    /// How much of a field the principal may see, as far as names go.
    #[must_use]
    pub fn disclosure(&self, path: &str, principal: &Principal) -> Disclosure {
        let names = &self.0.names;
        let state = steps(path).fold(names.start(), |state, name| names.step(&state, name));
        let by_class = ByClass::new(self.policy(), principal);
        names.disclosure(&names.unnamed(&state), &by_class, principal)
    }

    /// Whether the plan is of a model: then its inventory lists all fields, not only those that the policy names.
    #[must_use]
    pub fn is_of_model(&self) -> bool {
        matches!(self.0.root, Root::Model(..))
    }
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').map(|name| name.trim_end_matches("[]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Masks;
    use crate::policy::Policy;

    fn plan(text: &str) -> Plan {
        Plan::for_resource("customers", &Policy::from_toml(text).unwrap(), &Masks::default()).unwrap()
    }

    #[test]
    fn each_name_says_what_it_adds() {
        let plan = plan("version = 1\n[resources.customers]\nkey = [\"id\"]");
        let explained = plan.explain("address.lines[].token");
        assert_eq!(explained.classes, [Classification::Pii, Classification::Sensitive]);
        assert_eq!(explained.sealed_under, Some(Classification::Sensitive));
        let adds: Vec<_> = explained.names.iter().map(|said| (said.name.as_str(), said.adds.as_slice())).collect();
        let (pii, sensitive) = ([Classification::Pii], [Classification::Sensitive]);
        assert_eq!(adds, [("address", &pii[..]), ("lines", &[]), ("token", &sensitive[..])]);
        let other = plan.explain("shoe_size");
        assert_eq!((other.is_default, other.classes, other.audit), (true, vec![Classification::Confidential], true));
        assert!(plan.explain("id").is_clear && !plan.explain("id").is_default);
    }

    #[test]
    fn overrides_are_in_it() {
        let plan = plan(
            "version = 1\n[[fields]]\npath = \"size\"\nclass = \"pii\"\nmask = \"null\"\ncategories = [\"body\"]\n\
             disclose = { manager = \"withhold\" }",
        );
        let explained = plan.explain("size");
        assert_eq!((explained.mask.as_str(), explained.categories), ("null", vec!["body".to_owned()]));
        assert_eq!(plan.disclosure("size", &Principal::new("u").role("manager")), Disclosure::Withhold);
        assert_eq!(plan.disclosure("size", &Principal::new("u").role("admin")), Disclosure::Reveal);
        assert_eq!(plan.disclosure("email", &Principal::new("u").role("manager")), Disclosure::Partial);
    }
}
