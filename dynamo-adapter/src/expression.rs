//! DynamoDB's expressions, read far enough to know which attribute every operator touches, and written again where what
//! is stored differs from what the caller sees.

mod condition;
mod evaluate;
mod number;
mod parse;
mod projection;
mod token;
mod update;
mod write;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::ErrorKind;
use privet_core::value::{Path, Value};

pub(crate) use condition::{Condition, Function, Operand};
pub(crate) use evaluate::apply;
pub(crate) use projection::{Projection, project};
pub(crate) use update::{Action, Source, Update};
pub(crate) use write::Writer;

use crate::convert::from_attribute_ref;
use crate::error::{Error, Result};

/// What the placeholders of a request's expressions stand for, and which of them were used.
#[derive(Debug, Default)]
pub(crate) struct Placeholders<'a> {
    names: Option<&'a HashMap<String, String>>,
    values: Option<&'a HashMap<String, AttributeValue>>,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Placeholders<'a> {
    pub(crate) fn new(
        names: Option<&'a HashMap<String, String>>,
        values: Option<&'a HashMap<String, AttributeValue>>,
    ) -> Self {
        Self { names, values, used: RefCell::default() }
    }

    /// The attribute name behind `#placeholder`.
    fn name(&self, placeholder: &str) -> Result<String> {
        self.used.borrow_mut().insert(placeholder.to_owned());
        let name = self.names.and_then(|names| names.get(placeholder));
        name.cloned().ok_or_else(|| {
            Error::new(ErrorKind::Input, format!("`{placeholder}` is used in an expression and stands for no name"))
        })
    }

    /// The value behind `:placeholder`.
    fn value(&self, placeholder: &str) -> Result<Value> {
        self.used.borrow_mut().insert(placeholder.to_owned());
        let value = self.values.and_then(|values| values.get(placeholder));
        let value = value.ok_or_else(|| {
            Error::new(ErrorKind::Input, format!("`{placeholder}` is used in an expression and stands for no value"))
        })?;
        Ok(from_attribute_ref(value)?)
    }

    /// Refuses placeholders that no expression uses, as DynamoDB does: once expressions are written anew, it would not
    /// see them.
    pub(crate) fn check_all_used(&self) -> Result<()> {
        let used = self.used.borrow();
        let names = self.names.into_iter().flat_map(HashMap::keys);
        let mut all = names.chain(self.values.into_iter().flat_map(HashMap::keys));
        match all.find(|placeholder| !used.contains(*placeholder)) {
            Some(placeholder) => {
                Err(Error::new(ErrorKind::Input, format!("`{placeholder}` is used in no expression: leave it out")))
            }
            None => Ok(()),
        }
    }
}

/// Refuses paths of which one is, or is inside of, another.
fn check_overlap<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    let mut paths: Vec<_> = paths.into_iter().collect();
    paths.sort_unstable();
    // In order, whatever is inside of a path follows it at once.
    match paths.windows(2).find(|pair| matches!(pair, [outer, inner] if inner.is_within(outer))) {
        Some([outer, inner]) => Err(Error::new(
            ErrorKind::Input,
            format!("`{inner}` and `{outer}` overlap: an expression takes one of them"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
