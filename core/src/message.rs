//! ESDK messages: what AWS's encryption clients write and read, whole, as streams and in ranges.
//!
//! Bytes in, bytes out: no clock, no I/O, no key provider. [`messages`](crate::messages) asks keyrings for the keys.

mod footer;
mod frame;
mod header;
mod keys;
mod open;
mod options;
mod seal;
mod suite;

pub use header::Header;
pub use open::{Locked, Message, Opened};
pub use options::{Limits, ReadOptions, WriteOptions};
pub use seal::NewMessage;
pub use suite::{AlgorithmSuite, CommitmentPolicy};

#[cfg(test)]
mod tests;
