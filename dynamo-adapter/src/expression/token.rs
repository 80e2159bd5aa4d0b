//! An expression as tokens.

use privet_core::ErrorKind;

use crate::error::{Error, Result};

/// A token, with where in the text it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) at: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A name, a function or a key word.
    Word(&'a str),
    /// `#name`.
    Name(&'a str),
    /// `:value`.
    Value(&'a str),
    /// A position in a list.
    Number(&'a str),
    /// `=`, `<>`, `<`, `<=`, `>`, `>=`, `(`, `)`, `[`, `]`, `,`, `.`, `+`, `-`.
    Sign(&'a str),
}

impl<'a> Kind<'a> {
    /// Whether it is this key word: they are written in any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self, Self::Sign(text) if *text == sign)
    }

    /// The token as it was written.
    pub(super) fn text(&self) -> &'a str {
        match self {
            Self::Word(text) | Self::Name(text) | Self::Value(text) | Self::Number(text) | Self::Sign(text) => text,
        }
    }
}

/// The tokens of an expression.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>> {
    if text.len() > MAX_LENGTH {
        return Err(Error::new(ErrorKind::Input, "an expression is longer than 4 KB"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(first) = rest.chars().next()
    {
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let kind = token(rest, first).ok_or_else(|| {
            Error::new(ErrorKind::Input, format!("an expression has something that is no token at character {at}"))
        })?;
        tokens.push(Token { kind, at });
        at += kind.text().len();
    }
    Ok(tokens)
}

fn token(rest: &str, first: char) -> Option<Kind<'_>> {
    let run = |from: usize| {
        let tail = rest.get(from..)?;
        let length = tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(tail.len());
        rest.get(..from + length)
    };
    match first {
        'a'..='z' | 'A'..='Z' | '_' => Some(Kind::Word(run(0)?)),
        '#' => Some(Kind::Name(run(1)?)).filter(|name| name.text().len() > 1),
        ':' => Some(Kind::Value(run(1)?)).filter(|value| value.text().len() > 1),
        '0'..='9' => Some(Kind::Number(run(0)?)),
        _ => SIGNS.iter().find(|sign| rest.starts_with(**sign)).map(|sign| Kind::Sign(sign)),
    }
}

// The longer ones first.
const SIGNS: [&str; 14] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-"];
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>: an expression string has 4 KB.
const MAX_LENGTH: usize = 4096;
