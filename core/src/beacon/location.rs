//! Where in an item a beacon takes its value from: `a`, `a.b`, `a[3].b`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::value::{MAX_DEPTH, Map, Path, Step, Value};

/// A place in an item, written as DynamoDB writes document paths: `a`, `a.b`, `a[3].b`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    path: Path,
    attribute: String,
}

impl Location {
    /// The top-level attribute that it is in.
    #[must_use]
    pub fn attribute(&self) -> &str {
        &self.attribute
    }

    /// The path to it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value there; `None` if a step of the way is missing.
    pub(super) fn find<'a>(&self, item: &'a Map) -> Option<&'a Value> {
        self.path.find(item)
    }

    /// The name of a whole attribute or of a virtual field, if it is nothing deeper.
    pub(super) fn whole(&self) -> Option<&str> {
        (self.path.steps().len() == 1).then_some(self.attribute.as_str())
    }
}

impl FromStr for Location {
    type Err = Error;

    /// # Errors
    ///
    /// `Config` for what is no path, or one deeper than values nest.
    fn from_str(text: &str) -> Result<Self> {
        parse(text).ok_or_else(|| {
            Error::config(format!(
                "`{text}` is no location; write one like `name`, `address.zip` or `visits[0].doctor`"
            ))
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

fn parse(text: &str) -> Option<Location> {
    let (attribute, mut rest) = name(text)?;
    let mut steps = vec![Step::Key(attribute.to_owned())];
    while !rest.is_empty() {
        if steps.len() == MAX_DEPTH {
            return None;
        }
        if let Some(after) = rest.strip_prefix('.') {
            let (step, after) = name(after)?;
            steps.push(Step::Key(step.to_owned()));
            rest = after;
        } else {
            let (digits, after) = rest.strip_prefix('[')?.split_once(']')?;
            // Digits only: `parse` would take a sign too.
            let index = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
            steps.push(Step::Index(index));
            rest = after;
        }
    }
    Some(Location { path: steps.into(), attribute: attribute.to_owned() })
}

/// A name up to the next step, and the rest.
fn name(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_at_checked(text.find(['.', '[']).unwrap_or(text.len()))?;
    (!name.is_empty()).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_paths() {
        for text in ["a", "a.b", "a[3].b", "größe.x", "a[0][1]", "a-b.c d"] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), text);
        }
        let location: Location = "visits[12].doctor".parse().unwrap();
        assert_eq!(location.attribute(), "visits");
        let steps = [Step::Key("visits".into()), Step::Index(12), Step::Key("doctor".into())];
        assert_eq!(location.path().steps(), steps);
    }

    #[test]
    fn refuses_what_is_no_path() {
        let deep = vec!["a"; 33].join(".");
        for text in
            ["", ".a", "a.", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[+1]", "a[1]b", "[0]", "a[4294967296]", &deep]
        {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_prints_what_it_read(text in "[a-c.\\[\\]0-9é]{0,24}|\\PC{0,24}") {
            if let Ok(location) = text.parse::<Location>() {
                let again: Location = location.to_string().parse().unwrap();
                prop_assert_eq!(again, location);
            }
        }
    }
}
