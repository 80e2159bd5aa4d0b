//! Rows: from text to records and back, in clear and as they are stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{DocumentFormat, malformed};
use crate::error::{Error, Result};

/// A row of a document.
pub(crate) enum Row {
    /// The row of names of a CSV document.
    Names(Arc<Columns>),
    Cells(Arc<Columns>, Vec<String>),
    Object(Json),
}

/// The names of a CSV document's columns.
pub(crate) struct Columns {
    names: Vec<String>,
}

impl Row {
    /// The row in this line; `None` if the line is empty. The first one of a CSV document gives the columns.
    pub(crate) fn read(
        format: DocumentFormat,
        line: &[u8],
        columns: &mut Option<Arc<Columns>>,
    ) -> Result<Option<Self>> {
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        if format != DocumentFormat::Csv {
            let json = serde_json::from_slice(line).map_err(|_| malformed("a record of the document is no JSON"))?;
            return Ok(Some(Self::Object(json)));
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
        let cells = reader.records().next().and_then(Result::ok).ok_or_else(no_row)?;
        let cells: Vec<String> = cells.iter().map(str::to_owned).collect();
        Ok(Some(match columns {
            Some(columns) => Self::Cells(Arc::clone(columns), cells),
            None => {
                let new = Arc::new(Columns::new(cells)?);
                *columns = Some(Arc::clone(&new));
                Self::Names(new)
            }
        }))
    }

    pub(crate) fn columns(&self) -> Option<Arc<Columns>> {
        match self {
            Self::Names(columns) | Self::Cells(columns, _) => Some(Arc::clone(columns)),
            Self::Object(_) => None,
        }
    }

    /// The record of a row in clear.
    pub(crate) fn into_clear(self) -> Result<Json> {
        match self {
            Self::Object(json) => Ok(json),
            Self::Names(_) => Err(no_row()),
            Self::Cells(columns, cells) => {
                if cells.len() != columns.names.len() {
                    return Err(no_row());
                }
                Ok(Json::Object(columns.names.iter().cloned().zip(cells.into_iter().map(Json::String)).collect()))
            }
        }
    }

    /// The sealed record of a stored row.
    pub(crate) fn into_stored(self) -> Result<Json> {
        match self {
            Self::Object(json) => Ok(json),
            Self::Names(_) => Err(Error::integrity()),
            Self::Cells(columns, mut cells) => {
                let is_stored = columns.own().len() < columns.names.len() && cells.len() == columns.names.len();
                let header = cells.pop().filter(|_| is_stored).ok_or_else(Error::integrity)?;
                let cells = cells.into_iter().map(cell_value);
                let mut record: Map<_, _> = columns.own().iter().cloned().zip(cells).collect();
                record.insert(HEADER.to_owned(), Json::String(header));
                Ok(Json::Object(record))
            }
        }
    }
}

impl Columns {
    fn new(names: Vec<String>) -> Result<Self> {
        let distinct: BTreeSet<_> = names.iter().collect();
        // The last one may be that of a stored document.
        let header = names.iter().position(|name| name == HEADER);
        if distinct.len() != names.len() || header.is_some_and(|at| at + 1 != names.len()) {
            return Err(malformed("the names of a CSV document's columns must differ, and none may be `$privet`"));
        }
        Ok(Self { names })
    }

    /// The names of the document's own columns.
    fn own(&self) -> &[String] {
        match self.names.split_last() {
            Some((last, own)) if last == HEADER => own,
            _ => &self.names,
        }
    }

    /// The row of names of the document that is stored.
    pub(crate) fn stored_line(&self) -> Result<Vec<u8>> {
        if self.own().len() != self.names.len() {
            return Err(malformed("a column of a CSV document must not be `$privet`"));
        }
        write(self.names.iter().map(String::as_str).chain([HEADER]))
    }

    /// Whether they are those of a stored document.
    #[cfg(feature = "bulk")]
    pub(crate) fn is_sealed(&self) -> bool {
        self.own().len() < self.names.len()
    }

    /// The row of names of the document that is stored, whether it was stored or in clear before.
    #[cfg(feature = "bulk")]
    pub(crate) fn sealed_line(&self) -> Result<Vec<u8>> {
        if self.is_sealed() { write(self.names.iter().map(String::as_str)) } else { self.stored_line() }
    }

    /// The row of names of the document in clear.
    pub(crate) fn clear_line(&self) -> Result<Vec<u8>> {
        if self.own().len() == self.names.len() {
            return Err(Error::integrity());
        }
        write(self.own().iter().map(String::as_str))
    }
}

/// The line that stores this sealed record.
pub(crate) fn stored(columns: Option<&Columns>, sealed: &Json) -> Result<Vec<u8>> {
    let Some(columns) = columns else { return json_line(sealed) };
    let cells: Vec<String> = columns.own().iter().map(|name| cell_text(sealed.get(name))).collect::<Result<_>>()?;
    let header = sealed.get(HEADER).and_then(Json::as_str).ok_or_else(Error::integrity)?;
    write(cells.iter().map(String::as_str).chain([header]))
}

/// The line of this record in clear.
pub(crate) fn clear(columns: Option<&Columns>, record: &Json) -> Result<Vec<u8>> {
    let Some(columns) = columns else { return json_line(record) };
    let cell = |name: &String| record.get(name).and_then(Json::as_str).ok_or_else(Error::integrity);
    let cells: Vec<&str> = columns.own().iter().map(cell).collect::<Result<_>>()?;
    write(cells.into_iter())
}

fn json_line(json: &Json) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(json).map_err(|_| malformed("a record cannot be written as JSON"))?;
    line.push(b'\n');
    Ok(line)
}

fn write<'a>(cells: impl Iterator<Item = &'a str>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).map_err(|_| no_row())?;
    writer.into_inner().map_err(|_| no_row())
}

/// A value of a sealed record as a cell.
fn cell_text(value: Option<&Json>) -> Result<String> {
    match value {
        Some(Json::String(text)) if [SEALED, CLEAR].iter().any(|mark| text.starts_with(mark)) => {
            Ok(format!("{CLEAR}{text}"))
        }
        Some(Json::String(text)) => Ok(text.clone()),
        Some(value) => {
            let sealed = value.get("$sealed").and_then(Json::as_str).ok_or_else(Error::integrity)?;
            Ok(format!("{SEALED}{sealed}"))
        }
        None => Err(Error::integrity()),
    }
}

/// The value of a stored cell.
fn cell_value(text: String) -> Json {
    if let Some(sealed) = text.strip_prefix(SEALED) {
        return serde_json::json!({ "$sealed": sealed });
    }
    match text.strip_prefix(CLEAR) {
        Some(clear) => Json::String(clear.to_owned()),
        None => Json::String(text),
    }
}

fn no_row() -> Error {
    malformed("a row of the CSV document has not as many cells as there are names")
}

/// The name of a record's header, and the marks of cells.
const HEADER: &str = "$privet";
const SEALED: &str = "$sealed:";
const CLEAR: &str = "$clear:";
