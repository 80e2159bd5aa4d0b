//! Embedded AWS for the examples and tests of privet: KMS, DynamoDB and S3 inside the process, behind the real SDK clients.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use privet_testkit::{EmbeddedAws, Fault};
//!
//! let aws = EmbeddedAws::start().await;
//! let key = aws.create_key("eu-west-1", "alias/privet").await;
//! let kms = aws_sdk_kms::Client::new(&aws.config("eu-west-1").await);
//!
//! aws.fault(Fault::on("kms", "GenerateDataKey").times(1).error("ThrottlingException"));
//! let data_key = kms
//!     .generate_data_key()
//!     .key_id("alias/privet")
//!     .number_of_bytes(32)
//!     .encryption_context("privet:class", "pii")
//!     .send() // throttled once, then retried by the SDK
//!     .await?;
//!
//! assert_eq!(data_key.key_id(), Some(key.as_str()));
//! assert_eq!(aws.calls("kms").len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! There is nothing to configure and no port (but for other processes, see [`EmbeddedAws::listen`]): the SDK's HTTP client is replaced by one that reads service, region and
//! principal out of the SigV4 scope of a request and hands it to an engine. Signatures are not checked, but those of S3.
//!
//! # What is missing
//!
//! KMS: key policies, tags and grants are accepted and not kept; no asymmetric keys, data key pairs, imported material
//! or attestation; lists come in one page. IAM: denials stated by the test with [`Deny`], no policy documents.
//! DynamoDB: what dynoxide lacks, such as backups (whether point-in-time recovery is on is kept, and nothing more), exports
//! and limits of throughput (inject throttling with [`Fault`]); expired items stay. S3: what s3s lacks, such as versions and
//! server-side encryption; objects are files in a temporary folder, so its calls need a tokio runtime. Other services: none.
//!
//! # Security
//!
//! Test equipment. Key material lives in plain memory and nothing here resists an attacker.

// Test equipment fails loudly: a broken lock or a broken engine must stop the test, not turn into an answer.
#![allow(clippy::expect_used, clippy::panic)]

mod answer;
mod call;
mod connector;
mod deny;
mod dynamodb;
mod embedded;
mod fault;
mod kms;
mod random;
mod request;
#[cfg(feature = "s3")]
mod s3;
mod server;
mod target;

pub use call::{Call, Outcome};
pub use deny::Deny;
pub use embedded::EmbeddedAws;
pub use fault::Fault;
pub use server::Endpoint;

/// The account every embedded resource belongs to.
pub const ACCOUNT: &str = "111122223333";
