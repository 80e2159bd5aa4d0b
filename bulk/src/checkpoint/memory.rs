//! Checkpoints in memory: for jobs that are not to be resumed, and for tests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Checkpoint, CheckpointFuture, Checkpoints};

/// Checkpoints that are gone with the process.
#[derive(Debug, Default)]
pub struct MemoryCheckpoints(Mutex<HashMap<(String, u32), Checkpoint>>);

impl Checkpoints for MemoryCheckpoints {
    fn load<'a>(&'a self, job: &'a str, shard: u32) -> CheckpointFuture<'a, Option<Checkpoint>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.get(&(job.to_owned(), shard)).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn swap<'a>(&'a self, checkpoint: &'a Checkpoint) -> CheckpointFuture<'a, bool> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (checkpoint.job.clone(), checkpoint.shard);
        let is_next = checkpoint.follows(all.get(&key));
        if is_next {
            all.insert(key, checkpoint.clone());
        }
        Box::pin(async move { Ok(is_next) })
    }
}
