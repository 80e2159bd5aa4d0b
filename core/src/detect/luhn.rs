//! The check digit of payment cards: ISO/IEC 7812-1, annex B.

/// Whether the last digit checks the others.
pub(super) fn is_valid(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, digit)| match (position % 2, *digit) {
            (0, digit) => u32::from(digit),
            (_, digit @ 0..=4) => u32::from(digit) * 2,
            (_, digit) => u32::from(digit) * 2 - 9,
        })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::pattern::digits;

    #[test]
    fn known_numbers() {
        // The example of the standard, and the numbers that card networks publish for tests.
        for valid in ["79927398713", "4111111111111111", "378282246310005", "6011111111111117", "0"] {
            assert!(is_valid(&digits(valid)), "{valid}");
        }
        for wrong in ["79927398710", "4111111111111112", "378282246310006", ""] {
            assert!(!is_valid(&digits(wrong)), "{wrong}");
        }
    }

    #[test]
    fn any_single_wrong_digit_is_noticed() {
        let number = digits("5555555555554444");
        for position in 0..number.len() {
            for other in (0..10).filter(|other| *other != number[position]) {
                let mut wrong = number.clone();
                wrong[position] = other;
                assert!(!is_valid(&wrong));
            }
        }
    }
}
