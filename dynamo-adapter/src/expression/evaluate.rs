//! What an update makes of an item in clear, as DynamoDB would: where a record is tagged as a whole, the table cannot
//! work it out.
//!
//! Every value is worked out from the item as it was, and every position in a list means what it meant then.

use privet_core::ErrorKind;
use privet_core::value::{Map, Path, Step, Value, normalise};

use super::number::{Sum, sum};
use super::update::{Action, Source, Update};
use crate::error::{Error, Result};

/// Does to the item what the update says.
///
/// # Errors
///
/// `Input` where DynamoDB would refuse it: a path that leads nowhere, operands of the wrong type, a number out of range.
pub(crate) fn apply(update: &Update, item: &mut Map) -> Result<()> {
    let mut writes = Vec::with_capacity(update.0.len());
    let mut removals = Vec::new();
    for action in &update.0 {
        let path = action.path();
        check_parent(item, path)?;
        let old = path.find(item);
        match action {
            Action::Set(_, source) => writes.push((path, Some(value(source, item)?))),
            Action::Add(_, added) => writes.push((path, Some(add(path, old, added)?))),
            Action::Delete(_, members) => {
                if let Some(old) = old {
                    writes.push((path, delete(path, old, members)?));
                }
            }
            Action::Remove(_) => removals.push(path),
        }
    }
    // In the order of their paths, so that what is put past the end of a list goes there in the order of its positions.
    writes.sort_unstable_by_key(|(path, _)| *path);
    for (path, value) in writes {
        match value {
            Some(value) => put(item, path, value),
            None => removals.push(path),
        }
    }
    // The last elements of a list first, so that positions before them stay.
    removals.sort_unstable();
    for path in removals.into_iter().rev() {
        remove(item, path);
    }
    Ok(())
}

fn value(source: &Source, item: &Map) -> Result<Value> {
    match source {
        Source::Value(value) => Ok(value.clone()),
        Source::Path(path) => path
            .find(item)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::Input, format!("an update reads `{path}`, which is not in the item"))),
        Source::IfNotExists(path, otherwise) => match path.find(item) {
            Some(value) => Ok(value.clone()),
            None => value(otherwise, item),
        },
        Source::ListAppend(one, other) => match (value(one, item)?, value(other, item)?) {
            (Value::L(mut one), Value::L(other)) => {
                one.extend(other);
                Ok(Value::L(one))
            }
            _ => Err(operand("`list_append` takes lists")),
        },
        Source::Plus(one, other) => number(&value(one, item)?, Sum::Plus, &value(other, item)?),
        Source::Minus(one, other) => number(&value(one, item)?, Sum::Minus, &value(other, item)?),
    }
}

fn number(one: &Value, sign: Sum, other: &Value) -> Result<Value> {
    match (one, other) {
        (Value::N(one), Value::N(other)) => Ok(Value::N(sum(one, sign, other)?)),
        _ => Err(operand("`+` and `-` take numbers")),
    }
}

fn add(path: &Path, old: Option<&Value>, added: &Value) -> Result<Value> {
    match (old, added) {
        (None, Value::N(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_)) => Ok(added.clone()),
        (Some(old @ Value::N(_)), Value::N(_)) => number(old, Sum::Plus, added),
        (Some(Value::Ss(old)), Value::Ss(added)) => Ok(Value::Ss(union(old, added, |one, other| one == other))),
        (Some(Value::Bs(old)), Value::Bs(added)) => Ok(Value::Bs(union(old, added, |one, other| one == other))),
        (Some(Value::Ns(old)), Value::Ns(added)) => Ok(Value::Ns(union(old, added, same_number))),
        _ => Err(operand(&format!("`ADD` takes a number for a number, or a set for a set: `{path}` is neither"))),
    }
}

/// What is left of a set; `None` if nothing is.
fn delete(path: &Path, old: &Value, members: &Value) -> Result<Option<Value>> {
    fn without<T: Clone>(old: &[T], members: &[T], same: impl Fn(&T, &T) -> bool) -> Option<Vec<T>> {
        let left: Vec<_> = old.iter().filter(|one| !members.iter().any(|other| same(one, other))).cloned().collect();
        Some(left).filter(|left| !left.is_empty())
    }
    match (old, members) {
        (Value::Ss(old), Value::Ss(members)) => Ok(without(old, members, |one, other| one == other).map(Value::Ss)),
        (Value::Bs(old), Value::Bs(members)) => Ok(without(old, members, |one, other| one == other).map(Value::Bs)),
        (Value::Ns(old), Value::Ns(members)) => Ok(without(old, members, same_number).map(Value::Ns)),
        _ => Err(operand(&format!("`DELETE` takes a set for a set of its type: `{path}` is none"))),
    }
}

fn union<T: Clone>(old: &[T], added: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut all = old.to_vec();
    for member in added {
        if !all.iter().any(|other| same(other, member)) {
            all.push(member.clone());
        }
    }
    all
}

fn same_number(one: &String, other: &String) -> bool {
    one == other || matches!((normalise(one), normalise(other)), (Ok(one), Ok(other)) if one == other)
}

/// Refuses a path whose last step does not lead into a map or list that is there.
fn check_parent(item: &Map, path: &Path) -> Result<()> {
    let fits = match path.steps().split_last() {
        Some((_, [])) => true,
        Some((last, parents)) => matches!(
            (Path::from(parents.to_vec()).find(item), last),
            (Some(Value::M(_)), Step::Key(_)) | (Some(Value::L(_)), Step::Index(_))
        ),
        None => false,
    };
    if fits {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Input, format!("an update's path `{path}` leads to nothing in the item")))
}

fn put(item: &mut Map, path: &Path, value: Value) {
    match (parent(item, path), path.steps().last()) {
        (Parent::Root(item), Some(Step::Key(name))) | (Parent::Value(Value::M(item)), Some(Step::Key(name))) => {
            item.insert(name.clone(), value);
        }
        (Parent::Value(Value::L(values)), Some(Step::Index(index))) => {
            match position(*index).and_then(|index| values.get_mut(index)) {
                Some(place) => *place = value,
                None => values.push(value),
            }
        }
        _ => {}
    }
}

fn remove(item: &mut Map, path: &Path) {
    match (parent(item, path), path.steps().last()) {
        (Parent::Root(item), Some(Step::Key(name))) | (Parent::Value(Value::M(item)), Some(Step::Key(name))) => {
            item.remove(name);
        }
        (Parent::Value(Value::L(values)), Some(Step::Index(index))) => {
            if let Some(index) = position(*index).filter(|index| *index < values.len()) {
                values.remove(index);
            }
        }
        _ => {}
    }
}

/// What a path's last step leads into.
enum Parent<'a> {
    Root(&'a mut Map),
    Value(&'a mut Value),
    Nothing,
}

fn parent<'a>(item: &'a mut Map, path: &Path) -> Parent<'a> {
    match path.steps().split_last() {
        Some((_, [])) => Parent::Root(item),
        Some((_, parents)) => Path::from(parents.to_vec()).find_mut(item).map_or(Parent::Nothing, Parent::Value),
        None => Parent::Nothing,
    }
}

fn position(index: u32) -> Option<usize> {
    usize::try_from(index).ok()
}

fn operand(message: &str) -> Error {
    Error::new(ErrorKind::Input, format!("an update has an operand of the wrong type: {message}"))
}
