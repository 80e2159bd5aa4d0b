//! What a file was when a job began.

use std::fmt;
use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a file was: its length and when it was last changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) length: u64,
    /// Nanoseconds since 1970.
    changed: u64,
}

impl Identity {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Error::io("the file cannot be looked at", &error);
        let metadata = path.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::config("this is no file: a job over JSON lines needs one"));
        }
        Self::from_metadata(&metadata).map_err(failed)
    }

    fn from_metadata(metadata: &Metadata) -> std::io::Result<Self> {
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok(Self { length: metadata.len(), changed: u64::try_from(changed).unwrap_or(u64::MAX) })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {} bytes, changed at {}", self.length, self.changed)
    }
}
