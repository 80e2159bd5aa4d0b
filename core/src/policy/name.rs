//! When a pattern matches a name.

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

#[cfg(test)]
mod tests {
    use super::*;

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
