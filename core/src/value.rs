//! The typed value tree: what an item, a JSON document and a model have in common.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroize;

mod convert;
mod dynamodb_json;
mod number;
mod path;
mod serial;

pub(crate) use convert::from_value;
pub use convert::{from_record, from_record_with_unknown, to_record};
pub use dynamodb_json::{from_dynamodb_json, to_dynamodb_json};
pub use number::normalise;
pub use path::{MAX_DEPTH, Path, Step};
/// For fields of models that are sets in DynamoDB and not lists: `#[serde(with = "privet::value::string_set")]`. DynamoDB has
/// no empty sets: leave such a field out with `skip_serializing_if`.
pub use serde_dynamo::{binary_set, number_set, string_set};
pub(crate) use serial::serialised_size;
pub use serial::{TypeId, deserialise, serialise_into};

/// The members of a record or of a nested map, in byte order of their names.
pub type Map = BTreeMap<String, Value>;

/// A value as DynamoDB types it; JSON uses the types it has (`S`, `N`, `Bool`, `Null`, `M`, `L`).
///
/// # Security
///
/// `Debug` prints the type and never the content.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number in decimal text, as its writer spelt it.
    N(String),
    /// Text.
    S(String),
    /// Bytes.
    B(Vec<u8>),
    /// A set of texts.
    Ss(Vec<String>),
    /// A set of numbers.
    Ns(Vec<String>),
    /// A set of bytes.
    Bs(Vec<Vec<u8>>),
    /// A list.
    L(Vec<Value>),
    /// A map.
    M(Map),
}

impl Value {
    /// The DynamoDB name of the value's type: `S`, `N`, `BOOL`, ...
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "BOOL",
            Self::N(_) => "N",
            Self::S(_) => "S",
            Self::B(_) => "B",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
            Self::L(_) => "L",
            Self::M(_) => "M",
        }
    }

    /// The text, if the value is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            _ => None,
        }
    }

    /// Overwrites every text and byte string of the value.
    ///
    /// # Security
    ///
    /// Best effort: copies that were made before (by serde, by the SDK, by a growing buffer) are not reached.
    pub fn wipe(&mut self) {
        match self {
            Self::Null => {}
            Self::Bool(flag) => flag.zeroize(),
            Self::N(text) | Self::S(text) => text.zeroize(),
            Self::B(bytes) => bytes.zeroize(),
            Self::Ss(texts) | Self::Ns(texts) => texts.iter_mut().for_each(Zeroize::zeroize),
            Self::Bs(blobs) => blobs.iter_mut().for_each(Zeroize::zeroize),
            Self::L(values) => values.iter_mut().for_each(Self::wipe),
            Self::M(members) => members.values_mut().for_each(Self::wipe),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::M(members) => f.debug_map().entries(members).finish(),
            Self::L(values) => f.debug_list().entries(values).finish(),
            other => write!(f, "<{}>", other.type_name()),
        }
    }
}
