//! The core of privet: classification, policy, masks, keys and formats. The facade crate `privet` re-exports it.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod classification;
pub mod error;
pub mod mask;
pub mod policy;
pub mod principal;
pub mod schema;
pub mod value;
pub mod view;

pub use classification::{Classification, ClassificationSet};
pub use error::{Error, ErrorKind, Result};
