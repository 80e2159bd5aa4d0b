//! When two spellings are one name, and when a pattern matches it.

use std::borrow::Cow;

/// The one spelling of a name: lower-case words joined by `_`. `apiKey`, `API-Key` and `api_key` are one name.
///
/// Stars are kept as they are, so a pattern is spelt by the same rule.
pub(super) fn spell(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'*') {
        return Cow::Borrowed(name);
    }
    let mut spelt = String::with_capacity(name.len() + 4);
    let mut before = None;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        if starts_word(before, character, next) {
            spelt.push('_');
        }
        match character {
            '-' | ' ' | '.' => spelt.push('_'),
            other => spelt.extend(other.to_lowercase()),
        }
        before = Some(character);
    }
    Cow::Owned(spelt)
}

/// Whether the pattern, in which `*` stands for any characters, matches the whole text.
///
/// A star in the text is matched by a star only, so `covers(general, special)` also says that whatever the pattern
/// `special` matches, `general` matches too.
pub(super) fn covers(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // Where the last star is, and how much of the text it stands for so far: `None` until there was a star.
    let mut star = None;
    while let Some(byte) = text.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(literal) if literal == byte => {
                at += 1;
                seen += 1;
            }
            _ => match &mut star {
                Some((star_at, taken)) => {
                    *taken += 1;
                    at = *star_at + 1;
                    seen = *taken;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

fn starts_word(before: Option<char>, character: char, next: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let ends_word = before.is_lowercase() || before.is_ascii_digit();
    let ends_abbreviation = before.is_uppercase() && next.is_some_and(char::is_lowercase);
    character.is_uppercase() && (ends_word || ends_abbreviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_many_spellings() {
        for spelling in ["api_key", "apiKey", "ApiKey", "api-key", "API_KEY", "API-Key", "APIKey", "Api Key"] {
            assert_eq!(spell(spelling), "api_key", "{spelling}");
        }
        assert_eq!(spell("userID"), "user_id");
        assert_eq!(spell("addressLine2"), "address_line2");
        assert_eq!(spell("line2City"), "line2_city");
        assert_eq!(spell("card*"), "card*");
        assert_eq!(spell("*Key"), "*_key".replace('_', ""));
        assert_eq!(spell("ÜberName"), "über_name");
    }

    #[test]
    fn patterns() {
        for (pattern, text, matches) in [
            ("ssn", "ssn", true),
            ("ssn", "ssn2", false),
            ("*", "", true),
            ("*", "anything", true),
            ("card_*", "card_number", true),
            ("card_*", "card", false),
            ("*_key", "api_key", true),
            ("*a*b*", "xaybz", true),
            ("*a*b*", "xbya", false),
            ("*ab", "aab", true),
            ("**", "x", true),
            ("über*", "übername", true),
        ] {
            assert_eq!(covers(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_general_pattern_covers_a_special_one() {
        assert!(covers("card_*", "card_number_*"));
        assert!(covers("*", "*_key"));
        assert!(!covers("card_number_*", "card_*"));
        assert!(!covers("card_x", "card_*"));
        assert!(covers("card_*", "card_*"));
    }
}
