//! The DynamoDB adapter of privet: items are sealed on their way in and opened on their way out.
//!
//! Two ways in: [`SendProtected`] on the SDK's own builders, and typed tables ([`Tables::table`]). [`KeyStoreTable`] is
//! where a branch key store keeps its keys.

mod convert;
mod error;
mod key;
mod key_store;
mod search;
mod send;
mod size;
mod table;

pub use convert::{from_item, to_item};
pub use error::{Error, Result};
pub use key::Key;
pub use key_store::KeyStoreTable;
pub use search::{BeaconIndex, Find, Found, Searchable, beacon_indexes};
pub use send::SendProtected;
pub use size::{MAX_ITEM_SIZE, item_size};
pub use table::{Table, Tables};
