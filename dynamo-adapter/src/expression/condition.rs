//! Conditions: of writes, of keys, and filters.

use privet_core::value::{Path, Value};

use super::Placeholders;
use super::parse::Parser;
use super::token::Kind;
use crate::error::Result;

/// A condition, with its names and values looked up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    /// `a = b`, `a <> b`, `a < b` and so on, by their sign.
    Compare(Operand, &'static str, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Function(Function, Path, Option<Operand>),
}

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Path(Path),
    Value(Value),
    /// `size(path)`.
    Size(Path),
}

/// A function that is a condition by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Exists,
    NotExists,
    HasType,
    BeginsWith,
    Contains,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// `Input` if it is malformed or a placeholder stands for nothing. The message holds no value.
    pub(crate) fn parse(text: &str, placeholders: &Placeholders<'_>) -> Result<Self> {
        let mut parser = Parser::new(text, placeholders)?;
        let condition = or(&mut parser)?;
        parser.expect_end()?;
        Ok(condition)
    }
}

impl Function {
    const ALL: [Self; 5] = [Self::Exists, Self::NotExists, Self::HasType, Self::BeginsWith, Self::Contains];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exists => "attribute_exists",
            Self::NotExists => "attribute_not_exists",
            Self::HasType => "attribute_type",
            Self::BeginsWith => "begins_with",
            Self::Contains => "contains",
        }
    }
}

fn or(parser: &mut Parser<'_>) -> Result<Condition> {
    let mut left = and(parser)?;
    while parser.take_word("OR") {
        left = Condition::Or(Box::new(left), Box::new(and(parser)?));
    }
    Ok(left)
}

fn and(parser: &mut Parser<'_>) -> Result<Condition> {
    let mut left = not(parser)?;
    while parser.take_word("AND") {
        left = Condition::And(Box::new(left), Box::new(not(parser)?));
    }
    Ok(left)
}

fn not(parser: &mut Parser<'_>) -> Result<Condition> {
    if parser.take_word("NOT") {
        return Ok(Condition::Not(Box::new(parser.deeper(not)?)));
    }
    if parser.take_sign("(") {
        let inner = parser.deeper(or)?;
        parser.expect_sign(")")?;
        return Ok(inner);
    }
    single(parser)
}

fn single(parser: &mut Parser<'_>) -> Result<Condition> {
    if let Some(Kind::Word(word)) = parser.peek()
        && let Some(function) = Function::ALL.into_iter().find(|function| function.name() == word)
    {
        parser.expect_word(word)?;
        parser.expect_sign("(")?;
        let path = parser.path()?;
        let argument = match function {
            Function::Exists | Function::NotExists => None,
            _ => {
                parser.expect_sign(",")?;
                Some(operand(parser)?)
            }
        };
        parser.expect_sign(")")?;
        return Ok(Condition::Function(function, path, argument));
    }
    let left = operand(parser)?;
    if parser.take_word("BETWEEN") {
        let least = operand(parser)?;
        parser.expect_word("AND")?;
        return Ok(Condition::Between(left, least, operand(parser)?));
    }
    if parser.take_word("IN") {
        parser.expect_sign("(")?;
        let among = parser.list(operand)?;
        parser.expect_sign(")")?;
        return Ok(Condition::In(left, among));
    }
    match COMPARISONS.into_iter().find(|sign| parser.take_sign(sign)) {
        Some(sign) => Ok(Condition::Compare(left, sign, operand(parser)?)),
        None => Err(parser.unexpected("a comparison")),
    }
}

fn operand(parser: &mut Parser<'_>) -> Result<Operand> {
    match parser.peek() {
        Some(Kind::Value(_)) => Ok(Operand::Value(parser.value()?)),
        Some(Kind::Word("size")) => {
            parser.expect_word("size")?;
            parser.expect_sign("(")?;
            let path = parser.path()?;
            parser.expect_sign(")")?;
            Ok(Operand::Size(path))
        }
        _ => Ok(Operand::Path(parser.path()?)),
    }
}

const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];
