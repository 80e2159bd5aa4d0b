//! How many bits of a hash a beacon keeps.

use std::fmt::Write as _;

use crate::error::{Error, Result};

/// The length of a beacon in bits, 1 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BeaconLength(u8);

impl BeaconLength {
    /// The least and the most bits.
    pub const RANGE: std::ops::RangeInclusive<u8> = 1..=63;

    /// This many bits.
    ///
    /// # Errors
    ///
    /// `Config` for any number but 1 to 63.
    pub fn new(bits: u8) -> Result<Self> {
        if Self::RANGE.contains(&bits) {
            return Ok(Self(bits));
        }
        Err(Error::config(format!("a beacon has 1 to 63 bits, not {bits}: `BeaconAdvice` recommends a length")))
    }

    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The lowest bits of a hash as text: lower-case hex of ceil(bits / 4) digits.
    pub(super) fn text_of(self, hash: u64) -> String {
        let kept = hash & ((1 << self.0) - 1);
        let digits = usize::from(self.0).div_ceil(4);
        let mut text = String::with_capacity(digits);
        // Writing to a string cannot fail.
        let _ = write!(text, "{kept:0digits$x}");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_lowest_bits() {
        for (bits, text) in [
            (1, "0"),
            (3, "0"),
            (4, "8"),
            (5, "18"),
            (9, "178"),
            (16, "4b78"),
            (33, "12d824b78"),
            (63, "1608d0c52d824b78"),
        ] {
            assert_eq!(BeaconLength::new(bits).unwrap().text_of(0x1608_d0c5_2d82_4b78), text, "{bits}");
        }
        assert_eq!(BeaconLength::new(63).unwrap().text_of(u64::MAX), "7fffffffffffffff");
    }

    #[test]
    fn of_1_to_63_bits() {
        assert!(BeaconLength::new(0).is_err() && BeaconLength::new(64).is_err());
    }
}
