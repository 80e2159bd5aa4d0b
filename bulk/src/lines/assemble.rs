//! The end of a job over a file: pieces become one file, which takes the old one's place in one step.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::LinesStore;
use super::piece::Pieces;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::files::{Identity, create, lock, rename, replace};

/// Says that a new file was put together, so that a process that finds it in place knows why.
#[derive(Serialize, Deserialize)]
struct Mark {
    /// The job: its store and its target.
    job: String,
    /// What the old file was.
    original: Identity,
    /// What the new one is.
    assembled: Identity,
}

/// What the file was before a job put the one in place that is there now; `None` if no job did.
pub(super) fn before(work: &Path, now: &Identity) -> Result<Option<Identity>> {
    Ok(read_mark(work)?.filter(|mark| mark.assembled == *now).map(|mark| mark.original))
}

/// Puts the pieces together and in place, if the old file still is what it was.
pub(super) fn assemble(store: &LinesStore, shards: &[Checkpoint]) -> Result<()> {
    let LinesStore { input, output, work, .. } = store;
    let original = store.original();
    let job = shards.first().map(|checkpoint| checkpoint.digest.clone()).unwrap_or_default();
    let shards = &shards.iter().map(|checkpoint| Pieces::of(&checkpoint.state)).collect::<Result<Vec<_>>>()?;
    let remove = || shards.iter().try_for_each(|pieces| pieces.remove(work));
    let failed = |error: io::Error| Error::io("the new file cannot be put in place", &error);
    let _lock = lock(&work.join("assemble.lock")).map_err(failed)?;
    // Another process, or this one before it died, may have done it.
    if let Some(mark) = read_mark(work)?
        && mark.job == job
        && mark.original == *original
        && output.exists()
        && Identity::of(output)? == mark.assembled
    {
        return remove();
    }
    unchanged(input, original)?;
    let beside = beside(output);
    let mut file = create(&beside).map_err(failed)?;
    if !store.owner_only {
        file.set_permissions(input.metadata().map_err(failed)?.permissions()).map_err(failed)?;
    }
    shards.iter().try_for_each(|pieces| pieces.copy_to(work, &mut file))?;
    file.sync_all().map_err(failed)?;
    drop(file);
    let mark = Mark { job, original: original.clone(), assembled: Identity::of(&beside)? };
    let mark = serde_json::to_vec(&mark).map_err(|_| Error::config("a mark cannot be written"))?;
    replace(&work.join(MARK), &mark).map_err(failed)?;
    unchanged(input, original)?;
    rename(&beside, output).map_err(failed)?;
    remove()
}

fn unchanged(input: &Path, original: &Identity) -> Result<()> {
    if Identity::of(input)? == *original {
        return Ok(());
    }
    Err(Error::conflict(
        "the file was changed while the job ran, and is left as it is now: remove the job's folder and run it again",
    ))
}

fn read_mark(work: &Path) -> Result<Option<Mark>> {
    match fs::read(work.join(MARK)) {
        // A mark of another release is none: then the file is what it is now.
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("the job's folder cannot be read", &error)),
    }
}

fn beside(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".privet-new");
    output.with_file_name(name)
}

const MARK: &str = "assembled.json";
