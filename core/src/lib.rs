//! The core of privet: classification, policy, masks, keys and formats. The facade crate `privet` re-exports it.

pub mod audit;
pub mod beacon;
pub mod cache;
pub mod classification;
mod crypto;
pub mod dbesdk;
pub mod dbesdk_items;
#[cfg(feature = "detect")]
pub mod detect;
mod edk;
mod encryption_context;
pub mod error;
pub mod keyring;
pub mod mask;
pub mod message;
pub mod messages;
pub mod policy;
pub mod principal;
pub mod protector;
pub mod record;
pub mod s3ec;
pub mod schema;
mod spelling;
pub mod time;
pub mod value;
pub mod view;

pub use classification::{Classification, ClassificationSet};
pub use crypto::Secret;
pub use edk::EncryptedDataKey;
pub use encryption_context::EncryptionContext;
pub use error::{Error, ErrorKind, Result};
pub use keyring::Keyring;
pub use policy::Policy;
pub use principal::Principal;
pub use protector::Protector;
