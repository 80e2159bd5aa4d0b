//! One signed attribute of an item, and what was done to it.

use super::path::Order;
use crate::value::Value;

/// What a writer does with an attribute that is neither a key, nor in the context, nor left out of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Encrypt it, and sign what comes of that.
    EncryptAndSign,
    /// Store it in clear, and sign it.
    SignOnly,
}

/// What was done to a signed attribute, as the header's legend says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Encrypted,
    Signed,
    /// Signed, and bound in the encryption context.
    Context,
}

impl Mark {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Encrypted => b'e',
            Self::Signed => b's',
            Self::Context => b'c',
        }
    }

    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            b'e' => Self::Encrypted,
            b's' => Self::Signed,
            b'c' => Self::Context,
            _ => return None,
        })
    }
}

/// A signed attribute.
pub(super) struct Attribute {
    pub(super) order: Order,
    pub(super) value: Value,
    pub(super) mark: Mark,
}

impl Attribute {
    pub(super) fn name(&self) -> &str {
        self.order.name()
    }
}
