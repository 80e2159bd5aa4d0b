//! Audit events as chained lines in a file that several processes append to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::chain::{Chain, ChainHead, Line, is_torn_beginning};
use super::json_lines::{open_to_append, unopened};
use super::writer::Writer;
use super::{AuditEvent, AuditFuture, AuditSink};
use crate::crypto::Secret;
use crate::error::Result;

/// Appends each event as one line of JSON to a file, and chains the lines, so that who changes, drops, adds or reorders
/// some is noticed by [`ChainVerifier`](super::ChainVerifier) and `privet audit verify`.
///
/// Beside the log there is a file `NAME.head` with the place of the last line. It is locked for each write, so several
/// processes of one machine may append to one log. It tells a log that was cut off, to which the sink then refuses to
/// append, from one that was moved away (rotated), which the next file goes on from. A line that a writer left unfinished
/// when it died is ended, and passed over from then on.
///
/// # Security
///
/// With a key, who does not have it cannot make or change events, even with the file in hand. Without one the chain
/// shows accidents and careless changes only: anyone can compute it anew from any line on. With or without, who can
/// write both files can cut off their end, or put back older copies of both: note the head elsewhere from time to time
/// and have it looked for.
#[derive(Debug)]
pub struct ChainedSink(Writer);

impl ChainedSink {
    /// A sink that appends to this file. Nothing is written before the first event.
    ///
    /// # Errors
    ///
    /// `Config` if the key is shorter than 32 bytes; `Io` if the files cannot be opened or created.
    pub fn append(path: &Path, key: Option<&Secret>) -> Result<Self> {
        let log = ChainedLog { path: path.to_owned(), chain: Chain::new(key)? };
        let failed = |error| unopened(path, error);
        // What cannot be opened is better known now than when something is to be shown.
        log.lock().map_err(failed)?;
        open_to_append(path).map_err(failed)?;
        Ok(Self(Writer::start(move |lines| log.append(lines)).map_err(failed)?))
    }
}

impl AuditSink for ChainedSink {
    fn write<'a>(&'a self, events: &'a [AuditEvent]) -> AuditFuture<'a> {
        Box::pin(self.0.write(events))
    }
}

/// The files of a log. What other processes have done is read each time: the flush costs more.
struct ChainedLog {
    path: PathBuf,
    chain: Chain,
}

impl ChainedLog {
    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut lock = self.lock()?;
        let noted = read_head(&mut lock)?;
        let mut file = open_to_append(&self.path)?;
        let tail = Tail::read(&mut file)?;
        let mut text = Vec::with_capacity(lines.len() + 1024);
        let mut head = match tail {
            Tail::Empty | Tail::Torn => {
                if matches!(tail, Tail::Torn) {
                    text.push(b'\n');
                }
                let head = noted.unwrap_or(ChainHead::START);
                self.chain.begin(head, &mut text).map_err(io::Error::other)?
            }
            Tail::Line { head, is_ended } => {
                if noted.is_some_and(|noted| noted.seq > head.seq || (noted.seq == head.seq && noted != head)) {
                    return Err(io::Error::other(
                        "the audit log was cut off or changed: look at it with `privet audit verify`, and move it away",
                    ));
                }
                if !is_ended {
                    text.push(b'\n');
                }
                head
            }
            Tail::Strange => {
                return Err(io::Error::other(
                    "the audit log does not end as a chained one: move it away, and another is begun",
                ));
            }
        };
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            head = self.chain.append(head, line, &mut text);
        }
        file.write_all(&text)?;
        file.sync_data()?;
        if matches!(tail, Tail::Empty) {
            sync_folder(&self.path)?;
        }
        // Not flushed: a head that is behind its log is of one that went on, and that is no problem.
        lock.seek(SeekFrom::Start(0))?;
        lock.write_all(format!("{head:<HEAD_LENGTH$}\n").as_bytes())
    }

    /// The file of the head, locked until it is closed.
    fn lock(&self) -> io::Result<File> {
        let mut name = self.path.clone().into_os_string();
        name.push(".head");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(PathBuf::from(name))?;
        file.lock()?;
        Ok(file)
    }
}

/// The head that was noted; `None` if there is none, or if what is there was torn by a loss of power.
fn read_head(file: &mut File) -> io::Result<Option<ChainHead>> {
    let mut text = String::new();
    match file.take(256).read_to_string(&mut text) {
        Ok(_) => Ok(ChainHead::parse(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(error),
    }
}

/// How a log ends.
enum Tail {
    Empty,
    /// Nothing but a first line that was not finished.
    Torn,
    /// The last whole line, and whether nothing comes after it.
    Line {
        head: ChainHead,
        is_ended: bool,
    },
    /// No line of a chain.
    Strange,
}

impl Tail {
    /// Reads backwards until there is a whole line of the chain.
    fn read(file: &mut File) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        if length == 0 {
            return Ok(Self::Empty);
        }
        let mut want = 4096;
        loop {
            let start = length.saturating_sub(want);
            file.seek(SeekFrom::Start(start))?;
            let mut text = Vec::new();
            io::Read::by_ref(file).take(want).read_to_end(&mut text)?;
            let is_ended = text.ends_with(b"\n");
            let mut lines = text.split(|byte| *byte == b'\n').rev();
            // What comes first in the text may be the end of a longer line.
            let whole = lines.clone().count() - usize::from(start > 0);
            if let Some(line) = lines.by_ref().take(whole).find_map(Line::read) {
                return Ok(Self::Line { head: line.head, is_ended });
            }
            if start == 0 && is_torn_beginning(text.trim_ascii_end()) {
                return Ok(Self::Torn);
            }
            if start == 0 || want >= MOST {
                return Ok(Self::Strange);
            }
            want *= 8;
        }
    }
}

/// Makes the creation of a file durable. Systems that cannot flush a folder do so by themselves.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A number of 20 digits, a colon and a tag: always the same length, so that a shorter head leaves nothing of a longer one.
const HEAD_LENGTH: usize = 20 + 1 + 64;
/// How far back a whole line is looked for, in bytes.
const MOST: u64 = 16 << 20;

#[cfg(test)]
mod tests;
