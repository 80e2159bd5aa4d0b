//! ESDK messages: what AWS's encryption clients write and read, whole, as streams and in ranges.
//!
//! Bytes in, bytes out: no clock, no I/O, no key provider. [`messages`](crate::messages) asks keyrings for the keys.

mod decryptor;
mod encryptor;
mod footer;
mod frame;
mod header;
mod id;
mod jobs;
mod keys;
mod open;
mod options;
mod out;
mod ranges;
mod seal;
mod suite;

pub use decryptor::{Decryptor, HeaderProgress, HeaderReader, LockedStream};
pub use encryptor::Encryptor;
pub use header::Header;
pub use open::{Locked, Message, Opened};
pub use options::{Limits, ReadOptions, WriteOptions};
pub(crate) use out::Out;
pub use ranges::{RandomAccess, Segment};
pub use seal::NewMessage;
pub use suite::{AlgorithmSuite, CommitmentPolicy};

#[cfg(test)]
mod tests;
