//! The privet record format: one record, one key per class, each field sealed on its own.
//!
//! Bytes in, bytes out: no clock, no I/O, no policy. The bytes are specified in `docs/FORMAT.md`.

mod base64url;
mod context;
mod fields;
mod flat;
mod header;
mod integrity;
mod json;
mod json_text;
mod keys;
mod open;
mod rekey;
mod seal;
mod sealed;
mod update;

pub(crate) use base64url::append_decoded;
pub use context::RecordContext;
pub use fields::{escaped, sealed_class};
pub(crate) use flat::Flat;
pub use header::{Header, Section};
pub(crate) use header::{RawHeader, RawSection, raw_edks};
pub use json::{from_json, to_json};
pub use json_text::{read_json, write_json};
pub use open::{Opened, open};
pub(crate) use rekey::{Collection, Rekeyer, Role, SectionRekey};
pub use seal::{SectionKey, seal};
pub use sealed::{Sealed, sealed_values};
pub use update::{Change, Updated, update, update_tagged};

use std::collections::BTreeSet;

/// How records of one table or collection are laid out: configuration, the same for writers and readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The name of the header's attribute. Default: `privet`; in JSON `$privet`.
    pub header: String,
    /// The names of the key attributes: never sealed, bound to every field.
    pub key: Vec<String>,
    /// Top-level attributes that others may change without breaking the record's integrity. A name has to be listed before
    /// the first record has it, and stay listed.
    pub unsigned: BTreeSet<String>,
    /// Whether tags over the whole record are written and demanded.
    pub integrity: Integrity,
    /// Whether records are items or JSON documents: they escape look-alikes of sealed values differently.
    pub form: Form,
}

impl Layout {
    /// Items with these key attributes, with record integrity.
    pub fn item(key: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            header: ITEM_HEADER.to_owned(),
            key: key.into_iter().map(Into::into).collect(),
            unsigned: BTreeSet::new(),
            integrity: Integrity::Record,
            form: Form::Item,
        }
    }

    /// JSON documents whose identity is these members, with record integrity.
    pub fn json(key: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { header: JSON_HEADER.to_owned(), form: Form::Json, ..Self::item(key) }
    }

    fn is_key(&self, name: &str) -> bool {
        self.key.iter().any(|key| key == name)
    }
}

/// How much of a record is protected against change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// Every sealed field on its own. Single fields can be updated; a removed or rolled-back field is not noticed.
    Field,
    /// The record as a whole: a changed, removed or added field is noticed.
    Record,
}

/// What a record is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A DynamoDB item: sealed values are `B`.
    Item,
    /// A JSON document: sealed values are `{"$sealed": "..."}`.
    Json,
}

/// The default name of the header attribute of items.
pub const ITEM_HEADER: &str = "privet";
/// The name of the header member of JSON documents.
pub const JSON_HEADER: &str = "$privet";

const JSON_SEALED: &str = "$sealed";
const JSON_CLEAR: &str = "$clear";

#[cfg(test)]
mod tests;
