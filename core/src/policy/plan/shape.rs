//! A model's schema with the policy applied: a graph of nodes, one for each type in each place that matters.

use std::collections::BTreeMap;

use super::names::{Names, Rule, State};
use crate::error::{Error, Result};
use crate::schema::{ClassifiedSpec, Schema, SchemaFn};
use crate::value::{Map, Value};

mod builder;

use builder::Builder;

/// The nodes of one model. Types that contain themselves make cycles.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    nodes: Vec<Node>,
}

/// A node's place among the nodes.
pub(super) type NodeId = usize;

/// What is known of the values in one place.
#[derive(Debug)]
pub(super) enum Node {
    /// A field with a class: all in it goes by one rule; the names inside may only tighten what is shown.
    Whole(Box<(Rule, State)>),
    /// Something with parts.
    Parts(Box<Parts>),
}

/// What is known of a value with parts.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) kind: Kind,
    /// For what only says how the value is built, and for the value's absence.
    pub(super) structural: Rule,
    /// For a value that does not fit.
    pub(super) misfit: Rule,
}

/// What kind of parts a value has.
#[derive(Debug)]
pub(super) enum Kind {
    /// The same as another node.
    Same(NodeId),
    /// A map.
    Members(Members),
    /// A map, one member of which says what the others are.
    Tagged { tag: &'static str, variants: BTreeMap<&'static str, NodeId> },
    /// One of these texts, or a map with a member named after the variant.
    Variant { units: Vec<&'static str>, others: Members },
    /// A list with these elements.
    Tuple(Vec<NodeId>),
    /// A list of equal elements.
    Each(NodeId),
}

/// What is known of a map's members.
#[derive(Debug)]
pub(super) struct Members {
    fields: BTreeMap<&'static str, NodeId>,
    /// Types whose members are written into this map.
    flattened: Vec<NodeId>,
    others: Others,
    /// The state of the map, from which that of a member nobody names is reached.
    state: State,
}

/// What is known of members that nobody names.
#[derive(Clone, Debug)]
enum Others {
    /// Nothing: the name rules say what they are.
    Unknown,
    /// They cannot be: the value does not fit.
    Misfit(Box<Rule>),
    /// They all have one class.
    Class(&'static ClassifiedSpec),
    /// They all are of one type; `usual` is the node of a member whose name the policy says nothing about.
    Type { schema: SchemaFn, usual: (State, NodeId) },
}

/// How to go on with a member of a map.
pub(super) enum Child<'a> {
    /// By a node.
    Node(&'a Shapes, NodeId),
    /// By a node made for this very name, which the policy says something about.
    Own(Shapes, NodeId),
    /// By one rule.
    Whole(Box<(Rule, State)>),
    /// By name rules alone.
    Unknown(State),
}

impl Shapes {
    /// The nodes of a model, and the one of its records.
    pub(super) fn of_model(schema: &'static Schema, names: &Names) -> Result<(Self, NodeId)> {
        let mut builder = Builder::new(names);
        let root = builder.schema(schema, &names.start());
        let shapes = builder.finish().map_err(|problem| Error::config(format!("`{}`: {problem}", schema.name)))?;
        Ok((shapes, root))
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// How to go on with the member of this name. `map` is the whole map, since one member may say what others are.
    pub(super) fn child<'a>(&'a self, members: &'a Members, map: &Map, name: &str, names: &Names) -> Child<'a> {
        if let Some(id) = self.named(members, map, name) {
            return Child::Node(self, id);
        }
        match self.others(members, map) {
            Others::Unknown => Child::Unknown(names.step(&members.state, name)),
            Others::Misfit(rule) => Child::Whole(Box::new((*rule, names.step(&members.state, name)))),
            Others::Class(spec) => Child::Whole(Box::new(names.classified(&names.step(&members.state, name), spec))),
            Others::Type { schema, usual: (usual, id) } => {
                let state = names.step(&members.state, name);
                if state == usual {
                    return Child::Node(self, id);
                }
                let mut builder = Builder::new(names);
                let id = builder.schema(schema(), &state);
                Child::Own(builder.into_shapes(), id)
            }
        }
    }

    /// How to go on with the member of this name, of a map that is not at hand; `None` if that needs the map.
    pub(super) fn child_alone<'a>(&'a self, members: &'a Members, name: &str, names: &Names) -> Option<Child<'a>> {
        let needs_map = || self.is_tagged(members);
        match self.child(members, &Map::new(), name, names) {
            Child::Node(shapes, id) if members.fields.contains_key(name) => Some(Child::Node(shapes, id)),
            _ if needs_map() => None,
            other => Some(other),
        }
    }

    /// Whether a type whose variant one of its members names is written into this map.
    fn is_tagged(&self, members: &Members) -> bool {
        members.flattened.iter().any(|id| match self.flat(*id, &Map::new()) {
            Some(members) => self.is_tagged(members),
            None => true,
        })
    }

    /// What is known of this map's members; `None` if it does not fit the node.
    pub(super) fn members_of(&self, id: NodeId, map: &Map) -> Option<&Members> {
        self.flat(id, map)
    }

    /// How to go on with an attribute of a record that does not fit its model.
    pub(super) fn misfit_member(&self, root: NodeId, name: &str, names: &Names) -> Option<(Rule, State)> {
        let state = names.step(&names.start(), name);
        let rule = self.misfit(root)?;
        Some((names.misfit(&state, rule.classes), state))
    }

    /// The members of the variant that the tag names.
    fn variant(&self, tag: &str, variants: &BTreeMap<&'static str, NodeId>, map: &Map) -> Option<&Members> {
        let id = variants.get(map.get(tag).and_then(Value::as_text)?)?;
        match self.node(*id)? {
            Node::Parts(parts) => match &parts.kind {
                Kind::Members(members) => Some(members),
                _ => None,
            },
            Node::Whole(_) => None,
        }
    }

    fn named(&self, members: &Members, map: &Map, name: &str) -> Option<NodeId> {
        let own = members.fields.get(name).copied();
        own.or_else(|| members.flattened.iter().find_map(|id| self.named(self.flat(*id, map)?, map, name)))
    }

    fn others(&self, members: &Members, map: &Map) -> Others {
        let flattened = members.flattened.iter().map(|id| match self.flat(*id, map) {
            Some(members) => self.others(members, map),
            None => self.misfit(*id).map_or(Others::Unknown, |rule| Others::Misfit(Box::new(rule.clone()))),
        });
        std::iter::once(members.others.clone())
            .chain(flattened)
            .find(|others| !matches!(others, Others::Unknown))
            .unwrap_or(Others::Unknown)
    }

    /// The members of a type that is written into this map; `None` if the map does not say which they are.
    fn flat(&self, id: NodeId, map: &Map) -> Option<&Members> {
        let Node::Parts(parts) = self.node(id)? else { return None };
        match &parts.kind {
            Kind::Same(id) => self.flat(*id, map),
            Kind::Members(members) | Kind::Variant { others: members, .. } => Some(members),
            Kind::Tagged { tag, variants } => self.variant(tag, variants, map),
            Kind::Tuple(_) | Kind::Each(_) => None,
        }
    }

    /// The names that a type may write into the map it is flattened into.
    fn names_in(&self, id: NodeId, found: &mut Vec<(&'static str, NodeId)>) {
        let Some(Node::Parts(parts)) = self.node(id) else { return };
        match &parts.kind {
            Kind::Same(id) => self.names_in(*id, found),
            Kind::Tagged { variants, .. } => variants.values().for_each(|id| self.names_in(*id, found)),
            Kind::Members(members) | Kind::Variant { others: members, .. } => {
                found.extend(members.fields.iter().map(|(name, id)| (*name, *id)));
                members.flattened.iter().for_each(|id| self.names_in(*id, found));
            }
            Kind::Tuple(_) | Kind::Each(_) => {}
        }
    }

    /// Whether two nodes are of one class, or the same.
    fn is_alike(&self, one: NodeId, other: NodeId) -> bool {
        match (self.node(one), self.node(other)) {
            (Some(Node::Whole(one)), Some(Node::Whole(other))) => one.0.classes == other.0.classes,
            _ => one == other,
        }
    }

    fn misfit(&self, id: NodeId) -> Option<&Rule> {
        match self.node(id)? {
            Node::Parts(parts) => Some(&parts.misfit),
            Node::Whole(whole) => Some(&whole.0),
        }
    }
}
