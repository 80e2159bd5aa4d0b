//! How delicate a value is: the four classes, their stored codes and their order.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How delicate a value is.
///
/// The order is the order of strictness at rest: a value that several rules classify is sealed under the greatest of
/// their classes.
///
/// ```
/// use privet_core::Classification;
///
/// assert!(Classification::Public < Classification::Pii);
/// assert_eq!("pii".parse(), Ok(Classification::Pii));
/// assert_eq!(Classification::Confidential.to_string(), "confidential");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Classification {
    /// Anyone may see it; stored in clear and protected against change.
    Public,
    /// It identifies or reaches a person: e-mail, phone, address, social security number.
    Pii,
    /// It opens something: passwords, API keys, tokens. Shown to nobody in clear unless a policy says so.
    Sensitive,
    /// It would do harm if known: health, finances. Showing it leaves an audit event.
    Confidential,
}

impl Classification {
    /// All classes in ascending order.
    pub const ALL: [Self; 4] = [Self::Public, Self::Pii, Self::Sensitive, Self::Confidential];

    /// The class's code in stored records (privet record format, section 1).
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Public => 1,
            Self::Pii => 2,
            Self::Sensitive => 3,
            Self::Confidential => 4,
        }
    }

    /// The class with this code, if there is one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Public),
            2 => Some(Self::Pii),
            3 => Some(Self::Sensitive),
            4 => Some(Self::Confidential),
            _ => None,
        }
    }

    /// The class's name as policies, attributes and KMS encryption contexts write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pii => "pii",
            Self::Sensitive => "sensitive",
            Self::Confidential => "confidential",
        }
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Classification {
    type Err = UnknownClassification;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or(UnknownClassification)
    }
}

/// A word that names no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a class; the classes are `public`, `pii`, `sensitive`, `confidential`")]
pub struct UnknownClassification;

/// A set of classes: all that the names on a value's path say of it.
///
/// A value is sealed under the greatest class of its set and shown no wider than each class of the set allows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ClassificationSet(u8);

impl ClassificationSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// The set of one class.
    #[must_use]
    pub const fn of(class: Classification) -> Self {
        Self(1 << class.code())
    }

    /// This set and the class.
    #[must_use]
    pub const fn with(self, class: Classification) -> Self {
        Self(self.0 | 1 << class.code())
    }

    /// The classes of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the class is in the set.
    #[must_use]
    pub const fn contains(self, class: Classification) -> bool {
        self.0 & 1 << class.code() != 0
    }

    /// Whether no class is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The greatest class of the set: the one the value is sealed under.
    #[must_use]
    pub fn greatest(self) -> Option<Classification> {
        self.iter().last()
    }

    /// The classes of the set in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Classification> {
        Classification::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

impl FromIterator<Classification> for ClassificationSet {
    fn from_iter<I: IntoIterator<Item = Classification>>(classes: I) -> Self {
        classes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for ClassificationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_go_both_ways() {
        for class in Classification::ALL {
            assert_eq!(Classification::from_code(class.code()), Some(class));
            assert_eq!(class.as_str().parse(), Ok(class));
        }
        assert_eq!(Classification::from_code(0), None);
        assert_eq!(Classification::from_code(5), None);
        assert!("PII".parse::<Classification>().is_err());
    }

    #[test]
    fn a_set_knows_its_greatest() {
        let set: ClassificationSet = [Classification::Confidential, Classification::Pii].into_iter().collect();
        assert_eq!(set.greatest(), Some(Classification::Confidential));
        assert_eq!(ClassificationSet::EMPTY.greatest(), None);
        assert!(!set.contains(Classification::Sensitive));
        assert_eq!(ClassificationSet::of(Classification::Pii).with(Classification::Confidential), set);
    }
}
