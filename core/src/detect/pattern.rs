//! Patterns that are made once, and what stands beside a match.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A pattern that is made when it is first used. One that cannot be made matches nothing; a test makes them all.
pub(super) struct Pattern {
    regex: LazyLock<Option<Regex>>,
}

impl Pattern {
    pub(super) const fn new(make: fn() -> Option<Regex>) -> Self {
        Self { regex: LazyLock::new(make) }
    }

    /// Where the pattern matches, from left to right, without overlaps.
    pub(super) fn spans<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        self.regex.iter().flat_map(move |regex| regex.find_iter(text).map(|found| found.range()))
    }

    #[cfg(test)]
    pub(super) fn is_made(&self) -> bool {
        self.regex.is_some()
    }
}

/// A pattern that knows ASCII only (`\d`, `\b`), so that none of the tables of Unicode is needed.
macro_rules! pattern {
    ($text:expr) => {
        $crate::detect::pattern::Pattern::new(|| regex::Regex::new(concat!("(?-u)", $text)).ok())
    };
}

pub(super) use pattern;

/// As much of a text as is looked at.
pub(super) fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MOST)).unwrap_or(text)
}

/// The character before a span.
pub(super) fn before(text: &str, span: &Range<usize>) -> Option<char> {
    text.get(..span.start)?.chars().next_back()
}

/// The characters after a span.
pub(super) fn after<'a>(text: &'a str, span: &Range<usize>) -> std::str::Chars<'a> {
    text.get(span.end..).unwrap_or_default().chars()
}

/// Whether a span stands alone: no letter or digit, nor one of these characters, touches it.
pub(super) fn is_alone(text: &str, span: &Range<usize>, also: &[char]) -> bool {
    let touches = |c: char| c.is_alphanumeric() || also.contains(&c);
    !before(text, span).is_some_and(touches) && !after(text, span).next().is_some_and(touches)
}

/// The lower-case ASCII letters and spaces of the few characters before a span: what it is introduced with.
pub(super) fn introduction(text: &str, span: &Range<usize>) -> String {
    let start = text.floor_char_boundary(span.start.saturating_sub(INTRODUCTION));
    let before = text.get(start..span.start).unwrap_or_default();
    before.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect()
}

/// The decimal digits of a text.
pub(super) fn digits(text: &str) -> Vec<u8> {
    text.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect()
}

const MOST: usize = 64 * 1024;
const INTRODUCTION: usize = 32;
