//! How one value would be stored at a place of a record of which nothing else is known.

use std::cell::Cell;

use super::names::{Names, Rule, State};
use super::seal::{Leaves, Walk};
use super::shape::{Child, Kind, Node, NodeId, Shapes};
use super::trail::Trail;
use super::{Resolved, Root};
use crate::classification::Classification;
use crate::error::{Error, Result};
use crate::value::{MAX_DEPTH, Path, Step, Value};

/// How a value is stored at a place of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On its own. What of it is sealed, under which class; nothing of it, if it is stored in clear.
    Own(Vec<(Path, Classification)>),
    /// As a part of what is sealed whole at this path, which is shorter.
    Within(Path, Classification),
    /// The rest of what is at this path decides: the tag of an enum, or the other members of a map.
    Depends(Path),
}

impl Placement {
    /// Whether the value is stored as it is.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        matches!(self, Self::Own(sealings) if sealings.is_empty())
    }
}

pub(super) fn place(plan: &Resolved, path: &Path, value: &Value) -> Result<Placement> {
    if path.steps().len() > MAX_DEPTH {
        return Err(Error::input("a value is nested deeper than 32 levels"));
    }
    let at = match &plan.root {
        Root::Model(_, shapes, root) => At::Node(shapes, *root),
        Root::Dynamic(start) => At::Unnamed(start.clone()),
    };
    let way = Way { names: &plan.names, path, alike: Cell::new(None) };
    way.go(at, 0, value, &Trail::ROOT)
}

/// What is known of the place that a walk has come to.
enum At<'a> {
    Node(&'a Shapes, NodeId),
    Whole(Box<(Rule, State)>),
    Unnamed(State),
}

struct Way<'a> {
    names: &'a Names,
    path: &'a Path,
    /// The class of all of the value, if it has one and no model says anything about it.
    alike: Cell<Option<Classification>>,
}

impl Way<'_> {
    /// From the place that the first `done` steps lead to, which `trail` is.
    fn go(&self, at: At<'_>, done: usize, value: &Value, trail: &Trail<'_>) -> Result<Placement> {
        let Some(step) = self.path.steps().get(done) else { return self.arrive(at, value, trail) };
        let next = trail.step(step);
        let depends = || Ok(Placement::Depends(trail.path()));
        match at {
            At::Node(shapes, id) => match shapes.node(id) {
                Some(Node::Whole(whole)) => self.go(At::Whole(whole.clone()), done, value, trail),
                None => depends(),
                Some(Node::Parts(parts)) => match (&parts.kind, step) {
                    (Kind::Same(inner), _) => self.go(At::Node(shapes, *inner), done, value, trail),
                    (Kind::Each(element), Step::Index(_)) => {
                        self.go(At::Node(shapes, *element), done + 1, value, &next)
                    }
                    (Kind::Tuple(nodes), Step::Index(index)) => {
                        match usize::try_from(*index).ok().and_then(|index| nodes.get(index)) {
                            Some(node) => self.go(At::Node(shapes, *node), done + 1, value, &next),
                            None => depends(),
                        }
                    }
                    (Kind::Members(members) | Kind::Variant { others: members, .. }, Step::Key(name)) => {
                        match shapes.child_alone(members, name, self.names) {
                            Some(Child::Node(shapes, id)) => self.go(At::Node(shapes, id), done + 1, value, &next),
                            Some(Child::Own(shapes, id)) => self.go(At::Node(&shapes, id), done + 1, value, &next),
                            Some(Child::Whole(whole)) => self.go(At::Whole(whole), done + 1, value, &next),
                            Some(Child::Unknown(state)) => self.go(At::Unnamed(state), done + 1, value, &next),
                            None => depends(),
                        }
                    }
                    _ => depends(),
                },
            },
            At::Whole(whole) => match whole.0.seal {
                Some(class) => Ok(Placement::Within(trail.path(), class)),
                None => self.go(At::Unnamed(whole.1), done, value, trail),
            },
            At::Unnamed(state) if state.is_clear() => Ok(Placement::Own(Vec::new())),
            At::Unnamed(state) => {
                let inside = match step {
                    Step::Key(name) => self.names.step(&state, name),
                    Step::Index(_) => state.clone(),
                };
                let placed = self.go(At::Unnamed(inside), done + 1, value, &next)?;
                Ok(match (&placed, self.alike.get()) {
                    (Placement::Own(_), Some(class)) if self.may_be_whole(&state, step, done, class) => {
                        Placement::Within(trail.path(), class)
                    }
                    _ => placed,
                })
            }
        }
    }

    /// Whether what is in this state is sealed as one value if all in it is of this class.
    fn may_be_whole(&self, state: &State, step: &Step, done: usize, class: Classification) -> bool {
        match step {
            // The root has no path.
            _ if done == 0 => false,
            Step::Index(_) => true,
            Step::Key(_) => !state.classes.is_empty() && self.names.unnamed(state).seal == Some(class),
        }
    }

    fn arrive(&self, at: At<'_>, value: &Value, trail: &Trail<'_>) -> Result<Placement> {
        let mut walk = Walk::new(self.names);
        match at {
            At::Node(shapes, id) => walk.node(shapes, id, value, trail)?,
            At::Whole(whole) => walk.whole(value, &whole.0, &whole.1, trail)?,
            At::Unnamed(state) => {
                if let Leaves::Alike(class) = walk.unnamed(value, &state, trail)? {
                    self.alike.set(class);
                }
            }
        }
        Ok(Placement::Own(walk.found))
    }
}
