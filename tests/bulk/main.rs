//! Bulk jobs over tables and buckets: while others write, while the service fails, and while the job is killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "../common/mod.rs"]
mod common;
mod exports;
#[cfg(unix)]
mod killed;
mod objects;
#[path = "../s3/site.rs"]
#[allow(dead_code, reason = "the tests of the adapter use all of it")]
mod site;
mod tables;
mod targets;
mod versions;

/// How often a job is killed: `PRIVET_KILLS`, or this often.
fn kills(otherwise: u64) -> u64 {
    std::env::var("PRIVET_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(otherwise)
}

/// The next number of a seed.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}
