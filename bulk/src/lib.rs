//! Bulk re-encryption: every record of a store is moved to a target, conditionally, resumably, and never twice.
//!
//! A [`Job`] is a [`Store`] (what holds the records), a [`Transformation`] (what they are to become) and
//! [`Checkpoints`] (how far it has got). [`Job::process_shard`] is the one seam: a command line, a Lambda function and a
//! test call the same. This crate knows no SDK; stores of AWS services are in their adapters.

mod begin;
pub mod checkpoint;
mod error;
pub mod files;
mod job;
pub mod keyring;
pub mod lines;
pub mod pace;
pub mod plan;
pub mod report;
mod reprotect;
mod shard;
pub mod store;
pub mod transformation;
mod verify;

pub use begin::Begun;
pub use checkpoint::{Checkpoint, Checkpoints, FileCheckpoints};
pub use error::{Error, Result};
pub use job::{Job, JobBuilder};
pub use lines::LinesStore;
pub use pace::Limits;
pub use plan::{Plan, Prices};
pub use report::{Counts, Poison, Report};
pub use reprotect::{Classes, Reprotect};
pub use shard::{Budget, Failure, Outcome};
pub use store::{Page, Position, Size, Store, StoredRecord, Written};
pub use transformation::{Decision, Look, Reason, TextDecision, Texts, Transformation};
pub use verify::{Extent, Straggler, Verification};
