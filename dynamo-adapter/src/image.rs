//! An item as a stream or an export has it, opened as far as this process's keys go.

use privet_core::protector::{Protector, Resource, Unprotected};
use privet_core::value::Map;
use privet_core::{ErrorKind, Result};

/// An image of an item.
#[derive(Debug)]
#[must_use = "values may be withheld, or all of it"]
pub enum Image {
    /// There is none: the item did not exist, or the stream does not carry such images.
    Absent,
    /// It was opened; of an [`Unprotected`], single values may be withheld.
    Opened(Unprotected),
    /// This process may unwrap no class of it.
    Withheld,
}

impl Image {
    /// What was opened, if anything was.
    #[must_use]
    pub fn opened(&self) -> Option<&Unprotected> {
        match self {
            Self::Opened(opened) => Some(opened),
            Self::Absent | Self::Withheld => None,
        }
    }

    /// Whether it is there and some of it, or all, is withheld.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        match self {
            Self::Absent => false,
            Self::Opened(opened) => !opened.withheld().is_empty(),
            Self::Withheld => true,
        }
    }

    /// Opens an item; one without attributes is none.
    pub(crate) async fn open(privet: &Protector, resource: &Resource, item: Map) -> Result<Self> {
        if item.is_empty() {
            return Ok(Self::Absent);
        }
        match privet.unprotect_record(resource, item).await {
            Ok(opened) => Ok(Self::Opened(opened)),
            Err(error) if error.kind() == ErrorKind::Denied => Ok(Self::Withheld),
            Err(error) => Err(error),
        }
    }
}
