//! What a caller may see of a record.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{ByClass, Names, Rule, State};
use super::shape::{Child, Kind, Members, Node, NodeId, Shapes};
use super::trail::Trail;
use super::{Resolved, Reveal, Root, Viewed};
use crate::classification::{Classification, ClassificationSet};
use crate::mask::{Masked, NOT_TEXT};
use crate::policy::Disclosure;
use crate::principal::Principal;
use crate::value::{Map, Path, Step, Value};
use crate::view::Tree;

pub(super) fn view(plan: &Resolved, record: Value, principal: &Principal, withheld: &[Path], tenant: &str) -> Viewed {
    let by_class = ByClass::new(plan.names.policy(), principal);
    let mut walk = Walk { names: &plan.names, principal, tenant, by_class, revealed: Vec::new() };
    let mut tree = match (&plan.root, record) {
        (Root::Model(_, shapes, root), Value::M(record)) => walk.record(shapes, *root, record),
        (Root::Dynamic(start), Value::M(record)) => {
            Tree::Members(walk.unnamed_members(record, start, &Trail::ROOT, NOTHING))
        }
        _ => Tree::Withheld,
    };
    for path in withheld {
        tree.withhold(path.steps());
    }
    let withheld: BTreeSet<&[Step]> = withheld.iter().map(Path::steps).collect();
    let is_shown = |reveal: &Reveal| {
        let steps = reveal.path.steps();
        !(0..=steps.len()).filter_map(|length| steps.get(..length)).any(|around| withheld.contains(around))
    };
    walk.revealed.retain(is_shown);
    Viewed { tree, revealed: walk.revealed }
}

struct Walk<'a> {
    names: &'a Names,
    principal: &'a Principal,
    tenant: &'a str,
    by_class: ByClass,
    revealed: Vec<Reveal>,
}

impl Walk<'_> {
    fn record(&mut self, shapes: &Shapes, root: NodeId, record: Map) -> Tree {
        if let Some(members) = shapes.members_of(root, &record) {
            return Tree::Members(self.members(shapes, members, record, &Trail::ROOT));
        }
        let member = |(name, value): (String, Value)| {
            let whole = shapes.misfit_member(root, &name, self.names);
            let tree =
                whole.map_or(Tree::Withheld, |(rule, state)| self.whole(value, &rule, &state, &Trail::ROOT.key(&name)));
            (name, tree)
        };
        Tree::Members(record.into_iter().map(member).collect())
    }

    fn node(&mut self, shapes: &Shapes, id: NodeId, value: Value, trail: &Trail<'_>) -> Tree {
        if trail.is_too_deep() {
            return Tree::Withheld;
        }
        let parts = match shapes.node(id) {
            Some(Node::Whole(whole)) => return self.whole(value, &whole.0, &whole.1, trail),
            Some(Node::Parts(parts)) => parts,
            None => return Tree::Withheld,
        };
        match (&parts.kind, value) {
            (Kind::Same(inner), value) => self.node(shapes, *inner, value, trail),
            (Kind::Variant { units, .. }, Value::S(unit)) if units.contains(&unit.as_str()) => {
                self.leaf(Value::S(unit), &parts.structural, trail)
            }
            (_, Value::Null) => self.leaf(Value::Null, &parts.structural, trail),
            (Kind::Each(_), Value::L(elements)) if elements.is_empty() => {
                self.leaf(Value::L(elements), &parts.structural, trail)
            }
            (Kind::Members(_), Value::M(map)) if map.is_empty() => self.leaf(Value::M(map), &parts.structural, trail),
            (Kind::Each(element), Value::L(elements)) => {
                let items = (0..).zip(elements);
                list(items.map(|(index, value)| self.node(shapes, *element, value, &trail.index(index))).collect())
            }
            (Kind::Tuple(nodes), Value::L(elements)) if nodes.len() == elements.len() => {
                let items = (0..).zip(elements).zip(nodes);
                list(items.map(|((index, value), node)| self.node(shapes, *node, value, &trail.index(index))).collect())
            }
            (_, Value::M(map)) => match shapes.members_of(id, &map) {
                Some(members) => map_of(self.members(shapes, members, map, trail)),
                None => self.leaf(Value::M(map), &parts.misfit, trail),
            },
            (_, value) => self.leaf(value, &parts.misfit, trail),
        }
    }

    fn members(&mut self, shapes: &Shapes, members: &Members, map: Map, trail: &Trail<'_>) -> Shown {
        // How to go on is asked of the whole map, since one member may say what the others are.
        let children: Vec<_> = map.keys().map(|name| shapes.child(members, &map, name, self.names)).collect();
        let shown = map.into_iter().zip(children).map(|((name, value), child)| {
            let tree = {
                let trail = trail.key(&name);
                match child {
                    Child::Node(shapes, id) => self.node(shapes, id, value, &trail),
                    Child::Own(shapes, id) => self.node(&shapes, id, value, &trail),
                    Child::Whole(whole) => self.whole(value, &whole.0, &whole.1, &trail),
                    Child::Unknown(state) => self.unnamed(value, &state, &trail, NOTHING),
                }
            };
            (name, tree)
        });
        shown.collect()
    }

    /// A value that goes by one rule. Where that reveals it, the names inside of it may still show less.
    fn whole(&mut self, value: Value, rule: &Rule, inside: &State, trail: &Trail<'_>) -> Tree {
        let has_parts = matches!(&value, Value::M(map) if !map.is_empty())
            || matches!(&value, Value::L(elements) if !elements.is_empty());
        if !has_parts || self.disclosure(rule) < Disclosure::Reveal {
            return self.leaf(value, rule, trail);
        }
        self.reveal(rule, Disclosure::Reveal, trail);
        self.parts(value, inside, trail, rule.audited())
    }

    /// A value that only the name rules say anything about. `audited` are the classes that are audited with a value
    /// around this one.
    fn unnamed(&mut self, value: Value, state: &State, trail: &Trail<'_>, audited: ClassificationSet) -> Tree {
        if trail.is_too_deep() {
            return Tree::Withheld;
        }
        let is_leaf = match &value {
            Value::M(members) => members.is_empty(),
            Value::L(elements) => elements.is_empty(),
            _ => true,
        };
        let is_matched = !state.classes.is_empty();
        if !is_leaf && !is_matched {
            let shows_nothing = self.shows_nothing(&value, state, trail);
            let tree = self.parts(value, state, trail, audited);
            // Nothing of it may be seen, so neither may its names or its length.
            let is_masked = shows_nothing && tree != Tree::Withheld;
            return if is_masked { Tree::Masked(NOT_TEXT.to_owned()) } else { tree };
        }
        let rule = self.names.unnamed(state);
        if is_leaf {
            return if rule.classes == audited {
                self.show(value, &rule, trail)
            } else {
                self.leaf(value, &rule, trail)
            };
        }
        // A map or list that may not be seen is masked whole, so that neither its names nor its length show.
        if self.disclosure(&rule) == Disclosure::Reveal {
            if rule.classes != audited {
                self.reveal(&rule, Disclosure::Reveal, trail);
            }
            self.parts(value, state, trail, rule.audited())
        } else if state.has_overrides_inside() {
            self.parts(value, state, trail, audited)
        } else {
            self.leaf(value, &rule, trail)
        }
    }

    /// Whether no part of a value that only the name rules say anything about may be seen, not even in part.
    fn shows_nothing(&self, value: &Value, state: &State, trail: &Trail<'_>) -> bool {
        match value {
            _ if trail.is_too_deep() => true,
            Value::M(members) if !members.is_empty() => members
                .iter()
                .all(|(name, value)| self.shows_nothing(value, &self.names.step(state, name), &trail.key(name))),
            Value::L(elements) if !elements.is_empty() => {
                (0..).zip(elements).all(|(index, value)| self.shows_nothing(value, state, &trail.index(index)))
            }
            _ => self.disclosure(&self.names.unnamed(state)) < Disclosure::Partial,
        }
    }

    fn parts(&mut self, value: Value, state: &State, trail: &Trail<'_>, audited: ClassificationSet) -> Tree {
        match value {
            Value::M(members) => map_of(self.unnamed_members(members, state, trail, audited)),
            Value::L(elements) => list(
                (0..)
                    .zip(elements)
                    .map(|(index, value)| self.unnamed(value, state, &trail.index(index), audited))
                    .collect(),
            ),
            _ => Tree::Withheld,
        }
    }

    fn unnamed_members(&mut self, map: Map, state: &State, trail: &Trail<'_>, audited: ClassificationSet) -> Shown {
        let shown = map.into_iter().map(|(name, value)| {
            let tree = self.unnamed(value, &self.names.step(state, &name), &trail.key(&name), audited);
            (name, tree)
        });
        shown.collect()
    }

    /// A value without parts, or one whose parts are not looked at.
    fn leaf(&mut self, value: Value, rule: &Rule, trail: &Trail<'_>) -> Tree {
        self.reveal(rule, self.disclosure(rule), trail);
        self.show(value, rule, trail)
    }

    fn show(&self, value: Value, rule: &Rule, trail: &Trail<'_>) -> Tree {
        let masked = match self.disclosure(rule) {
            Disclosure::Withhold => return Tree::Withheld,
            Disclosure::Reveal => return Tree::Clear(value),
            Disclosure::Mask => rule.mask.full(&value),
            Disclosure::Partial => rule.mask.partial(&value, self.tenant, || trail.field()),
        };
        match masked {
            Masked::Text(text) => Tree::Masked(text),
            Masked::Null => Tree::Null,
        }
    }

    fn reveal(&mut self, rule: &Rule, disclosure: Disclosure, trail: &Trail<'_>) {
        if rule.audit && disclosure >= Disclosure::Partial {
            let class = rule.classes.greatest().unwrap_or(Classification::Confidential);
            self.revealed.push(Reveal { path: trail.path(), class, disclosure });
        }
    }

    fn disclosure(&self, rule: &Rule) -> Disclosure {
        self.names.disclosure(rule, &self.by_class, self.principal)
    }
}

/// A map of which everything is withheld is withheld itself: it does not show that it is there.
fn map_of(members: Shown) -> Tree {
    let is_withheld = !members.is_empty() && members.values().all(|member| *member == Tree::Withheld);
    if is_withheld { Tree::Withheld } else { Tree::Members(members) }
}

/// A list likewise: it does not show how long it is.
fn list(items: Vec<Tree>) -> Tree {
    let is_withheld = !items.is_empty() && items.iter().all(|item| *item == Tree::Withheld);
    if is_withheld { Tree::Withheld } else { Tree::Items(items) }
}

type Shown = BTreeMap<String, Tree>;

// No value around this one is audited.
const NOTHING: ClassificationSet = ClassificationSet::EMPTY;
