//! Decimal numbers in the one spelling that is signed and sealed.

use crate::error::{Error, Result};

/// The canonical spelling of a decimal number: plain notation, no exponent, no superfluous zeros.
///
/// Grammar: optional sign; digits with at most one point and at least one digit; optional exponent. (DB-ESDK item
/// format, section 2, which the record format shares.)
///
/// ```
/// # use privet_core::value::normalise;
/// assert_eq!(normalise("1e3")?, "1000");
/// assert_eq!(normalise("-0.50")?, "-0.5");
/// # Ok::<(), privet_core::Error>(())
/// ```
///
/// # Errors
///
/// `Input` for what is no number, has more than 38 significant digits, or lies outside 1E-130 .. 1E126.
pub fn normalise(text: &str) -> Result<String> {
    parse(text).ok_or_else(|| Error::input("a number is malformed or outside of what DynamoDB can hold"))
}

fn parse(text: &str) -> Option<String> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|c| c.is_ascii_digit()) {
        return None;
    }
    // The value is 0.DIGITS * 10^point, DIGITS without leading or trailing zeros.
    let all = [whole, fraction].concat();
    let without_leading = all.trim_start_matches('0');
    let digits = without_leading.trim_end_matches('0');
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let leading = i64::try_from(all.len() - without_leading.len()).ok()?;
    let point = i64::try_from(whole.len()).ok()? - leading + exponent;
    // Magnitude 10^(point-1) <= value < 10^point.
    if digits.len() > MAX_DIGITS || !(MIN_POINT..=MAX_POINT).contains(&point) {
        return None;
    }
    let mut plain = String::with_capacity(digits.len() + 2);
    if negative {
        plain.push('-');
    }
    match usize::try_from(point) {
        Ok(0) | Err(_) => {
            plain.push_str("0.");
            plain.extend(std::iter::repeat_n('0', usize::try_from(-point).ok()?));
            plain.push_str(digits);
        }
        Ok(point) if point >= digits.len() => {
            plain.push_str(digits);
            plain.extend(std::iter::repeat_n('0', point - digits.len()));
        }
        Ok(point) => {
            plain.push_str(digits.get(..point)?);
            plain.push('.');
            plain.push_str(digits.get(point..)?);
        }
    }
    Some(plain)
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    // Far more than any valid exponent, far less than an overflow: the range check refuses it (or the digits are all 0).
    let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40);
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

// DynamoDB: up to 38 digits of precision; magnitude 1E-130 to 9.99...E125.
const MAX_DIGITS: usize = 38;
const MAX_POINT: i64 = 126;
const MIN_POINT: i64 = -129;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_spellings() {
        for (given, canonical) in [
            ("1e3", "1000"),
            ("1E-5", "0.00001"),
            ("123.4500", "123.45"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-7E+2", "-700"),
            ("001", "1"),
            ("0.10e1", "1"),
            ("-0", "0"),
            ("+0.0e-999999999999999999999", "0"),
            ("9.9999999999999999999999999999999999999E+125", &format!("{}{}", "9".repeat(38), "0".repeat(88))),
            ("1E-130", &format!("0.{}1", "0".repeat(129))),
        ] {
            assert_eq!(parse(given).as_deref(), Some(canonical), "{given}");
        }
    }

    #[test]
    fn refused() {
        let long = "1".repeat(39);
        for given in
            ["", "-", "+", ".", "e5", "1e", "1e+", "--1", "1.2.3", "1 ", "0x1", "1E126", "1E-131", "NaN", "١", &long]
        {
            assert_eq!(parse(given), None, "{given}");
        }
    }

    proptest! {
        #[test]
        fn is_idempotent_and_never_panics(text in "[+-]?[0-9]{0,40}\\.?[0-9]{0,10}([eE][+-]?[0-9]{0,4})?|\\PC*") {
            if let Some(once) = parse(&text) {
                prop_assert_eq!(parse(&once), Some(once));
            }
        }
    }
}
