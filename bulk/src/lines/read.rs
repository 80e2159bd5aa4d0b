//! Reading whole lines out of a range of a file.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use memchr::memchr;
use privet_core::ErrorKind;

use crate::error::{Error, Result};

/// Bytes of a file, where in them each line is, and where in the file the next page begins.
type Lines = (Vec<u8>, Vec<Range<usize>>, Option<u64>);

/// Some `page` bytes of the lines that begin in this range, from a line's beginning on; a page holds one line at least.
pub(super) fn page(path: &Path, range: Range<u64>, from: Option<u64>, page: usize) -> Result<Lines> {
    let failed = |error: std::io::Error| Error::io("the file cannot be read", &error);
    let mut file = File::open(path).map_err(failed)?;
    let mut start = from.unwrap_or(range.start);
    // A line that begins before the range belongs to the shard before.
    let skips = from.is_none() && range.start > 0;
    if skips {
        start -= 1;
    }
    if start >= range.end {
        return Ok((Vec::new(), Vec::new(), None));
    }
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut text = Vec::with_capacity(page + READ_AHEAD);
    let mut want = page;
    loop {
        let before = text.len();
        file.by_ref().take(want as u64).read_to_end(&mut text).map_err(failed)?;
        let is_end = text.len() - before < want;
        let (lines, end) = whole_lines(&text, start, range.end, skips, is_end);
        if !lines.is_empty() || is_end || end.is_none() {
            let next = end.filter(|next| *next < range.end && !(is_end && lines.is_empty()));
            return Ok((text, lines, next));
        }
        if text.len() > MAX_LINE {
            return Err(Error::new(ErrorKind::Input, "a line is longer than 64 MiB: this is no file of JSON lines"));
        }
        want = READ_AHEAD.max(text.len());
    }
}

/// Cuts a part of a text into its whole lines that begin before `end`, a place in the whole text, as is `start`, where
/// the part begins. `skips` leaves out the first line, which began in another part; `is_end` says that no text follows.
/// Returns where the lines are in the part, and where in the text the next one begins; `None` if that is not before `end`.
#[must_use]
pub fn whole_lines(text: &[u8], start: u64, end: u64, skips: bool, is_end: bool) -> (Vec<Range<usize>>, Option<u64>) {
    let mut lines = Vec::with_capacity(text.len() / 512 + 1);
    let mut at = 0;
    let mut skips = skips;
    while at < text.len() {
        if start + at as u64 >= end && !skips {
            return (lines, None);
        }
        let rest = text.get(at..).unwrap_or_default();
        let length = match memchr(b'\n', rest) {
            Some(newline) => newline + 1,
            None if is_end => rest.len(),
            None => break,
        };
        if !std::mem::take(&mut skips) {
            lines.push(at..at + length);
        }
        at += length;
    }
    let next = start + at as u64;
    // What was only skipped so far would have to be skipped again.
    let is_lost = lines.is_empty() && !is_end;
    (lines, if is_lost || (next < end && !is_end) { Some(next) } else { None })
}

const READ_AHEAD: usize = 64 << 10;
const MAX_LINE: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// All lines of a file, read by shards and pages.
    fn read_all(path: &Path, length: u64, shards: u64, size: usize) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for shard in 0..shards {
            let range = length * shard / shards..length * (shard + 1) / shards;
            let mut from = None;
            loop {
                let (text, lines, next) = page(path, range.clone(), from, size).unwrap();
                found.extend(lines.into_iter().map(|line| text[line].to_vec()));
                assert!(next.is_none_or(|next| Some(next) > from), "no progress");
                from = next;
                if from.is_none() {
                    break;
                }
            }
        }
        found
    }

    proptest::proptest! {
        #[test]
        fn each_line_is_in_one_page_of_one_shard(lines in proptest::collection::vec("[a-z]{0,20}", 0..30), ends: bool, shards in 1..9u64, size in 1..64usize) {
            let mut text = lines.join("\n");
            if ends && !text.is_empty() {
                text.push('\n');
            }
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let found = read_all(file.path(), text.len() as u64, shards, size);
            let expected: Vec<_> = text.as_bytes().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_line_may_be_longer_than_a_page() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = [vec![b'a'; 300_000], vec![b'\n'], vec![b'b'; 200_000]].concat();
        file.write_all(&text).unwrap();
        let found = read_all(file.path(), text.len() as u64, 3, 1000);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [300_001, 200_000]);
    }
}
