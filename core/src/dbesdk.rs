//! DB-ESDK items: what AWS's database encryption clients write to DynamoDB and read from it.
//!
//! Bytes in, bytes out: no clock, no I/O, no key provider. [`dbesdk_items`](crate::dbesdk_items) asks keyrings for the
//! keys.

mod attribute;
mod context;
mod fields;
mod footer;
mod header;
mod keys;
mod look;
mod open;
mod path;
mod seal;
mod table;

pub use attribute::Action;
pub use look::Described;
pub use open::{ItemKeys, Locked, Opened};
pub use seal::{NewItem, Recipient};
pub use table::{Suite, Table};

/// The attribute that holds an item's header.
pub const HEADER: &str = "aws_dbe_head";
/// The attribute that holds an item's footer.
pub const FOOTER: &str = "aws_dbe_foot";
/// What names begin with that belong to the format: header, footer, beacons.
pub const RESERVED_PREFIX: &str = "aws_dbe_";

#[cfg(test)]
mod tests;
