//! Bulk jobs as AWS Lambda functions: thin skins over [`Job::process_shard`](privet_bulk::Job::process_shard).
//!
//! [`distributed_map`] takes the segments of a table from a Step Functions Distributed Map; [`s3_batch`] takes objects from
//! S3 Batch Operations. The binary `privet-worker` serves the former; for objects write a handler over
//! [`s3_batch::ObjectWorker`].

pub mod distributed_map;
pub mod s3_batch;
mod settings;
pub mod worker;

pub use settings::Settings;
