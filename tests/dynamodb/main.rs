//! What an application does with protected items in DynamoDB, and what it sees when something is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod basics;
mod batches;
mod conditions;
mod reads;
mod refusals;
mod returns;
mod transactions;
mod typed;
mod updates;
mod versions;

use aws_sdk_dynamodb::types::AttributeValue;
use common::Site;
use privet::{ErrorKind, Policy, Protector};

/// Not `Debug`: whatever a result holds, its kind of error is what a test wants.
fn kind<T>(result: Result<T, privet::dynamodb::Error>) -> ErrorKind {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.kind(),
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Both integrity modes, with a table `things` of dynamic items.
const MODES: [&str; 2] = ["record", "field"];

/// A protector of the table `things` and of customers, in a mode.
async fn protector(site: &Site, mode: &str) -> Protector {
    let policy = format!(
        "version = 1\n[resources.things]\nkey = [\"id\"]\nintegrity = \"{mode}\"\nunsigned = [\"ttl\"]\n\
         [resources.customers]\nintegrity = \"{mode}\""
    );
    site.builder().await.policy(Policy::from_toml(&policy).unwrap()).build().unwrap()
}

async fn site() -> Site {
    let site = Site::start().await;
    site.create_table("things").await;
    site
}
