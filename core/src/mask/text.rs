//! How each built-in mask shortens a text. `None`: the text does not have the shape the mask is for.

use unicode_segmentation::UnicodeSegmentation;

/// `*` as many as there are characters, at most 8.
///
/// # Security
///
/// Tells a text's length up to 8 and nothing more.
pub(super) fn full(text: &str) -> String {
    stars(count(text))
}

/// Up to 4 characters all `*`; longer ones keep the first 2 and the last 2.
///
/// # Security
///
/// Shows at most 4 characters and tells the length up to 8. Of a text of 5 characters it hides one.
pub(super) fn partial(text: &str) -> Option<String> {
    let shown = 2;
    let count = count(text);
    if count <= 2 * shown {
        return Some(stars(count));
    }
    Some([head(text, shown), stars(count - 2 * shown), tail(text, shown)].concat())
}

/// `j***@e***.com`: the first character of the local part and of the domain, and the top-level domain.
pub(super) fn email(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let (domain, top) = domain.rsplit_once('.')?;
    let plain =
        |part: &str| !part.is_empty() && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control());
    let fits = plain(local) && plain(domain) && (2..=MAX_TOP_LEVEL).contains(&top.len());
    (fits && top.bytes().all(|c| c.is_ascii_alphabetic()))
        .then(|| format!("{}***@{}***.{top}", initial(local), initial(domain)))
}

/// `****4567`: the last 4 digits, at most half of them.
pub(super) fn phone(text: &str) -> Option<String> {
    let digits = digits(text, " +-().\u{a0}/")?;
    (5..=15).contains(&digits.len()).then(|| end(&digits, digits.len().min(8) / 2))
}

/// `****6789`: the last 4 characters, at most half of them; up to 4 characters all `*`.
pub(super) fn last4(text: &str) -> Option<String> {
    let count = count(text);
    if count <= 4 {
        return Some(stars(count));
    }
    let shown = count / 2;
    Some([stars(count - shown), tail(text, shown)].concat())
}

/// `A. L.`: the initials of at most 4 words.
pub(super) fn name(text: &str) -> Option<String> {
    let initials: Vec<_> = text.split_whitespace().take(4).map(|word| format!("{}.", letter(word))).collect();
    (!initials.is_empty()).then(|| initials.join(" "))
}

/// `1984`: the year of a date, written `1984-02-29`, with or without a time, `29.02.1984` or `02/29/1984`.
pub(super) fn date(text: &str) -> Option<String> {
    let day = text.split(['T', ' ']).next()?;
    let parts: Vec<_> = day.split(['-', '.', '/']).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    let (year, month_and_day) = if first.len() == 4 { (first, [second, third]) } else { (third, [first, second]) };
    let is_year = year.len() == 4 && year.bytes().all(|c| c.is_ascii_digit());
    let is_day = |part: &&str| part.len() <= 2 && part.parse().is_ok_and(|number: u8| (1..=31).contains(&number));
    (is_year && month_and_day.into_iter().all(is_day)).then(|| (*year).to_owned())
}

/// `**** **** **** 1111`: the last 4 digits of a card number of 12 to 19 digits, however long it is.
pub(super) fn card(text: &str) -> Option<String> {
    let digits = digits(text, " -")?;
    (12..=19).contains(&digits.len()).then(|| format!("**** **** **** {}", tail(&digits, 4)))
}

fn stars(count: usize) -> String {
    "*".repeat(count.min(MAX_STARS))
}

/// How many characters there are, as far as a mask may tell.
fn count(text: &str) -> usize {
    if is_plain(text) { text.len().min(MAX_STARS) } else { text.graphemes(true).take(MAX_STARS).count() }
}

fn head(text: &str, count: usize) -> String {
    match text.get(..count) {
        Some(head) if is_plain(text) => head.to_owned(),
        _ => text.graphemes(true).take(count).map(shown).collect(),
    }
}

fn tail(text: &str, count: usize) -> String {
    match text.get(text.len().saturating_sub(count)..) {
        Some(tail) if is_plain(text) => tail.to_owned(),
        _ => {
            let mut last: Vec<_> = text.graphemes(true).rev().take(count).map(shown).collect();
            last.reverse();
            last.concat()
        }
    }
}

/// Whether each byte is a character: much cheaper than to segment, and most texts in records are so. (Of ASCII only
/// `\r\n` is one character in two bytes.)
fn is_plain(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii() && byte != b'\r')
}

fn end(digits: &str, count: usize) -> String {
    format!("****{}", tail(digits, count))
}

/// The first character, unless it is all there is.
fn initial(part: &str) -> &str {
    let mut characters = part.graphemes(true);
    let first = characters.next().map_or("", shown);
    if characters.next().is_some() { first } else { "" }
}

fn letter(word: &str) -> &str {
    Some(initial(word)).filter(|first| first.starts_with(char::is_alphabetic)).unwrap_or("*")
}

fn digits(text: &str, between: &str) -> Option<String> {
    text.chars().filter(|c| !between.contains(*c)).map(|c| c.is_ascii_digit().then_some(c)).take(MAX_DIGITS).collect()
}

/// A character may be a letter with any number of marks: what is shown of a text has to be bounded in bytes too.
fn shown(character: &str) -> &str {
    if character.len() <= MAX_CHARACTER_BYTES { character } else { "*" }
}

const MAX_STARS: usize = 8;
const MAX_TOP_LEVEL: usize = 10;
// One more than any number masked here has, so that longer ones do not fit.
const MAX_DIGITS: usize = 20;
// The longest emoji sequences in use (families with skin tones) have 41 bytes.
const MAX_CHARACTER_BYTES: usize = 48;
