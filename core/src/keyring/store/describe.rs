//! What a key store's table says of a branch key, for operators.

use super::record::{Record, RecordType};
use super::version::BranchKeyVersion;
use crate::encryption_context::EncryptionContext;
use crate::error::Result;

/// What the table says of a branch key. Nothing of it is proved: KMS was not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchKeyDescription {
    /// Its id.
    pub id: String,
    /// The version that writers use.
    pub active: BranchKeyVersion,
    /// All versions, the oldest first.
    pub versions: Vec<VersionDescription>,
    /// The custom context of the active version.
    pub context: EncryptionContext,
    /// The ARN of the KMS key that it was made under.
    pub kms_arn: String,
    /// Whether there is a beacon key.
    pub has_beacon_key: bool,
}

/// A version of a branch key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionDescription {
    /// The version.
    pub version: BranchKeyVersion,
    /// When it was made: UTC, ISO 8601.
    pub create_time: String,
}

impl BranchKeyDescription {
    /// `None` if there is no active record.
    pub(super) fn of(id: &str, records: &[Record]) -> Result<Option<Self>> {
        let mut active = None;
        let mut versions = Vec::new();
        let mut has_beacon_key = false;
        for record in records {
            match record.record_type()? {
                RecordType::Active => active = Some(record),
                RecordType::Beacon => has_beacon_key = true,
                RecordType::Version(version) => {
                    versions.push(VersionDescription { version, create_time: record.create_time().to_owned() });
                }
            }
        }
        let Some(active) = active else { return Ok(None) };
        // The texts of create times sort by time.
        versions.sort_unstable_by(|a, b| (&a.create_time, a.version).cmp(&(&b.create_time, b.version)));
        Ok(Some(Self {
            id: id.to_owned(),
            active: active.version()?,
            versions,
            context: active.custom_context(),
            kms_arn: active.kms_arn().to_owned(),
            has_beacon_key,
        }))
    }
}
