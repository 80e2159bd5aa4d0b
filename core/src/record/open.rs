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
            keys.push((
                section,
                SectionKeys::committed(section.class, &section.commitment, data_key, &header.salt, context)?,
            ));
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
    let mut path = Path::default();
    retain(&mut stored, |name, value| {
        if layout.is_key(name) || !may_hold_sealed(value) {
            return Ok(true);
        }
        path.start_at(name);
        walk.open(value, &mut path)
    })?;
    Ok(Opened { record: stored, withheld: walk.withheld, sealed: walk.sealed })
}

/// Checks the tags of these sections over the whole record.
pub(super) fn verify<'a>(
    header: &Header,
    stored: &Map,
    sections: impl Iterator<Item = (&'a Section, &'a SectionKeys)>,
    layout: &Layout,
) -> Result<()> {
    let message = signed_bytes(stored, layout, |out| header.append_untagged(out)).map_err(|_| Error::integrity())?;
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
    /// Puts the value in clear in its own place; whether it is not withheld.
    fn open(&mut self, value: &mut Value, path: &mut Path) -> Result<bool> {
        match value {
            Value::B(bytes) => match look_at(bytes)? {
                Stored::Sealed(class) => return self.open_sealed(value, class, path),
                Stored::Clear(clear) if clear.len() == bytes.len() => {}
                Stored::Clear(clear) => *bytes = clear.to_vec(),
            },
            Value::M(members) => {
                self.take_off_escape(members);
                retain(members, |name, value| {
                    if !may_hold_sealed(value) {
                        return Ok(true);
                    }
                    path.push(Step::Key(name.to_owned()));
                    let is_open = self.open(value, path)?;
                    path.pop();
                    Ok(is_open)
                })?;
            }
            Value::L(values) => {
                for (index, value) in values.iter_mut().enumerate() {
                    path.push(Step::Index(u32::try_from(index).map_err(|_| Error::integrity())?));
                    // A withheld element keeps its place, so that the others keep theirs.
                    if !self.open(value, path)? {
                        *value = Value::Null;
                    }
                    path.pop();
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn open_sealed(&mut self, value: &mut Value, class: Classification, path: &Path) -> Result<bool> {
        if !self.header.sections.iter().any(|section| section.class == class) {
            return Err(Error::integrity());
        }
        self.sealed.push((path.clone(), class));
        let Some((_, keys)) = self.keys.iter().find(|(with_key, _)| *with_key == class) else {
            self.withheld.push((path.clone(), class));
            return Ok(false);
        };
        if let Value::B(sealed) = value {
            *value = open_value(std::mem::take(sealed), class, path, &keys.field, &mut self.scratch)?;
        }
        Ok(true)
    }

    fn take_off_escape(&self, members: &mut Map) {
        if self.form == Form::Json
            && members.len() == 1
            && let Some(Value::M(clear)) = members.get_mut(JSON_CLEAR)
        {
            *members = std::mem::take(clear);
        }
    }
}

/// Whether the value is sealed, escaped, or has parts that may be.
fn may_hold_sealed(value: &Value) -> bool {
    matches!(value, Value::B(_) | Value::M(_) | Value::L(_))
}

/// Keeps the members that `keep` wants to, until it fails.
fn retain(members: &mut Map, mut keep: impl FnMut(&str, &mut Value) -> Result<bool>) -> Result<()> {
    let mut outcome = Ok(());
    members.retain(|name, value| {
        outcome.is_err()
            || keep(name, value).unwrap_or_else(|error| {
                outcome = Err(error);
                true
            })
    });
    outcome
}
