//! Files of JSON lines: shards are ranges of bytes, rewritten into pieces that end as one new file in the old one's place.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use privet_core::record::{Form, read_json, write_json};
use privet_core::value::{Map, from_dynamodb_json, to_dynamodb_json};
use privet_core::{Error as CoreError, ErrorKind};
use serde_json::Value as Json;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::files::{Identity, off_thread};
use crate::store::{Page, Position, Size, Store, StoredRecord, Written};

mod assemble;
mod piece;
mod read;

pub use piece::{Piece, Pieces};
pub use read::whole_lines;

/// A file with one JSON document on each line.
///
/// While a job runs, what it rewrites goes into pieces in a folder beside the file. When all shards are done, the pieces
/// become one file that takes the old one's place in one step, if the old one still is what it was when the job began.
/// Lines that stay as they are, and lines that are no records, are carried over byte for byte; members of rewritten
/// documents are sorted by name.
///
/// Memory is bounded by the page size for each shard that is worked on, not by the file. The disk must hold the file
/// twice more while the job ends.
#[derive(Clone, Debug)]
pub struct LinesStore {
    input: PathBuf,
    output: PathBuf,
    work: PathBuf,
    shards: u32,
    page: usize,
    form: Form,
    owner_only: bool,
    /// What the file is.
    now: Identity,
    /// What it was before a job put this one in its place.
    before: Option<Identity>,
}

impl LinesStore {
    /// The file at this path, which is rewritten in place. Looks at the file's length and time of change.
    ///
    /// # Errors
    ///
    /// `Io` if there is no such file.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self> {
        let input = path.into();
        let input = input.canonicalize().map_err(|error| Error::io("the file cannot be opened", &error))?;
        let name = input.file_name().and_then(|name| name.to_str()).unwrap_or("records").to_owned();
        let work = input.with_file_name(format!(".{name}.privet-job"));
        let now = Identity::of(&input)?;
        let before = assemble::before(&work, &now)?;
        Ok(Self {
            output: input.clone(),
            input,
            work,
            shards: 4,
            page: 4 << 20,
            form: Form::Json,
            owner_only: false,
            now,
            before,
        })
    }

    /// Takes each line for an item in DynamoDB's JSON (`{"id": {"S": "c-1"}}`), as files that stand for tables have it.
    #[must_use]
    pub fn items(mut self) -> Self {
        self.form = Form::Item;
        self
    }

    /// Writes another file, and leaves this one as it is.
    #[must_use]
    pub fn output(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = path.into();
        self
    }

    /// Lets only its owner read the new file, whoever may read the old one: for what goes back to plaintext. By default a new
    /// file has the permissions of the old one.
    #[must_use]
    pub fn owner_only(mut self) -> Self {
        self.owner_only = true;
        self
    }

    /// How many shards the file is cut into. Default: 4.
    #[must_use]
    pub fn shards(mut self, shards: u32) -> Self {
        self.shards = shards.max(1);
        self
    }

    /// How many bytes are read at a time; a checkpoint follows each. Default: 4 MiB.
    #[must_use]
    pub fn page(mut self, bytes: usize) -> Self {
        self.page = bytes.max(1);
        self
    }

    /// The folder of pieces, where checkpoints may go too. It can be removed when the job is finished.
    #[must_use]
    pub fn work_folder(&self) -> &Path {
        &self.work
    }

    /// What the file was when the job began, whether or not the job has put another in its place.
    fn original(&self) -> &Identity {
        self.before.as_ref().unwrap_or(&self.now)
    }

    /// The bytes of a file of this length that belong to a shard. A line belongs where it begins.
    fn range(&self, shard: u32, length: u64) -> Range<u64> {
        let at = |index: u32| {
            let place = u128::from(length) * u128::from(index) / u128::from(self.shards);
            u64::try_from(place).unwrap_or(u64::MAX)
        };
        at(shard)..at(shard.saturating_add(1).min(self.shards))
    }
}

impl Store for LinesStore {
    type Record = Line;
    type Rewritten = Map;
    type Session = LinesSession;

    async fn identity(&self) -> Result<String> {
        let original = self.original();
        Ok(format!("file {} {original} to {}", self.input.display(), self.output.display()))
    }

    fn shards(&self) -> u32 {
        self.shards
    }

    async fn size(&self) -> Result<Size> {
        Ok(Size { bytes: Some(self.now.length), records: self.estimated_lines().await?, read_units: Some(0.0) })
    }

    async fn open(&self, checkpoint: &Checkpoint) -> Result<LinesSession> {
        // A job that is finished has no shard to claim any more, and the marks of two are not told apart.
        if self.before.is_some() && checkpoint.fence > 0 {
            return Err(Error::conflict(format!(
                "`{}` is of a job on this file that is finished: remove it to begin another",
                self.work.display()
            )));
        }
        let pieces = Pieces::of(&checkpoint.state)?;
        // Who only reads, such as to verify, reads what is there now, which may be longer.
        let length = if checkpoint.fence > 0 { self.now.length } else { Identity::of(&self.input)?.length };
        let range = self.range(checkpoint.shard, length);
        let next = Piece::new(checkpoint);
        Ok(LinesSession { range, out: Mutex::new(Out { pieces, next, buffer: Vec::new() }) })
    }

    async fn read(&self, session: &LinesSession, from: Option<&Position>) -> Result<Page<Line>> {
        let damaged = || Error::new(ErrorKind::Unsupported, "a checkpoint's position is not of this kind of store");
        let from = from.map(|position| position.0.parse().map_err(|_| damaged())).transpose()?;
        let (path, range, page) = (self.input.clone(), session.range.clone(), self.page);
        let (text, lines, next) = off_thread(move || read::page(&path, range, from, page)).await?;
        let text = Arc::new(text);
        let form = self.form;
        let records = lines.into_iter().map(|range| Line { text: Arc::clone(&text), range, form }).collect();
        Ok(Page { records, next: next.map(|next| Position(next.to_string())), read_units: 0.0 })
    }

    async fn write(&self, session: &LinesSession, _line: &Line, rewritten: &Map) -> Result<Written> {
        let mut out = session.out();
        let start = out.buffer.len();
        let written = match self.form {
            Form::Json => write_json(rewritten, &mut out.buffer),
            Form::Item => write_item(rewritten, &mut out.buffer),
        };
        if let Err(error) = written {
            out.buffer.truncate(start);
            return Err(error.into());
        }
        out.buffer.push(b'\n');
        Ok(Written::Done { units: 0.0, older_versions: 0 })
    }

    fn write_text(&self, session: &LinesSession, _line: &Line, text: &[u8]) -> Result<()> {
        let mut out = session.out();
        out.buffer.extend_from_slice(text);
        out.buffer.push(b'\n');
        Ok(())
    }

    fn keep(&self, session: &LinesSession, line: &Line) -> Result<()> {
        let mut out = session.out();
        out.buffer.extend_from_slice(line.bytes());
        // The last line of a file may lack its end, and others follow when pieces are put together.
        if !line.bytes().ends_with(b"\n") {
            out.buffer.push(b'\n');
        }
        Ok(())
    }

    async fn read_again(&self, _session: &LinesSession, line: &Line) -> Result<Option<Line>> {
        Ok(Some(line.clone()))
    }

    async fn commit(&self, session: &LinesSession) -> Result<Json> {
        let (next, buffer) = {
            let mut out = session.out();
            (out.next.clone(), std::mem::take(&mut out.buffer))
        };
        let folder = self.work.clone();
        let (next, mut buffer) = off_thread(move || {
            let next = next.append(&folder, &buffer)?;
            Ok((next, buffer))
        })
        .await?;
        buffer.clear();
        let mut out = session.out();
        (out.next, out.buffer) = (next, buffer);
        out.pieces.with(&out.next).state()
    }

    async fn finish(&self, shards: &[Checkpoint]) -> Result<()> {
        let (store, shards) = (self.clone(), shards.to_vec());
        off_thread(move || assemble::assemble(&store, &shards)).await
    }
}

impl LinesStore {
    /// By the length of the lines in the first page.
    async fn estimated_lines(&self) -> Result<Option<u64>> {
        let (path, range, page) = (self.input.clone(), 0..self.now.length, self.page.min(1 << 20));
        let (_, lines, next) = off_thread(move || read::page(&path, range, None, page)).await?;
        let (Some(last), count) = (lines.last(), lines.len() as u64) else { return Ok(Some(0)) };
        let seen = last.end as u64;
        Ok(Some(if next.is_none() { count } else { self.now.length.saturating_mul(count) / seen.max(1) }))
    }
}

/// What a worker holds of a shard: what it has rewritten since the last commit.
#[derive(Debug)]
pub struct LinesSession {
    range: Range<u64>,
    out: Mutex<Out>,
}

struct Out {
    /// What workers before this one have left.
    pieces: Pieces,
    /// What this one writes.
    next: Piece,
    buffer: Vec<u8>,
}

impl LinesSession {
    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out").field("next", &self.next).finish_non_exhaustive()
    }
}

/// A line of a file, with its end.
#[derive(Clone)]
pub struct Line {
    text: Arc<Vec<u8>>,
    range: Range<usize>,
    form: Form,
}

impl Line {
    fn bytes(&self) -> &[u8] {
        self.text.get(self.range.clone()).unwrap_or_default()
    }
}

impl StoredRecord for Line {
    fn form(&self) -> Form {
        self.form
    }

    fn stored(&self) -> Result<Map> {
        match self.bytes().trim_ascii() {
            b"" => Err(CoreError::new(ErrorKind::Input, "a line is empty").into()),
            text if self.form == Form::Item => Ok(read_item(text)?),
            text => Ok(read_json(text)?),
        }
    }

    fn text(&self) -> Option<&[u8]> {
        (self.form == Form::Json).then(|| self.bytes().trim_ascii())
    }
}

fn read_item(text: &[u8]) -> Result<Map, CoreError> {
    // serde_json's own message would quote what it does not like.
    let item = serde_json::from_slice(text);
    from_dynamodb_json(item.map_err(|_| CoreError::new(ErrorKind::Input, "a line is no JSON object"))?)
}

fn write_item(item: &Map, out: &mut Vec<u8>) -> Result<(), CoreError> {
    serde_json::to_writer(out, &to_dynamodb_json(item))
        .map_err(|_| CoreError::new(ErrorKind::Input, "an item cannot be written as JSON"))
}

/// Prints how long it is.
impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("length", &self.range.len()).finish_non_exhaustive()
    }
}
