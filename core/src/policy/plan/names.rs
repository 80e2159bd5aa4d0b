//! What a policy makes of the names on the way to a value: its classes, and the rule that follows from them.

use super::super::rules::Progress;
use super::super::{Disclosure, FieldOverride, Policy};
use crate::classification::{Classification, ClassificationSet};
use crate::error::Result;
use crate::mask::{FieldMask, Masks};
use crate::principal::Principal;
use crate::schema::ClassifiedSpec;

/// A policy as it goes for one resource.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    policy: Policy,
    masks: Masks,
    resource: Option<String>,
    overrides: Vec<FieldOverride>,
    // Attributes of the record's root that are stored in clear: its key and what is left out of the signature.
    clear: Vec<String>,
    model: bool,
}

/// How far a walk has got: all that the names so far have said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The classes of the names so far.
    pub(super) classes: ClassificationSet,
    is_root: bool,
    is_clear: bool,
    progress: Progress,
    // Overrides whose path has been followed this far, with how many of their names.
    following: Vec<(u16, u16)>,
    within: Option<Within>,
}

/// The nearest override whose field the walk is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Within {
    index: u16,
    // The classes of the field that the override is for.
    at: ClassificationSet,
    // Whether the walk is at that field and not deeper.
    is_field: bool,
}

/// What goes for one value.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) classes: ClassificationSet,
    /// The class it is sealed under, if it is sealed.
    pub(super) seal: Option<Classification>,
    pub(super) audit: bool,
    pub(super) mask: FieldMask,
    within: Option<Within>,
}

impl Rule {
    /// The classes that an event for this value stands for: a value inside of it that has no others needs none of its
    /// own. If this value leaves no event, none; what is in it may be audited all the same.
    pub(super) fn audited(&self) -> ClassificationSet {
        if self.audit { self.classes } else { ClassificationSet::EMPTY }
    }
}

impl Names {
    pub(super) fn new(policy: &Policy, masks: &Masks, resource: Option<&str>, key: Vec<String>, model: bool) -> Self {
        let clear = key.into_iter().chain(policy.unsigned(resource).map(str::to_owned)).collect();
        Self {
            policy: policy.clone(),
            masks: masks.clone(),
            resource: resource.map(str::to_owned),
            overrides: overrides_of(policy, resource),
            clear,
            model,
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn resource(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    pub(super) fn overrides(&self) -> &[FieldOverride] {
        &self.overrides
    }

    pub(super) fn find_mask(&self, name: &str) -> Result<FieldMask> {
        self.masks.find(name, self.resource().unwrap_or_default())
    }

    /// At the root of a record.
    pub(super) fn start(&self) -> State {
        State {
            classes: ClassificationSet::EMPTY,
            is_root: true,
            is_clear: false,
            progress: self.policy.0.rules.start(),
            following: (0..).take(self.overrides.len()).map(|index| (index, 0)).collect(),
            within: None,
        }
    }

    /// Goes to the member of this name.
    pub(super) fn step(&self, state: &State, name: &str) -> State {
        let (said, progress) = self.policy.0.rules.step(&state.progress, name);
        let mut next = State {
            classes: state.classes.union(said),
            is_root: false,
            is_clear: state.is_clear || (state.is_root && self.clear.iter().any(|clear| clear == name)),
            progress,
            following: Vec::new(),
            within: state.within.map(|within| Within { is_field: false, ..within }),
        };
        for (index, at) in &state.following {
            let Some(over) = self.override_at(*index) else { continue };
            let at = usize::from(*at);
            if over.names.get(at).is_none_or(|wanted| wanted != name) {
                continue;
            }
            match u16::try_from(at + 1) {
                Ok(at) if usize::from(at) < over.names.len() => next.following.push((*index, at)),
                _ => self.enter(&mut next, *index, over),
            }
        }
        next
    }

    /// The rule of a value that no model says anything about.
    pub(super) fn unnamed(&self, state: &State) -> Rule {
        self.rule(state, self.unnamed_classes(state), None)
    }

    /// The rule of a value that does not fit the model: whatever it may hold is in these classes.
    pub(super) fn misfit(&self, state: &State, possible: ClassificationSet) -> Rule {
        self.rule(state, state.classes.union(possible).with(self.policy.default_class()), None)
    }

    /// The rule of what only says how a record is built: the variant of an enum, an absent value.
    pub(super) fn structural(&self, state: &State) -> Rule {
        self.rule(state, state.classes.with(Classification::Public), None)
    }

    /// The rule of a field that a model classifies, and the state inside of it.
    pub(super) fn classified(&self, state: &State, spec: &ClassifiedSpec) -> (Rule, State) {
        let mut inside = state.clone();
        inside.classes = self.classified_classes(state, spec.class);
        if let Some(within) = inside.within.as_mut().filter(|within| within.is_field) {
            within.at = inside.classes;
        }
        (self.rule(&inside, inside.classes, spec.mask), inside)
    }

    /// The mask that a partial disclosure uses, if anything names one: the override, the model, the greatest class.
    pub(super) fn mask_name<'a>(
        &'a self,
        state: &State,
        classes: ClassificationSet,
        own: Option<&'a str>,
    ) -> Option<&'a str> {
        let of_override = state.within.and_then(|within| self.override_at(within.index)?.mask.as_deref());
        let of_class = || {
            let named = classes.iter().filter_map(|class| self.policy.0.class(class).mask.as_deref());
            named.last()
        };
        of_override.or(own).or_else(of_class)
    }

    /// The category tags that an override adds to its field.
    pub(super) fn categories(&self, state: &State) -> Vec<String> {
        let over = state.within.filter(|within| within.is_field).and_then(|within| self.override_at(within.index));
        over.map(|over| over.categories.clone()).unwrap_or_default()
    }

    /// How much of a value under this rule the principal may see.
    pub(super) fn disclosure(&self, rule: &Rule, by_class: &ByClass, principal: &Principal) -> Disclosure {
        let over = rule.within.and_then(|within| Some((self.override_at(within.index)?.cells.as_ref()?, within.at)));
        let each = rule.classes.iter().map(|class| {
            let usual = by_class.get(class);
            match over {
                None => usual,
                Some((cells, at)) => {
                    let special = self.policy.0.disclosure(class, Some(cells), principal);
                    // A class that only a deeper name brings in was not known to whoever widened the field; and not every
                    // field that an override can reach is there to be checked when the plan is made.
                    if at.contains(class) && self.policy.0.allow_loosen { special } else { special.min(usual) }
                }
            }
        });
        each.min().unwrap_or(Disclosure::Withhold)
    }

    /// Refuses what must not be of these classes: an attribute stored in clear, an override that loosens.
    pub(super) fn check(&self, state: &State, derived: Option<Classification>, field: &str) -> Result<(), String> {
        let classes = match derived {
            Some(class) => self.classified_classes(state, class),
            None => self.unnamed_classes(state),
        };
        if state.is_clear
            && let Some(class) = classes.greatest().filter(|class| *class > Classification::Public)
        {
            return Err(format!(
                "`{field}` is `{class}`, but keys and unsigned attributes are stored in clear and must be `public`; \
                 choose another attribute, or mend its class in the model, in `rules` or in `fields`"
            ));
        }
        match state.within.filter(|within| within.is_field).and_then(|within| self.override_at(within.index)) {
            Some(over) if !self.policy.0.allow_loosen => self.check_override(over, classes, derived, field),
            _ => Ok(()),
        }
    }

    fn check_override(
        &self,
        over: &FieldOverride,
        classes: ClassificationSet,
        derived: Option<Classification>,
        field: &str,
    ) -> Result<(), String> {
        let refuse =
            |what: String| Err(format!("{}: {what}; write `allow_loosen = true` if that is what you want", over.place));
        if let (Some(class), Some(derived)) = (over.class, derived)
            && class < derived
        {
            return refuse(format!("`{field}` is `{derived}` in the model and only `{class}` here"));
        }
        for (role, cell) in over.cells.iter().flatten() {
            let usual = classes.iter().map(|class| self.policy.0.matrix.cell(role, class, None)).min();
            if usual.is_some_and(|usual| *cell > usual) {
                return refuse(format!("`{field}` is shown to `{role}` wider than its class allows"));
            }
        }
        if over.audit == Some(false) && self.policy.is_audited(classes) {
            return refuse(format!("`{field}` is of an audited class and is not audited here"));
        }
        Ok(())
    }

    fn enter(&self, state: &mut State, index: u16, over: &FieldOverride) {
        let replaces = !self.model || self.policy.0.allow_loosen;
        match over.class {
            Some(class) if replaces => state.classes = ClassificationSet::of(class),
            Some(class) => state.classes = state.classes.with(class),
            None => {}
        }
        let at = if self.model { state.classes } else { self.unnamed_classes(state) };
        state.within = Some(Within { index, at, is_field: true });
    }

    fn unnamed_classes(&self, state: &State) -> ClassificationSet {
        match state.classes {
            ClassificationSet::EMPTY if state.is_clear => ClassificationSet::of(Classification::Public),
            ClassificationSet::EMPTY => ClassificationSet::of(self.policy.default_class()),
            classes => classes,
        }
    }

    fn classified_classes(&self, state: &State, derived: Classification) -> ClassificationSet {
        let over = state.within.filter(|within| within.is_field).and_then(|within| self.override_at(within.index));
        match over.and_then(|over| over.class) {
            Some(class) if self.policy.0.allow_loosen => ClassificationSet::of(class),
            _ => state.classes.with(derived),
        }
    }

    fn rule(&self, state: &State, classes: ClassificationSet, own_mask: Option<&str>) -> Rule {
        let mask = self.mask_name(state, classes, own_mask).map(|name| self.find_mask(name));
        let audit = match state.within.and_then(|within| Some((within, self.override_at(within.index)?.audit?))) {
            Some((_, true)) => true,
            Some((within, false)) if self.policy.0.allow_loosen => {
                self.policy.is_audited(classes.iter().filter(|class| !within.at.contains(*class)).collect())
            }
            _ => self.policy.is_audited(classes),
        };
        Rule {
            classes,
            seal: if state.is_clear { None } else { self.policy.sealed_under(classes) },
            audit,
            // All names were looked up when the plan was made; if one is gone, nothing is shown.
            mask: mask.map_or(FieldMask::PARTIAL, |mask| mask.unwrap_or(FieldMask::FULL)),
            within: state.within,
        }
    }

    fn override_at(&self, index: u16) -> Option<&FieldOverride> {
        self.overrides.get(usize::from(index))
    }
}

impl State {
    /// Whether a field in here has an override of its own.
    pub(super) fn has_overrides_inside(&self) -> bool {
        !self.following.is_empty()
    }

    /// Whether values here are stored in clear, whatever their class.
    pub(super) fn is_clear(&self) -> bool {
        self.is_clear
    }
}

/// What a principal may see of each class where no override says otherwise.
pub(super) struct ByClass([Disclosure; 4]);

impl ByClass {
    pub(super) fn new(policy: &Policy, principal: &Principal) -> Self {
        Self(Classification::ALL.map(|class| policy.0.disclosure(class, None, principal)))
    }

    fn get(&self, class: Classification) -> Disclosure {
        let [public, pii, sensitive, confidential] = self.0;
        match class {
            Classification::Public => public,
            Classification::Pii => pii,
            Classification::Sensitive => sensitive,
            Classification::Confidential => confidential,
        }
    }
}

/// Refuses an attribute of the record's root that is to be stored in clear and that the policy classifies.
pub(in crate::policy) fn check_clear(policy: &Policy, resource: Option<&str>, attribute: &str) -> Result<(), String> {
    let names = Names::new(policy, &Masks::default(), resource, vec![attribute.to_owned()], false);
    let state = names.step(&names.start(), attribute);
    // An override that loosens is refused when the plan is made; here only the class counts.
    match names.unnamed_classes(&state).greatest() {
        Some(class) if class > Classification::Public => names.check(&state, None, attribute),
        _ => Ok(()),
    }
}

/// The overrides that go for a resource; one for this very resource comes before one for any.
fn overrides_of(policy: &Policy, resource: Option<&str>) -> Vec<FieldOverride> {
    let all = &policy.0.fields;
    let is_own = |over: &&FieldOverride| over.resource.is_some() && over.resource.as_deref() == resource;
    let own: Vec<_> = all.iter().filter(is_own).cloned().collect();
    let shared: Vec<_> = all
        .iter()
        .filter(|over| over.resource.is_none() && !own.iter().any(|own| own.names == over.names))
        .cloned()
        .collect();
    own.into_iter().chain(shared).collect()
}
