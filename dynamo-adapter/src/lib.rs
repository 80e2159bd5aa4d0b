//! The DynamoDB adapter of privet: items are sealed on their way in and opened on their way out.
//!
//! Two ways in: [`SendProtected`] on the SDK's own builders, and typed tables ([`Tables::table`]). [`KeyStoreTable`] is
//! where a branch key store keeps its keys.

mod backoff;
mod check;
mod convert;
mod error;
mod expression;
mod key;
mod key_store;
mod send;
mod size;
mod table;

pub use backoff::Backoff;
pub use convert::{from_item, to_item};
pub use error::{CancellationReason, Error, Item, Result};
pub use key::Key;
pub use key_store::KeyStoreTable;
pub use send::{IntoProtectedPages, SendAllKeys, SendAllWrites, SendProtected};
pub use size::{MAX_ITEM_SIZE, item_size};
pub use table::{Query, Scan, Stored, Table, Tables, Transaction, UpdateRecord};
