//! privet: field-level data protection for serverless applications on AWS.
#![doc = include_str!("../README.md")]

#[cfg(feature = "detect")]
pub use privet_core::detect;
pub use privet_core::schema::{Field, InventoryEntry, Protect, Schema};
pub use privet_core::view::{Shown, View};
pub use privet_core::{
    Classification, ClassificationSet, EncryptedDataKey, EncryptionContext, Error, ErrorKind, Keyring, Policy,
    Principal, Protector, Result, Secret, audit, cache, keyring, mask, message, messages, policy, principal, protector,
    record, schema, time, value, view,
};
#[cfg(feature = "derive")]
pub use privet_derive::Protect;

/// DynamoDB: protected items through the SDK's own builders, and typed tables.
#[cfg(feature = "dynamodb")]
pub use privet_dynamodb as dynamodb;

#[doc(hidden)]
pub mod __private;
