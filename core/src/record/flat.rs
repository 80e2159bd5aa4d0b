//! Sealed JSON documents whose members are leaves or sealed values, read where they stand in their text.

use memchr::memchr;

use super::json_text::is_small_integer;
use super::{JSON_HEADER, JSON_SEALED};

/// A document without nested values, in the spelling in which this release writes: most documents are of this kind, and
/// can be looked at without a tree of values.
pub(crate) struct Flat<'a> {
    header: &'a str,
    /// The other members, in byte order of their names.
    pub(super) members: Vec<(&'a str, Leaf<'a>)>,
}

/// The value of a member.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Leaf<'a> {
    /// Text without escapes.
    Text(&'a str),
    /// A whole number in its canonical spelling.
    Number(&'a str),
    Bool(bool),
    Null,
    /// What stands in `{"$sealed": "..."}`.
    Sealed(&'a str),
}

impl<'a> Flat<'a> {
    /// `None` for all other documents, and for what is no document: [`read_json`](super::read_json) tells what it is.
    pub(crate) fn read(text: &'a [u8]) -> Option<Self> {
        // Without a backslash no text has escapes, so that each ends at the next quotation mark. Without an early end
        // this is done for many bytes at once.
        let is_plain = text.iter().fold(true, |plain, byte| plain & (*byte >= 0x20) & (*byte != b'\\'));
        if !is_plain {
            return None;
        }
        let mut reader = Reader { text: std::str::from_utf8(text).ok()?, at: 0 };
        let (mut header, mut members) = (None, Vec::with_capacity(16));
        reader.sign(b'{')?;
        loop {
            let name = reader.text()?;
            reader.sign(b':')?;
            match reader.leaf()? {
                Leaf::Text(text) if name == JSON_HEADER && header.is_none() => header = Some(text),
                _ if name == JSON_HEADER => return None,
                leaf => members.push((name, leaf)),
            }
            if reader.sign(b',').is_none() {
                break;
            }
        }
        reader.sign(b'}')?;
        if reader.next().is_some() {
            return None;
        }
        if !members.is_sorted_by(|(one, _), (next, _)| one < next) {
            members.sort_unstable_by_key(|(name, _)| *name);
            // Of two members of one name, readers of JSON take the one or the other.
            if members.windows(2).any(|pair| matches!(pair, [(one, _), (next, _)] if one == next)) {
                return None;
            }
        }
        Some(Self { header: header?, members })
    }

    /// The header in base64url.
    pub(crate) fn header(&self) -> &'a str {
        self.header
    }

    /// The value of the member of this name.
    pub(super) fn find(&self, name: &str) -> Option<Leaf<'a>> {
        self.members.iter().find(|(other, _)| *other == name).map(|(_, leaf)| *leaf)
    }
}

/// A text, and where in it the next sign is.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self) {
        while self.next() == Some(b' ') {
            self.at += 1;
        }
    }

    /// A sign, and what space is around it.
    fn sign(&mut self, sign: u8) -> Option<()> {
        self.skip();
        (self.next()? == sign).then_some(())?;
        self.at += 1;
        self.skip();
        Some(())
    }

    fn text(&mut self) -> Option<&'a str> {
        (self.next()? == b'"').then_some(())?;
        let start = self.at + 1;
        let end = start + memchr(b'"', self.text.as_bytes().get(start..)?)?;
        self.at = end + 1;
        self.text.get(start..end)
    }

    fn leaf(&mut self) -> Option<Leaf<'a>> {
        Some(match self.next()? {
            b'"' => Leaf::Text(self.text()?),
            b'{' => {
                self.sign(b'{')?;
                (self.text()? == JSON_SEALED).then_some(())?;
                self.sign(b':')?;
                let sealed = self.text()?;
                self.sign(b'}')?;
                Leaf::Sealed(sealed)
            }
            _ => {
                let start = self.at;
                while !matches!(self.next()?, b',' | b'}' | b' ') {
                    self.at += 1;
                }
                match self.text.get(start..self.at)? {
                    "true" => Leaf::Bool(true),
                    "false" => Leaf::Bool(false),
                    "null" => Leaf::Null,
                    number => is_small_integer(number).then_some(Leaf::Number(number))?,
                }
            }
        })
    }
}
