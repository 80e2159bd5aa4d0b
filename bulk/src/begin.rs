//! Whether a job of this name was begun before, and beginning it anew.

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::store::Store;
use crate::transformation::Transformation;

/// What checkpoints say of a job's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// There is none.
    No,
    /// This job was begun and is not finished.
    Unfinished,
    /// All its shards are done.
    Done,
    /// Another job, with another store or target, was begun under this name and is not finished.
    Other,
    /// Another job has used the name and is done.
    OtherDone,
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Job<S, T> {
    /// What checkpoints say of this job's name.
    ///
    /// # Errors
    ///
    /// Those of the checkpoints; those of store and key providers, which are asked what the job is.
    pub async fn begun(&self) -> Result<Begun> {
        let digest = self.digest().await?;
        let found = self.checkpoints().await?;
        let present = || found.iter().flatten();
        let is_done = present().all(|checkpoint| checkpoint.done);
        Ok(match present().next() {
            None => Begun::No,
            Some(_) if present().any(|checkpoint| checkpoint.digest != digest) => {
                if is_done {
                    Begun::OtherDone
                } else {
                    Begun::Other
                }
            }
            Some(_) if is_done && found.iter().all(Option::is_some) => Begun::Done,
            Some(_) => Begun::Unfinished,
        })
    }

    /// Begins anew under a name whose job is done: what its checkpoints say is replaced. Records that are on target are
    /// skipped as ever, so that only what has been written since is rewritten.
    ///
    /// # Errors
    ///
    /// `Conflict` if a shard of the job before is not done, or another process works on it; those of the checkpoints.
    pub async fn begin_anew(&self) -> Result<()> {
        let digest = self.digest().await?;
        for old in self.checkpoints().await?.into_iter().flatten() {
            if !old.done {
                return Err(Error::conflict(
                    "the job of this name is not finished: go on with it, or give another name",
                ));
            }
            let start = Checkpoint::start(&self.shared.name, digest, old.shard);
            // The fence goes on, so that what a worker of before still does is told apart.
            let start = Checkpoint { revision: old.revision.saturating_add(1), fence: old.fence, ..start };
            if !self.shared.checkpoints.swap(&start).await? {
                return Err(Error::conflict("another process works on the job of this name"));
            }
        }
        Ok(())
    }
}
