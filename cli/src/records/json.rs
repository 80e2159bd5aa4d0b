//! JSON documents out of a stream, in memory that does not grow with it: one after another, on lines, or in an array.

use std::io::BufRead;

use serde_json::{Map as JsonMap, Value as Json};

use crate::exit::{Failure, Outcome};

/// Documents of a stream.
pub(crate) struct Documents<R> {
    reader: R,
    state: State,
    line: u64,
    piece: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was read yet.
    Start,
    /// Documents one after another.
    Plain,
    /// In an array, before a document; the flag says whether one must come, after a comma.
    Array(bool),
    /// In an array, after a document.
    After,
    /// Behind the array.
    End,
}

impl<R: BufRead> Documents<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, state: State::Start, line: 1, piece: Vec::new() }
    }

    pub(super) fn is_array(&self) -> bool {
        matches!(self.state, State::Array(_) | State::After | State::End)
    }

    pub(super) fn next(&mut self) -> Outcome<Option<JsonMap<String, Json>>> {
        loop {
            let Some(byte) = self.peek()? else {
                return match self.state {
                    State::Array(_) | State::After => Err(self.wrong("the array has no end: the file was cut off")),
                    _ => Ok(None),
                };
            };
            self.state = match (byte, self.state) {
                (b' ' | b'\t' | b'\r' | b'\n', state) => state,
                (b'[', State::Start) => State::Array(false),
                (b']', State::Array(false) | State::After) => State::End,
                (b',', State::After) => State::Array(true),
                (b'{', State::Start | State::Plain) => return self.document(State::Plain).map(Some),
                (b'{', State::Array(_)) => return self.document(State::After).map(Some),
                // A byte order mark, which some programs write.
                (0xef | 0xbb | 0xbf, State::Start) => State::Start,
                _ => return Err(self.wrong("a record must be a JSON object")),
            };
            self.step(byte);
        }
    }

    /// Reads to the brace that closes the document.
    fn document(&mut self, next: State) -> Outcome<JsonMap<String, Json>> {
        let start = self.line;
        self.piece.clear();
        let (mut depth, mut in_text, mut is_escaped) = (0_u32, false, false);
        loop {
            let buffer = self.reader.fill_buf().map_err(|error| Failure::io("the input cannot be read", &error))?;
            if buffer.is_empty() {
                return Err(self.wrong("the record has no end: the file was cut off"));
            }
            let mut used = 0;
            let mut is_whole = false;
            for byte in buffer {
                used += 1;
                match (byte, in_text) {
                    (b'\n', _) => self.line += 1,
                    (b'"', true) if !is_escaped => in_text = false,
                    (b'"', false) => in_text = true,
                    (b'{' | b'[', false) => depth += 1,
                    (b'}' | b']', false) => depth = depth.saturating_sub(1),
                    _ => {}
                }
                is_escaped = in_text && *byte == b'\\' && !is_escaped;
                if depth == 0 {
                    is_whole = true;
                    break;
                }
            }
            self.piece.extend_from_slice(buffer.get(..used).unwrap_or_default());
            self.reader.consume(used);
            if self.piece.len() > MOST {
                return Err(Failure::failed(format!("line {start}: a record is longer than 64 MiB")));
            }
            if is_whole {
                break;
            }
        }
        self.state = next;
        // The parser's message may quote the text, and the text may be anybody's.
        serde_json::from_slice(&self.piece).map_err(|error| {
            Failure::failed(format!("line {}: this is not JSON", start + (error.line() as u64).saturating_sub(1)))
        })
    }

    fn peek(&mut self) -> Outcome<Option<u8>> {
        let buffer = self.reader.fill_buf().map_err(|error| Failure::io("the input cannot be read", &error))?;
        Ok(buffer.first().copied())
    }

    fn step(&mut self, byte: u8) {
        self.line += u64::from(byte == b'\n');
        self.reader.consume(1);
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::failed(format!("line {}: {what}", self.line))
    }
}

/// The longest record, in bytes.
const MOST: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<String>, String> {
        // A buffer of three bytes: every state meets the end of a buffer.
        let mut documents = Documents::new(std::io::BufReader::with_capacity(3, text.as_bytes()));
        let mut found = Vec::new();
        while let Some(document) = documents.next().map_err(|failure| failure.to_string())? {
            found.push(Json::Object(document).to_string());
        }
        Ok(found)
    }

    #[test]
    fn documents_in_all_their_ways() {
        for text in [
            "{\"a\":1}\n{\"b\":\"}\\\"\"}\n",
            "{\"a\":1}{\"b\":\"}\\\"\"}",
            "[{\"a\":1},{\"b\":\"}\\\"\"}]",
            " [ {\"a\" : 1} ,\n {\"b\":\"}\\\"\"} ] \n",
            "\u{feff}{\"a\":1}\n\n{\"b\":\"}\\\"\"}",
        ] {
            assert_eq!(all(text).unwrap(), ["{\"a\":1}", "{\"b\":\"}\\\"\"}"], "{text}");
        }
        for text in ["", " \n", "[]", "[ ]\n"] {
            assert_eq!(all(text).unwrap(), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, message) in [
            ("{\"a\":1}\n7", "line 2: a record must be a JSON object"),
            ("[{\"a\":1},]", "line 1: a record must be a JSON object"),
            ("[{\"a\":1} {\"a\":1}]", "line 1: a record must be a JSON object"),
            ("[{\"a\":1}]{}", "line 1: a record must be a JSON object"),
            ("[{\"a\":1}\n", "line 2: the array has no end: the file was cut off"),
            ("{\"a\":\"}", "line 1: the record has no end: the file was cut off"),
            ("\n{\"a\":\n x}", "line 3: this is not JSON"),
            ("{\"a\"]", "line 1: this is not JSON"),
        ] {
            assert_eq!(all(text).unwrap_err(), message, "{text}");
        }
    }
}
