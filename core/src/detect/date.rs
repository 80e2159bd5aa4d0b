//! Dates of birth: any day of the calendar that somebody alive may have been born on, and what it is called.

use super::pattern::{Pattern, after, before, introduction, pattern};
use super::{Finding, Kind};

/// A date alone says little: what makes it one of birth is the field's name, or the word before it.
pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    for pattern in [&NUMERIC, &WRITTEN] {
        for span in pattern.spans(text) {
            let Some(date) = text.get(span.clone()) else { continue };
            let touches = |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '_' | '.' | ':');
            let mut rest = after(text, &span);
            let goes_on = match rest.next() {
                Some('.' | ',' | ':') => rest.next().is_some_and(char::is_alphanumeric),
                // Midnight is how a date is stored that has no time.
                Some('T' | ' ') if is_midnight(text.get(span.end..).unwrap_or_default()) => false,
                // A time of day: when something happened.
                Some('T') => true,
                Some(' ') => has_time(text.get(span.end + 1..).unwrap_or_default()),
                Some(c) => touches(c),
                None => false,
            };
            if goes_on || before(text, &span).is_some_and(touches) || !is_birthday(date) {
                continue;
            }
            let introduced = introduction(text, &span);
            let says = introduced.split_whitespace().any(|word| INTRODUCTIONS.contains(&word));
            found.push(Finding::new(Kind::BirthDate, span, if says { 90 } else { 30 }));
        }
    }
}

fn is_midnight(rest: &str) -> bool {
    let time = rest.strip_prefix(['T', ' ']).unwrap_or_default();
    time.starts_with("00:00:00") || time == "00:00"
}

fn has_time(rest: &str) -> bool {
    matches!(rest.as_bytes(), [b'0'..=b'9', b':', ..] | [b'0'..=b'9', b'0'..=b'9', b':', ..])
}

/// Of a year in two digits, the last that is past: `54` is 1954.
fn year_of(text: &str) -> Option<u32> {
    let year = number(text)?;
    Some(match text.len() {
        2 if year < 30 => 2000 + year,
        2 => 1900 + year,
        _ => year,
    })
}

/// Whether day, month and year are a date, in any order that people write them in.
fn is_birthday(date: &str) -> bool {
    let parts: Vec<&str> =
        date.split(|c: char| !c.is_alphanumeric()).filter(|part| !matches!(*part, "" | "of" | "de")).collect();
    let (day, month, year) = match parts.as_slice() {
        [compact] if compact.len() == 8 => {
            let (year, rest) = compact.split_at(4);
            let (month, day) = rest.split_at(2);
            (number(day), number(month), number(year))
        }
        [year, month, day] if year.len() == 4 && number(year).is_some() => (number(day), month_of(month), number(year)),
        [first, second, year] => match (month_of(first), number(first)) {
            // `March 3, 1984`
            (Some(month), None) => (number(second.trim_end_matches(char::is_alphabetic)), Some(month), year_of(year)),
            _ => {
                let day = number(first.trim_end_matches(char::is_alphabetic));
                match (day, month_of(second)) {
                    (Some(day), Some(month)) if month <= 12 => (Some(day), Some(month), year_of(year)),
                    // `03/25/1984`: the month first.
                    (month, day) => (day, month, year_of(year)),
                }
            }
        },
        _ => return false,
    };
    match (day, month, year) {
        (Some(day), Some(month), Some(year)) => YEARS.contains(&year) && (1..=days(month, year)).contains(&day),
        _ => false,
    }
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok()
}

/// The month of a number or of a word: English, German, French, Spanish, Italian.
fn month_of(text: &str) -> Option<u32> {
    if let Some(month) = number(text) {
        return Some(month);
    }
    let text = text.to_lowercase();
    (1..)
        .zip(MONTHS)
        .find(|(_, beginnings)| beginnings.iter().any(|beginning| text.starts_with(beginning)))
        .map(|(month, _)| month)
}

fn days(month: u32, year: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

static NUMERIC: Pattern = pattern!(
    r"\b(?:\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|(?:19|20)\d{6})"
);
static WRITTEN: Pattern = pattern!(concat!(
    r"\b(?u:\d{1,2}(?:st|nd|rd|th|er|\.)?[ -](?:of |de )?[A-Za-z\u{C0}-\u{17F}]{3,10}\.?,?[ -](?:de )?\d{4}",
    r"|[A-Z][a-z]{2,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})\b"
));

/// Years that people alive were born in.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2029;

#[rustfmt::skip]
const MONTHS: &[&[&str]] = &[
    &["jan", "jän", "ene", "gen"], &["feb", "fév", "fev"], &["mar", "mär"], &["apr", "avr", "abr"], &["may", "mai", "mag"],
    &["jun", "juin", "giu"], &["jul", "juil", "lug"], &["aug", "aoû", "aou", "ago"], &["sep", "set"], &["oct", "okt", "ott"],
    &["nov"], &["dec", "déc", "dez", "dic"],
];

/// Words that introduce a date of birth.
const INTRODUCTIONS: &[&str] = &[
    "born",
    "birth",
    "birthday",
    "birthdate",
    "dob",
    "geboren",
    "geb",
    "geburtsdatum",
    "née",
    "né",
    "naissance",
    "nacido",
    "nacida",
];

#[cfg(test)]
pub(super) fn patterns() -> [&'static Pattern; 2] {
    [&NUMERIC, &WRITTEN]
}
