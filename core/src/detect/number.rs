//! Numbers that check themselves: social security numbers, payment cards, bank accounts.

use std::ops::Range;

use super::pattern::{Pattern, after, before, digits, introduction, is_alone, pattern};
use super::{Finding, Kind, luhn};

/// Social security numbers of the United States (never 000, 666 or 900 to 999 first, 00 second, 0000 last: SSA, POMS RM
/// 10201.035), and taxpayer numbers, which begin with 9 and have 50 to 99 in the middle.
pub(super) fn find_ssn(text: &str, found: &mut Vec<Finding>) {
    for span in SSN.spans(text) {
        let Some(number) = text.get(span.clone()) else { continue };
        let is_part = |c: Option<char>| matches!(c, Some('-' | '_' | '.' | '/' | '+' | '='));
        let goes_on = matches!(after(text, &span).next(), Some('-' | '_' | '/' | '+'));
        if !is_alone(text, &span, &[]) || is_part(before(text, &span)) || goes_on || !is_ssn(&digits(number)) {
            continue;
        }
        let introduced = introduction(text, &span);
        let says =
            introduced.split_whitespace().any(|word| matches!(word, "ssn" | "social" | "security" | "itin" | "tin"));
        let percent = match (number.contains('-'), number.contains(' ')) {
            _ if says => 92,
            (true, _) => 85,
            (_, true) => 55,
            _ => 20,
        };
        found.push(Finding::new(Kind::Ssn, span, percent));
    }
}

fn is_ssn(digits: &[u8]) -> bool {
    let &[a, b, c, d, e, f, g, h, i] = digits else { return false };
    let area = u16::from(a) * 100 + u16::from(b) * 10 + u16::from(c);
    let group = d * 10 + e;
    let serial = [f, g, h, i];
    let number = (area, group, serial);
    // Numbers from advertisements, which many people have given for theirs.
    let is_advertised = number == (78, 5, [1, 1, 2, 0]) || number == (219, 9, [9, 9, 9, 9]);
    let is_issued = match area {
        0 | 666 => false,
        900.. => matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99),
        _ => group != 0,
    };
    is_issued && serial != [0; 4] && !is_advertised
}

/// Payment cards: Luhn's check digit, and a prefix and length that a network gives out (ISO/IEC 7812).
pub(super) fn find_card(text: &str, found: &mut Vec<Finding>) {
    for span in CARD.spans(text).flat_map(|span| without_last_groups(text, span)) {
        let Some(number) = text.get(span.clone()) else { continue };
        let all = digits(number);
        let is_part = |c: Option<char>| matches!(c, Some('-' | '_' | '.' | '/' | '+'));
        let goes_on =
            is_part(after(text, &span).next()) && after(text, &span).nth(1).is_some_and(char::is_alphanumeric);
        if !is_alone(text, &span, &['_']) || is_part(before(text, &span)) || goes_on {
            continue;
        }
        if has_network(&all) && luhn::is_valid(&all) && is_card_grouping(number) {
            let is_grouped = number.len() > all.len();
            found.push(Finding::new(Kind::Card, span, if is_grouped { 97 } else { 90 }));
        }
    }
}

/// The span, and what is left of it without its last groups: a month of expiry, or a security code.
fn without_last_groups(text: &str, span: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let number = text.get(span.clone()).unwrap_or_default();
    let start = span.start;
    let ends = number.match_indices(' ').filter(|(at, _)| *at >= 14).map(move |(at, _)| start + at);
    std::iter::once(span.end).chain(ends).map(move |end| start..end)
}

fn has_network(digits: &[u8]) -> bool {
    let prefix =
        |length: usize| digits.iter().take(length).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    match digits.len() {
        14 => matches!(prefix(3), 300..=305) || matches!(prefix(2), 36 | 38 | 39),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            matches!(prefix(1), 4)
                || matches!(prefix(2), 51..=55 | 62 | 65)
                || matches!(prefix(3), 644..=649)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 6011 | 2200..=2204)
                // Maestro.
                || matches!(prefix(4), 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 | 6767)
        }
        19 => matches!(prefix(1), 4) || matches!(prefix(2), 62),
        _ => false,
    }
}

/// Not grouped at all, or in groups of 4 to 6 with the same sign between them.
fn is_card_grouping(number: &str) -> bool {
    let separators: Vec<char> = number.chars().filter(|c| !c.is_ascii_digit()).collect();
    let groups: Vec<usize> = number.split([' ', '-', '.']).map(str::len).collect();
    separators.windows(2).all(|pair| pair.first() == pair.last())
        && matches!(groups.as_slice(), [_] | [4, 4, 4, 4] | [4, 6, 4 | 5] | [4, 4, 4, 4, 3] | [6, 13])
}

/// Bank accounts: the length that the country's register entry says, and the check digits of ISO 13616 (ISO/IEC 7064,
/// MOD 97-10).
pub(super) fn find_iban(text: &str, found: &mut Vec<Finding>) {
    for span in IBAN.spans(text) {
        let Some(span) = iban(text, span.start) else { continue };
        if is_alone(text, &span, &['_']) && !matches!(before(text, &span), Some('/' | '-' | '+' | '=')) {
            found.push(Finding::new(Kind::Iban, span, 99));
        }
    }
}

/// The span of a valid IBAN that begins here; single spaces or hyphens may stand between its characters.
fn iban(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    let country = rest.get(..2)?.to_ascii_uppercase();
    let (_, length) = LENGTHS.iter().find(|(code, _)| *code == country)?;
    let mut characters = Vec::with_capacity(*length);
    let (mut end, mut was_space) = (0, false);
    for byte in rest.bytes() {
        match byte {
            b' ' | b'-' if !was_space => was_space = true,
            byte if byte.is_ascii_alphanumeric() => {
                characters.push(byte.to_ascii_uppercase());
                was_space = false;
            }
            _ => return None,
        }
        end += 1;
        if characters.len() == *length {
            return is_mod_97(&characters).then_some(start..start + end);
        }
    }
    None
}

fn is_mod_97(characters: &[u8]) -> bool {
    let Some((head, tail)) = characters.split_at_checked(4) else { return false };
    let remainder = tail.iter().chain(head).fold(0_u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}

static SSN: Pattern = pattern!(r"\b\d{3}(?:-\d{2}-| \d{2} |\.\d{2}\.|\d{2})\d{4}\b");
static CARD: Pattern = pattern!(r"\b\d(?:[ .-]?\d){13,18}\b");
static IBAN: Pattern = pattern!(r"\b[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]{2}");

/// Lengths of IBANs by country (IBAN register, ISO 13616-1).
#[rustfmt::skip]
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22),
    ("BI", 27), ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DJ", 27),
    ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FK", 18), ("FO", 18), ("FR", 27),
    ("GB", 22), ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27), ("GT", 28), ("HR", 21), ("HU", 28), ("IE", 22),
    ("IL", 23), ("IQ", 23), ("IS", 26), ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28), ("LC", 32),
    ("LI", 21), ("LT", 20), ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22), ("MK", 19),
    ("MN", 20), ("MR", 27), ("MT", 31), ("MU", 30), ("NI", 28), ("NL", 18), ("NO", 15), ("OM", 23), ("PK", 24),
    ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("RU", 33), ("SA", 24), ("SC", 31),
    ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("SO", 23), ("ST", 25), ("SV", 28), ("TL", 23),
    ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20), ("YE", 30),
];

#[cfg(test)]
pub(super) fn patterns() -> [&'static Pattern; 3] {
    [&SSN, &CARD, &IBAN]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mod_97_of_the_standards_example() {
        // The example of ISO 13616.
        assert!(is_mod_97(b"GB82WEST12345698765432"));
        assert!(!is_mod_97(b"GB82WEST12345698765431"));
        assert!(!is_mod_97(b"GB8"));
    }

    #[test]
    fn a_number_of_which_nobody_knows_a_network_is_no_card() {
        // Luhn holds for all of these.
        for number in ["1234567812345670", "0000000000000000", "9999999999999995", "79927398713"] {
            assert!(!has_network(&digits(number)), "{number}");
        }
    }
}
