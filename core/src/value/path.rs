//! Where a value is inside a record, and the one byte string that says so.

use std::fmt;

use super::{Map, Value};
use crate::error::{Error, Result};

/// How many steps a path may have, and how deep a value may nest (privet record format, section 5).
pub const MAX_DEPTH: usize = 32;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a map, by name.
    Key(String),
    /// Into a list, by position.
    Index(u32),
}

/// Where a value is inside a record: at least one step, the first always a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Vec<Step>);

impl Path {
    /// The path of a top-level attribute.
    pub fn attribute(name: impl Into<String>) -> Self {
        Self(vec![Step::Key(name.into())])
    }

    /// Becomes the path of this top-level attribute, in the memory that it has.
    pub(crate) fn start_at(&mut self, name: &str) {
        self.0.truncate(1);
        match self.0.first_mut() {
            Some(Step::Key(root)) => {
                root.clear();
                root.push_str(name);
            }
            _ => *self = Self::attribute(name),
        }
    }

    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Goes one step deeper.
    pub fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Goes one step back.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// Appends the path's encoding: u8 number of steps, then per step `00 || lp16(name)` or `01 || u32 index`
    /// (privet record format, section 5). Two different paths never encode alike.
    ///
    /// # Errors
    ///
    /// `Input` if the path is deeper than [`MAX_DEPTH`] or a name is longer than 65,535 bytes.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<()> {
        let count = u8::try_from(self.0.len()).ok().filter(|count| usize::from(*count) <= MAX_DEPTH);
        out.push(count.ok_or_else(|| Error::input("a value is nested deeper than 32 levels"))?);
        for step in &self.0 {
            match step {
                Step::Key(name) => {
                    let length = u16::try_from(name.len())
                        .map_err(|_| Error::input("a member's name is longer than 65,535 bytes"))?;
                    out.push(0);
                    out.extend_from_slice(&length.to_be_bytes());
                    out.extend_from_slice(name.as_bytes());
                }
                Step::Index(index) => {
                    out.push(1);
                    out.extend_from_slice(&index.to_be_bytes());
                }
            }
        }
        Ok(())
    }

    /// The top-level attribute that the path is in.
    #[must_use]
    pub fn root(&self) -> &str {
        match self.0.first() {
            Some(Step::Key(name)) => name,
            _ => "",
        }
    }

    /// Whether the path is `other`, or inside of it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The value at this path.
    #[must_use]
    pub fn find<'a>(&self, record: &'a Map) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        let Step::Key(name) = first else { return None };
        rest.iter().try_fold(record.get(name)?, |value, step| match (step, value) {
            (Step::Key(name), Value::M(members)) => members.get(name),
            (Step::Index(index), Value::L(values)) => values.get(usize::try_from(*index).ok()?),
            _ => None,
        })
    }

    /// The value at this path, to be changed.
    pub fn find_mut<'a>(&self, record: &'a mut Map) -> Option<&'a mut Value> {
        let (first, rest) = self.0.split_first()?;
        let Step::Key(name) = first else { return None };
        Self::find_in(record.get_mut(name)?, rest)
    }

    /// The value that these steps lead to from another, to be changed.
    pub fn find_in<'a>(mut value: &'a mut Value, steps: &[Step]) -> Option<&'a mut Value> {
        for step in steps {
            value = match (step, value) {
                (Step::Key(name), Value::M(members)) => members.get_mut(name)?,
                (Step::Index(index), Value::L(values)) => values.get_mut(usize::try_from(*index).ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

impl From<Vec<Step>> for Path {
    fn from(steps: Vec<Step>) -> Self {
        Self(steps)
    }
}

/// Names joined by dots, list positions in brackets: `visits[0].doctor`. For people; not injective.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(name) if position == 0 => write!(f, "{name}")?,
                Step::Key(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
