//! Changing values of a stored record under the salt and the keys that it has.

use super::context::RecordContext;
use super::header::{Header, UntaggedHeader};
use super::integrity::signed_bytes;
use super::keys::SectionKeys;
use super::open::verify;
use super::seal::{SectionKey, escape_clear, find_in_escaped, nothing_at};
use super::{Layout, fields::seal_value};
use crate::classification::Classification;
use crate::crypto::{self, NONCE_LENGTH};
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};
use crate::value::{Map, Path, Value};

/// A value to be put in place of what is stored at a path, or to be removed.
#[derive(Debug)]
pub struct Change {
    /// Where.
    pub path: Path,
    /// What, in clear; `None` to remove what is there.
    pub value: Option<Value>,
    /// What of it is sealed, under which class. Paths from the record's root.
    pub sealings: Vec<(Path, Classification)>,
}

/// What to write for an update, and under which header.
#[derive(Debug)]
pub struct Updated {
    /// The stored form of each change, in their order; `None` to remove what is there.
    pub values: Vec<(Path, Option<Value>)>,
    /// The header's bytes, if they are others than before.
    pub header: Option<Vec<u8>>,
}

/// Seals changed values for a record that has this header, without the rest of the record. Write them on the condition
/// that the header is still the same.
///
/// `keys` has one entry for each class in the changes: of a class that has a section, its data key; of any other, a data
/// key with which a section is added.
///
/// # Errors
///
/// `Integrity` if a data key is not the one of its section, or the record carries tags over all of it, which need the
/// rest; `Input` if a value cannot be serialised; `Config` if a class has no key or a key attribute is to be changed.
pub fn update(
    header: &Header,
    changes: Vec<Change>,
    keys: &[SectionKey<'_>],
    layout: &Layout,
    context: &RecordContext,
) -> Result<Updated> {
    if header.integrity {
        return Err(Error::integrity());
    }
    let sections = Sections::new(header, keys, context)?;
    let values = sections.seal(changes, layout)?;
    let header = if sections.added { Some(sections.write(header, None)?.bytes) } else { None };
    Ok(Updated { values, header })
}

/// Seals changed attributes of a record with record integrity and tags the record anew. Write them on the condition that
/// the header is still the same.
///
/// `stored` is the record as it is stored; it is verified. `keys` has one entry for each section, since every tag
/// changes, and for each class in the changes. Changes are of whole attributes. `version` is the new record version.
///
/// # Errors
///
/// `Integrity` if the record does not authenticate; otherwise as [`update`].
pub fn update_tagged(
    mut stored: Map,
    header: &Header,
    changes: Vec<Change>,
    keys: &[SectionKey<'_>],
    version: Option<u64>,
    layout: &Layout,
    context: &RecordContext,
) -> Result<Updated> {
    if !header.integrity {
        return Err(Error::integrity());
    }
    let sections = Sections::new(header, keys, context)?;
    if header.sections.iter().any(|stored| sections.all.iter().all(|section| section.class != stored.class)) {
        return Err(Error::config(
            "an update of a record with record integrity needs the data keys of all its classes",
        ));
    }
    let old = sections.all.iter().filter_map(|section| Some((section.stored?, &section.keys)));
    verify(header, &stored, old, layout)?;
    let values = sections.seal(changes, layout)?;
    for (path, value) in &values {
        if path.steps().len() != 1 {
            return Err(Error::input(format!("`{path}` is no attribute: give its attribute as a whole")));
        }
        match value {
            Some(value) => stored.insert(path.root().to_owned(), value.clone()),
            None => stored.remove(path.root()),
        };
    }
    let untagged = sections.write(header, version)?;
    let message = signed_bytes(&stored, layout, |out| {
        out.extend_from_slice(&untagged.bytes);
        Ok(())
    })?;
    let header = untagged.tagged(sections.all.iter().map(|section| section.keys.tag.tag(&message)));
    Ok(Updated { values, header: Some(header) })
}

/// The sections that a record has or gets, in the order of their classes.
struct Sections<'a> {
    all: Vec<Section<'a>>,
    added: bool,
}

struct Section<'a> {
    class: Classification,
    edks: &'a [EncryptedDataKey],
    keys: SectionKeys,
    stored: Option<&'a super::header::Section>,
}

impl<'a> Sections<'a> {
    fn new(header: &'a Header, given: &[SectionKey<'a>], context: &RecordContext) -> Result<Self> {
        let mut all: Vec<Section<'a>> = Vec::with_capacity(given.len());
        for key in given {
            if all.iter().any(|section| section.class == key.class) {
                return Err(Error::config("a class has two data keys: give one for each"));
            }
            let stored = header.sections.iter().find(|section| section.class == key.class);
            let keys = match stored {
                Some(section) => {
                    SectionKeys::committed(key.class, &section.commitment, key.data_key, &header.salt, context)?
                }
                None => SectionKeys::derive(key.class, key.data_key, &header.salt, context)?,
            };
            let edks = stored.map_or(key.edks, |section| section.edks.as_slice());
            all.push(Section { class: key.class, edks, keys, stored });
        }
        all.sort_unstable_by_key(|section| section.class);
        let added = all.iter().any(|section| section.stored.is_none());
        Ok(Self { all, added })
    }

    fn seal(&self, changes: Vec<Change>, layout: &Layout) -> Result<Vec<(Path, Option<Value>)>> {
        let mut nonces = vec![0; NONCE_LENGTH * changes.iter().map(|change| change.sealings.len()).sum::<usize>()];
        crypto::fill(&mut nonces)?;
        let mut nonces = nonces.as_chunks::<NONCE_LENGTH>().0.iter().copied();
        let mut scratch = Vec::with_capacity(64);
        let mut values = Vec::with_capacity(changes.len());
        for Change { path, value, sealings } in changes {
            if layout.is_key(path.root()) || path.root() == layout.header {
                return Err(Error::config(format!("`{}` cannot be changed: put the record anew", path.root())));
            }
            let Some(mut value) = value else {
                values.push((path, None));
                continue;
            };
            let mut blobs = Vec::with_capacity(sealings.len());
            for ((at, class), nonce) in sealings.iter().zip(&mut nonces) {
                let section = self.all.iter().find(|section| section.class == *class);
                let section =
                    section.ok_or_else(|| Error::config(format!("there is no data key for class `{class}`")))?;
                let steps = at.steps().strip_prefix(path.steps()).ok_or_else(|| nothing_at(at))?;
                let clear = Path::find_in(&mut value, steps).ok_or_else(|| nothing_at(at))?;
                let blob = seal_value(clear, *class, at, &section.keys.field, nonce, &mut scratch)?;
                clear.wipe();
                *clear = Value::Null;
                blobs.push((at, steps, blob));
            }
            escape_clear(&mut value, layout.form);
            for (at, steps, blob) in blobs {
                *find_in_escaped(&mut value, steps, layout.form).ok_or_else(|| nothing_at(at))? = Value::B(blob);
            }
            values.push((path, Some(value)));
        }
        Ok(values)
    }

    /// The header with the sections it had and those that are added; without tags, if it has any.
    fn write(&self, header: &Header, version: Option<u64>) -> Result<UntaggedHeader> {
        let mut sections: Vec<(Classification, &[EncryptedDataKey], &[u8; 32])> = header
            .sections
            .iter()
            .map(|section| (section.class, section.edks.as_slice(), &section.commitment))
            .collect();
        let added = self.all.iter().filter(|section| section.stored.is_none());
        sections.extend(added.map(|section| (section.class, section.edks, &section.keys.commitment)));
        sections.sort_unstable_by_key(|(class, ..)| *class);
        UntaggedHeader::write(&header.salt, header.integrity, version, sections.into_iter())
    }
}
