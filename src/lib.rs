//! privet: field-level data protection for serverless applications on AWS.

pub use privet_core::schema::{Field, InventoryEntry, Protect, Schema};
pub use privet_core::{Classification, ClassificationSet, Error, ErrorKind, Result};
#[cfg(feature = "derive")]
pub use privet_derive::Protect;

#[doc(hidden)]
pub mod __private;
