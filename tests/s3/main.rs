//! What an application does with protected objects in S3, and what it sees when something is wrong.
//!
//! Runs on embedded AWS, or with `AWS_ENDPOINT_URL_S3` set (and credentials in the environment) against another S3; KMS stays
//! embedded. Tests that need faults or the record of calls then pass without a word.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod attacks;
mod copies;
mod documents;
mod faults;
mod formats;
mod kept;
mod keys;
mod objects;
mod ranges;
mod sdk;
mod site;
mod uploads;
mod versions;
