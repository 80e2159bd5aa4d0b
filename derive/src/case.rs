//! How serde spells names: the cases of `rename_all`.

/// One case of `#[serde(rename_all = "...")]`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Case {
    /// As written in Rust.
    #[default]
    Unchanged,
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// The case that serde knows by this word. A word that it does not know is serde's to complain about.
    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => Self::Unchanged,
        }
    }

    /// A field's name, which Rust writes in snake case.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::Unchanged | Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => capitalized(name),
            Self::Camel => uncapitalized(&capitalized(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// A variant's name, which Rust writes in Pascal case.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Self::Unchanged | Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => uncapitalized(name),
            Self::Snake => separated(name, '_'),
            Self::ScreamingSnake => separated(name, '_').to_ascii_uppercase(),
            Self::Kebab => separated(name, '-'),
            Self::ScreamingKebab => separated(name, '-').to_ascii_uppercase(),
        }
    }

    /// This case, or the other one where nothing was said.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::Unchanged { other } else { self }
    }
}

fn capitalized(name: &str) -> String {
    let mut start = true;
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '_' => start = true,
            _ if start => {
                out.push(letter.to_ascii_uppercase());
                start = false;
            }
            _ => out.push(letter),
        }
    }
    out
}

fn uncapitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Serde starts a word at each capital, so that `HTTPError` becomes `h_t_t_p_error`. A kebab is made from a snake: an
/// underscore of the name itself becomes a dash, too.
fn separated(name: &str, separator: char) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (position, letter) in name.chars().enumerate() {
        if position > 0 && letter.is_uppercase() {
            out.push(separator);
        }
        out.push(if letter == '_' { separator } else { letter.to_ascii_lowercase() });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Case;

    #[test]
    fn fields() {
        for (case, expected) in [
            ("lowercase", "card_no"),
            ("UPPERCASE", "CARD_NO"),
            ("PascalCase", "CardNo"),
            ("camelCase", "cardNo"),
            ("snake_case", "card_no"),
            ("SCREAMING_SNAKE_CASE", "CARD_NO"),
            ("kebab-case", "card-no"),
            ("SCREAMING-KEBAB-CASE", "CARD-NO"),
            ("no such case", "card_no"),
        ] {
            assert_eq!(Case::from_word(case).field("card_no"), expected, "{case}");
        }
    }

    #[test]
    fn variants() {
        for (case, expected) in [
            ("lowercase", "cardno"),
            ("UPPERCASE", "CARDNO"),
            ("PascalCase", "CardNo"),
            ("camelCase", "cardNo"),
            ("snake_case", "card_no"),
            ("SCREAMING_SNAKE_CASE", "CARD_NO"),
            ("kebab-case", "card-no"),
            ("SCREAMING-KEBAB-CASE", "CARD-NO"),
            ("no such case", "CardNo"),
        ] {
            assert_eq!(Case::from_word(case).variant("CardNo"), expected, "{case}");
        }
        assert_eq!(Case::Snake.variant("HTTPError"), "h_t_t_p_error");
        assert_eq!(Case::Kebab.variant("Card_No"), "card--no");
    }
}
