//! The pieces of a new file: each written by one worker, which knows how much of it counts.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use privet_core::ErrorKind;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::files::owner_only;
use crate::job::fingerprint;

/// The pieces of a shard, in their order: what a store of files keeps with its checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces(pub Vec<Piece>);

/// What one worker has written of a shard. Whatever the file has beyond the length does not count: it may be of a page that
/// was not finished, or of a worker that did not notice that it had lost its lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Of the job, so that two jobs over one file never write the same piece.
    job: String,
    shard: u32,
    fence: u64,
    length: u64,
}

impl Pieces {
    /// The pieces that a checkpoint tells of.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it tells of something else.
    pub fn of(state: &Json) -> Result<Self> {
        if state.is_null() {
            return Ok(Self::default());
        }
        let pieces = Self::deserialize(state).ok();
        // Their names become paths.
        let is_plain = |piece: &Piece| piece.job.bytes().all(|byte| byte.is_ascii_hexdigit());
        pieces
            .filter(|pieces| pieces.0.iter().all(is_plain))
            .ok_or_else(|| Error::new(ErrorKind::Unsupported, "a checkpoint is not of this kind of store"))
    }

    /// These and one more, if it has something.
    #[must_use]
    pub fn with(&self, next: &Piece) -> Self {
        Self(self.0.iter().chain(Some(next).filter(|next| next.length > 0)).cloned().collect())
    }

    /// What a checkpoint keeps of them.
    ///
    /// # Errors
    ///
    /// `Config` if that cannot be written.
    pub fn state(&self) -> Result<Json> {
        serde_json::to_value(self).map_err(|_| Error::config("a checkpoint cannot be written"))
    }

    /// Writes what counts of them, one behind the other.
    ///
    /// # Errors
    ///
    /// `Io` if one cannot be read, or that cannot be written; `Conflict` if one is shorter than it should be.
    pub fn copy_to(&self, folder: &Path, out: &mut impl Write) -> Result<()> {
        let failed = |error: io::Error| Error::io("the pieces of the new file cannot be put together", &error);
        for piece in &self.0 {
            let read = File::open(piece.path(folder)).map_err(failed)?;
            if io::copy(&mut read.take(piece.length), out).map_err(failed)? != piece.length {
                return Err(Error::conflict("a piece of the new file is shorter than its checkpoint says: start anew"));
            }
        }
        Ok(())
    }

    /// Removes their files, those that are still there.
    ///
    /// # Errors
    ///
    /// `Io` if that fails.
    pub fn remove(&self, folder: &Path) -> Result<()> {
        for piece in &self.0 {
            match fs::remove_file(piece.path(folder)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("a piece that is not needed any more cannot be removed", &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Piece {
    /// A piece of the worker whose claim this is, of which nothing is written.
    #[must_use]
    pub fn new(claim: &Checkpoint) -> Self {
        let job = fingerprint(&format!("{} {}", claim.digest, claim.job));
        Self { job, shard: claim.shard, fence: claim.fence, length: 0 }
    }

    /// How many bytes of its file count.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Its file.
    #[must_use]
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("piece.{}.{:06}.{:06}", self.job, self.shard, self.fence))
    }

    /// Writes behind what counts so far, durably.
    ///
    /// # Errors
    ///
    /// `Io` if that fails.
    pub fn append(mut self, folder: &Path, bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(self);
        }
        let failed = |error: io::Error| Error::io("a piece of the new file cannot be written", &error);
        fs::create_dir_all(folder).map_err(failed)?;
        let path = self.path(folder);
        let mut file = owner_only().create(true).truncate(false).open(path).map_err(failed)?;
        file.seek(SeekFrom::Start(self.length)).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        self.length += bytes.len() as u64;
        Ok(self)
    }
}
