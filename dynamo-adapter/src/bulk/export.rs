//! Exports of tables as stores of bulk jobs: read as they are, and written as another export, to be imported.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use privet_bulk::files::{Identity, create, lock, off_thread, rename, replace};
use privet_bulk::lines::{Piece, Pieces};
use privet_bulk::{Checkpoint, Error, Page, Position, Result, Size, Store, StoredRecord, Written};
use privet_core::ErrorKind;
use privet_core::record::Form;
use privet_core::value::{Map, to_dynamodb_json};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::export::{ExportLines, read_manifest};

/// An export of a table in DynamoDB JSON, as it is downloaded: a folder with `manifest-files.json` and `data/*.json.gz`.
/// Each data file is a shard.
///
/// An export is not changed: what the job makes of it becomes another folder of data files, under the same names, that
/// `ImportTable` takes. Items that are on target, and lines that are none, are carried over.
///
/// Memory is bounded by a page for each file that is worked on. The disk must hold the uncompressed items while the job
/// runs.
#[derive(Clone, Debug)]
pub struct ExportStore {
    export: PathBuf,
    output: PathBuf,
    files: Vec<DataFile>,
}

#[derive(Clone, Debug)]
struct DataFile {
    name: String,
    length: u64,
    /// How many items the manifest says it has.
    items: Option<u64>,
}

type Lines = ExportLines<BufReader<MultiGzDecoder<File>>>;

impl ExportStore {
    /// The export in this folder; what it becomes goes to `output`, where data files of the same names are replaced when
    /// the job ends.
    ///
    /// # Errors
    ///
    /// `Io` if the folder cannot be read; `Input` if it is no export, or files that its manifest names are missing; `Config`
    /// if both folders are one.
    pub fn new(export: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Result<Self> {
        let (export, output) = (export.into(), output.into());
        let failed = |error: io::Error| io_error("the export cannot be read", &error);
        fs::create_dir_all(output.join(DATA)).map_err(|error| io_error("the output cannot be made", &error))?;
        let (export, output) = (export.canonicalize().map_err(failed)?, output.canonicalize().map_err(failed)?);
        if export == output {
            return Err(Error::new(ErrorKind::Config, "an export is not changed: name another folder for the output"));
        }
        let named = match File::open(export.join(MANIFEST)) {
            Ok(manifest) => read_manifest(BufReader::new(manifest))?
                .into_iter()
                .map(|file| (base_name(&file.key).to_owned(), Some(file.item_count)))
                .collect(),
            // Whoever has only the data files has no manifest.
            Err(error) if error.kind() == io::ErrorKind::NotFound => listed(&export.join(DATA)).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        };
        let mut files = named
            .into_iter()
            .map(|(name, items)| {
                let missing =
                    |_| Error::new(ErrorKind::Input, format!("the data file `{}` is missing", name.escape_debug()));
                let data = export.join(DATA).join(&name).metadata().map_err(missing)?;
                if !data.is_file() {
                    return Err(Error::new(ErrorKind::Input, "the manifest names what is no data file"));
                }
                let length = data.len();
                Ok(DataFile { name, length, items })
            })
            .collect::<Result<Vec<_>>>()?;
        files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        files.dedup_by(|one, other| one.name == other.name);
        if files.is_empty() {
            return Err(Error::new(ErrorKind::Input, "there are no data files: this is no export of a table"));
        }
        Ok(Self { export, output, files })
    }

    /// The folder of what is under way, where checkpoints may go too. It can be removed when the job is finished.
    #[must_use]
    pub fn work_folder(&self) -> PathBuf {
        self.output.join(".privet-job")
    }

    fn file(&self, shard: u32) -> Result<&DataFile> {
        let file = usize::try_from(shard).ok().and_then(|shard| self.files.get(shard));
        file.ok_or_else(|| Error::new(ErrorKind::Config, "there is no such shard"))
    }
}

impl Store for ExportStore {
    type Record = ExportItem;
    type Rewritten = Map;
    type Session = ExportSession;

    async fn identity(&self) -> Result<String> {
        let bytes: u64 = self.files.iter().map(|file| file.length).sum();
        let (export, output) = (self.export.display(), self.output.display());
        Ok(format!("export {export} of {} files, {bytes} bytes, to {output}", self.files.len()))
    }

    fn shards(&self) -> u32 {
        u32::try_from(self.files.len()).unwrap_or(u32::MAX)
    }

    async fn size(&self) -> Result<Size> {
        let records = self.files.iter().map(|file| file.items).sum();
        let bytes = Some(self.files.iter().map(|file| file.length).sum());
        Ok(Size { records, bytes, read_units: Some(0.0) })
    }

    async fn open(&self, checkpoint: &Checkpoint) -> Result<ExportSession> {
        let file = self.file(checkpoint.shard)?;
        let work = Work {
            lines: None,
            at: 0,
            items: 0,
            pieces: Pieces::of(&checkpoint.state)?,
            next: Piece::new(checkpoint),
            buffer: Vec::new(),
        };
        Ok(ExportSession { path: self.export.join(DATA).join(&file.name), items: file.items, work: Mutex::new(work) })
    }

    /// A position is a number of lines: what is before it is read over.
    async fn read(&self, session: &ExportSession, from: Option<&Position>) -> Result<Page<ExportItem>> {
        let damaged = || Error::new(ErrorKind::Unsupported, "a checkpoint's position is not of this kind of store");
        let from: u64 = from.map_or(Ok(0), |position| position.0.parse().map_err(|_| damaged()))?;
        let (path, expected) = (session.path.clone(), session.items);
        let (lines, at, items) = {
            let mut work = session.work();
            (work.lines.take(), work.at, work.items)
        };
        let page = off_thread(move || {
            let lines = lines.filter(|_| at == from);
            let (lines, items) = match lines {
                Some(lines) => (lines, items),
                None => skip(&path, from)?,
            };
            read_page(lines, from, items, expected)
        });
        let (lines, page, at, items) = page.await?;
        let mut work = session.work();
        (work.lines, work.at, work.items) = (Some(lines), at, items);
        Ok(page)
    }

    async fn write(&self, session: &ExportSession, _item: &ExportItem, rewritten: &Map) -> Result<Written> {
        let line = json!({ "Item": to_dynamodb_json(rewritten) });
        let mut work = session.work();
        let start = work.buffer.len();
        if serde_json::to_writer(&mut work.buffer, &line).is_err() {
            work.buffer.truncate(start);
            return Err(Error::new(ErrorKind::Input, "the item cannot be written as JSON"));
        }
        work.buffer.push(b'\n');
        Ok(Written::Done { units: 0.0, older_versions: 0 })
    }

    fn keep(&self, session: &ExportSession, item: &ExportItem) -> Result<()> {
        let mut work = session.work();
        work.buffer.extend_from_slice(&item.text);
        work.buffer.push(b'\n');
        Ok(())
    }

    async fn read_again(&self, _session: &ExportSession, item: &ExportItem) -> Result<Option<ExportItem>> {
        Ok(Some(item.clone()))
    }

    async fn commit(&self, session: &ExportSession) -> Result<Json> {
        let (next, buffer) = {
            let mut work = session.work();
            (work.next.clone(), std::mem::take(&mut work.buffer))
        };
        let folder = self.work_folder();
        let next = off_thread(move || next.append(&folder, &buffer)).await?;
        let mut work = session.work();
        work.next = next;
        work.pieces.with(&work.next).state()
    }

    async fn finish(&self, shards: &[Checkpoint]) -> Result<()> {
        for checkpoint in shards {
            let (checkpoint, work) = (checkpoint.clone(), self.work_folder());
            let output = self.output.join(DATA).join(&self.file(checkpoint.shard)?.name);
            off_thread(move || assemble(&checkpoint, &work, &output)).await?;
        }
        Ok(())
    }
}

/// What a worker holds of a data file.
pub struct ExportSession {
    path: PathBuf,
    items: Option<u64>,
    work: Mutex<Work>,
}

struct Work {
    /// The file, read as far as line `at`, in which there were so many items; `None` until it is opened.
    lines: Option<Lines>,
    at: u64,
    items: u64,
    pieces: Pieces,
    next: Piece,
    buffer: Vec<u8>,
}

impl ExportSession {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ExportSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportSession").finish_non_exhaustive()
    }
}

/// A line of a data file.
#[derive(Clone)]
pub struct ExportItem {
    text: Vec<u8>,
    item: Result<Map>,
}

impl StoredRecord for ExportItem {
    fn form(&self) -> Form {
        Form::Item
    }

    fn stored(&self) -> Result<Map> {
        self.item.clone()
    }
}

impl fmt::Debug for ExportItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportItem").field("length", &self.text.len()).finish_non_exhaustive()
    }
}

/// The lines behind this many, and how many items those were.
fn skip(path: &Path, lines: u64) -> Result<(Lines, u64)> {
    let file = File::open(path).map_err(|error| io_error("a data file cannot be read", &error))?;
    let (mut found, mut items) = (ExportLines::gzip(file), 0);
    for _ in 0..lines {
        match found.next() {
            Some(_) => items += 1,
            None => break,
        }
    }
    Ok((found, items))
}

fn read_page(
    mut lines: Lines,
    from: u64,
    mut items: u64,
    expected: Option<u64>,
) -> Result<(Lines, Page<ExportItem>, u64, u64)> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    while bytes < PAGE {
        let Some(line) = lines.next() else {
            if expected.is_some_and(|expected| expected != items) {
                return Err(Error::new(ErrorKind::Input, "a data file has not as many items as its manifest says"));
            }
            let at = from + records.len() as u64;
            return Ok((lines, Page { records, next: None, read_units: 0.0 }, at, items));
        };
        // Of what cannot be read to its end, and of a line that is longer than an item, nothing could be carried over.
        if let Err(error) = &line.item
            && (error.kind() == ErrorKind::Io || lines.text().is_empty())
        {
            return Err(Error::new(ErrorKind::Input, error.to_string()));
        }
        items += 1;
        bytes += lines.text().len();
        records.push(ExportItem { text: lines.text().to_vec(), item: line.item.map_err(Error::from) });
    }
    let at = from + records.len() as u64;
    Ok((lines, Page { records, next: Some(Position(at.to_string())), read_units: 0.0 }, at, items))
}

/// Says that a data file was put together, so that a process that finds it in place knows of what it was.
#[derive(PartialEq, Serialize, Deserialize)]
struct Mark {
    /// The job: its store and its target.
    job: String,
    pieces: Pieces,
    /// What the data file is.
    assembled: Identity,
}

/// Puts the pieces of a shard together as one compressed file, in the place of whatever is there.
fn assemble(checkpoint: &Checkpoint, work: &Path, output: &Path) -> Result<()> {
    let failed = |error: io::Error| io_error("a data file cannot be written", &error);
    let pieces = Pieces::of(&checkpoint.state)?;
    let _lock = lock(&work.join("assemble.lock")).map_err(failed)?;
    let mark_path = work.join(format!("assembled.{:06}.json", checkpoint.shard));
    // Pieces go away when their file is in place, which this process, or another one, may have done before.
    if pieces.0.iter().any(|piece| !piece.path(work).exists()) {
        let mark: Option<Mark> = fs::read(&mark_path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let is_ours = |mark: &Mark| mark.job == checkpoint.digest && mark.pieces == pieces;
        return match (mark.filter(is_ours), Identity::of(output)) {
            (Some(mark), Ok(found)) if mark.assembled == found => pieces.remove(work),
            _ => Err(Error::new(
                ErrorKind::Conflict,
                "what the job has made is gone, and the data file in its place is another: run the job under another name",
            )),
        };
    }
    let beside = output.with_extension("gz.new");
    let mut out = GzEncoder::new(create(&beside).map_err(failed)?, Compression::default());
    pieces.copy_to(work, &mut out)?;
    let mut file = out.finish().map_err(failed)?;
    file.flush().and_then(|()| file.sync_all()).map_err(failed)?;
    drop(file);
    let mark = Mark { job: checkpoint.digest.clone(), pieces, assembled: Identity::of(&beside)? };
    let text = serde_json::to_vec(&mark).map_err(|_| Error::new(ErrorKind::Config, "a mark cannot be written"))?;
    replace(&mark_path, &text).map_err(failed)?;
    rename(&beside, output).map_err(failed)?;
    mark.pieces.remove(work)
}

/// What is behind the last slash: no key of an object leads out of the folder.
fn base_name(key: &str) -> &str {
    let name = key.rsplit(['/', '\\']).next().unwrap_or_default();
    if matches!(name, "." | "..") { "" } else { name }
}

fn listed(folder: &Path) -> io::Result<Vec<(String, Option<u64>)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".json.gz") {
            names.push((name, None));
        }
    }
    Ok(names)
}

fn io_error(what: &str, error: &io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{what}: {}", error.kind()))
}

const MANIFEST: &str = "manifest-files.json";
const DATA: &str = "data";
/// Bytes of lines of a page.
const PAGE: usize = 4 << 20;
