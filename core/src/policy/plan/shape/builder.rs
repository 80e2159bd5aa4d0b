//! From a schema to nodes: each type is looked at once for each state it can be met in.

use std::collections::{BTreeMap, HashMap};

use super::super::names::{Names, Rule, State};
use super::{Kind, Members, Node, NodeId, Others, Parts, Shapes};
use crate::classification::ClassificationSet;
use crate::schema::{
    ClassifiedSpec, FieldRule, FieldSpec, Schema, SchemaFn, Shape, Tagging, VariantContent, VariantSpec,
};

/// Makes the nodes.
pub(super) struct Builder<'a> {
    names: &'a Names,
    shapes: Shapes,
    // Nodes by type and state, so that a type within itself ends in a cycle.
    known: HashMap<(*const Schema, State), NodeId>,
    path: Vec<&'static str>,
    problem: Option<String>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(names: &'a Names) -> Self {
        Self { names, shapes: Shapes::default(), known: HashMap::new(), path: Vec::new(), problem: None }
    }

    /// The nodes, unless the policy loosens what the model says.
    pub(super) fn finish(self) -> Result<Shapes, String> {
        self.problem.map_or(Ok(self.shapes), Err)
    }

    /// The nodes, for a place in a model that was checked already.
    pub(super) fn into_shapes(self) -> Shapes {
        self.shapes
    }

    /// The node of a type met in this state.
    pub(super) fn schema(&mut self, schema: &'static Schema, state: &State) -> NodeId {
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
        self.check_names(&members);
        members
    }

    /// Refuses a name that two types write into one map: the last value would be stored in the class of the first.
    fn check_names(&mut self, members: &Members) {
        let mut known: Vec<_> = members.fields.iter().map(|(name, id)| (*name, *id)).collect();
        for flattened in &members.flattened {
            let mut names = Vec::new();
            self.shapes.names_in(*flattened, &mut names);
            let is_known = |(name, id): &&(&str, NodeId)| {
                known.iter().any(|(other, first)| name == other && !self.shapes.is_alike(*first, *id))
            };
            if let Some((name, _)) = names.iter().find(is_known) {
                let field = self.path.iter().chain([name]).copied().collect::<Vec<_>>().join(".");
                self.problem.get_or_insert(format!(
                    "two fields of different classes are stored as `{field}`, one of them flattened: rename one of them"
                ));
            }
            known.extend(names);
        }
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
            self.check_names(&members);
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
