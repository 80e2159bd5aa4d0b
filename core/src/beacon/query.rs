//! What to ask a table for in place of a plaintext condition.

use super::compound::Part;
use super::write::{no_such_beacon, stored_name};
use super::{BeaconKeys, Beacons, CompoundBeacon, Constructor, StandardBeacon};
use crate::error::{Error, Result};
use crate::value::Value;

/// How a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`, and each value of `IN`.
    Equals,
    /// `contains`, of a set and a member.
    Contains,
    /// `begins_with`.
    BeginsWith,
    /// `<`, `<=`, `>`, `>=`, and each end of `BETWEEN`.
    Order,
}

/// An attribute that is stored and the value to compare it with.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Term {
    /// The attribute.
    pub attribute: String,
    /// The value.
    pub value: Value,
}

impl Beacons {
    /// What to compare for a condition on this beacon with a value in clear, in one partition. What is found has to be
    /// compared again after it was decrypted: other values may have the same beacon.
    ///
    /// # Errors
    ///
    /// `Config` if there is no such beacon or partition; `Unsupported` for comparisons that a hash cannot answer;
    /// `Input` for values that do not have the form of the beacon's.
    pub fn term(
        &self,
        beacon: &str,
        comparison: Comparison,
        value: &Value,
        keys: &BeaconKeys,
        partition: u8,
    ) -> Result<Term> {
        self.check_partition(partition)?;
        if let Some(standard) = self.standard.get(beacon) {
            let value = self.standard_term(standard, comparison, value, keys, partition)?;
            return Ok(Term { attribute: stored_name(beacon), value });
        }
        let compound = self.compound.get(beacon).ok_or_else(|| no_such_beacon(beacon))?;
        let text =
            value.as_text().ok_or_else(|| Error::input(format!("the beacon `{beacon}` is compared with texts")))?;
        let value = Value::S(self.compound_term(compound, comparison, text, keys, partition)?);
        let attribute = if compound.is_signed() { beacon.to_owned() } else { stored_name(beacon) };
        Ok(Term { attribute, value })
    }

    fn standard_term(
        &self,
        beacon: &StandardBeacon,
        comparison: Comparison,
        value: &Value,
        keys: &BeaconKeys,
        partition: u8,
    ) -> Result<Value> {
        let name = &beacon.name;
        if beacon.style == super::Style::PartOnly {
            return Err(Error::unsupported(format!(
                "the beacon `{name}` is not stored: ask for the compound one it is in"
            )));
        }
        match comparison {
            Comparison::Equals => self.hashed(beacon, value, keys, partition),
            Comparison::Contains if beacon.is_set() => match value {
                Value::S(_) | Value::N(_) | Value::B(_) => {
                    self.hash(beacon, &self.input_of(value)?, keys, partition).map(Value::S)
                }
                _ => Err(Error::input(format!("a member of the set `{name}` is a text, a number or bytes"))),
            },
            Comparison::Contains => Err(Error::unsupported(format!("the beacon `{name}` is of no set"))),
            Comparison::BeginsWith | Comparison::Order => {
                Err(Error::unsupported(format!("the beacon `{name}` is a hash: it can be compared for equality only")))
            }
        }
    }

    fn compound_term(
        &self,
        beacon: &CompoundBeacon,
        comparison: Comparison,
        text: &str,
        keys: &BeaconKeys,
        partition: u8,
    ) -> Result<String> {
        let is_whole = match comparison {
            Comparison::Equals => true,
            Comparison::BeginsWith | Comparison::Order => false,
            Comparison::Contains => {
                let name = &beacon.name;
                return Err(Error::unsupported(format!(
                    "the compound beacon `{name}` is no set: compare from its start"
                )));
            }
        };
        let pieces: Vec<_> = text.split(beacon.split).map(|piece| part_of(beacon, piece)).collect::<Result<_>>()?;
        if !beacon.constructors.iter().any(|constructor| fits(constructor, &pieces, is_whole)) {
            let name = &beacon.name;
            return Err(Error::input(format!("the parts of the value fit no constructor of the beacon `{name}`")));
        }
        let last = pieces.len().saturating_sub(1);
        let written = pieces.iter().enumerate().map(|(index, (part, text))| match part {
            // Its prefix alone: that the part is there.
            Part::Encrypted(part) if !is_whole && index == last && text.is_empty() => Ok(part.prefix.clone()),
            Part::Encrypted(_) if !is_whole => Err(Error::unsupported(format!(
                "the hidden parts of the beacon `{}` are hashes: compare what comes before them, or the whole value",
                beacon.name
            ))),
            _ => self.piece(*part, text, keys, partition),
        });
        Ok(written.collect::<Result<Vec<_>>>()?.join(beacon.split.encode_utf8(&mut [0; 4])))
    }
}

/// The part that a piece is of, and its text.
fn part_of<'a, 'b>(beacon: &'a CompoundBeacon, piece: &'b str) -> Result<(Part<'a>, &'b str)> {
    let found = beacon.parts().find_map(|part| Some((part, piece.strip_prefix(part.prefix())?)));
    found.ok_or_else(|| Error::input(format!("a piece of the value has no prefix of the beacon `{}`", beacon.name)))
}

/// Whether an item's beacon can be made of these pieces, or start with them.
fn fits(constructor: &Constructor, pieces: &[(Part<'_>, &str)], is_whole: bool) -> bool {
    let mut pieces = pieces.iter().peekable();
    for (name, required) in &constructor.parts {
        if pieces.peek().is_none() && !is_whole {
            return true;
        }
        if pieces.next_if(|(part, _)| part.name() == name).is_none() && *required {
            return false;
        }
    }
    pieces.next().is_none()
}
