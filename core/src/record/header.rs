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
        let sections =
            self.sections.iter().map(|section| (section.class, section.edks.as_slice(), &section.commitment));
        let untagged = UntaggedHeader::write(&self.salt, self.integrity, self.version, sections)?;
        Ok(untagged.tagged(self.sections.iter().map(|section| section.tag)))
    }

    /// Appends the bytes with every tag zero: what tags are computed over.
    pub(super) fn append_untagged(&self, out: &mut Vec<u8>) -> Result<()> {
        let sections =
            self.sections.iter().map(|section| (section.class, Edks::Parsed(&section.edks), &section.commitment));
        append_untagged(&self.salt, self.integrity, self.version, sections, out, |_| {})
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
        let (mut bytes, mut tags) = (Vec::with_capacity(512), Vec::with_capacity(sections.len()));
        let sections = sections.map(|(class, edks, commitment)| (class, Edks::Parsed(edks), commitment));
        append_untagged(salt, integrity, version, sections, &mut bytes, |place| tags.push(place))?;
        Ok(Self { bytes, tags })
    }

    /// The header with these tags, one a section.
    pub(super) fn tagged(mut self, tags: impl Iterator<Item = [u8; 32]>) -> Vec<u8> {
        for (place, tag) in self.tags.iter().zip(tags) {
            put_tag(&mut self.bytes, *place, &tag);
        }
        self.bytes
    }
}

/// The wrapped keys of a section.
pub(super) enum Edks<'a> {
    Parsed(&'a [EncryptedDataKey]),
    /// As they stand in headers, with their number in front.
    Raw(&'a [u8]),
}

impl Edks<'_> {
    fn append(&self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Parsed(edks) => {
                out.push(count(edks.len(), MAX_EDKS)?);
                edks.iter().try_for_each(|edk| edk.write_into(out))
            }
            Self::Raw(bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

/// Wrapped keys as they stand in headers, with their number in front.
pub(crate) fn raw_edks(edks: &[EncryptedDataKey]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    Edks::Parsed(edks).append(&mut out)?;
    Ok(out)
}

/// Appends a header with zeros for its tags, and says where in the header each tag goes.
pub(super) fn append_untagged<'a>(
    salt: &[u8; 16],
    integrity: bool,
    version: Option<u64>,
    sections: impl Iterator<Item = (Classification, Edks<'a>, &'a [u8; 32])>,
    out: &mut Vec<u8>,
    mut tag_at: impl FnMut(usize),
) -> Result<()> {
    let start = out.len();
    let version_flag = if version.is_some() { FLAG_VERSION } else { 0 };
    let integrity_flag = if integrity { FLAG_INTEGRITY } else { 0 };
    out.extend_from_slice(&[VERSION, SUITE, integrity_flag | version_flag]);
    out.extend_from_slice(salt);
    if let Some(version) = version {
        out.extend_from_slice(&version.to_be_bytes());
    }
    let (place_of_count, mut number) = (out.len(), 0);
    out.push(0);
    for (class, edks, commitment) in sections {
        number += 1;
        out.push(class.code());
        edks.append(out)?;
        out.extend_from_slice(commitment);
        if integrity {
            tag_at(out.len() - start);
            out.extend_from_slice(&[0; 32]);
        }
    }
    let number = count(number, MAX_SECTIONS)?;
    if let Some(place) = out.get_mut(place_of_count) {
        *place = number;
    }
    if out.len() - start > MAX_HEADER {
        return Err(Error::input("the wrapped data keys take more than 8 KiB: use fewer or smaller ones"));
    }
    Ok(())
}

pub(super) fn put_tag(header: &mut [u8], place: usize, tag: &[u8; 32]) {
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

/// A header where it stands in its bytes: lengths and order are checked, wrapped keys are not looked into.
pub(crate) struct RawHeader<'a> {
    pub(super) salt: &'a [u8; 16],
    pub(crate) integrity: bool,
    pub(crate) version: Option<u64>,
    /// One a class at most, in the order of the classes.
    sections: [Option<RawSection<'a>>; Classification::ALL.len()],
}

/// A section where it stands in its header's bytes.
#[derive(Clone, Copy)]
pub(crate) struct RawSection<'a> {
    pub(crate) class: Classification,
    /// The number of wrapped keys, and those.
    pub(crate) edks: &'a [u8],
    pub(super) commitment: &'a [u8; 32],
    pub(super) tag: &'a [u8; 32],
}

impl<'a> RawHeader<'a> {
    /// `None` for whatever [`Header::parse`] refuses, but for ids of key providers that are no text.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if bytes.len() > MAX_HEADER || *reader.array()? != [VERSION, SUITE] {
            return None;
        }
        let [flags] = *reader.array()?;
        let integrity = flags & FLAG_INTEGRITY != 0;
        let has_version = flags & FLAG_VERSION != 0;
        if flags & !(FLAG_INTEGRITY | FLAG_VERSION) != 0 || has_version && !integrity {
            return None;
        }
        let salt = reader.array()?;
        let version =
            if has_version { Some(u64::from_be_bytes(*reader.array()?)).filter(|version| *version > 0) } else { None };
        if has_version != version.is_some() {
            return None;
        }
        let mut sections = [None; Classification::ALL.len()];
        // Fewer classes are known than the format has room for.
        let mut places = Classification::ALL.into_iter().zip(&mut sections);
        for _ in 0..reader.count(MAX_SECTIONS)? {
            let [code] = *reader.array()?;
            let (class, place) = places.find(|(class, _)| class.code() == code)?;
            let edks = reader.edks()?;
            let commitment = reader.array()?;
            let tag = if integrity { reader.array()? } else { &[0; 32] };
            *place = Some(RawSection { class, edks, commitment, tag });
        }
        reader.0.is_empty().then_some(Self { salt, integrity, version, sections })
    }

    pub(crate) fn sections(&self) -> impl Iterator<Item = &RawSection<'a>> {
        self.sections.iter().flatten()
    }

    /// Appends the bytes with every tag zero.
    pub(super) fn append_untagged(&self, out: &mut Vec<u8>) -> Result<()> {
        let sections = self.sections().map(|section| (section.class, Edks::Raw(section.edks), section.commitment));
        append_untagged(self.salt, self.integrity, self.version, sections, out, |_| {})
    }
}

impl RawSection<'_> {
    /// `None` if the id of a key provider is no text.
    pub(crate) fn edks(&self) -> Option<Vec<EncryptedDataKey>> {
        let (count, mut edks) = self.edks.split_first()?;
        (0..*count).map(|_| EncryptedDataKey::take(&mut edks)).collect()
    }
}

fn parse(bytes: &[u8]) -> Option<Header> {
    let raw = RawHeader::parse(bytes)?;
    let section = |section: &RawSection<'_>| {
        let edks = section.edks()?;
        Some(Section { class: section.class, edks, commitment: *section.commitment, tag: *section.tag })
    };
    let sections = raw.sections().map(section).collect::<Option<_>>()?;
    Some(Header { salt: *raw.salt, integrity: raw.integrity, version: raw.version, sections })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(bytes)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.0 = self.0.get(length..)?;
        Some(())
    }

    fn count(&mut self, most: u8) -> Option<u8> {
        let [count] = *self.array()?;
        (1..=most).contains(&count).then_some(count)
    }

    /// The number of wrapped keys, and those.
    fn edks(&mut self) -> Option<&'a [u8]> {
        let start = self.0;
        for _ in 0..self.count(MAX_EDKS)? {
            let [provider_id] = *self.array()?;
            self.skip(provider_id.into())?;
            for _ in 0..2 {
                let length = u16::from_be_bytes(*self.array()?);
                self.skip(length.into())?;
            }
        }
        start.get(..start.len() - self.0.len())
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
