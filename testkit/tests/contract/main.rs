//! The behaviour of KMS, DynamoDB and S3 that privet relies on, through the real SDK clients.
//!
//! Runs against the embedded services, or, with `AWS_ENDPOINT_URL_KMS`, `AWS_ENDPOINT_URL_DYNAMODB` or `AWS_ENDPOINT_URL_S3` set (and
//! credentials in the environment), against another engine or the service itself, to see where they differ. Keys,
//! tables and buckets made there are not cleaned up.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod dynamodb;
mod keys;
mod kms;
mod s3;
mod site;
