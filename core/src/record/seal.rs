//! Sealing a record: values, header, tags.

use super::context::RecordContext;
use super::fields::{escape, seal_value};
use super::header::UntaggedHeader;
use super::integrity::signed_bytes;
use super::keys::SectionKeys;
use super::{Form, Integrity, JSON_CLEAR, JSON_SEALED, Layout};
use crate::classification::Classification;
use crate::crypto::{self, NONCE_LENGTH, Secret};
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};
use crate::value::{Map, Path, Step, Value};

/// The data key of one class, with itself wrapped.
#[derive(Clone, Copy, Debug)]
pub struct SectionKey<'a> {
    /// The class.
    pub class: Classification,
    /// The data key, 32 bytes.
    pub data_key: &'a Secret,
    /// The same key wrapped, as the header stores it.
    pub edks: &'a [EncryptedDataKey],
}

/// Seals the values at the given paths, each under its class, and adds the header.
///
/// `keys` has one entry for each class in `sealings`; with record integrity at least one. `version` is the record
/// version, if the table keeps one. The clear values that were sealed are wiped.
///
/// # Errors
///
/// `Input` if a value cannot be serialised, the record already has a header, or nothing is at a path; `Config` if a
/// class has no key, a key attribute is to be sealed, or a version is given without record integrity.
pub fn seal(
    record: Map,
    sealings: &[(Path, Classification)],
    keys: &[SectionKey<'_>],
    version: Option<u64>,
    layout: &Layout,
    context: &RecordContext,
) -> Result<Map> {
    let mut random = vec![0; SALT_LENGTH + NONCE_LENGTH * sealings.len()];
    crypto::fill(&mut random)?;
    seal_with(record, sealings, keys, version, layout, context, &random)
}

/// [`seal`] with its random bytes given: the salt, then a nonce for each sealing.
pub(super) fn seal_with(
    mut record: Map,
    sealings: &[(Path, Classification)],
    keys: &[SectionKey<'_>],
    version: Option<u64>,
    layout: &Layout,
    context: &RecordContext,
    random: &[u8],
) -> Result<Map> {
    if record.contains_key(&layout.header) {
        return Err(Error::input(format!(
            "the record has an attribute `{}`, which is where its header goes: rename the attribute or the header",
            layout.header
        )));
    }
    let (salt, nonces) = random.split_first_chunk::<SALT_LENGTH>().ok_or_else(Error::integrity)?;
    let integrity = layout.integrity == Integrity::Record;
    if version.is_some() && !integrity {
        return Err(Error::config("a record version needs record integrity, which authenticates it"));
    }

    let mut sections = Vec::with_capacity(keys.len());
    for key in keys {
        sections.push((key, SectionKeys::derive(key.class, key.data_key, salt, context)?));
    }
    sections.sort_unstable_by_key(|(key, _)| key.class);
    if sections.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one.class == other.class)) {
        return Err(Error::config("a class has two data keys: give one for each"));
    }

    let mut scratch = Vec::with_capacity(64);
    let mut sealed = Vec::with_capacity(sealings.len());
    for ((path, class), nonce) in sealings.iter().zip(nonces.as_chunks::<NONCE_LENGTH>().0) {
        let (_, keys) = sections
            .iter()
            .find(|(key, _)| key.class == *class)
            .ok_or_else(|| Error::config(format!("there is no data key for class `{class}`")))?;
        let value = take(&mut record, path, layout)?;
        let blob = seal_value(value, *class, path, &keys.field, *nonce, &mut scratch)?;
        value.wipe();
        *value = Value::Null;
        sealed.push((path, blob));
    }
    // Escapes are put on while the sealed places are still empty, so that no sealed value is taken for a clear one.
    for (name, value) in &mut record {
        if !layout.is_key(name) {
            escape_clear(value, layout.form);
        }
    }
    for (path, blob) in sealed {
        // The escape of JSON objects adds a step that the path does not have, so the place is looked up through it.
        let place = find_escaped(&mut record, path, layout.form).ok_or_else(|| nothing_at(path))?;
        *place = Value::B(blob);
    }

    let written = sections.iter().map(|(key, keys)| (key.class, key.edks, &keys.commitment));
    let header = UntaggedHeader::write(salt, integrity, version, written)?;
    let message = if integrity {
        signed_bytes(&record, layout, |out| {
            out.extend_from_slice(&header.bytes);
            Ok(())
        })?
    } else {
        Vec::new()
    };
    let header = header.tagged(sections.iter().map(|(_, keys)| keys.tag.tag(&message)));
    record.insert(layout.header.clone(), Value::B(header));
    Ok(record)
}

fn take<'a>(record: &'a mut Map, path: &Path, layout: &Layout) -> Result<&'a mut Value> {
    if matches!(path.steps(), [Step::Key(name), ..] if layout.is_key(name)) {
        return Err(Error::config(format!("the key attribute `{path}` cannot be sealed: classify it `public`")));
    }
    path.find_mut(record).ok_or_else(|| nothing_at(path))
}

pub(super) fn nothing_at(path: &Path) -> Error {
    Error::input(format!("there is no value at `{path}`"))
}

pub(super) fn escape_clear(value: &mut Value, form: Form) {
    match value {
        Value::B(bytes) => escape(bytes),
        Value::L(values) => values.iter_mut().for_each(|value| escape_clear(value, form)),
        Value::M(members) => {
            members.values_mut().for_each(|value| escape_clear(value, form));
            if form == Form::Json && looks_reserved(members) {
                let clear = std::mem::take(members);
                members.insert(JSON_CLEAR.to_owned(), Value::M(clear));
            }
        }
        _ => {}
    }
}

/// A JSON object whose single member is `$sealed` or `$clear`.
fn looks_reserved(members: &Map) -> bool {
    members.len() == 1 && members.keys().all(|name| name == JSON_SEALED || name == JSON_CLEAR)
}

/// The value at `path` of a record whose clear objects are escaped already.
fn find_escaped<'a>(record: &'a mut Map, path: &Path, form: Form) -> Option<&'a mut Value> {
    let (first, steps) = path.steps().split_first()?;
    let Step::Key(name) = first else { return None };
    find_in_escaped(record.get_mut(name)?, steps, form)
}

/// The value that these steps lead to in one whose clear objects are escaped already.
pub(super) fn find_in_escaped<'a>(mut value: &'a mut Value, steps: &[Step], form: Form) -> Option<&'a mut Value> {
    for step in steps {
        if form == Form::Json {
            value = step_into_escape(value)?;
        }
        value = match (step, value) {
            (Step::Key(name), Value::M(members)) => members.get_mut(name)?,
            (Step::Index(index), Value::L(values)) => values.get_mut(usize::try_from(*index).ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

fn step_into_escape(value: &mut Value) -> Option<&mut Value> {
    let escaped = matches!(value, Value::M(members) if members.len() == 1 && members.contains_key(JSON_CLEAR));
    match (escaped, value) {
        (true, Value::M(members)) => members.get_mut(JSON_CLEAR),
        (_, value) => Some(value),
    }
}

const SALT_LENGTH: usize = 16;
