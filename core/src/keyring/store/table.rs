//! Where a key store keeps its records: the trait that a database implements.

use std::fmt;
use std::sync::Arc;

use crate::keyring::KeyringFuture;
use crate::value::Map;

/// The table of a key store: partition key `branch-key-id`, sort key `type`, both text.
///
/// `privet-dynamodb` implements it over DynamoDB. Errors are told apart by kind: `Conflict` if a condition does not
/// hold, `Denied`, `Throttled`, `KeyUnavailable` if the database cannot be reached or its answer got lost, `Config` if
/// there is no such table.
pub trait BranchKeyTable: fmt::Debug + Send + Sync {
    /// Creates the table, or makes sure that the one there is of the right shape.
    ///
    /// # Errors
    ///
    /// `Config` if a table of the name has other keys; the database's.
    fn create(&self) -> KeyringFuture<'_, ()>;

    /// The record of this id and type, as it is after all writes so far.
    ///
    /// # Errors
    ///
    /// The database's.
    fn get<'a>(&'a self, branch_key_id: &'a str, record_type: &'a str) -> KeyringFuture<'a, Option<Map>>;

    /// All records of a branch key.
    ///
    /// # Errors
    ///
    /// The database's.
    fn query<'a>(&'a self, branch_key_id: &'a str) -> KeyringFuture<'a, Vec<Map>>;

    /// The ids of all branch keys that have a record of this type.
    ///
    /// # Errors
    ///
    /// The database's.
    fn list<'a>(&'a self, record_type: &'a str) -> KeyringFuture<'a, Vec<String>>;

    /// Writes all of these records or none.
    ///
    /// # Errors
    ///
    /// `Conflict` if a condition does not hold; the database's.
    fn put_all(&self, puts: Vec<ConditionalPut>) -> KeyringFuture<'_, ()>;
}

/// A record to write, and what must hold for it.
#[derive(Clone, Debug)]
pub struct ConditionalPut {
    /// The record.
    pub item: Map,
    /// What must hold of the record that is there.
    pub condition: PutCondition,
}

/// What must hold of the record that is there.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutCondition {
    /// There is none: `attribute_not_exists(branch-key-id)`.
    Absent,
    /// It is the one that was read: `attribute_exists(branch-key-id) AND enc = :old`.
    Unchanged {
        /// The `enc` that was read.
        enc: Vec<u8>,
    },
}

impl fmt::Debug for PutCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Unchanged { .. } => "Unchanged",
        })
    }
}

impl<T: BranchKeyTable + ?Sized> BranchKeyTable for Arc<T> {
    fn create(&self) -> KeyringFuture<'_, ()> {
        (**self).create()
    }

    fn get<'a>(&'a self, branch_key_id: &'a str, record_type: &'a str) -> KeyringFuture<'a, Option<Map>> {
        (**self).get(branch_key_id, record_type)
    }

    fn query<'a>(&'a self, branch_key_id: &'a str) -> KeyringFuture<'a, Vec<Map>> {
        (**self).query(branch_key_id)
    }

    fn list<'a>(&'a self, record_type: &'a str) -> KeyringFuture<'a, Vec<String>> {
        (**self).list(record_type)
    }

    fn put_all(&self, puts: Vec<ConditionalPut>) -> KeyringFuture<'_, ()> {
        (**self).put_all(puts)
    }
}
