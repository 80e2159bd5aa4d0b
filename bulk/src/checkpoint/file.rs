//! Checkpoints as files of one folder: written beside, flushed, and renamed into place.

use std::fs;
use std::io::ErrorKind as IoKind;
use std::path::{Path, PathBuf};

use privet_core::ErrorKind;

use super::{Checkpoint, CheckpointFuture, Checkpoints, check_name};
use crate::error::{Error, Result};
use crate::files::{lock, off_thread, replace};

/// Checkpoints as files of one folder, for processes of one machine. A file that is locked for the moment of a write
/// keeps two processes from writing at once; the system lets go of it when a process ends, however it ends.
#[derive(Clone, Debug)]
pub struct FileCheckpoints {
    folder: PathBuf,
}

impl FileCheckpoints {
    /// Checkpoints in this folder, which is made if it is not there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, job: &str, shard: u32) -> PathBuf {
        self.folder.join(format!("{job}.{shard:06}.json"))
    }
}

impl Checkpoints for FileCheckpoints {
    fn load<'a>(&'a self, job: &'a str, shard: u32) -> CheckpointFuture<'a, Option<Checkpoint>> {
        Box::pin(async move {
            check_name(job)?;
            let path = self.path(job, shard);
            off_thread(move || load(&path)).await
        })
    }

    fn swap<'a>(&'a self, checkpoint: &'a Checkpoint) -> CheckpointFuture<'a, bool> {
        Box::pin(async move {
            check_name(&checkpoint.job)?;
            let path = self.path(&checkpoint.job, checkpoint.shard);
            let text = serde_json::to_vec(checkpoint).map_err(|_| Error::config("a checkpoint cannot be written"))?;
            let checkpoint = checkpoint.clone();
            off_thread(move || swap(&path, &text, &checkpoint)).await
        })
    }
}

fn load(path: &Path) -> Result<Option<Checkpoint>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == IoKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("a checkpoint cannot be read", &error)),
    };
    serde_json::from_slice(&text).map(Some).map_err(|_| {
        Error::new(ErrorKind::Unsupported, format!("`{}` is no checkpoint of this release", path.display()))
    })
}

fn swap(path: &Path, text: &[u8], checkpoint: &Checkpoint) -> Result<bool> {
    let failed = |error: std::io::Error| Error::io("a checkpoint cannot be written", &error);
    let _lock = lock(&path.with_extension("lock")).map_err(failed)?;
    if !checkpoint.follows(load(path)?.as_ref()) {
        return Ok(false);
    }
    replace(path, text).map_err(failed)?;
    Ok(true)
}
