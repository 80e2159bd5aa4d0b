//! When two spellings are one name: `apiKey`, `API-Key` and `api_key`.

use std::borrow::Cow;

/// The one spelling of a name: lower-case words joined by `_`. `apiKey`, `API-Key` and `api_key` are one name.
///
/// Stars are kept as they are, so a pattern is spelt by the same rule.
pub(crate) fn spell(name: &str) -> Cow<'_, str> {
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
}
