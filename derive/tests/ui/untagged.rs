//! Fields of an untagged enum cannot be told apart.

use privet::Protect;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
#[serde(untagged)]
enum Contact {
    Email(#[protect(pii)] String),
    Desk(#[protect(public)] u32),
}

fn main() {
    let _ = Contact::schema();
    let _: fn(&Contact) -> String = |model| format!("{model:?}");
}
