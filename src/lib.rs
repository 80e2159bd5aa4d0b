//! privet: field-level data protection for serverless applications on AWS.

pub use privet_core::*;
