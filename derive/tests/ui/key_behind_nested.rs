//! A key is public in the type that has it, too.

use privet::Protect;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
#[protect(key = "pk")]
#[serde(tag = "kind")]
enum Record {
    Order(#[protect(nested)] Order),
}

#[derive(Protect, Serialize, Deserialize)]
struct Order {
    #[protect(pii)]
    pk: String,
}

fn main() {
    let _ = Record::schema();
    let _: fn(&Record) -> String = |model| format!("{model:?}");
}
