//! Fields that are never stored: put together from parts of others, to be searched for.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{Location, Transform};
use crate::error::{Error, Result};
use crate::value::{Map, Value};

/// A field that is never stored: texts of an item's values, transformed and joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualField {
    pub(super) name: String,
    pub(super) parts: Vec<VirtualPart>,
}

/// One part of a virtual field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualPart {
    pub(super) location: Location,
    pub(super) transforms: Vec<Transform>,
}

impl VirtualField {
    /// A field of these parts.
    pub fn new(name: impl Into<String>, parts: impl IntoIterator<Item = VirtualPart>) -> Self {
        Self { name: name.into(), parts: parts.into_iter().collect() }
    }

    /// Its text; `None` if the item lacks one of its locations.
    pub(super) fn text(&self, item: &Map) -> Result<Option<Zeroizing<String>>> {
        let mut all = Zeroizing::new(Vec::new());
        for part in &self.parts {
            let Some(value) = part.location.find(item) else { return Ok(None) };
            let text = text_of(value).ok_or_else(|| {
                let (field, location) = (&self.name, &part.location);
                Error::input(format!("the virtual field `{field}` needs a text, number or flag at `{location}`"))
            })?;
            let mut units = Zeroizing::new(text.encode_utf16().collect::<Vec<u16>>());
            for transform in &part.transforms {
                units = Zeroizing::new(transform.apply(std::mem::take(&mut *units)));
            }
            all.extend_from_slice(&units);
        }
        let text = String::from_utf16(&all).map_err(|_| {
            Error::input(format!("a transform of the virtual field `{}` cuts a character in two", self.name))
        })?;
        Ok(Some(Zeroizing::new(text)))
    }
}

impl VirtualPart {
    /// The text of the value at this location.
    #[must_use]
    pub fn new(location: Location) -> Self {
        Self { location, transforms: Vec::new() }
    }

    /// With one more transform, which gets what the ones before it made.
    #[must_use]
    pub fn transform(mut self, transform: Transform) -> Self {
        self.transforms.push(transform);
        self
    }
}

/// A scalar as text, numbers as they are written; `None` for bytes, sets, maps and lists.
pub(super) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(match value {
        Value::S(text) | Value::N(text) => text,
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Null => "null",
        Value::B(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_) | Value::L(_) | Value::M(_) => return None,
    }))
}
