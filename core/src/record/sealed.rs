//! What of a stored record is sealed, told without any key.

use std::borrow::Cow;

use super::fields::sealed_class;
use super::{Form, JSON_CLEAR, Layout};
use crate::classification::Classification;
use crate::error::{Error, Result};
use crate::value::{MAX_DEPTH, Map, Path, Step, Value};

/// The values that are stored sealed, each with the class it claims, in the record's order; and the record as it is laid
/// out in clear, without header and escapes, with sealed values as they are stored.
///
/// # Errors
///
/// `Integrity` if the record nests deeper than 32 levels.
pub fn sealed_values<'a>(stored: &'a Map, layout: &Layout) -> Result<(Cow<'a, Map>, Sealed)> {
    let mut found = Vec::new();
    let mut has_escapes = false;
    for (name, value) in stored {
        if *name != layout.header && !layout.is_key(name) {
            has_escapes |= layout.form == Form::Json && escapes(value);
            walk(value, &mut Path::attribute(name.as_str()), layout.form, &mut found)?;
        }
    }
    let is_as_laid_out = !has_escapes && !stored.contains_key(&layout.header);
    let plain = |(name, value): (&String, &Value)| {
        (name.clone(), if has_escapes { without_escapes(value) } else { value.clone() })
    };
    let record = if is_as_laid_out {
        Cow::Borrowed(stored)
    } else {
        Cow::Owned(stored.iter().filter(|(name, _)| **name != layout.header).map(plain).collect())
    };
    Ok((record, found))
}

/// Places and the classes that they are sealed under.
pub type Sealed = Vec<(Path, Classification)>;

fn walk(value: &Value, path: &mut Path, form: Form, found: &mut Sealed) -> Result<()> {
    if path.steps().len() > MAX_DEPTH {
        return Err(Error::integrity());
    }
    if let Some(class) = sealed_class(value) {
        found.push((path.clone(), class));
        return Ok(());
    }
    match value {
        Value::M(members) => {
            for (name, value) in inside(members, form) {
                path.push(Step::Key(name.clone()));
                walk(value, path, form, found)?;
                path.pop();
            }
        }
        Value::L(values) => {
            for (index, value) in (0..).zip(values) {
                path.push(Step::Index(index));
                walk(value, path, form, found)?;
                path.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

/// The members of a map, through the escape of JSON objects.
fn inside(members: &Map, form: Form) -> &Map {
    match members.get(JSON_CLEAR) {
        Some(Value::M(clear)) if form == Form::Json && members.len() == 1 => clear,
        _ => members,
    }
}

fn escapes(value: &Value) -> bool {
    match value {
        Value::M(members) => members.contains_key(JSON_CLEAR) || members.values().any(escapes),
        Value::L(values) => values.iter().any(escapes),
        _ => false,
    }
}

/// INVARIANT: not deeper than `walk` has been.
fn without_escapes(value: &Value) -> Value {
    match value {
        Value::M(members) => {
            let members = inside(members, Form::Json);
            Value::M(members.iter().map(|(name, value)| (name.clone(), without_escapes(value))).collect())
        }
        Value::L(values) => Value::L(values.iter().map(without_escapes).collect()),
        other => other.clone(),
    }
}
