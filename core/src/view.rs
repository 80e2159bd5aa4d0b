//! What a caller gets to see of a model, with the model's types.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::error::Result;
use crate::mask::NOT_TEXT;
use crate::schema::Field;
use crate::value::{Path, Step, Value, from_value};

mod tree;

#[cfg(test)]
mod tests;

pub use tree::Tree;

/// A value as one caller may see it.
///
/// # Security
///
/// `Debug` prints which of the three it is and never the value.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown<T> {
    /// The value itself.
    Clear(T),
    /// What a mask left of it. For a value that is shown in parts it is the constant `********`.
    Masked(String),
    /// Nothing.
    Withheld,
}

/// A record of the model `M` as one caller may see it.
///
/// It serialises as the caller may see it: this is what a handler answers with. It does not deserialise and is no
/// model, so what a mask left of a value is never stored in the value's place.
///
/// # Security
///
/// `Debug` prints names and no values.
pub struct View<M> {
    tree: Tree,
    model: PhantomData<fn() -> M>,
}

impl<M> View<M> {
    /// The view that shows this.
    #[must_use]
    pub fn new(tree: Tree) -> Self {
        Self { tree, model: PhantomData }
    }

    /// A field as it may be seen. A field with fields of its own is clear only if all of it is; otherwise ask for its
    /// parts with [`View::at`].
    ///
    /// # Errors
    ///
    /// `Input` if the clear value does not fit the field's type.
    pub fn get<T: DeserializeOwned>(&self, field: Field<M, T>) -> Result<Shown<T>> {
        match shown(self.member(field.name())) {
            Shown::Clear(value) => from_value(value).map(Shown::Clear),
            Shown::Masked(text) => Ok(Shown::Masked(text)),
            Shown::Withheld => Ok(Shown::Withheld),
        }
    }

    /// The value at a path of names and list positions: `address.city`, `visits[0].doctor`. A value that is not there
    /// is withheld.
    #[must_use]
    pub fn at(&self, path: &str) -> Shown<Value> {
        let part = steps(path).and_then(|steps| steps.iter().try_fold(Part::Shown(&self.tree), Part::go));
        match part {
            Some(Part::Shown(tree)) => shown(Some(tree)),
            Some(Part::Clear(value)) => Shown::Clear(value.clone()),
            None => Shown::Withheld,
        }
    }

    /// The paths of what is withheld.
    #[must_use]
    pub fn withheld(&self) -> Vec<Path> {
        let mut found = Vec::new();
        self.tree.withheld(&mut Path::default(), &mut found);
        found
    }

    /// The record as it may be seen, as a tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The record as it may be seen, as JSON.
    #[must_use]
    pub fn into_json(self) -> serde_json::Value {
        self.tree.into_json().unwrap_or_default()
    }

    fn member(&self, name: &str) -> Option<&Tree> {
        match &self.tree {
            Tree::Members(members) => members.get(name),
            _ => None,
        }
    }
}

impl<M> Serialize for View<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.tree.serialize(serializer)
    }
}

impl<M> Clone for View<M> {
    fn clone(&self) -> Self {
        Self::new(self.tree.clone())
    }
}

impl<M> fmt::Debug for View<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("View").field(&self.tree).finish()
    }
}

impl<T> fmt::Debug for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear(_) => "Clear(..)",
            Self::Masked(_) => "Masked(..)",
            Self::Withheld => "Withheld",
        })
    }
}

fn shown(tree: Option<&Tree>) -> Shown<Value> {
    match tree {
        None | Some(Tree::Withheld | Tree::Null) => Shown::Withheld,
        Some(Tree::Masked(text)) => Shown::Masked(text.clone()),
        Some(tree) => tree.clear().map_or_else(|| Shown::Masked(NOT_TEXT.to_owned()), Shown::Clear),
    }
}

/// Where a path has led: into a part of the view, or into a value all of which is clear.
enum Part<'a> {
    Shown(&'a Tree),
    Clear(&'a Value),
}

impl Part<'_> {
    fn go(self, step: &Step) -> Option<Self> {
        let position = |index: &u32| usize::try_from(*index).ok();
        Some(match (self, step) {
            (Self::Shown(Tree::Members(members)), Step::Key(name)) => Self::Shown(members.get(name)?),
            (Self::Shown(Tree::Items(items)), Step::Index(index)) => Self::Shown(items.get(position(index)?)?),
            (Self::Shown(Tree::Clear(value)), step) => return Self::Clear(value).go(step),
            (Self::Clear(Value::M(members)), Step::Key(name)) => Self::Clear(members.get(name)?),
            (Self::Clear(Value::L(values)), Step::Index(index)) => Self::Clear(values.get(position(index)?)?),
            _ => return None,
        })
    }
}

/// Reads `visits[0].doctor`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let mut pieces = part.split('[');
        steps.push(Step::Key(pieces.next()?.to_owned()));
        for index in pieces {
            steps.push(Step::Index(index.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(steps)
}
