//! What a command works on: a file, standard input, or a table.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// A place that data comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `-`.
    Stdin,
    /// A file.
    File(PathBuf),
    /// `dynamodb://TABLE`.
    Table(String),
    /// `scheme://...` of a scheme that no command knows.
    Unknown(String),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once("://") {
            _ if text == "-" => Self::Stdin,
            Some(("dynamodb", table)) if !table.is_empty() && !table.contains('/') => Self::Table(table.to_owned()),
            Some(_) => Self::Unknown(text.to_owned()),
            None => Self::File(text.into()),
        })
    }
}
