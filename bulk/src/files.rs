//! Files that take the place of others: for their owner only, durably, in one step.

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::UNIX_EPOCH;

use privet_core::ErrorKind;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a file is: its length and when it was last changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub(crate) length: u64,
    /// Nanoseconds since 1970.
    changed: u64,
}

impl Identity {
    /// What the file at this path is.
    ///
    /// # Errors
    ///
    /// `Io` if it cannot be looked at; `Config` if it is no file.
    pub fn of(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| Error::io("the file cannot be looked at", &error);
        let metadata = path.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::config("this is no file: a job over files needs one"));
        }
        Self::from_metadata(&metadata).map_err(failed)
    }

    fn from_metadata(metadata: &Metadata) -> io::Result<Self> {
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok(Self { length: metadata.len(), changed: u64::try_from(changed).unwrap_or(u64::MAX) })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {} bytes, changed at {}", self.length, self.changed)
    }
}

/// A new file at this path, for its owner only: what jobs write may be in clear. Whatever is there is removed before, since
/// it may be open to others.
///
/// # Errors
///
/// The system's.
pub fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    owner_only().create_new(true).open(path)
}

/// How a file is opened for writing that is its owner's alone if this makes it.
pub(crate) fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Puts a file in the place of another, so that at any moment one of the two is there, whole.
///
/// # Errors
///
/// The system's.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = create(&beside)?;
    file.write_all(content)?;
    file.sync_data()?;
    rename(&beside, path)
}

/// Gives a file, which is flushed, its name, durably. Systems that cannot flush a folder do so by themselves.
///
/// # Errors
///
/// The system's.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Waits until nobody else has this lock, and has it until what it returns is dropped, or the process ends, however it ends.
/// Makes the folder if it is not there.
///
/// # Errors
///
/// The system's.
pub fn lock(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = owner_only().create(true).truncate(false).open(path)?;
    file.lock()?;
    Ok(file)
}

/// Files are waited for on threads that may wait.
///
/// # Errors
///
/// Those of the work; `Io` if the runtime is shutting down.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|_| Error::new(ErrorKind::Io, "the runtime is shutting down"))?
}
