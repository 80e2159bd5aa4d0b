//! Sealing a flat JSON document anew under other data keys, from text to text.
//!
//! This does nothing that opening, sealing and writing do not do, in fewer steps. What it does not know, and all that does
//! not authenticate, it leaves to them: it says `None`, and refuses nothing itself.

use super::base64url::append_decoded;
use super::context::{RecordContext, append_attribute};
use super::fields::{Stored, look_at, reseal_value};
use super::flat::{Flat, Leaf};
use super::header::{Edks, RawHeader, append_untagged, put_tag};
use super::json_text::write_base64;
use super::keys::SectionKeys;
use super::{Integrity, JSON_HEADER, Layout};
use crate::classification::{Classification, ClassificationSet};
use crate::crypto::{RandomPool, Secret, equal};
use crate::error::{Error, Result};
use crate::value::{Path, TypeId};

/// What the section of a class is opened with, and what it is sealed with.
pub(crate) struct SectionRekey<'a> {
    pub(crate) class: Classification,
    /// The data key that it has.
    pub(crate) old: &'a Secret,
    /// The data key that it gets.
    pub(crate) new: &'a Secret,
    /// That key wrapped, as headers have it: the number of wrapped keys, and those.
    pub(crate) edks: &'a [u8],
}

/// What is the same for all documents of a collection.
pub(crate) struct Collection<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) resource: &'a str,
    pub(crate) tenant: &'a str,
}

/// What goes for a member, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A key attribute.
    Key,
    /// Stored in clear, and left out of the tags.
    Unsigned,
    /// Sealed under this class, or in clear.
    Field(Option<Classification>),
}

/// Seals one document after the other, in the same memory. No plaintext is left in it.
pub(crate) struct Rekeyer {
    random: RandomPool,
    /// What tags are computed over, behind room for the longer of the two headers.
    signed: Vec<u8>,
    /// Where in it sealed values are.
    sealed: Vec<SealedPlace>,
    old_header: Vec<u8>,
    new_header: Vec<u8>,
    associated_data: Vec<u8>,
    path: Path,
}

struct SealedPlace {
    member: usize,
    start: usize,
    end: usize,
    class: Classification,
}

impl Rekeyer {
    pub(crate) fn new() -> Self {
        Self {
            random: RandomPool::new(RANDOM_BYTES),
            signed: Vec::with_capacity(2048),
            sealed: Vec::with_capacity(16),
            old_header: Vec::with_capacity(512),
            new_header: Vec::with_capacity(512),
            associated_data: Vec::with_capacity(64),
            path: Path::default(),
        }
    }

    /// Has to be called before anybody waits: random bytes asked for ahead must not be there in two copies of a process.
    pub(crate) fn pause(&mut self) {
        self.random.discard();
    }

    /// Appends the text of the document sealed anew: the same values under the same classes.
    ///
    /// `sections` has one entry for each section of `header`, the document's, in their order. A document that is not
    /// sealed as `role` says of its members is left to others. If the answer is `None`, what was appended is of no use.
    pub(crate) fn rekey(
        &mut self,
        document: &Flat<'_>,
        header: &RawHeader<'_>,
        sections: &[SectionRekey<'_>],
        collection: &Collection<'_>,
        role: impl FnMut(&str) -> Role,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let layout = collection.layout;
        let integrity = layout.integrity == Integrity::Record;
        if header.integrity != integrity || header.version.is_some() || layout.header != JSON_HEADER {
            return None;
        }
        if !header.sections().map(|section| section.class).eq(sections.iter().map(|section| section.class)) {
            return None;
        }
        let context = context_of(document, collection).ok()?;
        let salt = self.random.take().ok()?;
        let (mut old_keys, mut new_keys) = (Vec::with_capacity(sections.len()), Vec::with_capacity(sections.len()));
        for (stored, section) in header.sections().zip(sections) {
            let (class, commitment) = (section.class, stored.commitment);
            old_keys.push(SectionKeys::committed(class, commitment, section.old, header.salt, &context).ok()?);
            new_keys.push(SectionKeys::derive(class, section.new, &salt, &context).ok()?);
        }
        let mut tags = [0; Classification::ALL.len()];
        self.write_headers(header, sections, &salt, &new_keys, &mut tags)?;

        let front = 2 + self.old_header.len().max(self.new_header.len());
        self.read(document, front, role)?;
        if !self.classes().iter().eq(sections.iter().map(|section| section.class)) {
            return None;
        }
        if integrity {
            let message = put_in_front(&mut self.signed, front, &self.old_header)?;
            let tags = header.sections().zip(&old_keys).map(|(section, keys)| (section.tag, keys.tag.tag(message)));
            if !tags.fold(true, |all, (stored, tag)| equal(stored, &tag) & all) {
                return None;
            }
        }
        self.reseal(document, sections, &old_keys, &new_keys)?;
        if integrity {
            let message = put_in_front(&mut self.signed, front, &self.new_header)?;
            for (place, keys) in tags.iter().zip(&new_keys) {
                put_tag(&mut self.new_header, *place, &keys.tag.tag(message));
            }
        }
        self.write(document, out)
    }

    /// Both headers with zeros for their tags, and where in the new one each tag goes.
    fn write_headers(
        &mut self,
        header: &RawHeader<'_>,
        sections: &[SectionRekey<'_>],
        salt: &[u8; 16],
        keys: &[SectionKeys],
        tags: &mut [usize],
    ) -> Option<()> {
        let new = sections.iter().zip(keys);
        let new = new.map(|(section, keys)| (section.class, Edks::Raw(section.edks), &keys.commitment));
        let mut tags = tags.iter_mut();
        self.new_header.clear();
        append_untagged(salt, header.integrity, None, new, &mut self.new_header, |place| {
            if let Some(tag) = tags.next() {
                *tag = place;
            }
        })
        .ok()?;
        self.old_header.clear();
        header.append_untagged(&mut self.old_header).ok()
    }

    /// The attributes that tags are computed over, behind `front` bytes, and where in them the sealed ones are.
    fn read(&mut self, document: &Flat<'_>, front: usize, mut role: impl FnMut(&str) -> Role) -> Option<()> {
        self.sealed.clear();
        self.signed.clear();
        self.signed.resize(front, 0);
        for (member, (name, leaf)) in document.members.iter().enumerate() {
            match (role(name), leaf) {
                (Role::Field(Some(planned)), Leaf::Sealed(text)) => {
                    // Marker, name, type, and length are before the value.
                    let start = self.signed.len() + 2 + name.len() + 2 + 4;
                    append_attribute(name, TypeId::B, &mut self.signed, |out| append_decoded(text, out)).ok()?;
                    match look_at(self.signed.get(start..)?).ok()? {
                        Stored::Sealed(class) if class == planned => {
                            self.sealed.push(SealedPlace { member, start, end: self.signed.len(), class });
                        }
                        _ => return None,
                    }
                }
                (Role::Field(Some(_)), _) | (_, Leaf::Sealed(_)) => return None,
                (Role::Unsigned, _) => {}
                (Role::Key | Role::Field(None), leaf) => append_leaf(name, *leaf, &mut self.signed).ok()?,
            }
        }
        Some(())
    }

    /// The classes that need a section, as a record has them that is sealed now.
    fn classes(&self) -> ClassificationSet {
        let classes: ClassificationSet = self.sealed.iter().map(|place| place.class).collect();
        if classes.is_empty() { ClassificationSet::of(Classification::Public) } else { classes }
    }

    fn reseal(
        &mut self,
        document: &Flat<'_>,
        sections: &[SectionRekey<'_>],
        old_keys: &[SectionKeys],
        new_keys: &[SectionKeys],
    ) -> Option<()> {
        for place in &self.sealed {
            let section = sections.iter().position(|section| section.class == place.class)?;
            let (old, new) = (&old_keys.get(section)?.field, &new_keys.get(section)?.field);
            let (name, _) = document.members.get(place.member)?;
            self.path.start_at(name);
            let nonce = self.random.take().ok()?;
            let sealed = self.signed.get_mut(place.start..place.end)?;
            reseal_value(sealed, place.class, &self.path, (old, new), nonce, &mut self.associated_data)?;
        }
        Some(())
    }

    /// As [`write_json`](super::write_json) writes it.
    fn write(&self, document: &Flat<'_>, out: &mut Vec<u8>) -> Option<()> {
        let mut sealed = self.sealed.iter();
        let mut separator = b'{';
        let mut header = Some(&self.new_header);
        for (name, leaf) in &document.members {
            if let Some(header) = header.take_if(|_| *name > JSON_HEADER) {
                write_name(JSON_HEADER, separator, out);
                write_base64(header, out);
                separator = b',';
            }
            write_name(name, separator, out);
            separator = b',';
            match leaf {
                Leaf::Text(text) => write_plain(text, out),
                Leaf::Number(text) => out.extend_from_slice(text.as_bytes()),
                Leaf::Bool(true) => out.extend_from_slice(b"true"),
                Leaf::Bool(false) => out.extend_from_slice(b"false"),
                Leaf::Null => out.extend_from_slice(b"null"),
                Leaf::Sealed(_) => {
                    let place = sealed.next()?;
                    out.extend_from_slice(b"{\"$sealed\":");
                    write_base64(self.signed.get(place.start..place.end)?, out);
                    out.push(b'}');
                }
            }
        }
        if let Some(header) = header {
            write_name(JSON_HEADER, separator, out);
            write_base64(header, out);
        }
        out.push(b'}');
        Some(())
    }
}

fn context_of(document: &Flat<'_>, collection: &Collection<'_>) -> Result<RecordContext> {
    let Collection { layout, resource, tenant } = collection;
    RecordContext::write(resource, tenant, &layout.key, |name, out| {
        append_leaf(name, document.find(name).ok_or_else(Error::integrity)?, out)
    })
}

/// The leaf as a signed attribute, or as a key attribute of a context.
fn append_leaf(name: &str, leaf: Leaf<'_>, out: &mut Vec<u8>) -> Result<()> {
    let (type_id, bytes): (_, &[u8]) = match leaf {
        Leaf::Text(text) => (TypeId::S, text.as_bytes()),
        Leaf::Number(text) => (TypeId::N, text.as_bytes()),
        Leaf::Bool(flag) => (TypeId::BOOL, if flag { &[1] } else { &[0] }),
        Leaf::Null => (TypeId::NULL, &[]),
        Leaf::Sealed(_) => return Err(Error::integrity()),
    };
    append_attribute(name, type_id, out, |out| {
        out.extend_from_slice(bytes);
        Ok(())
    })
}

/// Puts a header right before what is behind the front; returns the two with the header's length before them.
fn put_in_front<'a>(signed: &'a mut [u8], front: usize, header: &[u8]) -> Option<&'a [u8]> {
    let message = signed.get_mut(front.checked_sub(2 + header.len())?..)?;
    let (length, rest) = message.split_first_chunk_mut()?;
    *length = u16::try_from(header.len()).ok()?.to_be_bytes();
    rest.get_mut(..header.len())?.copy_from_slice(header);
    Some(message)
}

fn write_name(name: &str, separator: u8, out: &mut Vec<u8>) {
    out.push(separator);
    write_plain(name, out);
    out.push(b':');
}

/// A text that needs no escapes.
fn write_plain(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Random bytes that are asked for at a time: those of some sixty documents.
const RANDOM_BYTES: usize = 4096;

#[cfg(test)]
mod tests;
