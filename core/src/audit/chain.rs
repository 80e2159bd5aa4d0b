//! The chain over audit events: what each line says of the one before, with a key or without.
//!
//! ```text
//! {"privet_audit":1,"keyed":true,"after":null,"id":"<32 hex>","seq":1,"tag":"<64 hex>"}
//! {"time":"...","principal":"u-17",...,"seq":2,"tag":"<64 hex>"}
//! ```
//!
//! The tag of a line is HMAC-SHA-256 under the key, or SHA-256 without one, of `privet audit 1` and a zero byte, the 32
//! bytes of the tag before (zeros for the first line of all), and the line up to `,"tag":`. The first line of a file says
//! in `after` which tag it goes on from.

use std::fmt;

use serde_json::Value as Json;

use crate::crypto::{MacKey, Secret, equal, fill, sha256};
use crate::error::{Error, Result};

mod verify;

pub use verify::{ChainProblem, ChainReport, ChainVerifier};

/// The place of an event in a log: its number and its tag. Whoever notes it elsewhere notices later if the log was cut
/// off before it, even by someone who has the key.
///
/// Its text is `NUMBER:TAG`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The number of the line; the first has 1.
    pub seq: u64,
    pub(super) tag: Tag,
}

pub(super) type Tag = [u8; 32];

impl ChainHead {
    /// Before the first line.
    pub(super) const START: Self = Self { seq: 0, tag: [0; 32] };

    /// Reads `NUMBER:TAG`.
    ///
    /// # Errors
    ///
    /// `Input` if it is not that.
    pub fn parse(text: &str) -> Result<Self> {
        let (seq, tag) = text.trim().split_once(':').unwrap_or_default();
        let head = seq.parse().ok().zip(tag_of(tag.as_bytes())).map(|(seq, tag)| Self { seq, tag });
        head.ok_or_else(|| {
            Error::input("the head of an audit log is written `NUMBER:TAG`, as `audit verify` prints it")
        })
    }
}

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.seq, Hex(&self.tag)))
    }
}

impl fmt::Debug for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What tags are made with.
pub(super) enum Chain {
    Keyed(Box<MacKey>),
    Hashed,
}

impl Chain {
    pub(super) fn new(key: Option<&Secret>) -> Result<Self> {
        match key {
            None => Ok(Self::Hashed),
            Some(key) if key.expose().len() >= 32 => Ok(Self::Keyed(Box::new(MacKey::new(key.expose())?))),
            Some(_) => Err(Error::config("the key of an audit log has 32 bytes at least")),
        }
    }

    pub(super) fn is_keyed(&self) -> bool {
        matches!(self, Self::Keyed(_))
    }

    fn tag(&self, before: &Tag, body: &[u8]) -> Tag {
        let message = [DOMAIN, before, body].concat();
        match self {
            Self::Keyed(key) => key.tag(&message),
            Self::Hashed => sha256(&message),
        }
    }

    fn is_tag(&self, before: &Tag, line: &Line<'_>) -> bool {
        equal(&self.tag(before, line.body), &line.tag)
    }

    /// Appends the first line of a file, which goes on from `head`.
    pub(super) fn begin(&self, head: ChainHead, out: &mut Vec<u8>) -> Result<ChainHead> {
        let mut id = [0; 16];
        fill(&mut id)?;
        let after = if head == ChainHead::START { "null".to_owned() } else { format!("\"{}\"", Hex(&head.tag)) };
        let first = format!("{{{MARK}\"keyed\":{},\"after\":{after},\"id\":\"{}\"}}", self.is_keyed(), Hex(&id));
        Ok(self.append(head, first.as_bytes(), out))
    }

    /// Appends the line of this JSON object, which goes on from `head`.
    pub(super) fn append(&self, head: ChainHead, object: &[u8], out: &mut Vec<u8>) -> ChainHead {
        // A head comes out of files that others may have written.
        let seq = head.seq.saturating_add(1);
        let start = out.len();
        out.extend_from_slice(object.strip_suffix(b"}").unwrap_or(object));
        out.extend_from_slice(format!("{SEQ}{seq}").as_bytes());
        let tag = self.tag(&head.tag, out.get(start..).unwrap_or_default());
        out.extend_from_slice(format!("{TAG}{}\"}}\n", Hex(&tag)).as_bytes());
        ChainHead { seq, tag }
    }
}

/// A line of a chained log, taken apart. Nothing is verified yet.
pub(super) struct Line<'a> {
    /// What the tag is of.
    body: &'a [u8],
    pub(super) head: ChainHead,
    tag: Tag,
    is_first: bool,
}

impl<'a> Line<'a> {
    /// Takes a line apart, without its end; `None` if it is none of a chained log.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let (body, tag) = line.strip_suffix(b"\"}")?.split_at_checked(line.len().checked_sub(2 + 64)?)?;
        let (body, tag) = (body.strip_suffix(TAG.as_bytes())?, tag_of(tag)?);
        let digits = body.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (before, digits) = body.split_at_checked(body.len() - digits)?;
        before.strip_suffix(SEQ.as_bytes())?;
        let seq = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let is_first = line.get(1..).is_some_and(|line| line.starts_with(MARK.as_bytes()));
        Some(Self { body, head: ChainHead { seq, tag }, tag, is_first })
    }

    /// What the first line of a file says: whether it is keyed, and the tag that it goes on from.
    fn first(&self) -> Option<(bool, Option<Tag>)> {
        let object = [self.body, b"}"].concat();
        let object: Json = serde_json::from_slice(&object).ok()?;
        let after = match object.get("after")? {
            Json::Null => None,
            Json::String(tag) => Some(tag_of(tag.as_bytes())?),
            _ => return None,
        };
        Some((object.get("keyed")?.as_bool()?, after))
    }
}

/// Whether this can be what is left of a file whose first line was not finished.
pub(super) fn is_torn_beginning(text: &[u8]) -> bool {
    let beginning = [b"{", MARK.as_bytes()].concat();
    text.starts_with(&beginning) || beginning.starts_with(text)
}

fn tag_of(text: &[u8]) -> Option<Tag> {
    let mut tag = [0; 32];
    let pairs = text.chunks_exact(2);
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in tag.iter_mut().zip(pairs) {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(tag)
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

const DOMAIN: &[u8] = b"privet audit 1\0";
/// What the first line of a file begins with, after its brace.
const MARK: &str = "\"privet_audit\":1,";
const SEQ: &str = ",\"seq\":";
const TAG: &str = ",\"tag\":\"";

#[cfg(test)]
mod tests;
