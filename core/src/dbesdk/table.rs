//! What writers and readers of a table agree on, and what only writers choose.

use std::collections::BTreeSet;

use super::RESERVED_PREFIX;
use crate::error::{Error, Result};

/// What writers and readers of a table's items must agree on: its logical name, its keys, and which attributes are left
/// out of the signature. Which attributes are encrypted is the writer's choice, and stored with each item.
///
/// ```
/// # use privet_core::dbesdk::Table;
/// let table = Table::new("Orders", "customer")?.with_sort_key("placed_at")?.with_unsigned(["ttl"])?;
/// # Ok::<(), privet_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    name: String,
    partition_key: String,
    sort_key: Option<String>,
    context: BTreeSet<String>,
    unsigned: BTreeSet<String>,
    unsigned_prefix: Option<String>,
    suite: Suite,
    max_recipients: u8,
}

/// How an item is authenticated, besides the tags that its recipients can check and make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Suite {
    /// 0x6700: tags alone. Whoever can read an item could have made it.
    Tags,
    /// 0x6701: an ECDSA P-384 signature on top, so that of who may wrap keys, only the writer can have made an item. The
    /// default of AWS's clients. Costs most of the time of writing and reading an item, and 196 bytes.
    #[default]
    Signature,
}

impl Table {
    /// A table with this logical name, which need not be the physical one, and this partition key. Items are signed, and
    /// have at most 16 recipients.
    ///
    /// # Errors
    ///
    /// `Config` if the key's name is empty or reserved.
    pub fn new(name: impl Into<String>, partition_key: impl Into<String>) -> Result<Self> {
        let table = Self {
            name: name.into(),
            partition_key: partition_key.into(),
            sort_key: None,
            context: BTreeSet::new(),
            unsigned: BTreeSet::new(),
            unsigned_prefix: None,
            suite: Suite::default(),
            max_recipients: 16,
        };
        table.checked()
    }

    /// The same with a sort key.
    ///
    /// # Errors
    ///
    /// `Config` if the name is empty, reserved, the partition key's, or left out of the signature.
    pub fn with_sort_key(mut self, name: impl Into<String>) -> Result<Self> {
        self.sort_key = Some(name.into());
        self.checked()
    }

    /// The same with attributes that are bound in the encryption context, in clear: a branch key supplier and KMS's
    /// key policies see them. Every item that is written must have them all. Items are of version 2 then, and the keys
    /// are bound alike.
    ///
    /// # Errors
    ///
    /// `Config` if a name is empty, reserved, or left out of the signature.
    pub fn with_context(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        self.context.extend(names.into_iter().map(Into::into));
        self.checked()
    }

    /// The same with attributes that are stored in clear and left out of the signature.
    ///
    /// # Errors
    ///
    /// `Config` if a name is empty, reserved, a key, or bound in the context.
    ///
    /// # Security
    ///
    /// Anyone who may write to the table can change them unnoticed. A name has to be listed before the first item has
    /// it, and stay listed.
    pub fn with_unsigned(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        self.unsigned.extend(names.into_iter().map(Into::into));
        self.checked()
    }

    /// The same with a prefix of such attributes' names, as AWS's examples use `:`.
    ///
    /// # Errors
    ///
    /// `Config` if it is empty, or a key or an attribute of the context begins with it.
    ///
    /// # Security
    ///
    /// As [`with_unsigned`](Self::with_unsigned).
    pub fn with_unsigned_prefix(mut self, prefix: impl Into<String>) -> Result<Self> {
        self.unsigned_prefix = Some(prefix.into());
        self.checked()
    }

    /// The same with another suite for what is written. Readers take both.
    #[must_use]
    pub fn with_suite(mut self, suite: Suite) -> Self {
        self.suite = suite;
        self
    }

    /// The same with another number of recipients that an item may have: each can cost a call of a key provider.
    #[must_use]
    pub fn with_max_recipients(mut self, most: u8) -> Self {
        self.max_recipients = most;
        self
    }

    /// The logical name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the key attributes, partition key first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.partition_key.as_str()).chain(self.sort_key.as_deref())
    }

    /// The attributes that are bound in the encryption context, without the keys.
    pub fn context(&self) -> impl Iterator<Item = &str> {
        self.context.iter().map(String::as_str)
    }

    /// The suite of what is written.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Whether an attribute of this name is left out of the signature.
    #[must_use]
    pub fn is_unsigned(&self, name: &str) -> bool {
        self.unsigned.contains(name) || self.unsigned_prefix.as_deref().is_some_and(|prefix| name.starts_with(prefix))
    }

    pub(super) fn partition_key(&self) -> &str {
        &self.partition_key
    }

    pub(super) fn sort_key(&self) -> Option<&str> {
        self.sort_key.as_deref()
    }

    pub(super) fn max_recipients(&self) -> u8 {
        self.max_recipients
    }

    pub(super) fn is_key(&self, name: &str) -> bool {
        self.partition_key == name || self.sort_key.as_deref() == Some(name)
    }

    pub(super) fn is_in_context(&self, name: &str) -> bool {
        !self.context.is_empty() && (self.context.contains(name) || self.is_key(name))
    }

    fn checked(self) -> Result<Self> {
        let refuse = |name: &str, why| Err(Error::config(format!("the attribute `{name}` of a DB-ESDK table {why}")));
        for name in self.keys().chain(self.context()).chain(self.unsigned.iter().map(String::as_str)) {
            if name.is_empty() || name.starts_with(RESERVED_PREFIX) {
                return refuse(name, "is empty or reserved: rename it");
            }
        }
        if self.sort_key() == Some(self.partition_key()) {
            return refuse(&self.partition_key, "is both partition and sort key: name the two apart");
        }
        if let Some(name) = self.keys().chain(self.context()).find(|name| self.is_unsigned(name)) {
            return refuse(name, "is a key or in the context, which are signed: leave it out of `unsigned`");
        }
        if self.unsigned_prefix.as_deref() == Some("") {
            return Err(Error::config("an empty prefix would leave everything out of the signature: leave it away"));
        }
        Ok(self)
    }
}
