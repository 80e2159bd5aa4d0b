//! Which values of a record are sealed under which class.

use super::names::{Names, Rule, State};
use super::shape::{Child, Kind, Members, Node, NodeId, Shapes};
use super::trail::Trail;
use super::{Resolved, Root};
use crate::classification::Classification;
use crate::error::{Error, Result};
use crate::value::{Map, Path, Value};

pub(super) fn sealings(plan: &Resolved, record: &Map) -> Result<Vec<(Path, Classification)>> {
    let mut walk = Walk::new(&plan.names);
    match &plan.root {
        Root::Model(_, shapes, root) => walk.record(shapes, *root, record)?,
        Root::Dynamic(start) => {
            for (name, value) in record {
                walk.unnamed(value, &plan.names.step(start, name), &Trail::ROOT.key(name))?;
            }
        }
    }
    Ok(walk.found)
}

pub(super) struct Walk<'a> {
    names: &'a Names,
    pub(super) found: Vec<(Path, Classification)>,
}

/// What the leaves of a value have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// All are sealed under this class, or none is sealed.
    Alike(Option<Classification>),
    Unlike,
}

impl<'a> Walk<'a> {
    pub(super) fn new(names: &'a Names) -> Self {
        Self { names, found: Vec::new() }
    }

    /// A record whose root does not fit its model is sealed attribute by attribute: the root itself has no path.
    fn record(&mut self, shapes: &Shapes, root: NodeId, record: &Map) -> Result<()> {
        match shapes.members_of(root, record) {
            Some(members) => self.members(shapes, members, record, &Trail::ROOT),
            None => {
                for (name, value) in record {
                    let Some((rule, state)) = shapes.misfit_member(root, name, self.names) else { continue };
                    self.whole(value, &rule, &state, &Trail::ROOT.key(name))?;
                }
                Ok(())
            }
        }
    }

    pub(super) fn node(&mut self, shapes: &Shapes, id: NodeId, value: &Value, trail: &Trail<'_>) -> Result<()> {
        check_depth(trail)?;
        let parts = match shapes.node(id) {
            Some(Node::Whole(whole)) => return self.whole(value, &whole.0, &whole.1, trail),
            Some(Node::Parts(parts)) => parts,
            None => return Ok(()),
        };
        match (&parts.kind, value) {
            (Kind::Same(inner), value) => return self.node(shapes, *inner, value, trail),
            (Kind::Variant { units, .. }, Value::S(unit)) if units.contains(&unit.as_str()) => {
                self.leaf(&parts.structural, trail);
            }
            (_, Value::Null) => self.leaf(&parts.structural, trail),
            (Kind::Each(_), Value::L(elements)) if elements.is_empty() => self.leaf(&parts.structural, trail),
            (Kind::Members(_), Value::M(map)) if map.is_empty() => self.leaf(&parts.structural, trail),
            (Kind::Each(element), Value::L(elements)) => {
                for (index, value) in (0..).zip(elements) {
                    self.node(shapes, *element, value, &trail.index(index))?;
                }
            }
            (Kind::Tuple(nodes), Value::L(elements)) if nodes.len() == elements.len() => {
                for ((index, value), node) in (0..).zip(elements).zip(nodes) {
                    self.node(shapes, *node, value, &trail.index(index))?;
                }
            }
            (_, Value::M(map)) => match shapes.members_of(id, map) {
                Some(members) => self.members(shapes, members, map, trail)?,
                None => self.leaf(&parts.misfit, trail),
            },
            _ => self.leaf(&parts.misfit, trail),
        }
        Ok(())
    }

    fn members(&mut self, shapes: &Shapes, members: &Members, map: &Map, trail: &Trail<'_>) -> Result<()> {
        for (name, value) in map {
            let trail = trail.key(name);
            match shapes.child(members, map, name, self.names) {
                Child::Node(shapes, id) => self.node(shapes, id, value, &trail)?,
                Child::Own(shapes, id) => self.node(&shapes, id, value, &trail)?,
                Child::Whole(whole) => self.whole(value, &whole.0, &whole.1, &trail)?,
                Child::Unknown(state) => self.unnamed(value, &state, &trail).map(drop)?,
            }
        }
        Ok(())
    }

    /// A value that goes by one rule. Where that leaves it in clear, the names inside of it are asked.
    pub(super) fn whole(&mut self, value: &Value, rule: &Rule, inside: &State, trail: &Trail<'_>) -> Result<()> {
        check_depth(trail)?;
        self.leaf(rule, trail);
        let has_parts = matches!(value, Value::M(_) | Value::L(_));
        if rule.seal.is_none() && has_parts && !inside.is_clear() {
            self.unnamed(value, inside, trail).map(drop)
        } else {
            Ok(())
        }
    }

    pub(super) fn unnamed(&mut self, value: &Value, state: &State, trail: &Trail<'_>) -> Result<Leaves> {
        check_depth(trail)?;
        let before = self.found.len();
        let leaves = match value {
            Value::M(members) if !members.is_empty() => {
                let mut all = Vec::with_capacity(members.len());
                for (name, value) in members {
                    all.push(self.unnamed(value, &self.names.step(state, name), &trail.key(name))?);
                }
                in_common(&all)
            }
            Value::L(elements) if !elements.is_empty() => {
                let mut all = Vec::with_capacity(elements.len());
                for (index, value) in (0..).zip(elements) {
                    all.push(self.unnamed(value, state, &trail.index(index))?);
                }
                in_common(&all)
            }
            _ => {
                let rule = self.names.unnamed(state);
                self.leaf(&rule, trail);
                return Ok(Leaves::Alike(rule.seal));
            }
        };
        let is_one = match value {
            Value::L(_) => leaves != Leaves::Unlike,
            _ => !state.classes.is_empty() && leaves == Leaves::Alike(self.names.unnamed(state).seal),
        };
        if let Leaves::Alike(Some(class)) = leaves
            && is_one
        {
            self.found.truncate(before);
            self.found.push((trail.path(), class));
        }
        Ok(leaves)
    }

    fn leaf(&mut self, rule: &Rule, trail: &Trail<'_>) {
        if let Some(class) = rule.seal {
            self.found.push((trail.path(), class));
        }
    }
}

fn in_common(all: &[Leaves]) -> Leaves {
    match all.split_first() {
        Some((first, rest)) if rest.iter().all(|leaves| leaves == first) => *first,
        _ => Leaves::Unlike,
    }
}

fn check_depth(trail: &Trail<'_>) -> Result<()> {
    if trail.is_too_deep() { Err(Error::input("a value is nested deeper than 32 levels")) } else { Ok(()) }
}
