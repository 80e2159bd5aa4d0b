//! Exports of tables to S3: the items in their data files, opened one by one.

use std::io::{BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use privet_core::protector::{Protector, Resource};
use privet_core::value::{Map, from_dynamodb_json};
use privet_core::{Error, ErrorKind, Result};
use serde_json::Value as Json;

use crate::image::Image;

mod manifest;

pub use manifest::{ExportFile, read_manifest};

/// The lines of a data file of an export in DynamoDB JSON, each an item as it is stored.
///
/// It reads as it is asked, in memory for one line. Reading blocks: with a file or the network behind it, read in a thread
/// for blocking work, such as `tokio::task::spawn_blocking`, and send the lines to where they are opened with
/// [`Exports::open_line`].
///
/// ```
/// # use privet_core::{Protector, Result, protector::Resource};
/// # use privet_dynamodb::{ExportLines, Exports};
/// # async fn example(privet: Protector, customers: &Resource, data_file: &[u8]) -> Result<()> {
/// for line in ExportLines::gzip(data_file) {
///     let number = line.number;
///     match privet.open_line(customers, line).await {
///         Ok(item) => println!("{number}: {}", if item.is_withheld() { "in part" } else { "whole" }),
///         Err(error) => println!("{number}: {error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct ExportLines<R> {
    lines: R,
    number: u64,
    buffer: Vec<u8>,
    is_over: bool,
}

impl<R: Read> ExportLines<BufReader<MultiGzDecoder<R>>> {
    /// The lines of a data file as DynamoDB writes it.
    pub fn gzip(file: R) -> Self {
        Self::plain(BufReader::new(MultiGzDecoder::new(file)))
    }
}

impl<R: BufRead> ExportLines<R> {
    /// The lines of a data file that was decompressed before.
    pub fn plain(lines: R) -> Self {
        Self { lines, number: 0, buffer: Vec::new(), is_over: false }
    }

    /// Reads the next line into the buffer. `None` at the end, otherwise whether it fits.
    fn read_line(&mut self) -> std::io::Result<Option<bool>> {
        self.buffer.clear();
        let mut length = 0;
        loop {
            let available = match self.lines.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok((length > 0).then_some(length <= MAX_LINE));
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = end.map_or(available, |end| available.get(..end).unwrap_or_default());
            length += part.len();
            // Of a line that is too long nothing is kept.
            if length <= MAX_LINE {
                self.buffer.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.lines.consume(used);
            if end.is_some() {
                return Ok(Some(length <= MAX_LINE));
            }
        }
    }
}

impl<R: BufRead> Iterator for ExportLines<R> {
    type Item = ExportLine;

    fn next(&mut self) -> Option<ExportLine> {
        while !self.is_over {
            self.number += 1;
            let item = match self.read_line() {
                Ok(None) => return None,
                Ok(Some(true)) if self.buffer.iter().all(u8::is_ascii_whitespace) => continue,
                Ok(Some(true)) => parse(&self.buffer),
                Ok(Some(false)) => {
                    self.buffer.clear();
                    Err(input("the line is longer than an item can be"))
                }
                Err(error) => {
                    // Nothing that follows could be trusted to be a line.
                    self.is_over = true;
                    let message = "the data file cannot be read to its end: it is damaged or cut off";
                    Err(Error::new(ErrorKind::Io, message).with_source(error))
                }
            };
            return Some(ExportLine { number: self.number, item });
        }
        None
    }
}

#[cfg(feature = "bulk")]
impl<R> ExportLines<R> {
    /// The line that was read last, as it is.
    pub(crate) fn text(&self) -> &[u8] {
        &self.buffer
    }
}

impl<R> std::fmt::Debug for ExportLines<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportLines").field("number", &self.number).finish_non_exhaustive()
    }
}

/// A line of a data file.
#[derive(Debug)]
pub struct ExportLine {
    /// Its number, from 1.
    pub number: u64,
    /// The item as it is stored; or why it is none. After an `Io` error no line follows.
    pub item: Result<Map>,
}

/// Gives a [`Protector`] the exports of its tables.
pub trait Exports {
    /// Opens the item of a line.
    ///
    /// # Errors
    ///
    /// What was wrong with the line; `Integrity` if the item does not authenticate; the keyring's.
    fn open_line(&self, resource: &Resource, line: ExportLine) -> impl Future<Output = Result<Image>> + Send;
}

impl Exports for Protector {
    async fn open_line(&self, resource: &Resource, line: ExportLine) -> Result<Image> {
        Image::open(self, resource, line.item?).await
    }
}

/// The item of `{"Item": {...}}`.
fn parse(line: &[u8]) -> Result<Map> {
    let Ok(Json::Object(mut line)) = serde_json::from_slice(line) else {
        return Err(input("the line is no JSON object: exports in Ion are not read"));
    };
    match line.remove("Item") {
        Some(Json::Object(item)) => from_dynamodb_json(item),
        _ if line.contains_key("Keys") => {
            Err(Error::new(ErrorKind::Unsupported, "the line is of an incremental export: use a full one"))
        }
        _ => Err(input("the line has no `Item`")),
    }
}

fn input(message: &str) -> Error {
    Error::new(ErrorKind::Input, message)
}

/// An item has at most 400 KiB, and no value takes more than 9 times its size in DynamoDB JSON (an empty text in a list:
/// 1 byte, and `{"S":""},`).
const MAX_LINE: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn numbers_and_kinds(text: &str) -> Vec<(u64, Option<ErrorKind>)> {
        let lines = ExportLines::plain(Cursor::new(text.as_bytes()));
        lines.map(|line| (line.number, line.item.err().map(|error| error.kind()))).collect()
    }

    #[test]
    fn lines_fail_on_their_own_and_blank_ones_count() {
        let text = "{\"Item\":{\"id\":{\"S\":\"1\"}}}\n\nno json\r\n{\"Keys\":{}}\n{\"Item\":[]}\n[]\n{\"Item\":{}}";
        let (input, unsupported) = (Some(ErrorKind::Input), Some(ErrorKind::Unsupported));
        let expected = [(1, None), (3, input), (4, unsupported), (5, input), (6, input), (7, None)];
        assert_eq!(numbers_and_kinds(text), expected);
        assert_eq!(numbers_and_kinds(""), []);
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let text = format!("{}\n{{\"Item\":{{}}}}\n", "x".repeat(3 * MAX_LINE));
        let mut lines = ExportLines::plain(Cursor::new(text.as_bytes()));
        assert_eq!(lines.next().unwrap().item.unwrap_err().kind(), ErrorKind::Input);
        assert!(lines.buffer.capacity() <= 2 * MAX_LINE, "{}", lines.buffer.capacity());
        assert!(lines.next().unwrap().item.unwrap().is_empty());
        assert!(lines.next().is_none());
    }
}
