//! The canonical bytes of a value: what is sealed and what is signed.
//!
//! DB-ESDK item format, section 2, which the record format shares: sets and maps are sorted by UTF-16 code units,
//! numbers are normalised, so that however a store spells a value back, its bytes are the same.

use std::cmp::Ordering;

use super::path::MAX_DEPTH;
use super::{Map, Value, normalise};
use crate::error::{Error, Result};

/// The two bytes that stand for a value's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeId(pub [u8; 2]);

impl TypeId {
    /// Bytes.
    pub const B: Self = Self([0xff, 0xff]);
    pub(crate) const NULL: Self = Self([0x00, 0x00]);
    pub(crate) const S: Self = Self([0x00, 0x01]);
    pub(crate) const N: Self = Self([0x00, 0x02]);
    pub(crate) const BOOL: Self = Self([0x00, 0x04]);
    const SS: Self = Self([0x01, 0x01]);
    const NS: Self = Self([0x01, 0x02]);
    const BS: Self = Self([0x01, 0xff]);
    pub(crate) const M: Self = Self([0x02, 0x00]);
    pub(crate) const L: Self = Self([0x03, 0x00]);

    /// The type of this value.
    #[must_use]
    pub const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOL,
            Value::N(_) => Self::N,
            Value::S(_) => Self::S,
            Value::B(_) => Self::B,
            Value::Ss(_) => Self::SS,
            Value::Ns(_) => Self::NS,
            Value::Bs(_) => Self::BS,
            Value::L(_) => Self::L,
            Value::M(_) => Self::M,
        }
    }
}

/// Appends the value's canonical bytes (without its type).
///
/// # Errors
///
/// `Input` for malformed numbers, duplicate members of a set, empty or overlong map keys, and nesting deeper than 32.
pub fn serialise_into(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    write(value, out, 1)
}

/// An upper bound of the length of [`serialise_into`]'s output; reserving it keeps the plaintext from being copied by a
/// growing buffer.
pub(crate) fn serialised_size(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::N(text) => number_size(text),
        Value::S(text) => text.len(),
        Value::B(bytes) => bytes.len(),
        Value::Ss(texts) => 4 + texts.iter().map(|text| 4 + text.len()).sum::<usize>(),
        Value::Ns(texts) => 4 + texts.iter().map(|text| 4 + number_size(text)).sum::<usize>(),
        Value::Bs(blobs) => 4 + blobs.iter().map(|blob| 4 + blob.len()).sum::<usize>(),
        Value::L(values) => 4 + values.iter().map(|value| 6 + serialised_size(value)).sum::<usize>(),
        Value::M(members) => {
            4 + members.iter().map(|(name, value)| 12 + name.len() + serialised_size(value)).sum::<usize>()
        }
    }
}

fn number_size(text: &str) -> usize {
    // A leading zero may be added; an exponent can become up to 130 zeros.
    text.len() + if text.contains(['e', 'E']) { 170 } else { 2 }
}

fn write(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::input("a value is nested deeper than 32 levels"));
    }
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push(u8::from(*flag)),
        Value::N(text) => out.extend_from_slice(normalise(text)?.as_bytes()),
        Value::S(text) => out.extend_from_slice(text.as_bytes()),
        Value::B(bytes) => out.extend_from_slice(bytes),
        Value::Ss(texts) => {
            let mut members: Vec<&str> = texts.iter().map(String::as_str).collect();
            members.sort_unstable_by(|a, b| utf16_order(a, b));
            write_set(&members, out)?;
        }
        Value::Ns(texts) => {
            let mut members = texts.iter().map(|text| normalise(text)).collect::<Result<Vec<_>>>()?;
            members.sort_unstable();
            write_set(&members, out)?;
        }
        Value::Bs(blobs) => {
            let mut members: Vec<&[u8]> = blobs.iter().map(Vec::as_slice).collect();
            members.sort_unstable();
            write_set(&members, out)?;
        }
        Value::L(values) => {
            write_length(values.len(), out)?;
            for value in values {
                write_nested(value, out, depth)?;
            }
        }
        Value::M(members) => {
            write_length(members.len(), out)?;
            for (name, value) in in_utf16_order(members) {
                if name.is_empty() || name.len() > usize::from(u16::MAX) {
                    return Err(Error::input("a map has a name that is empty or longer than 65,535 bytes"));
                }
                out.extend_from_slice(&TypeId::S.0);
                write_length(name.len(), out)?;
                out.extend_from_slice(name.as_bytes());
                write_nested(value, out, depth)?;
            }
        }
    }
    Ok(())
}

fn write_nested(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<()> {
    out.extend_from_slice(&TypeId::of(value).0);
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(value, out, depth + 1)?;
    let length = u32_length(out.len() - start - 4)?;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length);
    }
    Ok(())
}

fn write_set<T: AsRef<[u8]> + PartialEq>(sorted: &[T], out: &mut Vec<u8>) -> Result<()> {
    if sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(Error::input("a set has the same member twice"));
    }
    write_length(sorted.len(), out)?;
    for member in sorted {
        write_length(member.as_ref().len(), out)?;
        out.extend_from_slice(member.as_ref());
    }
    Ok(())
}

fn write_length(length: usize, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&u32_length(length)?);
    Ok(())
}

fn u32_length(length: usize) -> Result<[u8; 4]> {
    u32::try_from(length).map(u32::to_be_bytes).map_err(|_| Error::input("a value is longer than 4 GiB"))
}

/// UTF-16 code unit order differs from byte order only where a character above U+FFFF meets one from U+E000 on.
fn utf16_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

fn in_utf16_order(members: &Map) -> impl Iterator<Item = (&String, &Value)> {
    let mut sorted: Vec<_> = members.iter().collect();
    if members.keys().any(|name| name.bytes().any(|byte| byte >= 0xf0)) {
        sorted.sort_unstable_by(|(a, _), (b, _)| utf16_order(a, b));
    }
    sorted.into_iter()
}

/// The value that these canonical bytes stand for.
///
/// # Errors
///
/// `Integrity` for anything that [`serialise_into`] would not have written. Lengths are checked against what is there
/// before anything is allocated.
pub fn deserialise(type_id: TypeId, bytes: &[u8]) -> Result<Value> {
    let mut reader = Reader(bytes);
    let value = reader.value(type_id, 1).ok_or_else(Error::integrity)?;
    if reader.0.is_empty() { Ok(value) } else { Err(Error::integrity()) }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A value that takes all bytes that are left.
    fn value(&mut self, type_id: TypeId, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        Some(match type_id {
            TypeId::NULL => Value::Null,
            TypeId::BOOL => match self.rest() {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                _ => return None,
            },
            TypeId::N => Value::N(number(self.rest())?),
            TypeId::S => Value::S(text(self.rest())?),
            TypeId::B => Value::B(self.rest().to_vec()),
            TypeId::SS => Value::Ss(self.set(text, |a, b| utf16_order(a, b))?),
            TypeId::NS => Value::Ns(self.set(number, Ord::cmp)?),
            TypeId::BS => Value::Bs(self.set(|bytes| Some(bytes.to_vec()), Ord::cmp)?),
            TypeId::L => {
                let count = self.count(6)?;
                let mut values = Vec::with_capacity(count);
                for _ in 0..count {
                    values.push(self.nested(depth)?);
                }
                Value::L(values)
            }
            TypeId::M => {
                let mut members = Map::new();
                let mut previous: Option<String> = None;
                for _ in 0..self.count(12)? {
                    if self.type_id()? != TypeId::S {
                        return None;
                    }
                    let name = text(self.block()?).filter(|name| !name.is_empty())?;
                    if previous.is_some_and(|previous| utf16_order(&previous, &name) != Ordering::Less) {
                        return None;
                    }
                    let value = self.nested(depth)?;
                    previous = Some(name.clone());
                    members.insert(name, value);
                }
                Value::M(members)
            }
            _ => return None,
        })
    }

    fn nested(&mut self, depth: usize) -> Option<Value> {
        let type_id = self.type_id()?;
        let mut inner = Reader(self.block()?);
        inner.value(type_id, depth + 1).filter(|_| inner.0.is_empty())
    }

    fn set<T>(&mut self, read: impl Fn(&'a [u8]) -> Option<T>, order: impl Fn(&T, &T) -> Ordering) -> Option<Vec<T>> {
        let count = self.count(4)?;
        let mut members: Vec<T> = Vec::with_capacity(count);
        for _ in 0..count {
            let member = read(self.block()?)?;
            if members.last().is_some_and(|last| order(last, &member) != Ordering::Less) {
                return None;
            }
            members.push(member);
        }
        Some(members)
    }

    /// A count of entries that take at least `least` bytes each.
    fn count(&mut self, least: usize) -> Option<usize> {
        let count = usize::try_from(self.u32()?).ok()?;
        (count <= self.0.len() / least).then_some(count)
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (block, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(block)
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    fn type_id(&mut self) -> Option<TypeId> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(TypeId(*bytes))
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn number(bytes: &[u8]) -> Option<String> {
    text(bytes).filter(|number| normalise(number).is_ok_and(|normal| normal == *number))
}

#[cfg(test)]
mod tests;
