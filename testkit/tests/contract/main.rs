//! The behaviour of KMS and DynamoDB that privet relies on, through the real SDK clients.
//!
//! Runs against the embedded services, or, with `AWS_ENDPOINT_URL_KMS` or `AWS_ENDPOINT_URL_DYNAMODB` set (and
//! credentials in the environment), against another engine or the service itself, to see where they differ. Keys and
//! tables made there are not cleaned up.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod dynamodb;
mod keys;
mod kms;
mod site;
