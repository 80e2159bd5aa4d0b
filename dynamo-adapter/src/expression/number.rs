//! Sums of decimal numbers, exact.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use privet_core::ErrorKind;
use privet_core::value::normalise;

use crate::error::{Error, Result};

/// Which sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    Plus,
    Minus,
}

/// The sum or difference of two numbers, in canonical spelling.
///
/// # Errors
///
/// `Input` if one is no number, or the result has more digits than DynamoDB holds.
pub(super) fn sum(one: &str, sign: Sum, other: &str) -> Result<String> {
    // Normalised numbers have no exponent, so that none of them can make the sum long.
    let read = |text: &str| BigDecimal::from_str(&normalise(text)?).map_err(|_| out_of_range());
    let (one, other) = (read(one)?, read(other)?);
    let result = match sign {
        Sum::Plus => one + other,
        Sum::Minus => one - other,
    };
    normalise(&result.to_plain_string()).map_err(|_| out_of_range())
}

fn out_of_range() -> Error {
    Error::new(ErrorKind::Input, "the sum of two numbers is outside of what DynamoDB can hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        for (one, other, plus, minus) in [
            ("1", "1", "2", "0"),
            ("0.1", "0.2", "0.3", "-0.1"),
            ("-5", "1e2", "95", "-105"),
            ("99999999999999999999999999999999999998", "1", &"9".repeat(38), "99999999999999999999999999999999999997"),
            ("1E-130", "0", &format!("0.{}1", "0".repeat(129)), &format!("0.{}1", "0".repeat(129))),
        ] {
            assert_eq!(sum(one, Sum::Plus, other).unwrap(), plus);
            assert_eq!(sum(one, Sum::Minus, other).unwrap(), minus);
        }
        assert!(sum("1E125", Sum::Plus, "1").is_err());
        assert!(sum("x", Sum::Plus, "1").is_err());
    }
}
