//! The directory behind `--local`: keys, tables and the audit log of work without AWS.
//!
//! ```text
//! DIR/keys/0001.key        a wrapping key: 64 hexadecimal digits, for its owner only; the last one writes
//! DIR/pseudonym.key        the key behind the mask `hash` and the digests that name records
//! DIR/tables/NAME.jsonl    a table: one item a line, in DynamoDB's JSON
//! DIR/audit.jsonl          the audit log
//! ```

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use privet::Secret;
use privet::keyring::{MultiKeyring, RawAesKeyring};

use crate::exit::{Failure, Outcome};

/// A local directory.
#[derive(Clone, Debug)]
pub(crate) struct Local(PathBuf);

impl Local {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The keyring: the newest key writes, all read.
    pub(crate) fn keyring(&self) -> Outcome<MultiKeyring> {
        let numbers = self.keys()?;
        let Some((newest, older)) = numbers.split_last() else {
            return Err(Failure::failed(format!(
                "`{}` has no key: run `privet init --local {}`",
                self.0.display(),
                self.0.display()
            )));
        };
        let keyring = |number: &u32| {
            let path = self.key_path(*number);
            RawAesKeyring::from_file(NAMESPACE, name(*number), &path)
                .map_err(|error| Failure::from(error).at(path.display()))
        };
        older.iter().try_fold(MultiKeyring::new(keyring(newest)?), |all, number| Ok(all.with_reader(keyring(number)?)))
    }

    /// The numbers of the keys, in ascending order.
    pub(crate) fn keys(&self) -> Outcome<Vec<u32>> {
        let folder = self.0.join("keys");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(folder.display(), &error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| Failure::io(folder.display(), &error))?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".key")?.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Makes the next key, which writes from now on, and the key behind pseudonyms if there is none. Gives its name.
    pub(crate) fn add_key(&self) -> Outcome<String> {
        let number = self.keys()?.last().map_or(1, |last| last + 1);
        make_key(&self.key_path(number))?;
        if self.pseudonym_key().is_none() {
            make_key(&self.pseudonym_path())?;
        }
        Ok(name(number))
    }

    /// The file of the key behind pseudonyms. Directories of before have none until their keys are rotated.
    pub(crate) fn pseudonym_key(&self) -> Option<PathBuf> {
        Some(self.pseudonym_path()).filter(|path| path.exists())
    }

    /// The file of a table.
    pub(crate) fn table(&self, name: &str) -> PathBuf {
        self.0.join("tables").join(format!("{name}.jsonl"))
    }

    /// Checkpoints of jobs over its tables.
    pub(crate) fn jobs(&self) -> PathBuf {
        self.0.join("jobs")
    }

    /// The audit log.
    pub(crate) fn audit(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn pseudonym_path(&self) -> PathBuf {
        self.0.join("pseudonym.key")
    }

    fn key_path(&self, number: u32) -> PathBuf {
        self.0.join("keys").join(format!("{number:04}.key"))
    }
}

/// Never over a key that is there: what it sealed could not be read any more.
fn make_key(path: &Path) -> Outcome<()> {
    let failed = |error: std::io::Error| Failure::io(path.display(), &error);
    if let Some(folder) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    for byte in Secret::random(32)?.expose() {
        write!(file, "{byte:02x}").map_err(failed)?;
    }
    file.sync_all().map_err(failed)
}

/// The name that is stored with each wrapped data key.
pub(crate) fn name(number: u32) -> String {
    format!("{number:04}")
}

const NAMESPACE: &str = "privet-local";
