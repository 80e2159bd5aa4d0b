//! The SDK's own builders, sealed on the way in and opened on the way out. One file an operation or two.

mod batch_get;
mod batch_write;
mod delete;
mod get;
mod pages;
mod put;
mod query;
mod read;
mod scope;
mod statement;
mod transact_get;
mod transact_write;
mod update;
pub(crate) mod updating;

use privet_core::protector::Protector;

pub use batch_get::SendAllKeys;
pub(crate) use batch_get::batch_get_all;
pub use batch_write::SendAllWrites;
pub(crate) use batch_write::batch_write_all;
pub use pages::IntoProtectedPages;
pub(crate) use pages::check_progress;
pub(crate) use put::put_item;
pub(crate) use query::{query, scan};
pub(crate) use read::Reading;
pub(crate) use scope::{Scope, seal};
pub(crate) use transact_write::transact_write;
pub(crate) use update::{Source as UpdateSource, update_item};

use crate::error::Result;

/// `.send()` becomes `.send_protected(&privet)`.
///
/// The protector must know the table: register the model of its records with
/// [`ProtectorBuilder::model`](privet_core::protector::ProtectorBuilder::model), or name the table under `[resources]`
/// in the policy. `docs/DYNAMODB.md` says what each operation does with sealed values, and what is refused.
pub trait SendProtected {
    /// What the call answers, with its items opened.
    type Output;

    /// Sends the request with its items sealed.
    ///
    /// # Errors
    ///
    /// `Config` if the protector does not know the table; `Unsupported` if the request asks for what sealed values cannot
    /// give, with the attribute named; `Input` if an expression is malformed or the sealed item is too large; `Conflict`
    /// if a condition fails; the protector's and DynamoDB's errors.
    fn send_protected(self, privet: &Protector) -> impl Future<Output = Result<Self::Output>> + Send;
}
