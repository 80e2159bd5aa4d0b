//! Manifests of S3 Batch Operations: lines of bucket, key and perhaps version, read in ranges.
//!
//! `S3BatchOperations_CSV_20180820`, whose keys are URL-encoded:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/specify-batchjob-manifest.html>.

use std::ops::Range;

use aws_sdk_s3::Client;
use privet_bulk::lines::whole_lines;
use privet_bulk::{Error, Result};
use privet_core::ErrorKind;

use crate::error::Error as S3Error;
use crate::fetch::collect;

/// A manifest, in the state in which it was opened.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    client: Client,
    bucket: String,
    key: String,
    pub(super) e_tag: String,
    pub(super) length: u64,
}

/// A line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Manifest {
    pub(super) async fn open(client: Client, bucket: &str, key: &str) -> Result<Self> {
        let head = client.head_object().bucket(bucket).key(key).send().await;
        let head = head.map_err(|error| S3Error::from_sdk("HeadObject", &error))?;
        let length = head.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        let e_tag = head.e_tag.ok_or_else(|| Error::new(ErrorKind::Io, "S3 gave no ETag for the manifest"))?;
        Ok(Self { client, bucket: bucket.to_owned(), key: key.to_owned(), e_tag, length })
    }

    /// The lines that begin in this range, from a line's beginning on, some at a time; and where the next ones begin.
    pub(super) async fn page(&self, range: Range<u64>, from: Option<u64>) -> Result<(Vec<Result<Entry>>, Option<u64>)> {
        let mut start = from.unwrap_or(range.start);
        // A line that begins before the range belongs to the shard before.
        let skips = from.is_none() && range.start > 0;
        if skips {
            start -= 1;
        }
        if start >= range.end {
            return Ok((Vec::new(), None));
        }
        let end = start.saturating_add(PAGE).min(self.length);
        let text = self.fetch(start..end).await?;
        let is_end = end >= self.length;
        let (lines, next) = whole_lines(&text, start, range.end, skips, is_end);
        if lines.is_empty() && !is_end && next == Some(start) {
            return Err(Error::new(ErrorKind::Input, "a line of the manifest is longer than a key can be"));
        }
        let entries = lines.into_iter().filter_map(|line| text.get(line)).filter_map(parse).collect();
        Ok((entries, next.filter(|next| *next < range.end)))
    }

    async fn fetch(&self, range: Range<u64>) -> Result<Vec<u8>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let get = self.client.get_object().bucket(&self.bucket).key(&self.key).if_match(&self.e_tag);
        let got = get.range(format!("bytes={}-{}", range.start, range.end - 1)).send().await;
        let got = got.map_err(|error| S3Error::from_sdk("GetObject", &error))?;
        Ok(collect(got, PAGE).await?)
    }
}

/// What a line says; `None` if it is empty.
fn parse(line: &[u8]) -> Option<Result<Entry>> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let wrong = || Error::new(ErrorKind::Input, "a line of the manifest is not `bucket,key` or `bucket,key,version`");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
    let cells = reader.records().next().and_then(std::result::Result::ok).ok_or_else(wrong);
    Some(cells.and_then(|cells| {
        let (Some(bucket), Some(key), 2..=3) = (cells.get(0), cells.get(1), cells.len()) else { return Err(wrong()) };
        let key = decode_key(key).filter(|key| !key.is_empty()).ok_or_else(wrong)?;
        Ok(Entry { bucket: bucket.to_owned(), key })
    }))
}

/// A key as events and manifests of S3 have it: URL-decoded, `+` is a space. `None` if it is no such text.
#[must_use]
pub fn decode_key(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
                u8::try_from(high? * 16 + low?).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Bytes that are read at a time: some hundred objects. A key has 1,024 bytes at most, 3,072 URL-encoded.
const PAGE: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_s3_says() {
        let entry = |line: &str| parse(line.as_bytes()).map(|entry| entry.map(|entry| entry.key).ok());
        for (line, key) in [
            ("b,a.txt\n", Some(Some("a.txt"))),
            ("b,a+b%2Fc%25.txt,v1\r\n", Some(Some("a b/c%.txt"))),
            ("\"b\",\"a%2Cb\"", Some(Some("a,b"))),
            ("\r\n", None),
            ("b", Some(None)),
            ("b,", Some(None)),
            ("b,k,v,x", Some(None)),
            ("b,%zz", Some(None)),
            ("b,%ff", Some(None)),
            ("b,%e2%82%ac", Some(Some("€"))),
        ] {
            assert_eq!(entry(line), key.map(|key| key.map(str::to_owned)), "{line}");
        }
    }
}
