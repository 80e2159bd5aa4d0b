//! Records as they stand in files, one at a time: JSON, JSON lines, CSV.

use std::io::{BufRead, Write};
use std::path::Path;

use clap::ValueEnum;
use serde_json::{Map as JsonMap, Value as Json};

use crate::exit::{Failure, Outcome};
use crate::uri::Source;

mod cells;
mod json;

/// How records stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One document, or an array of them.
    Json,
    /// One document a line.
    Jsonl,
    /// Comma-separated values under a line of names.
    Csv,
}

impl Format {
    /// The format that was asked for, or the one that the file's name says; JSON lines if nothing does.
    pub(crate) fn of(asked: Option<Self>, source: &Source) -> Self {
        let by_name = || match source {
            Source::File(path) => Self::by_name(path),
            _ => None,
        };
        asked.or_else(by_name).unwrap_or(Self::Jsonl)
    }

    /// The format that a name says.
    pub(crate) fn by_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Reads records one at a time.
pub(crate) enum Reader<R> {
    /// JSON and JSON lines.
    Json(json::Documents<R>),
    /// CSV.
    Csv(Box<cells::Rows<R>>),
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(reader: R, format: Format) -> Outcome<Self> {
        Ok(match format {
            Format::Json | Format::Jsonl => Self::Json(json::Documents::new(reader)),
            Format::Csv => Self::Csv(Box::new(cells::Rows::new(reader)?)),
        })
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Outcome<Option<JsonMap<String, Json>>> {
        match self {
            Self::Json(documents) => documents.next(),
            Self::Csv(rows) => rows.next(),
        }
    }

    /// The names of the columns, if there are columns.
    pub(crate) fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Json(_) => None,
            Self::Csv(rows) => Some(rows.columns()),
        }
    }

    /// Whether the records stand in an array, as far as that has been read.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Self::Json(documents) if documents.is_array())
    }
}

/// Writes records as they were read.
pub(crate) enum Writer<W: Write> {
    /// JSON and JSON lines: the array, if there is one, is opened with the first record.
    Json { out: W, format: Format, count: u64, is_array: bool },
    /// CSV.
    Csv(Box<cells::Table<W>>),
}

impl<W: Write> Writer<W> {
    /// A writer; `columns` are those of a CSV file.
    pub(crate) fn new(out: W, format: Format, columns: Option<Vec<String>>) -> Outcome<Self> {
        match columns {
            Some(columns) => Ok(Self::Csv(Box::new(cells::Table::new(out, columns)?))),
            None => Ok(Self::Json { out, format, count: 0, is_array: false }),
        }
    }

    /// Writes a record. `in_array` says whether the record it was made of stood in an array.
    pub(crate) fn write(&mut self, record: &JsonMap<String, Json>, in_array: bool) -> Outcome<()> {
        match self {
            Self::Csv(table) => table.write(record),
            Self::Json { out, format, count, is_array } => {
                *is_array = in_array && *format == Format::Json;
                let before = match (*is_array, *count) {
                    (false, _) => "",
                    (true, 0) => "[\n",
                    (true, _) => ",\n",
                };
                *count += 1;
                let after = if *is_array { "" } else { "\n" };
                let write = || -> std::io::Result<()> {
                    out.write_all(before.as_bytes())?;
                    serde_json::to_writer(&mut *out, record)?;
                    out.write_all(after.as_bytes())
                };
                let mut write = write;
                write().map_err(|error| Failure::io("the output cannot be written", &error))
            }
        }
    }

    /// Ends the output, and gives back what was written to. `in_array` as for a record, for files that have none.
    pub(crate) fn finish(self, in_array: bool) -> Outcome<W> {
        let failed = |error| Failure::io("the output cannot be written", &error);
        match self {
            Self::Csv(table) => table.finish(),
            Self::Json { mut out, format, count, is_array } => {
                if is_array {
                    out.write_all(b"\n]\n").map_err(failed)?;
                } else if count == 0 && in_array && format == Format::Json {
                    out.write_all(b"[]\n").map_err(failed)?;
                }
                Ok(out)
            }
        }
    }
}
