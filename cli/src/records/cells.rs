//! Records in CSV: a column a member, and what a cell looks like whose value is sealed.
//!
//! `$sealed:` and base64url stand for a sealed value. A clear text that begins like this, or with `$clear:`, has
//! `$clear:` put in front, so that each cell means one thing. The record's header is in a column `$privet`.

use std::io::{BufRead, Write};

use privet::record::JSON_HEADER;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::exit::{Failure, Outcome};

/// The rows of a CSV file as records of texts.
pub(crate) struct Rows<R> {
    reader: csv::Reader<R>,
    columns: Vec<String>,
    row: csv::StringRecord,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(reader: R) -> Outcome<Self> {
        let mut reader = csv::Reader::from_reader(reader);
        let columns: Vec<String> =
            reader.headers().map_err(|error| failed(&error))?.iter().map(str::to_owned).collect();
        let mut sorted: Vec<&String> = columns.iter().collect();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(Failure::failed("line 1: two columns have the same name: rename one of them"));
        }
        Ok(Self { reader, columns, row: csv::StringRecord::new() })
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn next(&mut self) -> Outcome<Option<JsonMap<String, Json>>> {
        if !self.reader.read_record(&mut self.row).map_err(|error| failed(&error))? {
            return Ok(None);
        }
        let is_sealed = self.columns.iter().any(|name| name == JSON_HEADER);
        Ok(Some(
            self.columns
                .iter()
                .zip(&self.row)
                .map(|(name, cell)| (name.clone(), from_cell(name, cell, is_sealed)))
                .collect(),
        ))
    }
}

/// Records as the rows of a CSV file.
pub(crate) struct Table<W: Write> {
    writer: csv::Writer<W>,
    columns: Vec<String>,
}

impl<W: Write> Table<W> {
    pub(super) fn new(out: W, columns: Vec<String>) -> Outcome<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(&columns).map_err(|error| failed(&error))?;
        Ok(Self { writer, columns })
    }

    pub(super) fn write(&mut self, record: &JsonMap<String, Json>) -> Outcome<()> {
        let is_sealed = self.columns.iter().any(|name| name == JSON_HEADER);
        let cells = self.columns.iter().map(|name| to_cell(name, record.get(name), is_sealed));
        self.writer.write_record(cells).map_err(|error| failed(&error))
    }

    pub(super) fn finish(self) -> Outcome<W> {
        self.writer.into_inner().map_err(|error| Failure::io("the output cannot be written", error.error()))
    }
}

/// Marks mean something in rows that have a header; anywhere else they are text.
fn from_cell(column: &str, cell: &str, is_sealed: bool) -> Json {
    match (cell.strip_prefix(SEALED), cell.strip_prefix(CLEAR)) {
        _ if !is_sealed || column == JSON_HEADER => json!(cell),
        (Some(sealed), _) => json!({ "$sealed": sealed }),
        (_, Some(clear)) => json!(clear),
        _ => json!(cell),
    }
}

/// What people read has no marks; only rows that are read again by [`from_cell`] do.
fn to_cell(column: &str, value: Option<&Json>, is_sealed: bool) -> String {
    match value {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text))
            if is_sealed && column != JSON_HEADER && (text.starts_with(SEALED) || text.starts_with(CLEAR)) =>
        {
            format!("{CLEAR}{text}")
        }
        Some(Json::String(text)) => text.clone(),
        Some(value) => match value.get("$sealed") {
            Some(Json::String(sealed)) => format!("{SEALED}{sealed}"),
            _ => value.to_string(),
        },
    }
}

fn failed(error: &csv::Error) -> Failure {
    if let csv::ErrorKind::Io(error) = error.kind() {
        return Failure::io("reading or writing failed", error);
    }
    // The reader's own message says lines and lengths, but one kind of it quotes the text.
    let line = error.position().map(csv::Position::line).unwrap_or_default();
    Failure::failed(match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: there are {len} cells under {expected_len} names")
        }
        csv::ErrorKind::Utf8 { .. } => format!("line {line}: the text is not UTF-8"),
        _ => format!("line {line}: this is not CSV"),
    })
}

const SEALED: &str = "$sealed:";
const CLEAR: &str = "$clear:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_means_one_thing() {
        for value in [
            json!("x"),
            json!(""),
            json!("$sealed:x"),
            json!("$clear:"),
            json!("$clear:$sealed:"),
            json!({"$sealed": "4QI"}),
        ] {
            assert_eq!(from_cell("a", &to_cell("a", Some(&value), true), true), value);
        }
        assert_eq!(to_cell("a", Some(&json!("$sealed:x")), false), "$sealed:x");
        assert_eq!(from_cell("a", "$sealed:x", false), "$sealed:x");
    }
}
