//! privet: field-level data protection for serverless applications on AWS.
#![doc = include_str!("../README.md")]

#[cfg(feature = "detect")]
pub use privet_core::detect;
pub use privet_core::schema::{Field, InventoryEntry, Protect, Schema};
pub use privet_core::view::{Shown, View};
pub use privet_core::{
    Classification, ClassificationSet, EncryptedDataKey, EncryptionContext, Error, ErrorKind, Keyring, Policy,
    Principal, Protector, Result, Secret, audit, beacon, cache, dbesdk, dbesdk_items, keyring, mask, message, messages,
    policy, principal, protector, record, s3ec, schema, time, value, view,
};
#[cfg(feature = "derive")]
pub use privet_derive::Protect;

/// S3: protected objects through the SDK's own builders, and buckets.
#[cfg(feature = "s3")]
pub use privet_s3 as s3;

/// DynamoDB: protected items through the SDK's own builders, and typed tables.
#[cfg(feature = "dynamodb")]
pub use privet_dynamodb as dynamodb;

/// Jobs that rewrite whole files and tables: see `docs/BULK.md`.
#[cfg(feature = "bulk")]
pub use privet_bulk as bulk;

#[doc(hidden)]
pub mod __private;
