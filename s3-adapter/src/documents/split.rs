//! Lines of what comes in pieces. In CSV a line break between quotation marks is part of a value.

use super::{DocumentFormat, malformed};
use crate::error::Result;

/// Cuts pieces into lines, without their ends.
pub(super) struct Splitter {
    format: DocumentFormat,
    held: Vec<u8>,
    /// Bytes of `held` that were looked at.
    seen: usize,
    is_quoted: bool,
}

impl Splitter {
    pub(super) fn new(format: DocumentFormat) -> Self {
        Self { format, held: Vec::new(), seen: 0, is_quoted: false }
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> Result<()> {
        // All complete lines were taken before.
        if self.held.len() + piece.len() > MOST + piece.len() {
            return Err(malformed("a record of the document is longer than 16 MiB"));
        }
        self.held.extend_from_slice(piece);
        Ok(())
    }

    /// The next complete line.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        // A JSON document has line breaks wherever it likes.
        if self.format == DocumentFormat::Json {
            return None;
        }
        let unseen = self.held.get(self.seen..).unwrap_or_default();
        let mut is_quoted = self.is_quoted;
        let end = unseen.iter().position(|byte| {
            is_quoted ^= *byte == b'"' && self.format == DocumentFormat::Csv;
            *byte == b'\n' && !is_quoted
        });
        match end {
            Some(end) => {
                let rest = self.held.split_off(self.seen + end + 1);
                let mut line = std::mem::replace(&mut self.held, rest);
                (self.seen, self.is_quoted) = (0, false);
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                Some(line)
            }
            None => {
                (self.seen, self.is_quoted) = (self.held.len(), is_quoted);
                None
            }
        }
    }

    /// What is left at the end.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        (!self.held.is_empty()).then_some(self.held)
    }
}

/// Bytes of the longest record.
const MOST: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(format: DocumentFormat, text: &str, piece: usize) -> Vec<String> {
        let mut splitter = Splitter::new(format);
        let mut lines = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            splitter.push(piece).unwrap();
            while let Some(line) = splitter.next() {
                lines.push(String::from_utf8(line).unwrap());
            }
        }
        lines.extend(splitter.finish().map(|line| String::from_utf8(line).unwrap()));
        lines
    }

    #[test]
    fn lines_end_where_their_format_says() {
        for piece in [1, 2, 100] {
            assert_eq!(lines(DocumentFormat::JsonLines, "a\r\n\nb\"\nc", piece), ["a", "", "b\"", "c"]);
            assert_eq!(lines(DocumentFormat::Csv, "a,\"b\n\"\"c\"\nd", piece), ["a,\"b\n\"\"c\"", "d"]);
            assert_eq!(lines(DocumentFormat::Json, "{\n}\n", piece), ["{\n}\n"]);
        }
    }

    #[test]
    fn a_record_without_end_is_refused() {
        let mut splitter = Splitter::new(DocumentFormat::JsonLines);
        let refused = (0..20).any(|_| splitter.push(&vec![b'a'; 1 << 20]).is_err() || splitter.next().is_some());
        assert!(refused);
    }
}
