//! How far a shard has got and who works on it: checkpoints, leases, and the trait of what keeps them.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::report::{Counts, Poison};
use crate::store::Position;

mod file;
mod memory;

pub use file::FileCheckpoints;
pub use memory::MemoryCheckpoints;

/// How far a shard has got, and who works on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The job's name.
    pub job: String,
    /// What the job is: a digest of its store and its target.
    pub digest: String,
    /// The shard.
    pub shard: u32,
    /// Goes up by one with each write. Whoever writes says which one it replaces, so that a worker that has lost its
    /// lease writes nothing any more.
    pub revision: u64,
    /// Goes up by one with each worker that takes the shard.
    pub fence: u64,
    /// Where the next page begins; `None` at the beginning, and at the end.
    pub position: Option<Position>,
    /// Whether the shard is done.
    pub done: bool,
    /// What was done up to here.
    pub counts: Counts,
    /// Records behind the position that are done and counted already: of a page that could not be finished. They are not
    /// counted again when they are read again.
    #[serde(default)]
    pub ahead: u64,
    /// The first records that could not be rewritten.
    pub poison: Vec<Poison>,
    /// What the store wants to have kept.
    pub state: Json,
    /// Who works on it; `None` if nobody does.
    pub lease: Option<Lease>,
}

/// Who works on a shard, and until when nobody else may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The worker: a name of its own for each run.
    pub owner: String,
    /// Until when, in milliseconds since 1970.
    pub until: u64,
}

impl Checkpoint {
    pub(crate) fn start(job: &str, digest: &str, shard: u32) -> Self {
        Self {
            job: job.to_owned(),
            digest: digest.to_owned(),
            shard,
            revision: 0,
            fence: 0,
            position: None,
            done: false,
            counts: Counts::default(),
            ahead: 0,
            poison: Vec::new(),
            state: Json::Null,
            lease: None,
        }
    }

    /// Whether it may be written in place of the one that is there: whether that is the revision before it.
    #[must_use]
    pub fn follows(&self, before: Option<&Self>) -> bool {
        before.map_or(0, |before| before.revision).checked_add(1) == Some(self.revision)
    }

    /// Whether somebody else has it now.
    pub(crate) fn held_by_other(&self, owner: &str, now: SystemTime) -> Option<Duration> {
        let lease = self.lease.as_ref().filter(|lease| lease.owner != owner)?;
        let left = lease.until.checked_sub(millis(now)).filter(|left| *left > 0).map(Duration::from_millis)?;
        // Nobody takes a shard for that long: to wait for it would be to wait for ever.
        (left <= LONGEST_LEASE).then_some(left)
    }

    /// The next revision, held by this worker.
    pub(crate) fn held(mut self, owner: &str, now: SystemTime, lease: Duration) -> Self {
        self.revision = self.revision.saturating_add(1);
        let until = millis(now).saturating_add(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        self.lease = Some(Lease { owner: owner.to_owned(), until });
        self
    }

    /// The next revision, held by nobody.
    pub(crate) fn released(mut self) -> Self {
        self.revision = self.revision.saturating_add(1);
        self.lease = None;
        self
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Keeps checkpoints: in files, in a table, in a bucket.
pub trait Checkpoints: fmt::Debug + Send + Sync {
    /// The checkpoint of a shard; `None` if there is none yet.
    fn load<'a>(&'a self, job: &'a str, shard: u32) -> CheckpointFuture<'a, Option<Checkpoint>>;

    /// Writes a checkpoint if the one that is there is the revision before it (0: if there is none), durably. Returns
    /// whether it was written.
    fn swap<'a>(&'a self, checkpoint: &'a Checkpoint) -> CheckpointFuture<'a, bool>;
}

/// A future of [`Checkpoints`].
pub type CheckpointFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Whether a job's name can be a part of file names and keys.
pub(crate) fn check_name(job: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=128).contains(&job.len()) && job.bytes().all(is_plain) && !job.starts_with('.') {
        return Ok(());
    }
    Err(Error::config("a job's name has 1 to 128 letters, digits, `-`, `_` and `.`, and does not start with `.`"))
}

/// The longest lease there is.
pub(crate) const LONGEST_LEASE: Duration = Duration::from_secs(24 * 3600);
/// How many poison records a checkpoint keeps, so that it fits into an item.
pub(crate) const MAX_POISON_KEPT: usize = 100;
