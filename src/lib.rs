//! privet: field-level data protection for serverless applications on AWS.

pub use privet_core::*;
#[cfg(feature = "derive")]
pub use privet_derive::Protect;

#[doc(hidden)]
pub mod __private;
