//! A model's schema with the policy applied: a graph of nodes, one for each type in each place that matters.

use std::collections::{BTreeMap, HashMap};

use super::names::{Names, Rule, State};
use crate::classification::ClassificationSet;
use crate::error::{Error, Result};
use crate::schema::{
    ClassifiedSpec, FieldRule, FieldSpec, Schema, SchemaFn, Shape, Tagging, VariantContent, VariantSpec,
};
use crate::value::{Map, Value};

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
        match builder.problem {
            Some(problem) => Err(Error::config(format!("`{}`: {problem}", schema.name))),
            None => Ok((builder.shapes, root)),
        }
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
                Child::Own(builder.shapes, id)
            }
        }
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

    fn misfit(&self, id: NodeId) -> Option<&Rule> {
        match self.node(id)? {
            Node::Parts(parts) => Some(&parts.misfit),
            Node::Whole(whole) => Some(&whole.0),
        }
    }
}

/// Makes the nodes.
struct Builder<'a> {
    names: &'a Names,
    shapes: Shapes,
    // Nodes by type and state, so that a type within itself ends in a cycle.
    known: HashMap<(*const Schema, State), NodeId>,
    path: Vec<&'static str>,
    problem: Option<String>,
}

impl<'a> Builder<'a> {
    fn new(names: &'a Names) -> Self {
        Self { names, shapes: Shapes::default(), known: HashMap::new(), path: Vec::new(), problem: None }
    }

    fn schema(&mut self, schema: &'static Schema, state: &State) -> NodeId {
        let place = (std::ptr::from_ref(schema), state.clone());
        if let Some(id) = self.known.get(&place) {
            return *id;
        }
        if let Shape::Value(spec) = &schema.shape {
            return self.whole(spec, state);
        }
        let possible = schema.inventory().into_iter().map(|entry| entry.class).collect::<ClassificationSet>();
        let misfit = self.names.misfit(state, possible);
        let structural = self.names.structural(state);
        // A place in the graph first, for the type may be within itself.
        let id = self.push(Node::Whole(Box::new((misfit.clone(), state.clone()))));
        self.known.insert(place, id);
        let kind = match &schema.shape {
            Shape::Struct(fields) => Kind::Members(self.members(fields, state)),
            Shape::Tuple(fields) => Kind::Tuple(self.tuple(fields, state)),
            // A value with a class has no parts: it was dealt with above.
            Shape::Value(_) => return id,
            Shape::Same(inner) => Kind::Same(self.schema(inner(), state)),
            Shape::List(inner) => Kind::Each(self.schema(inner(), state)),
            Shape::Map(inner) => {
                let mut members = self.members(&[], state);
                members.others = self.any_name(*inner, state);
                Kind::Members(members)
            }
            Shape::Enum(tagging, variants) => self.variants(*tagging, variants, state, &misfit),
        };
        let node = Node::Parts(Box::new(Parts { kind, structural, misfit }));
        if let Some(place) = self.shapes.nodes.get_mut(id) {
            *place = node;
        }
        id
    }

    fn members(&mut self, fields: &'static [FieldSpec], state: &State) -> Members {
        let mut members =
            Members { fields: BTreeMap::new(), flattened: Vec::new(), others: Others::Unknown, state: state.clone() };
        for field in fields {
            match (&field.rule, field.flatten) {
                (FieldRule::Classified(spec), true) => members.others = Others::Class(spec),
                (FieldRule::Nested(inner), true) => members.flattened.push(self.schema(inner(), state)),
                (_, false) => {
                    members.fields.insert(field.name, self.member(field, state));
                }
            }
        }
        members
    }

    fn member(&mut self, field: &'static FieldSpec, parent: &State) -> NodeId {
        let state = self.names.step(parent, field.name);
        self.path.push(field.name);
        let id = self.value(field, &state);
        self.path.pop();
        id
    }

    fn value(&mut self, field: &'static FieldSpec, state: &State) -> NodeId {
        match &field.rule {
            FieldRule::Nested(inner) => self.schema(inner(), state),
            FieldRule::Classified(spec) => self.whole(spec, state),
        }
    }

    fn whole(&mut self, spec: &'static ClassifiedSpec, state: &State) -> NodeId {
        let checked = self.names.check(state, Some(spec.class), &self.path.join("."));
        self.problem = self.problem.take().or(checked.err());
        let whole = self.names.classified(state, spec);
        self.push(Node::Whole(Box::new(whole)))
    }

    /// Elements take the list's name.
    fn tuple(&mut self, fields: &'static [FieldSpec], state: &State) -> Vec<NodeId> {
        fields.iter().map(|field| self.value(field, state)).collect()
    }

    fn any_name(&mut self, schema: SchemaFn, state: &State) -> Others {
        // Only stars match this name: so steps every name that the policy does not mention.
        let usual = self.names.step(state, ANY_NAME);
        let id = self.schema(schema(), &usual);
        Others::Type { schema, usual: (usual, id) }
    }

    fn variants(&mut self, tagging: Tagging, variants: &'static [VariantSpec], state: &State, misfit: &Rule) -> Kind {
        match tagging {
            Tagging::External => self.external(variants, state, misfit),
            Tagging::Internal { tag } => {
                let members = |builder: &mut Self, variant: &'static VariantSpec| builder.inlined(variant, state);
                self.tagged(tag, variants, state, members)
            }
            Tagging::Adjacent { tag, content } => {
                let members = |builder: &mut Self, variant: &'static VariantSpec| {
                    let mut members = builder.members(&[], state);
                    if !matches!(variant.content, VariantContent::Unit) {
                        members.fields.insert(content, builder.content(content, variant, state));
                    }
                    members
                };
                self.tagged(tag, variants, state, members)
            }
        }
    }

    fn external(&mut self, variants: &'static [VariantSpec], state: &State, misfit: &Rule) -> Kind {
        let is_unit = |variant: &&VariantSpec| matches!(variant.content, VariantContent::Unit);
        let mut others = self.members(&[], state);
        others.others = Others::Misfit(Box::new(misfit.clone()));
        for variant in variants {
            // A unit variant is a member too, with nothing in it, where the enum is flattened.
            let id = match variant.content {
                VariantContent::Unit => self.tag(variant.name, state),
                _ => self.content(variant.name, variant, state),
            };
            others.fields.insert(variant.name, id);
        }
        Kind::Variant { units: variants.iter().filter(is_unit).map(|variant| variant.name).collect(), others }
    }

    fn tagged(
        &mut self,
        tag: &'static str,
        variants: &'static [VariantSpec],
        state: &State,
        members: impl Fn(&mut Self, &'static VariantSpec) -> Members,
    ) -> Kind {
        let tag_id = self.tag(tag, state);
        let structural = self.names.structural(state);
        let misfit = self.names.misfit(state, ClassificationSet::EMPTY);
        let mut ids = BTreeMap::new();
        for variant in variants {
            let mut members = members(self, variant);
            members.fields.insert(tag, tag_id);
            let parts = Parts { kind: Kind::Members(members), structural: structural.clone(), misfit: misfit.clone() };
            ids.insert(variant.name, self.push(Node::Parts(Box::new(parts))));
        }
        Kind::Tagged { tag, variants: ids }
    }

    /// The members of an internally tagged variant, which are written beside the tag.
    fn inlined(&mut self, variant: &'static VariantSpec, state: &State) -> Members {
        let mut members = self.members(&[], state);
        match &variant.content {
            VariantContent::Unit | VariantContent::Tuple(_) => {}
            VariantContent::Struct(fields) => members = self.members(fields, state),
            VariantContent::Newtype(field) => match &field.rule {
                FieldRule::Classified(spec) => members.others = Others::Class(spec),
                FieldRule::Nested(inner) => members.flattened.push(self.schema(inner(), state)),
            },
        }
        members
    }

    /// The content of a variant under a name of its own.
    fn content(&mut self, name: &'static str, variant: &'static VariantSpec, parent: &State) -> NodeId {
        let state = self.names.step(parent, name);
        self.path.push(name);
        let kind = match &variant.content {
            VariantContent::Unit => None,
            VariantContent::Newtype(field) => {
                let id = self.value(field, &state);
                self.path.pop();
                return id;
            }
            VariantContent::Tuple(fields) => Some((Kind::Tuple(self.tuple(fields, &state)), *fields)),
            VariantContent::Struct(fields) => Some((Kind::Members(self.members(fields, &state)), *fields)),
        };
        self.path.pop();
        let Some((kind, fields)) = kind else { return self.tag(name, parent) };
        let misfit = self.names.misfit(&state, possible(fields));
        let parts = Parts { kind, structural: self.names.structural(&state), misfit };
        self.push(Node::Parts(Box::new(parts)))
    }

    /// A member that says which variant it is.
    fn tag(&mut self, name: &'static str, parent: &State) -> NodeId {
        let state = self.names.step(parent, name);
        let rule = self.names.structural(&state);
        self.push(Node::Whole(Box::new((rule, state))))
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.shapes.nodes.push(node);
        self.shapes.nodes.len() - 1
    }
}

/// The classes that values of these fields may have.
fn possible(fields: &[FieldSpec]) -> ClassificationSet {
    fields.iter().fold(ClassificationSet::EMPTY, |classes, field| match &field.rule {
        FieldRule::Classified(spec) => classes.with(spec.class),
        FieldRule::Nested(inner) => {
            inner().inventory().into_iter().map(|entry| entry.class).fold(classes, ClassificationSet::with)
        }
    })
}

// A name that no model and no policy has: it is matched by stars alone.
const ANY_NAME: &str = "\u{0}";
