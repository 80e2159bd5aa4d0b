//! What a command works on: a file, standard input, a table, or objects of a bucket.

use std::convert::Infallible;
use std::fmt;
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
    /// `s3://BUCKET/PREFIX`; the prefix may be empty.
    Objects { bucket: String, prefix: String },
    /// `scheme://...` of a scheme that no command knows.
    Unknown(String),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once("://") {
            _ if text == "-" => Self::Stdin,
            Some(("dynamodb", table)) if !table.is_empty() && !table.contains('/') => Self::Table(table.to_owned()),
            Some(("s3", path)) if !path.is_empty() && !path.starts_with('/') => {
                let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
                Self::Objects { bucket: bucket.to_owned(), prefix: prefix.to_owned() }
            }
            Some(_) => Self::Unknown(text.to_owned()),
            None => Self::File(text.into()),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Table(table) => write!(f, "dynamodb://{table}"),
            Self::Objects { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Unknown(uri) => f.write_str(uri),
        }
    }
}
