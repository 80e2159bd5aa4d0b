//! The S3 adapter of privet: objects are sealed on their way in and opened on their way out.
//!
//! Two ways in: [`SendProtected`] on the SDK's own builders, and [`Bucket`]. Two formats: framed objects, which are ESDK
//! messages and are streamed and read in ranges, and S3EC objects, which AWS's S3 encryption clients share.

mod bucket;
#[cfg(feature = "bulk")]
pub mod bulk;
mod copy;
mod documents;
mod error;
mod fetch;
mod format;
mod get;
mod head;
mod instructions;
mod list;
mod locks;
mod metadata;
mod put;
mod range;
mod rewrap;
mod send;
mod settings;
mod upload;

pub use bucket::{Bucket, BucketBuilder};
pub use documents::{DocumentFormat, Documents, RecordStream, ViewStream};
pub use error::{Error, Result};
pub use format::ObjectFormat;
pub use get::{Object, ObjectStream};
pub use head::ObjectHead;
pub use list::{Entry, Page};
pub use put::Put;
pub use range::ObjectReader;
pub use send::{Protects, SendProtected};
