//! What holds the records of a job: the trait that sources implement, and what passes between them and a job.

use std::fmt;

use privet_core::record::Form;
use privet_core::value::Map;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};

/// What holds the records of a job: a table, a file, a bucket. It is cut into shards, and a shard is read page by page.
///
/// An implementation must write on the condition that the record still is the one that was read, and must not keep
/// anything of a page before [`commit`](Self::commit) that would make reading it again wrong.
pub trait Store: Send + Sync + 'static {
    /// A record as it was read.
    type Record: Send + Sync;
    /// What a record is replaced by.
    type Rewritten: Send + Sync;
    /// What a worker holds while it has a shard.
    type Session: Send + Sync;

    /// What the store is, so that a plan made for another, or for what it was before, is not run: a text without
    /// anything of a record. It stays the same while a job rewrites records.
    fn identity(&self) -> impl Future<Output = Result<String>> + Send;

    /// How many shards there are; the same for all workers of a job.
    fn shards(&self) -> u32;

    /// How many records of a page may be under way at once. With 1, records are written or kept in their order.
    fn concurrency(&self) -> usize {
        1
    }

    /// How much there is, as far as can be said without reading it.
    fn size(&self) -> impl Future<Output = Result<Size>> + Send;

    /// Begins or goes on with a shard. `checkpoint` is the claim of this worker.
    fn open(&self, checkpoint: &Checkpoint) -> impl Future<Output = Result<Self::Session>> + Send;

    /// The page at this position; the first one of the shard if there is none.
    fn read(
        &self,
        session: &Self::Session,
        from: Option<&Position>,
    ) -> impl Future<Output = Result<Page<Self::Record>>> + Send;

    /// Where the next page begins if it is to begin right behind this record. `None` if the pages of this store are done as a
    /// whole: then a worker that has to stop within one leaves it to the next.
    fn behind(&self, _session: &Self::Session, _record: &Self::Record) -> Option<Position> {
        None
    }

    /// Puts what a record became in its place, if it still is what was read.
    fn write(
        &self,
        session: &Self::Session,
        record: &Self::Record,
        rewritten: &Self::Rewritten,
    ) -> impl Future<Output = Result<Written>> + Send;

    /// Puts the text that a record became in its place; for stores whose records have a [`text`](StoredRecord::text), and
    /// that nobody else writes to.
    ///
    /// # Errors
    ///
    /// `Config` if the store's records are no texts; the store's.
    fn write_text(&self, _session: &Self::Session, _record: &Self::Record, _text: &[u8]) -> Result<()> {
        Err(Error::config("the records of this store are no texts"))
    }

    /// Takes note of a record that stays as it is.
    ///
    /// # Errors
    ///
    /// The store's.
    fn keep(&self, _session: &Self::Session, _record: &Self::Record) -> Result<()> {
        Ok(())
    }

    /// The record as it is now; `None` if it is gone.
    fn read_again(
        &self,
        session: &Self::Session,
        record: &Self::Record,
    ) -> impl Future<Output = Result<Option<Self::Record>>> + Send;

    /// Makes what was done since the last commit durable; what it returns is stored with the checkpoint.
    fn commit(&self, _session: &Self::Session) -> impl Future<Output = Result<Json>> + Send {
        async { Ok(Json::Null) }
    }

    /// Ends the job, all shards being done. May be called again after it has succeeded.
    fn finish(&self, _shards: &[Checkpoint]) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// How many bytes a record has, where reading it as a whole is work to be told of beforehand.
    fn bytes(&self, _record: &Self::Record) -> u64 {
        0
    }

    /// The write units that putting this in a record's place would take.
    fn write_units(&self, _record: &Self::Record, _rewritten: &Self::Rewritten) -> f64 {
        0.0
    }
}

/// A record that is stored as a value tree: an item, a JSON document.
pub trait StoredRecord: Send + Sync {
    /// What it is stored as.
    fn form(&self) -> Form;

    /// The value tree.
    ///
    /// # Errors
    ///
    /// `Input` or `Integrity` if it is none.
    fn stored(&self) -> Result<Map>;

    /// The text of the JSON document that it is, where that is at hand.
    fn text(&self) -> Option<&[u8]> {
        None
    }
}

/// Where in a shard a page begins: the store's own text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub String);

/// A position may hold the key of a record.
impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Position(..)")
    }
}

/// Some records, and where the next ones are.
#[derive(Debug)]
pub struct Page<R> {
    /// The records, in their order.
    pub records: Vec<R>,
    /// Where the next page begins; `None` at the end of the shard.
    pub next: Option<Position>,
    /// What reading it took, in read units.
    pub read_units: f64,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Written {
    /// The record is replaced.
    Done {
        /// What that took, in write units.
        units: f64,
        /// Older versions that it leaves behind, readable with the older key.
        older_versions: u64,
    },
    /// The record is not what was read any more. Nothing was written.
    Conflict {
        /// What that took, in write units.
        units: f64,
    },
}

/// How much a store holds. What is not known is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Size {
    /// Records.
    pub records: Option<u64>,
    /// Bytes.
    pub bytes: Option<u64>,
    /// Read units for one whole read.
    pub read_units: Option<f64>,
}
