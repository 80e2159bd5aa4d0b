//! The transforms of virtual fields. A character is a UTF-16 code unit, as in AWS's clients.

use crate::error::{Error, Result};

/// What is made of the text of a virtual part.
///
/// Positions count from 0, negative ones from the end; one past the last character or piece cannot be said, so that
/// [`Substring`](Self::Substring) and [`Segments`](Self::Segments) never reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transform {
    /// ASCII letters in upper case.
    Upper,
    /// ASCII letters in lower case.
    Lower,
    /// The text, then this one.
    Insert(String),
    /// The first characters; negative: all but the last.
    Prefix(i32),
    /// The last characters; negative: all but the first.
    Suffix(i32),
    /// From one position up to another, which is left out.
    Substring {
        /// The first position.
        low: i32,
        /// The position after the last.
        high: i32,
    },
    /// The piece at this position of the text split at a character; nothing if there is none.
    Segment {
        /// Where it is split.
        split: char,
        /// Which piece.
        index: i32,
    },
    /// The pieces from one position up to another, joined again.
    Segments {
        /// Where it is split.
        split: char,
        /// The first piece.
        low: i32,
        /// The piece after the last.
        high: i32,
    },
}

impl Transform {
    /// What it makes of these characters.
    pub(super) fn apply(&self, mut text: Vec<u16>) -> Vec<u16> {
        match self {
            Self::Upper => text.iter_mut().for_each(|unit| change_case(unit, b'a'..=b'z')),
            Self::Lower => text.iter_mut().for_each(|unit| change_case(unit, b'A'..=b'Z')),
            Self::Insert(more) => text.extend(more.encode_utf16()),
            Self::Prefix(count) => text.truncate(taken(*count, text.len())),
            Self::Suffix(count) => drop(text.drain(..text.len() - taken(*count, text.len()))),
            Self::Substring { low, high } => {
                return slice(&text, position(*low, text.len()), position(*high, text.len())).to_vec();
            }
            Self::Segment { split, index } => {
                let pieces = pieces(&text, *split);
                let index = i64::from(*index);
                let index = if index < 0 { length(pieces.len()) + index } else { index };
                let piece = usize::try_from(index).ok().and_then(|index| pieces.get(index));
                return piece.map(|piece| piece.to_vec()).unwrap_or_default();
            }
            Self::Segments { split, low, high } => {
                let pieces = pieces(&text, *split);
                let kept = slice(&pieces, position(*low, pieces.len()), position(*high, pieces.len()));
                return kept.join(unit(*split).as_slice());
            }
        }
        text
    }

    /// Refuses a character that is two code units.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Segment { split, .. } | Self::Segments { split, .. } => check_split(*split),
            _ => Ok(()),
        }
    }
}

/// A character that texts are split at is one code unit.
pub(super) fn check_split(split: char) -> Result<()> {
    if split.len_utf16() == 1 {
        return Ok(());
    }
    Err(Error::config("a split character is one of the basic plane, up to U+FFFF"))
}

fn change_case(unit: &mut u16, letters: std::ops::RangeInclusive<u8>) {
    if u8::try_from(*unit).is_ok_and(|byte| letters.contains(&byte)) {
        *unit ^= 0x20;
    }
}

/// How many of `length` characters a count takes.
fn taken(count: i32, all: usize) -> usize {
    let count = i64::from(count);
    let taken = if count < 0 { length(all) + count } else { count.min(length(all)) };
    usize::try_from(taken).unwrap_or(0)
}

/// p >= 0: min(p, length - 1); p < 0: max(0, length + p); 0 if there is nothing.
fn position(position: i32, all: usize) -> usize {
    let position = i64::from(position);
    let last = (length(all) - 1).max(0);
    let place = if position < 0 { length(all) + position } else { position };
    usize::try_from(place.clamp(0, last)).unwrap_or(0)
}

fn slice<T>(all: &[T], low: usize, high: usize) -> &[T] {
    all.get(low..high).unwrap_or_default()
}

fn pieces(text: &[u16], split: char) -> Vec<&[u16]> {
    let unit = unit(split);
    text.split(|other| unit == [*other]).collect()
}

/// The one code unit of a character: [`Transform::check`] has refused all others.
fn unit(split: char) -> [u16; 1] {
    let mut unit = [0; 2];
    split.encode_utf16(&mut unit);
    let [unit, _] = unit;
    [unit]
}

fn length(all: usize) -> i64 {
    i64::try_from(all).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn apply(transform: &Transform, text: &str) -> String {
        String::from_utf16(&transform.apply(text.encode_utf16().collect())).unwrap()
    }

    #[test]
    fn as_specified() {
        use Transform::{Insert, Lower, Prefix, Segment, Segments, Substring, Suffix, Upper};
        let segment = |index| Segment { split: '.', index };
        let segments = |low, high| Segments { split: '.', low, high };
        for (transform, given, expected) in [
            (Upper, "aZ[`{é", "AZ[`{é"),
            (Lower, "aZ[`{É", "az[`{É"),
            (Insert("x".into()), "", "x"),
            (Prefix(2), "abc", "ab"),
            (Prefix(9), "abc", "abc"),
            (Prefix(-1), "abc", "ab"),
            (Prefix(-9), "abc", ""),
            (Suffix(2), "abc", "bc"),
            (Suffix(9), "abc", "abc"),
            (Suffix(-1), "abc", "bc"),
            (Suffix(-9), "abc", ""),
            (Suffix(0), "abc", ""),
            (Substring { low: 0, high: 99 }, "abc", "ab"),
            (Substring { low: 1, high: -1 }, "abcd", "bc"),
            (Substring { low: -99, high: 2 }, "abc", "ab"),
            (Substring { low: 2, high: 1 }, "abc", ""),
            (Substring { low: 0, high: 1 }, "", ""),
            (segment(0), "a.b.c", "a"),
            (segment(-1), "a.b.c", "c"),
            (segment(3), "a.b.c", ""),
            (segment(-4), "a.b.c", ""),
            (segment(1), "a..c", ""),
            (segments(0, 2), "a.b.c", "a.b"),
            (segments(0, 99), "a.b.c", "a.b"),
            (segments(1, -1), "a.b.c.d", "b.c"),
            (segments(2, 1), "a.b.c", ""),
            (segments(0, 2), "abc", ""),
        ] {
            assert_eq!(apply(&transform, given), expected, "{transform:?} of {given}");
        }
    }

    #[test]
    fn splits_at_one_code_unit() {
        assert!(Transform::Segment { split: '𐀂', index: 0 }.check().is_err());
        assert!(Transform::Segments { split: 'é', low: 0, high: 1 }.check().is_ok());
    }

    fn any_transform() -> impl Strategy<Value = Transform> {
        let number = || prop_oneof![-4..5_i32, Just(i32::MIN), Just(i32::MAX)];
        prop_oneof![
            number().prop_map(Transform::Prefix),
            number().prop_map(Transform::Suffix),
            (number(), number()).prop_map(|(low, high)| Transform::Substring { low, high }),
            number().prop_map(|index| Transform::Segment { split: 'a', index }),
            (number(), number()).prop_map(|(low, high)| Transform::Segments { split: 'a', low, high }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_cut_is_part_of_what_was_there(transform in any_transform(), text in "[a-c𐀂]{0,6}") {
            let given: Vec<u16> = text.encode_utf16().collect();
            let cut = transform.apply(given.clone());
            prop_assert!(cut.is_empty() || given.windows(cut.len()).any(|window| window == cut));
        }
    }
}
