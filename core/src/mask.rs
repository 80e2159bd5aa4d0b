//! Which masks there are, and how one is applied to a value of any type.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::value::Value;

mod text;

#[cfg(test)]
mod tests;

/// The masks that models and policies may name: the built-in ones and those an application adds.
///
/// Built in are `partial`, `full`, `email`, `phone`, `last4`, `name`, `date`, `card`, `null`, and, once the
/// application supplies a [`KeyedHash`], `hash`.
///
/// ```
/// use privet_core::mask::{Mask, Masks};
///
/// #[derive(Debug)]
/// struct Plate;
///
/// impl Mask for Plate {
///     fn mask(&self, text: &str) -> Option<String> {
///         text.split_once('-').map(|(district, _)| format!("{district}-***"))
///     }
/// }
///
/// let masks = Masks::default().with("plate", Plate)?;
/// assert!(masks.names().any(|name| name == "plate"));
/// # Ok::<(), privet_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Masks {
    custom: BTreeMap<String, Arc<dyn Mask>>,
    hash: Option<Arc<dyn KeyedHash>>,
}

impl Masks {
    /// Adds a mask of the application's own.
    ///
    /// # Errors
    ///
    /// `Config` if a mask of this name is there already.
    pub fn with(mut self, name: impl Into<String>, mask: impl Mask + 'static) -> Result<Self> {
        let name = name.into();
        if BUILT_IN.contains(&name.as_str()) || self.custom.contains_key(&name) {
            return Err(Error::config(format!("there is a mask `{name}` already; give yours another name")));
        }
        self.custom.insert(name, Arc::new(mask));
        Ok(self)
    }

    /// Supplies the keyed hash behind the mask `hash`.
    #[must_use]
    pub fn with_hash(mut self, hash: Arc<dyn KeyedHash>) -> Self {
        self.hash = Some(hash);
        self
    }

    /// The names of all masks, the built-in ones first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        BUILT_IN.into_iter().chain(self.custom.keys().map(String::as_str))
    }

    /// The mask of this name, for fields of this resource.
    pub(crate) fn find(&self, name: &str, resource: &str) -> Result<FieldMask> {
        Ok(FieldMask(match name {
            "partial" => Kind::Text(text::partial),
            "full" => Kind::Full,
            "email" => Kind::Text(text::email),
            "phone" => Kind::Text(text::phone),
            "last4" => Kind::Text(text::last4),
            "name" => Kind::Text(text::name),
            "date" => Kind::Text(text::date),
            "card" => Kind::Text(text::card),
            "null" => Kind::Null,
            "hash" => Kind::Hash(
                self.hash.clone().ok_or_else(|| {
                    Error::config(
                        "the mask `hash` needs a `pseudonym_key`, or a keyed hash of your own (`Masks::with_hash`)",
                    )
                })?,
                resource.into(),
            ),
            other => Kind::Custom(self.custom.get(other).cloned().ok_or_else(|| {
                let known: Vec<_> = self.names().map(|name| format!("`{name}`")).collect();
                Error::config(format!("unknown mask `{other}`; there are {}", known.join(", ")))
            })?),
        }))
    }
}

/// A mask of an application's own.
///
/// # Security
///
/// What the mask returns is shown to callers who may not see the value. It should not depend on the value's length
/// beyond 8 characters. If it returns the value itself, the full mask is shown in its place.
pub trait Mask: Send + Sync + Debug {
    /// The text as it may be shown, or `None` if the text does not have the shape this mask is for: then the full
    /// mask is shown.
    fn mask(&self, text: &str) -> Option<String>;
}

/// A hash under a secret key, which the mask `hash` shows in place of a value: equal values look equal.
///
/// # Security
///
/// It must be keyed (HMAC), with a key for each field and tenant: an unkeyed hash of an e-mail address is reversible.
pub trait KeyedHash: Send + Sync + Debug {
    /// The printable hash of the text of this tenant's field (`customers/address.city`).
    fn hash(&self, tenant: &str, field: &str, text: &str) -> String;
}

/// What a mask makes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Masked {
    Text(String),
    Null,
}

/// The mask of one field.
#[derive(Clone, Debug)]
pub(crate) struct FieldMask(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Text(fn(&str) -> Option<String>),
    Full,
    Null,
    Hash(Arc<dyn KeyedHash>, Arc<str>),
    Custom(Arc<dyn Mask>),
}

impl FieldMask {
    /// The mask of a field that names none.
    pub(crate) const PARTIAL: Self = Self(Kind::Text(text::partial));

    /// The mask that shows nothing.
    pub(crate) const FULL: Self = Self(Kind::Full);

    /// The value as a partial disclosure shows it; `field` says the names on its path, for the keyed hash.
    ///
    /// # Security
    ///
    /// Anything but text is shown as the constant, so neither a truth value nor a list's length can be read from it.
    pub(crate) fn partial(&self, value: &Value, tenant: &str, field: impl FnOnce() -> String) -> Masked {
        let Value::S(text) = value else { return self.full(value) };
        let masked = match &self.0 {
            Kind::Null => return Masked::Null,
            Kind::Full => None,
            Kind::Text(mask) => mask(text),
            Kind::Custom(mask) => mask.mask(text),
            Kind::Hash(hash, resource) => Some(hash.hash(tenant, &format!("{resource}/{}", field()), text)),
        };
        Masked::Text(masked.filter(|masked| masked != text || text.is_empty()).unwrap_or_else(|| text::full(text)))
    }

    /// The value as the disclosure `mask` shows it: nothing of it, but for a text's length up to 8.
    pub(crate) fn full(&self, value: &Value) -> Masked {
        match (&self.0, value) {
            (Kind::Null, _) => Masked::Null,
            (_, Value::S(text)) => Masked::Text(text::full(text)),
            (_, _) => Masked::Text(NOT_TEXT.to_owned()),
        }
    }
}

/// What stands for a value that is no text.
pub(crate) const NOT_TEXT: &str = "********";

const BUILT_IN: [&str; 10] = ["partial", "full", "email", "phone", "last4", "name", "date", "card", "hash", "null"];
