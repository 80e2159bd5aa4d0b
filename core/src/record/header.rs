//! The header of a record: its salt and, per class, the wrapped data key, commitment and tag.

use crate::classification::Classification;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};

/// A record's header (privet record format, section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Random, new for each full write.
    pub salt: [u8; 16],
    /// Whether each section carries a tag over the whole record.
    pub integrity: bool,
    /// The record version, if the table keeps one. Only with `integrity`.
    pub version: Option<u64>,
    /// One section per class, in ascending order of their codes.
    pub sections: Vec<Section>,
}

/// What a header holds for one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The class.
    pub class: Classification,
    /// The class's data key, wrapped.
    pub edks: Vec<EncryptedDataKey>,
    /// Says which data key and record context the section belongs to.
    pub commitment: [u8; 32],
    /// HMAC over the record; zero without integrity, and while tags are computed.
    pub tag: [u8; 32],
}

impl Header {
    /// How the headers of records without record integrity start: version, suite, no flags.
    pub const FIELD_INTEGRITY: [u8; 3] = [VERSION, SUITE, 0];

    /// Reads a header. Nothing is asked of any key provider before this has passed.
    ///
    /// # Errors
    ///
    /// `Unsupported` if a newer release wrote it; `Integrity` for everything else.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        match bytes {
            _ if bytes.len() > MAX_HEADER => Err(Error::integrity()),
            [NEXT_VERSION, ..] | [VERSION, NEXT_SUITE, ..] => {
                Err(Error::unsupported("the record was written by a newer release of privet: update this one"))
            }
            _ => parse(bytes).ok_or_else(Error::integrity),
        }
    }

    /// The bytes of the header.
    ///
    /// # Errors
    ///
    /// `Input` if the wrapped keys make it longer than 8 KiB.
    pub fn serialise(&self) -> Result<Vec<u8>> {
        Ok(self.without_tags()?.tagged(self.sections.iter().map(|section| section.tag)))
    }

    /// The bytes with every tag zero: what tags are computed over.
    pub(super) fn without_tags(&self) -> Result<UntaggedHeader> {
        let sections =
            self.sections.iter().map(|section| (section.class, section.edks.as_slice(), &section.commitment));
        UntaggedHeader::write(&self.salt, self.integrity, self.version, sections)
    }
}

/// The bytes of a header whose tags are not there yet.
pub(super) struct UntaggedHeader {
    /// The header, with zeros for the tags.
    pub(super) bytes: Vec<u8>,
    /// Where each section's tag goes; empty without record integrity.
    pub(super) tags: Vec<usize>,
}

impl UntaggedHeader {
    /// Writes a header with these sections, in ascending order of their classes.
    pub(super) fn write<'a>(
        salt: &[u8; 16],
        integrity: bool,
        version: Option<u64>,
        sections: impl ExactSizeIterator<Item = (Classification, &'a [EncryptedDataKey], &'a [u8; 32])>,
    ) -> Result<Self> {
        let mut out = Vec::with_capacity(1024);
        let mut tags = Vec::new();
        let version_flag = if version.is_some() { FLAG_VERSION } else { 0 };
        let integrity_flag = if integrity { FLAG_INTEGRITY } else { 0 };
        out.extend_from_slice(&[VERSION, SUITE, integrity_flag | version_flag]);
        out.extend_from_slice(salt);
        if let Some(version) = version {
            out.extend_from_slice(&version.to_be_bytes());
        }
        out.push(count(sections.len(), MAX_SECTIONS)?);
        for (class, edks, commitment) in sections {
            out.push(class.code());
            out.push(count(edks.len(), MAX_EDKS)?);
            for edk in edks {
                edk.write_into(&mut out)?;
            }
            out.extend_from_slice(commitment);
            if integrity {
                tags.push(out.len());
                out.extend_from_slice(&[0; 32]);
            }
        }
        if out.len() > MAX_HEADER {
            return Err(Error::input("the wrapped data keys take more than 8 KiB: use fewer or smaller ones"));
        }
        Ok(Self { bytes: out, tags })
    }

    /// The header with these tags, one a section.
    pub(super) fn tagged(mut self, tags: impl Iterator<Item = [u8; 32]>) -> Vec<u8> {
        for (place, tag) in self.tags.iter().zip(tags) {
            put_tag(&mut self.bytes, *place, &tag);
        }
        self.bytes
    }
}

fn put_tag(header: &mut [u8], place: usize, tag: &[u8; 32]) {
    if let Some(space) = header.get_mut(place..place + tag.len()) {
        space.copy_from_slice(tag);
    }
}

fn count(number: usize, most: u8) -> Result<u8> {
    u8::try_from(number)
        .ok()
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| Error::input("a record has 1 to 16 sections with 1 to 16 wrapped data keys each"))
}

fn parse(bytes: &[u8]) -> Option<Header> {
    let mut reader = Reader(bytes);
    if reader.array()? != [VERSION, SUITE] {
        return None;
    }
    let [flags] = reader.array()?;
    let integrity = flags & FLAG_INTEGRITY != 0;
    let has_version = flags & FLAG_VERSION != 0;
    if flags & !(FLAG_INTEGRITY | FLAG_VERSION) != 0 || has_version && !integrity {
        return None;
    }
    let salt = reader.array()?;
    let version =
        if has_version { Some(u64::from_be_bytes(reader.array()?)).filter(|version| *version > 0) } else { None };
    if has_version != version.is_some() {
        return None;
    }
    let section_count = reader.count(MAX_SECTIONS)?;
    let mut sections: Vec<Section> = Vec::with_capacity(section_count.into());
    for _ in 0..section_count {
        let [code] = reader.array()?;
        let class = Classification::from_code(code)?;
        if sections.last().is_some_and(|last| last.class >= class) {
            return None;
        }
        let edks = (0..reader.count(MAX_EDKS)?).map(|_| reader.edk()).collect::<Option<Vec<_>>>()?;
        let commitment = reader.array()?;
        let tag = if integrity { reader.array()? } else { [0; 32] };
        sections.push(Section { class, edks, commitment, tag });
    }
    reader.0.is_empty().then_some(Header { salt, integrity, version, sections })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn count(&mut self, most: u8) -> Option<u8> {
        let [count] = self.array()?;
        (1..=most).contains(&count).then_some(count)
    }

    fn edk(&mut self) -> Option<EncryptedDataKey> {
        let [length] = self.array()?;
        let provider_id = std::str::from_utf8(self.take(length.into())?).ok()?.to_owned();
        let provider_info = self.lp16()?.to_vec();
        let ciphertext = self.lp16()?.to_vec();
        Some(EncryptedDataKey { provider_id, provider_info, ciphertext })
    }

    fn lp16(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(length.into())
    }
}

const VERSION: u8 = 1;
const SUITE: u8 = 1;
// Two bits away from 1, so that no single flipped bit makes a damaged record look like a newer one.
const NEXT_VERSION: u8 = 2;
const NEXT_SUITE: u8 = 2;
const FLAG_INTEGRITY: u8 = 1;
const FLAG_VERSION: u8 = 2;
const MAX_HEADER: usize = 8 * 1024;
const MAX_SECTIONS: u8 = 16;
const MAX_EDKS: u8 = 16;
