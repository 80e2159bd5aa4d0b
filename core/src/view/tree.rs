//! A record as one caller may see it, value by value.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::value::{Map, Path, Step, Value};

/// A value as one caller may see it.
///
/// It serialises as the caller may see it: clear values as JSON has them, masked ones as text, a withheld member of a
/// map not at all, a withheld element of a list as null.
///
/// # Security
///
/// `Debug` prints the names of members and never a value, not even a masked one.
#[derive(Clone, PartialEq)]
pub enum Tree {
    /// The value itself.
    Clear(Value),
    /// What a mask left of the value.
    Masked(String),
    /// The mask `null`: there is a value, and nothing of it is shown.
    Null,
    /// Nothing, not even that there is a value.
    Withheld,
    /// A map whose members are shown each in its own way.
    Members(BTreeMap<String, Self>),
    /// A list whose elements are shown each in its own way.
    Items(Vec<Self>),
}

impl Tree {
    /// The value as JSON; `None` if it is withheld.
    #[must_use]
    pub fn into_json(self) -> Option<serde_json::Value> {
        Some(match self {
            Self::Clear(value) => value.into_json(),
            Self::Masked(text) => text.into(),
            Self::Null => serde_json::Value::Null,
            Self::Withheld => return None,
            Self::Members(members) => {
                members.into_iter().filter_map(|(name, value)| Some((name, value.into_json()?))).collect()
            }
            Self::Items(items) => items.into_iter().map(|item| item.into_json().unwrap_or_default()).collect(),
        })
    }

    /// The value itself, if all of it may be seen.
    #[must_use]
    pub fn clear(&self) -> Option<Value> {
        match self {
            Self::Clear(value) => Some(value.clone()),
            Self::Masked(_) | Self::Null | Self::Withheld => None,
            Self::Members(members) => {
                let members: Option<Map> =
                    members.iter().map(|(name, value)| Some((name.clone(), value.clear()?))).collect();
                members.map(Value::M)
            }
            Self::Items(items) => items.iter().map(Self::clear).collect::<Option<_>>().map(Value::L),
        }
    }

    /// Withholds what is at this path, whether there is a value or not.
    pub(crate) fn withhold(&mut self, path: &[Step]) {
        let Some((first, rest)) = path.split_first() else {
            *self = Self::Withheld;
            return;
        };
        self.open();
        match (first, self) {
            (Step::Key(name), Self::Members(members)) => {
                members.entry(name.clone()).or_insert(Self::Withheld).withhold(rest);
            }
            (Step::Index(index), Self::Items(items)) => {
                let item = usize::try_from(*index).ok().and_then(|index| items.get_mut(index));
                item.into_iter().for_each(|item| item.withhold(rest));
            }
            _ => {}
        }
    }

    /// Collects the paths of what is withheld.
    pub(crate) fn withheld(&self, path: &mut Path, found: &mut Vec<Path>) {
        let mut descend = |step, value: &Self| {
            path.push(step);
            value.withheld(path, found);
            path.pop();
        };
        match self {
            Self::Withheld => found.push(path.clone()),
            Self::Members(members) => {
                members.iter().for_each(|(name, value)| descend(Step::Key(name.clone()), value));
            }
            Self::Items(items) => {
                (0..).zip(items).for_each(|(index, value)| descend(Step::Index(index), value));
            }
            _ => {}
        }
    }

    /// Makes parts of their own of a clear map's members or a clear list's elements.
    fn open(&mut self) {
        match self {
            Self::Clear(Value::M(members)) => {
                let members = std::mem::take(members).into_iter();
                *self = Self::Members(members.map(|(name, value)| (name, Self::Clear(value))).collect());
            }
            Self::Clear(Value::L(values)) => {
                *self = Self::Items(std::mem::take(values).into_iter().map(Self::Clear).collect());
            }
            _ => {}
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Clear(value) => Clear(value).serialize(serializer),
            Self::Masked(text) => serializer.serialize_str(text),
            Self::Null | Self::Withheld => serializer.serialize_unit(),
            Self::Members(members) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in members.iter().filter(|(_, value)| **value != Self::Withheld) {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Items(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
        }
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear(_) => f.write_str("Clear(..)"),
            Self::Masked(_) => f.write_str("Masked(..)"),
            Self::Null => f.write_str("Null"),
            Self::Withheld => f.write_str("Withheld"),
            Self::Members(members) => f.debug_map().entries(members).finish(),
            Self::Items(items) => f.debug_list().entries(items).finish(),
        }
    }
}

/// A clear value as JSON has it, written without a copy of its parts.
struct Clear<'a>(&'a Value);

impl Serialize for Clear<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::S(text) => serializer.serialize_str(text),
            Value::M(members) => serializer.collect_map(members.iter().map(|(name, value)| (name, Clear(value)))),
            Value::L(values) => serializer.collect_seq(values.iter().map(Clear)),
            other => other.clone().into_json().serialize(serializer),
        }
    }
}
