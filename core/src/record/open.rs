//! Opening a record: commitments, tags, then values; never a value before all checks of its section.

use super::context::RecordContext;
use super::fields::{Stored, look_at, open_value};
use super::header::{Header, Section};
use super::integrity::signed_bytes;
use super::keys::SectionKeys;
use super::{Form, Integrity, JSON_CLEAR, Layout};
use crate::classification::Classification;
use crate::crypto::{Secret, equal};
use crate::error::{Error, Result};
use crate::value::{Map, Path, Step, Value};

/// A record that was opened as far as the given keys allow.
#[derive(Debug)]
pub struct Opened {
    /// The record in clear. Values of withheld classes are not in it.
    pub record: Map,
    /// Where values were left out because their class's key was not given.
    pub withheld: Vec<(Path, Classification)>,
    /// Where values were sealed, and under which class, as stored.
    pub sealed: Vec<(Path, Classification)>,
}

/// Opens a stored record with the data keys of some or all of its classes.
///
/// `header` is the parsed header of `stored`. A class for which `data_key` gives none is withheld.
///
/// # Errors
///
/// `Integrity` if anything does not authenticate, or the record lacks the integrity that the layout demands; `Denied`
/// if the record has integrity tags and no key was given to check any of them.
pub fn open<'k>(
    mut stored: Map,
    header: &Header,
    data_key: impl Fn(Classification) -> Option<&'k Secret>,
    layout: &Layout,
    context: &RecordContext,
) -> Result<Opened> {
    // Without this, stripping the tags would turn record integrity into field integrity.
    if layout.integrity == Integrity::Record && !header.integrity {
        return Err(Error::integrity());
    }
    let mut keys = Vec::with_capacity(header.sections.len());
    for section in &header.sections {
        if let Some(data_key) = data_key(section.class) {
            keys.push((section, SectionKeys::committed(section, data_key, &header.salt, context)?));
        }
    }
    if header.integrity {
        if keys.is_empty() {
            return Err(Error::denied(
                "no class of this record can be unwrapped, so that nothing of it can be verified",
            ));
        }
        verify(header, &stored, keys.iter().map(|(section, keys)| (*section, keys)), layout)?;
    }

    stored.remove(&layout.header);
    let mut walk = Walk {
        header,
        keys: keys.iter().map(|(section, keys)| (section.class, keys)).collect(),
        form: layout.form,
        scratch: Vec::with_capacity(64),
        withheld: Vec::new(),
        sealed: Vec::new(),
    };
    let mut record = Map::new();
    for (name, value) in stored {
        let value =
            if layout.is_key(&name) { Some(value) } else { walk.open(value, &mut Path::attribute(name.as_str()))? };
        if let Some(value) = value {
            record.insert(name, value);
        }
    }
    Ok(Opened { record, withheld: walk.withheld, sealed: walk.sealed })
}

/// Checks the tags of these sections over the whole record.
pub(super) fn verify<'a>(
    header: &Header,
    stored: &Map,
    sections: impl Iterator<Item = (&'a Section, &'a SectionKeys)>,
    layout: &Layout,
) -> Result<()> {
    let untagged = header.without_tags().map_err(|_| Error::integrity())?;
    let message = signed_bytes(&untagged.bytes, stored, layout).map_err(|_| Error::integrity())?;
    let all = sections.fold(true, |all, (section, keys)| equal(&keys.tag.tag(&message), &section.tag) & all);
    if all { Ok(()) } else { Err(Error::integrity()) }
}

struct Walk<'a> {
    header: &'a Header,
    keys: Vec<(Classification, &'a SectionKeys)>,
    form: Form,
    scratch: Vec<u8>,
    withheld: Vec<(Path, Classification)>,
    sealed: Vec<(Path, Classification)>,
}

impl Walk<'_> {
    /// The value in clear; `None` if it is withheld.
    fn open(&mut self, value: Value, path: &mut Path) -> Result<Option<Value>> {
        Ok(Some(match value {
            Value::B(bytes) => match look_at(&bytes)? {
                Stored::Sealed(class) => return self.open_sealed(&bytes, class, path),
                Stored::Clear(clear) if clear.len() == bytes.len() => Value::B(bytes),
                Stored::Clear(clear) => Value::B(clear.to_vec()),
            },
            Value::M(members) => Value::M(self.open_members(self.without_escape(members), path)?),
            Value::L(values) => {
                let mut open = Vec::with_capacity(values.len());
                for (index, value) in values.into_iter().enumerate() {
                    path.push(Step::Index(u32::try_from(index).map_err(|_| Error::integrity())?));
                    // A withheld element keeps its place, so that the others keep theirs.
                    open.push(self.open(value, path)?.unwrap_or(Value::Null));
                    path.pop();
                }
                Value::L(open)
            }
            other => other,
        }))
    }

    fn open_members(&mut self, members: Map, path: &mut Path) -> Result<Map> {
        let mut open = Map::new();
        for (name, value) in members {
            path.push(Step::Key(name.clone()));
            if let Some(value) = self.open(value, path)? {
                open.insert(name, value);
            }
            path.pop();
        }
        Ok(open)
    }

    fn open_sealed(&mut self, bytes: &[u8], class: Classification, path: &Path) -> Result<Option<Value>> {
        if !self.header.sections.iter().any(|section| section.class == class) {
            return Err(Error::integrity());
        }
        self.sealed.push((path.clone(), class));
        let Some((_, keys)) = self.keys.iter().find(|(with_key, _)| *with_key == class) else {
            self.withheld.push((path.clone(), class));
            return Ok(None);
        };
        open_value(bytes, class, path, &keys.field, &mut self.scratch).map(Some)
    }

    fn without_escape(&self, mut members: Map) -> Map {
        if self.form == Form::Json && members.len() == 1 {
            match members.remove(JSON_CLEAR) {
                Some(Value::M(clear)) => return clear,
                Some(other) => {
                    members.insert(JSON_CLEAR.to_owned(), other);
                }
                None => {}
            }
        }
        members
    }
}
