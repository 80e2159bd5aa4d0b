//! The branch key store: keys that KMS has sealed, in a table, versioned, in AWS's own layout.

use std::fmt;
use std::sync::Arc;

use crate::crypto::Secret;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, ErrorKind, Result};
use crate::time::{SystemTimeSource, TimeSource};

mod cache;
mod describe;
mod kms;
mod record;
mod table;
mod version;

pub(super) use cache::BranchKeyCache;
pub use cache::BranchKeyCacheLimits;
pub use describe::{BranchKeyDescription, VersionDescription};
pub use kms::{BranchKeyKms, BranchKeyProtection};
use record::{Record, RecordType};
pub use table::{BranchKeyTable, ConditionalPut, PutCondition};
pub use version::BranchKeyVersion;

/// A branch key store as AWS lays it out (`AwsCryptographyKeyStore`, hierarchy version 1): what it writes AWS's clients
/// read, and the other way round.
///
/// A branch key is made by KMS and stored sealed; who creates or rotates it never sees it. Rotation adds a version and
/// makes it the one that writers use; older versions stay for readers.
///
/// # Security
///
/// Every attribute of a record is in the KMS encryption context of its key, so records cannot be changed, swapped or
/// moved to a store of another logical name. IAM policies can test the context: `branch-key-id`, `tablename` (the
/// logical name), and the custom context as `aws-crypto-ec:` + name. Who may write to the table can delete keys: guard
/// and back up the table as the data it protects.
pub struct KeyStore {
    logical_name: String,
    protection: BranchKeyProtection,
    table: Box<dyn BranchKeyTable>,
    kms: Box<dyn BranchKeyKms>,
    time: Arc<dyn TimeSource>,
}

impl KeyStore {
    /// A key store. Its logical name is bound to every key and never changes, whatever the table is called.
    ///
    /// # Errors
    ///
    /// `Config` if the logical name is empty.
    pub fn new(
        logical_name: impl Into<String>,
        protection: BranchKeyProtection,
        table: impl BranchKeyTable + 'static,
        kms: impl BranchKeyKms + 'static,
    ) -> Result<Self> {
        let logical_name = logical_name.into();
        if logical_name.is_empty() {
            return Err(Error::config("a key store needs a logical name: the name its table had at first will do"));
        }
        let time = Arc::new(SystemTimeSource::new());
        Ok(Self { logical_name, protection, table: Box::new(table), kms: Box::new(kms), time })
    }

    /// The store with another clock.
    #[must_use]
    pub fn with_time_source(mut self, time: impl TimeSource + 'static) -> Self {
        self.time = Arc::new(time);
        self
    }

    /// Creates the table, or makes sure that the one there is of the right shape.
    ///
    /// # Errors
    ///
    /// `Config` if a table of the name has other keys; the table's.
    pub async fn create_table(&self) -> Result<()> {
        self.table.create().await
    }

    /// Creates a branch key and its beacon key under a random id, which is returned. The custom context may be empty.
    ///
    /// # Errors
    ///
    /// The table's and the KMS's.
    pub async fn create(&self, custom: &EncryptionContext) -> Result<String> {
        // As AWS's clients name them: a UUID of version 4.
        let id = BranchKeyVersion::random()?.to_string();
        self.create_named(&id, custom).await?;
        Ok(id)
    }

    /// Creates a branch key and its beacon key under an id of your own. Keep it short: it is stored, in clear, with
    /// each data key that the branch key wraps.
    ///
    /// # Errors
    ///
    /// `Input` if the custom context is empty or the id is not of 1 to 1,024 bytes; `Conflict` if the id exists; the
    /// table's and the KMS's.
    pub async fn create_with_id(&self, id: &str, custom: &EncryptionContext) -> Result<()> {
        if custom.iter().next().is_none() {
            return Err(Error::input("a branch key with an id of your own needs a custom encryption context"));
        }
        if !(1..=MAX_ID).contains(&id.len()) {
            return Err(Error::input("the id of a branch key has 1 to 1,024 bytes"));
        }
        self.create_named(id, custom).await
    }

    /// Gives a branch key a new version, which writers use from now on; readers find the older ones as before. The
    /// beacon key stays as it is. Returns the new version.
    ///
    /// Writers that hold the old version in a cache go on with it until it is too old for the cache.
    ///
    /// # Errors
    ///
    /// `Conflict` if somebody else has rotated the key meanwhile: nothing was changed; `Config` if there is no such key;
    /// `Integrity` if its active record is not authentic; the table's and the KMS's.
    pub async fn rotate(&self, id: &str) -> Result<BranchKeyVersion> {
        let old = self.find(id, RecordType::Active).await?.ok_or_else(no_such_key)?;
        // What the new records take over from the old one is authentic before it is used.
        let context = old.kms_context(&self.logical_name);
        self.kms.re_encrypt(self.protection.arn(), &old.enc, &context, &context).await?;
        let version = BranchKeyVersion::random()?;
        let pair = self.new_pair(id, version, old.kms_arn(), &old.custom_context()).await?;
        let unchanged = PutCondition::Unchanged { enc: old.enc };
        let puts = vec![put(pair.version.clone(), PutCondition::Absent), put(pair.active, unchanged)];
        self.commit(puts, &pair.version).await?;
        tracing::info!(%version, "branch key rotated");
        Ok(version)
    }

    /// The version of a branch key that writers use.
    ///
    /// # Errors
    ///
    /// `Config` if there is no such key, or it was made under another KMS key than the store's; `Integrity` if its
    /// record is not authentic; `Denied` if KMS refuses; the table's and the KMS's.
    pub async fn active(&self, id: &str) -> Result<BranchKey> {
        self.find_active(id).await?.ok_or_else(no_such_key)
    }

    /// A version of a branch key.
    ///
    /// # Errors
    ///
    /// As [`active`](Self::active).
    pub async fn version(&self, id: &str, version: BranchKeyVersion) -> Result<BranchKey> {
        self.find_version(id, version).await?.ok_or_else(no_such_key)
    }

    /// The beacon key that was made with a branch key, 32 bytes.
    ///
    /// # Errors
    ///
    /// As [`active`](Self::active).
    pub async fn beacon_key(&self, id: &str) -> Result<Secret> {
        let record = self.find(id, RecordType::Beacon).await?.ok_or_else(no_such_key)?;
        self.decrypt(&record).await
    }

    /// What the table says of a branch key. KMS is not asked, so nothing of it is proved.
    ///
    /// # Errors
    ///
    /// `Config` if there is no such key; `Integrity` if a record of it is malformed; the table's.
    pub async fn describe(&self, id: &str) -> Result<BranchKeyDescription> {
        let items = self.table.query(id).await?;
        let records = items.into_iter().map(Record::from_item).collect::<Result<Vec<_>>>()?;
        BranchKeyDescription::of(id, &records)?.ok_or_else(no_such_key)
    }

    /// The ids of all branch keys, in order. Reads the whole table.
    ///
    /// # Errors
    ///
    /// The table's.
    pub async fn list(&self) -> Result<Vec<String>> {
        let mut ids = self.table.list(record::ACTIVE_TYPE).await?;
        ids.sort_unstable();
        Ok(ids)
    }

    pub(super) async fn find_active(&self, id: &str) -> Result<Option<BranchKey>> {
        self.find_branch_key(id, RecordType::Active).await
    }

    pub(super) async fn find_version(&self, id: &str, version: BranchKeyVersion) -> Result<Option<BranchKey>> {
        self.find_branch_key(id, RecordType::Version(version)).await
    }

    async fn find_branch_key(&self, id: &str, record_type: RecordType) -> Result<Option<BranchKey>> {
        let Some(record) = self.find(id, record_type).await? else { return Ok(None) };
        let secret = self.decrypt(&record).await?;
        Ok(Some(BranchKey { id: id.to_owned(), version: record.version()?, context: record.custom_context(), secret }))
    }

    /// The record as the table has it: the one that was asked for, made under this store's KMS key, not yet proved.
    async fn find(&self, id: &str, record_type: RecordType) -> Result<Option<Record>> {
        let Some(item) = self.table.get(id, &record_type.to_string()).await? else { return Ok(None) };
        let record = Record::from_item(item)?;
        if record.branch_key_id() != id || record.record_type()? != record_type {
            return Err(Error::integrity());
        }
        if !self.protection.covers(record.kms_arn()) {
            return Err(Error::config(
                "the branch key was made under another KMS key than the key store is set up with",
            ));
        }
        record.check_version()?;
        Ok(Some(record))
    }

    async fn decrypt(&self, record: &Record) -> Result<Secret> {
        let context = record.kms_context(&self.logical_name);
        let secret = self.kms.decrypt(self.protection.arn(), &record.enc, &context).await?;
        if secret.expose().len() == KEY_LENGTH { Ok(secret) } else { Err(Error::integrity()) }
    }

    async fn create_named(&self, id: &str, custom: &EncryptionContext) -> Result<()> {
        let pair = self.new_pair(id, BranchKeyVersion::random()?, self.protection.arn(), custom).await?;
        let time = pair.version.create_time();
        let beacon = Record::new(id, RecordType::Beacon, None, self.protection.arn(), time, custom);
        let enc = self.kms.generate(self.protection.arn(), &beacon.kms_context(&self.logical_name)).await?;
        let records = [pair.version.clone(), pair.active, beacon.with_enc(enc)];
        let puts = records.into_iter().map(|record| put(record, PutCondition::Absent)).collect();
        self.commit(puts, &pair.version).await?;
        tracing::info!("branch key created");
        Ok(())
    }

    /// A version record with a new key, and the active record with the same key.
    async fn new_pair(
        &self,
        id: &str,
        version: BranchKeyVersion,
        kms_arn: &str,
        custom: &EncryptionContext,
    ) -> Result<Pair> {
        let time = record::create_time(self.time.now());
        let new = |record_type, active| Record::new(id, record_type, active, kms_arn, &time, custom);
        let versioned = new(RecordType::Version(version), None);
        let active = new(RecordType::Active, Some(version));
        let (from, to) = (versioned.kms_context(&self.logical_name), active.kms_context(&self.logical_name));
        let enc = self.kms.generate(self.protection.arn(), &from).await?;
        let active_enc = self.kms.re_encrypt(self.protection.arn(), &enc, &from, &to).await?;
        Ok(Pair { version: versioned.with_enc(enc), active: active.with_enc(active_enc) })
    }

    /// Writes all or nothing. If the answer got lost, or the database was asked twice and met its own first write, the
    /// version record tells how it went.
    async fn commit(&self, puts: Vec<ConditionalPut>, version: &Record) -> Result<()> {
        let Err(error) = self.table.put_all(puts).await else { return Ok(()) };
        if error.kind() != ErrorKind::Conflict && !error.is_retryable() {
            return Err(error);
        }
        match self.find(version.branch_key_id(), version.record_type()?).await {
            Ok(Some(written)) if written == *version => Ok(()),
            _ => Err(error),
        }
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore")
            .field("logical_name", &self.logical_name)
            .field("protection", &self.protection)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// A branch key in clear.
#[derive(Debug)]
#[non_exhaustive]
pub struct BranchKey {
    /// Its id. Public: it is stored with each data key that the branch key wraps.
    pub id: String,
    /// Which version of it this is.
    pub version: BranchKeyVersion,
    /// The custom context it was created with, proved by KMS.
    pub context: EncryptionContext,
    /// The key, 32 bytes.
    pub secret: Secret,
}

struct Pair {
    version: Record,
    active: Record,
}

fn put(record: Record, condition: PutCondition) -> ConditionalPut {
    ConditionalPut { item: record.into_item(), condition }
}

fn no_such_key() -> Error {
    Error::config("the key store has no such branch key, or not in this version: create it, or name another one")
}

/// Bytes of a branch key and of a beacon key.
const KEY_LENGTH: usize = 32;
/// The id goes into every wrapped data key; headers of records end at 8 KiB.
const MAX_ID: usize = 1024;

#[cfg(test)]
mod tests;
