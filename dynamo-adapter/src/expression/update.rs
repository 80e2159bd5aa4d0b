//! Update expressions.

use privet_core::ErrorKind;
use privet_core::value::{Path, Value};

use super::parse::Parser;
use super::token::Kind;
use super::{Placeholders, check_overlap};
use crate::error::{Error, Result};

/// What an update does, with its names and values looked up. No two paths overlap.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Update(pub(crate) Vec<Action>);

/// One thing that an update does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Set(Path, Source),
    Remove(Path),
    /// A number to add, or members to put into a set.
    Add(Path, Value),
    /// Members to take out of a set.
    Delete(Path, Value),
}

/// Where the value of a `SET` comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Value(Value),
    Path(Path),
    IfNotExists(Path, Box<Self>),
    ListAppend(Box<Self>, Box<Self>),
    Plus(Box<Self>, Box<Self>),
    Minus(Box<Self>, Box<Self>),
}

impl Update {
    /// Reads an update expression.
    ///
    /// # Errors
    ///
    /// `Input` if it is malformed, paths overlap or a placeholder stands for nothing. The message holds no value.
    pub(crate) fn parse(text: &str, placeholders: &Placeholders<'_>) -> Result<Self> {
        let mut parser = Parser::new(text, placeholders)?;
        let mut actions = Vec::new();
        let mut seen = Vec::new();
        loop {
            let Some(clause) = CLAUSES.into_iter().find(|clause| parser.take_word(clause)) else {
                return Err(parser.unexpected("`SET`, `REMOVE`, `ADD` or `DELETE`"));
            };
            if seen.contains(&clause) {
                return Err(Error::new(ErrorKind::Input, format!("`{clause}` is in an update expression twice")));
            }
            seen.push(clause);
            actions.extend(match clause {
                "SET" => parser.list(set)?,
                "REMOVE" => parser.list(|parser| Ok(Action::Remove(parser.path()?)))?,
                "ADD" => parser.list(|parser| Ok(Action::Add(parser.path()?, parser.value()?)))?,
                _ => parser.list(|parser| Ok(Action::Delete(parser.path()?, parser.value()?)))?,
            });
            if parser.peek().is_none() {
                break;
            }
        }
        check_overlap(actions.iter().map(Action::path))?;
        Ok(Self(actions))
    }

    /// The paths that are changed.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(Action::path)
    }
}

impl Action {
    /// The path that is changed.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Set(path, _) | Self::Remove(path) | Self::Add(path, _) | Self::Delete(path, _) => path,
        }
    }
}

impl Source {
    /// Each path that the value is read from.
    pub(crate) fn reads<'a>(&'a self, found: &mut Vec<&'a Path>) {
        match self {
            Self::Value(_) => {}
            Self::Path(path) => found.push(path),
            Self::IfNotExists(path, other) => {
                found.push(path);
                other.reads(found);
            }
            Self::ListAppend(one, other) | Self::Plus(one, other) | Self::Minus(one, other) => {
                one.reads(found);
                other.reads(found);
            }
        }
    }
}

fn set(parser: &mut Parser<'_>) -> Result<Action> {
    let path = parser.path()?;
    parser.expect_sign("=")?;
    Ok(Action::Set(path, sum(parser)?))
}

/// At most one `+` or `-`; more of them need brackets.
fn sum(parser: &mut Parser<'_>) -> Result<Source> {
    let left = operand(parser)?;
    if parser.take_sign("+") {
        Ok(Source::Plus(Box::new(left), Box::new(operand(parser)?)))
    } else if parser.take_sign("-") {
        Ok(Source::Minus(Box::new(left), Box::new(operand(parser)?)))
    } else {
        Ok(left)
    }
}

fn operand(parser: &mut Parser<'_>) -> Result<Source> {
    match parser.peek() {
        Some(Kind::Value(_)) => Ok(Source::Value(parser.value()?)),
        Some(Kind::Sign("(")) => {
            parser.expect_sign("(")?;
            let inner = parser.deeper(sum)?;
            parser.expect_sign(")")?;
            Ok(inner)
        }
        Some(Kind::Word("if_not_exists")) => {
            parser.expect_word("if_not_exists")?;
            parser.expect_sign("(")?;
            let path = parser.path()?;
            parser.expect_sign(",")?;
            let otherwise = parser.deeper(operand)?;
            parser.expect_sign(")")?;
            Ok(Source::IfNotExists(path, Box::new(otherwise)))
        }
        Some(Kind::Word("list_append")) => {
            parser.expect_word("list_append")?;
            parser.expect_sign("(")?;
            let first = parser.deeper(operand)?;
            parser.expect_sign(",")?;
            let second = parser.deeper(operand)?;
            parser.expect_sign(")")?;
            Ok(Source::ListAppend(Box::new(first), Box::new(second)))
        }
        _ => Ok(Source::Path(parser.path()?)),
    }
}

const CLAUSES: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];
