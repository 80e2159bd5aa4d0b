//! S3EC objects: what AWS's S3 encryption clients write and read.
//!
//! Bytes and metadata in, bytes and metadata out: no clock, no I/O, no key provider. The keyrings are
//! [`S3ecKeyring`](crate::keyring::S3ecKeyring)s.
//!
//! An object is one AES-GCM message, its tag at the end. What a reader needs besides is in the object's metadata, or in
//! another object beside it, the instruction file.

mod content;
mod header;
mod instruction;
mod keys;
mod metadata;
mod options;
mod seal;
mod stream;
mod suite;
mod wrapping;

pub use content::{Part, Unlocked};
pub use header::{Detached, Header, Lookup};
pub use metadata::{INSTRUCTION_FILE_MARK, INSTRUCTION_FILE_SUFFIX, Metadata, is_reserved};
pub use options::{ReadOptions, WriteOptions};
pub use seal::{NewObject, Sealed};
pub use stream::{Sealer, UnverifiedReader};
pub use suite::{CommitmentPolicy, ContentSuite};
pub use wrapping::{CONTENT_CIPHER, PROVIDER_ID, Wrapping};

#[cfg(test)]
mod tests;
