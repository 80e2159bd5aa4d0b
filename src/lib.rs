//! privet: field-level data protection for serverless applications on AWS.

pub use privet_core::schema::Protect;
pub use privet_core::*;
#[cfg(feature = "derive")]
pub use privet_derive::Protect;

/// DynamoDB: protected items through the SDK's own builders, and typed tables.
#[cfg(feature = "dynamodb")]
pub use privet_dynamodb as dynamodb;

#[doc(hidden)]
pub mod __private;
