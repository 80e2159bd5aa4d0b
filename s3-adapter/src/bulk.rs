//! Buckets as stores of bulk jobs: objects by prefix or manifest, rewritten on the condition of the ETag that was read.

mod checkpoints;
mod document;
mod manifest;
mod object;
mod reseal;
mod rewriting;
mod store;

pub use checkpoints::BucketCheckpoints;
pub use manifest::decode_key;
pub use object::StoredObject;
pub use reseal::{Moved, Reseal};
pub use rewriting::Rewriting;
pub use store::ObjectStore;

use privet_core::ErrorKind;

use crate::error::Error;

impl From<Error> for privet_bulk::Error {
    fn from(error: Error) -> Self {
        let same = Self::new(error.kind(), error.to_string()).retryable(error.is_retryable());
        if error.is_of_target() { same.denied_to_all() } else { same }
    }
}

/// What is wrong with one object must not end the job: whoever can put an object there could stop it. Settings that are
/// wrong only in the eyes of this object, and answers of S3 that no repetition changes, are the object's.
fn of_object(error: privet_bulk::Error) -> privet_bulk::Error {
    match error.kind() {
        ErrorKind::Config => privet_bulk::Error::new(ErrorKind::Unsupported, error.to_string()),
        ErrorKind::Io if !error.is_retryable() => privet_bulk::Error::new(ErrorKind::Input, error.to_string()),
        _ => error,
    }
}
