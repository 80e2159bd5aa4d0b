//! Telephone numbers: ITU-T E.164 with a country code, the North American plan, and national ones that begin with 0.

use super::pattern::{Pattern, after, before, digits, introduction, pattern};
use super::{Finding, Kind, luhn};

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    for span in CANDIDATE.spans(text) {
        let Some(number) = text.get(span.clone()) else { continue };
        let touches = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '=' | '#' | '$' | '%' | '€' | '£');
        let mut rest = after(text, &span);
        let next = rest.next();
        // `1234567.5` and `10:30:15` are no numbers to call; the end of a sentence is no decimal point.
        let goes_on =
            matches!(next, Some('.' | ',' | ':' | '-' | '/' | '+')) && rest.next().is_some_and(char::is_alphanumeric);
        let is_part = matches!(before(text, &span), Some('.' | '-' | '/' | ':' | ','))
            && text
                .get(..span.start.saturating_sub(1))
                .and_then(|t| t.chars().next_back())
                .is_some_and(char::is_alphanumeric)
            && !matches!(before(text, &span), Some(':'));
        if before(text, &span).is_some_and(touches) || next.is_some_and(touches) || goes_on || is_part {
            continue;
        }
        let Some(percent) = confidence(number) else { continue };
        let introduced = introduction(text, &span);
        let percent = if introduced.split_whitespace().any(|word| INTRODUCTIONS.contains(&word)) {
            percent.saturating_add(45).min(92)
        } else if introduced.split_whitespace().any(|word| OTHERS.contains(&word)) {
            percent / 2
        } else {
            percent
        };
        found.push(Finding::new(Kind::Phone, span, percent));
    }
}

/// How much the digits and how they are grouped look like a telephone number.
fn confidence(number: &str) -> Option<u8> {
    let all = digits(number);
    let is_grouped = number.bytes().any(|byte| matches!(byte, b' ' | b'-' | b'.' | b'/' | b'('));
    let (opened, closed) = (number.matches('(').count(), number.matches(')').count());
    if opened != closed
        || opened > 1
        || !(7..=15).contains(&all.len())
        || all.windows(7).any(|w| w.iter().all(|d| Some(d) == w.first()))
    {
        return None;
    }
    if let Some(rest) = number.strip_prefix('+').or_else(|| number.strip_prefix("00")) {
        let all = digits(rest);
        return (all.len() >= 8 && has_country_code(&all)).then_some(if number.starts_with('+') { 90 } else { 75 });
    }
    // A social security number, or what is left of one that was never given out.
    let groups: Vec<usize> = number.split(['-', ' ']).map(str::len).collect();
    if groups == [3, 2, 4] || is_date_like(number) || all.len() >= 13 && luhn::is_valid(&all) {
        return None;
    }
    let national = match all.as_slice() {
        [1, rest @ ..] if rest.len() == 10 => rest,
        all => all,
    };
    let is_north_american = national.len() == 10 && is_north_american(national);
    match all.first() {
        _ if is_north_american && is_grouped && is_north_american_grouping(number) => Some(75),
        _ if is_north_american => Some(30),
        // A trunk prefix: most of Europe, Asia and Oceania.
        Some(0) if all.get(1) != Some(&0) && (9..=12).contains(&all.len()) => Some(if is_grouped { 60 } else { 35 }),
        _ if is_grouped && (7..=12).contains(&all.len()) => Some(20),
        _ if (9..=12).contains(&all.len()) => Some(15),
        _ => None,
    }
}

/// Area code and exchange begin with 2 to 9, and the area code is none of the service codes `N11`.
fn is_north_american(digits: &[u8]) -> bool {
    matches!(digits, [2..=9, _, _, 2..=9, ..]) && !matches!(digits, [_, 1, 1, ..])
}

/// `(206) 555-0100`, `206-555-0100`, `206.555.0100`, `1 206 555 0100`.
fn is_north_american_grouping(number: &str) -> bool {
    let groups: Vec<usize> =
        number.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).map(str::len).collect();
    matches!(groups.as_slice(), [3, 3, 4] | [1, 3, 3, 4] | [3, 7])
}

/// Four digits with two and two behind them or before them, joined alike.
fn is_date_like(number: &str) -> bool {
    let groups: Vec<usize> = number.split(['-', '/', '.', ' ']).map(str::len).collect();
    matches!(groups.as_slice(), [4, 1..=2, 1..=2, ..] | [1..=2, 1..=2, 4, ..])
}

/// Whether a country calling code of ITU-T E.164 begins the digits.
fn has_country_code(digits: &[u8]) -> bool {
    match digits {
        [1, 2..=9, ..] => digits.len() == 11,
        [7, 3..=9, ..] => digits.len() == 11,
        [2, 0 | 7, ..] => true,
        [2, 1..=6, ..] | [2, 9, 0 | 1 | 7 | 8 | 9, ..] => true,
        [3, 0..=4 | 6 | 9, ..] | [3, 5 | 7 | 8, ..] => true,
        [4, 0 | 1 | 3..=9, ..] | [4, 2, 0 | 1 | 3, ..] => true,
        [5, 0..=9, ..] => true,
        [6, 0..=6, ..] | [6, 7..=9, ..] => true,
        [8, 1 | 2 | 4 | 6, ..] | [8, 5, 0 | 2 | 3 | 5 | 6, ..] | [8, 8, 0 | 6, ..] => true,
        [9, 0..=5 | 8, ..] | [9, 6, 0..=8, ..] | [9, 7, 0..=7, ..] | [9, 9, 2..=6 | 8, ..] => true,
        _ => false,
    }
}

static CANDIDATE: Pattern = pattern!(r"(?:\+|\b00|\(|\b)\d(?:[ ./-]{0,2}[()]?[ -]?\d){6,16}\b");

/// Words that introduce a number to call.
const INTRODUCTIONS: &[&str] = &[
    "tel",
    "phone",
    "telephone",
    "mobile",
    "mob",
    "cell",
    "fax",
    "call",
    "telefon",
    "handy",
    "ring",
    "whatsapp",
    "sms",
    "dial",
];
/// Words that introduce other numbers.
const OTHERS: &[&str] = &[
    "order",
    "invoice",
    "number",
    "no",
    "nr",
    "ref",
    "reference",
    "id",
    "ticket",
    "version",
    "part",
    "serial",
    "account",
    "isbn",
    "ean",
    "sku",
    "tracking",
    "case",
    "article",
    "batch",
];

#[cfg(test)]
pub(super) fn patterns() -> [&'static Pattern; 1] {
    [&CANDIDATE]
}
