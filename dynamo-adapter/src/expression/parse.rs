//! Tokens in their order, and what all expressions have in common: paths and lists.

use privet_core::ErrorKind;
use privet_core::value::{MAX_DEPTH, Path, Step, Value};

use super::Placeholders;
use super::token::{Kind, Token, tokens};
use crate::error::{Error, Result};

/// Reads one expression.
pub(super) struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token<'a>>>,
    pub(super) placeholders: &'a Placeholders<'a>,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, placeholders: &'a Placeholders<'a>) -> Result<Self> {
        Ok(Self { tokens: tokens(text)?.into_iter().peekable(), placeholders, depth: 0 })
    }

    pub(super) fn peek(&mut self) -> Option<Kind<'a>> {
        self.tokens.peek().map(|token| token.kind)
    }

    /// The next token, if it is this key word.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| token.kind.is_word(word)).is_some()
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        self.tokens.next_if(|token| token.kind.is_sign(sign)).is_some()
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }

    pub(super) fn expect_end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err(self.unexpected("its end")) }
    }

    /// The error of an expression that goes on in another way. It says where and not what is there: that may be a value
    /// which somebody forgot to give a placeholder.
    pub(super) fn unexpected(&mut self, expected: &str) -> Error {
        let place = match self.tokens.peek() {
            Some(token) => format!("at character {}", token.at),
            None => "at its end".to_owned(),
        };
        Error::new(ErrorKind::Input, format!("an expression is malformed {place}: {expected} is expected there"))
    }

    /// Does something that may come to do itself again, but not for ever.
    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_NESTING {
            return Err(Error::new(ErrorKind::Input, "an expression is nested too deep"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Items with commas between them.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.take_sign(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A value placeholder's value.
    pub(super) fn value(&mut self) -> Result<Value> {
        match self.peek() {
            Some(Kind::Value(placeholder)) => {
                self.tokens.next();
                self.placeholders.value(placeholder)
            }
            _ => Err(self.unexpected("a value placeholder")),
        }
    }

    /// A document path, with its names looked up.
    pub(super) fn path(&mut self) -> Result<Path> {
        let mut steps = vec![self.name()?];
        loop {
            if self.take_sign(".") {
                steps.push(self.name()?);
            } else if self.take_sign("[") {
                let Some(Kind::Number(digits)) = self.peek() else { return Err(self.unexpected("a position")) };
                let Ok(index) = digits.parse() else { return Err(self.unexpected("a position")) };
                self.tokens.next();
                self.expect_sign("]")?;
                steps.push(Step::Index(index));
            } else {
                break;
            }
            if steps.len() > MAX_DEPTH {
                return Err(Error::new(ErrorKind::Input, "a path in an expression has more than 32 steps"));
            }
        }
        Ok(Path::from(steps))
    }

    fn name(&mut self) -> Result<Step> {
        let name = match self.peek() {
            Some(Kind::Word(word)) => word.to_owned(),
            Some(Kind::Name(placeholder)) => self.placeholders.name(placeholder)?,
            _ => return Err(self.unexpected("a name")),
        };
        self.tokens.next();
        Ok(Step::Key(name))
    }
}

const MAX_NESTING: usize = 64;
