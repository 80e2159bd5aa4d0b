//! The records of a key store's table, and the KMS encryption context that each of them is bound to.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use time::OffsetDateTime;

use super::version::BranchKeyVersion;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};
use crate::value::{Map, Value};

/// One record of a key store's table (AWS's branch key store, hierarchy version 1).
///
/// # Security
///
/// A record is what the table says. It may be trusted once KMS has decrypted its `enc` under [`Self::kms_context`].
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The KMS ciphertext of the key.
    pub(super) enc: Vec<u8>,
    /// All other attributes as text: known, custom and unknown ones alike take part in the context.
    attributes: BTreeMap<String, String>,
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordType {
    /// The version that writers use: a copy of its version record.
    Active,
    /// A version.
    Version(BranchKeyVersion),
    /// The beacon key.
    Beacon,
}

impl Record {
    /// The record that a key's creation or rotation is about to write; its `enc` is still to come.
    pub(super) fn new(
        branch_key_id: &str,
        record_type: RecordType,
        active_version: Option<BranchKeyVersion>,
        kms_arn: &str,
        create_time: &str,
        custom: &EncryptionContext,
    ) -> Self {
        let mut attributes = BTreeMap::from([
            (ID.to_owned(), branch_key_id.to_owned()),
            (TYPE.to_owned(), record_type.to_string()),
            (KMS_ARN.to_owned(), kms_arn.to_owned()),
            (CREATE_TIME.to_owned(), create_time.to_owned()),
            (HIERARCHY_VERSION.to_owned(), SUPPORTED_HIERARCHY_VERSION.to_owned()),
        ]);
        if let Some(version) = active_version {
            attributes.insert(VERSION.to_owned(), RecordType::Version(version).to_string());
        }
        attributes.extend(custom.iter().map(|(name, value)| (format!("{CUSTOM_PREFIX}{name}"), value.to_owned())));
        Self { enc: Vec::new(), attributes }
    }

    pub(super) fn with_enc(mut self, enc: Vec<u8>) -> Self {
        self.enc = enc;
        self
    }

    /// Reads an item: every attribute but `enc` and `hierarchy-version` must be text, and the required ones there.
    pub(super) fn from_item(item: Map) -> Result<Self> {
        let mut enc = None;
        let mut attributes = BTreeMap::new();
        for (name, value) in item {
            match (name.as_str(), value) {
                (ENC, Value::B(bytes)) => enc = Some(bytes),
                (HIERARCHY_VERSION, Value::N(number)) => {
                    if number != SUPPORTED_HIERARCHY_VERSION {
                        return Err(Error::unsupported("the key store has branch keys of another hierarchy version"));
                    }
                    attributes.insert(name, number);
                }
                (ENC | HIERARCHY_VERSION, _) => return Err(Error::integrity()),
                (_, Value::S(text)) => {
                    attributes.insert(name, text);
                }
                _ => return Err(Error::integrity()),
            }
        }
        let record = Self { enc: enc.ok_or_else(Error::integrity)?, attributes };
        let has = |name: &str| record.attributes.contains_key(name);
        let required = [ID, TYPE, KMS_ARN, CREATE_TIME, HIERARCHY_VERSION].into_iter().all(has);
        let is_active = record.record_type()? == RecordType::Active;
        if !required || has(VERSION) != is_active || has(TABLE_NAME) {
            return Err(Error::integrity());
        }
        Ok(record)
    }

    /// The item that the table stores.
    pub(super) fn into_item(self) -> Map {
        let typed = |(name, text): (String, String)| {
            let value = if name == HIERARCHY_VERSION { Value::N(text) } else { Value::S(text) };
            (name, value)
        };
        let mut item: Map = self.attributes.into_iter().map(typed).collect();
        item.insert(ENC.to_owned(), Value::B(self.enc));
        item
    }

    /// All that KMS must see to decrypt the record: its attributes but `enc`, and the logical name of the key store.
    pub(super) fn kms_context(&self, logical_name: &str) -> EncryptionContext {
        self.attributes
            .iter()
            .fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value))
            .with(TABLE_NAME, logical_name)
    }

    /// The custom context, without its prefix.
    pub(super) fn custom_context(&self) -> EncryptionContext {
        let custom =
            |(name, value): (&String, &String)| Some((name.strip_prefix(CUSTOM_PREFIX)?.to_owned(), value.clone()));
        self.attributes
            .iter()
            .filter_map(custom)
            .fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value))
    }

    pub(super) fn record_type(&self) -> Result<RecordType> {
        self.text(TYPE).parse()
    }

    /// The version of the key: of an active record the one it copies, of a version record its own.
    pub(super) fn version(&self) -> Result<BranchKeyVersion> {
        let text = match self.record_type()? {
            RecordType::Active => self.text(VERSION),
            RecordType::Version(_) => self.text(TYPE),
            RecordType::Beacon => return Err(Error::integrity()),
        };
        match text.parse()? {
            RecordType::Version(version) => Ok(version),
            RecordType::Active | RecordType::Beacon => Err(Error::integrity()),
        }
    }

    /// Refuses a branch key record whose version cannot be told.
    pub(super) fn check_version(&self) -> Result<()> {
        match self.record_type()? {
            RecordType::Beacon => Ok(()),
            RecordType::Active | RecordType::Version(_) => self.version().map(drop),
        }
    }

    pub(super) fn branch_key_id(&self) -> &str {
        self.text(ID)
    }

    pub(super) fn kms_arn(&self) -> &str {
        self.text(KMS_ARN)
    }

    pub(super) fn create_time(&self) -> &str {
        self.text(CREATE_TIME)
    }

    fn text(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// The sort key of the record.
impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str(ACTIVE_TYPE),
            Self::Version(version) => write!(f, "{VERSION_PREFIX}{version}"),
            Self::Beacon => f.write_str(BEACON_TYPE),
        }
    }
}

impl FromStr for RecordType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            ACTIVE_TYPE => Ok(Self::Active),
            BEACON_TYPE => Ok(Self::Beacon),
            _ => {
                let version = text.strip_prefix(VERSION_PREFIX).and_then(|version| version.parse().ok());
                version.map(Self::Version).ok_or_else(Error::integrity)
            }
        }
    }
}

/// A moment as records state it: UTC, ISO 8601, six decimals.
pub(super) fn create_time(now: SystemTime) -> String {
    let now = OffsetDateTime::from(now);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second(),
        now.microsecond()
    )
}

pub(super) const ID: &str = "branch-key-id";
pub(super) const TYPE: &str = "type";
pub(super) const ENC: &str = "enc";
pub(super) const ACTIVE_TYPE: &str = "branch:ACTIVE";
const VERSION: &str = "version";
const KMS_ARN: &str = "kms-arn";
const CREATE_TIME: &str = "create-time";
const HIERARCHY_VERSION: &str = "hierarchy-version";
const SUPPORTED_HIERARCHY_VERSION: &str = "1";
const TABLE_NAME: &str = "tablename";
const CUSTOM_PREFIX: &str = "aws-crypto-ec:";
const BEACON_TYPE: &str = "beacon:ACTIVE";
const VERSION_PREFIX: &str = "branch:version:";

#[cfg(test)]
mod tests;
