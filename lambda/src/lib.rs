//! Bulk jobs as AWS Lambda functions: thin skins over [`Job::process_shard`](privet_bulk::Job::process_shard).
//!
//! [`distributed_map`] takes the segments of a table from a Step Functions Distributed Map; [`s3_batch`] takes objects from
//! S3 Batch Operations. The binary `privet-worker` serves both: [`worker`] and [`objects`] are behind them.

pub mod distributed_map;
pub mod objects;
pub mod s3_batch;
mod settings;
pub mod worker;

pub use settings::Settings;
