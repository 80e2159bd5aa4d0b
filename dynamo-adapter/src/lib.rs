//! The DynamoDB adapter of privet: items are sealed on their way in and opened on their way out.
//!
//! Two ways in: [`SendProtected`] on the SDK's own builders, and typed tables ([`Tables::table`]). [`KeyStoreTable`] is
//! where a branch key store keeps its keys.

mod backoff;
#[cfg(feature = "bulk")]
pub mod bulk;
mod check;
mod convert;
mod definition;
mod error;
mod export;
mod expression;
mod image;
mod key;
mod key_store;
mod search;
mod send;
mod size;
#[cfg(feature = "lambda")]
mod stream;
mod table;
mod upgrade;

pub use backoff::Backoff;
pub use convert::{from_item, to_item};
pub use definition::{
    EnsuredTable, IndexDefinition, IndexProjection, KeyAttribute, TableDefinition, TableDifference, Tenancy,
    ensure_table,
};
pub use error::{CancellationReason, Error, Item, Result};
pub use export::{ExportFile, ExportLine, ExportLines, Exports, read_manifest};
pub use image::Image;
pub use key::Key;
pub use key_store::KeyStoreTable;
pub use search::{BeaconIndex, Find, Found, Searchable, beacon_indexes};
pub use send::{IntoProtectedPages, SendAllKeys, SendAllWrites, SendProtected};
pub use size::{MAX_ITEM_SIZE, item_size};
#[cfg(feature = "lambda")]
pub use stream::{Change, ChangeKind, Streams};
pub use table::{Query, Scan, Stored, Table, Tables, Transaction, UpdateRecord};
pub use upgrade::{Migrate, Upgrade};
