//! A record is read under the names it was written with.

use privet::Protect;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
struct Customer {
    #[protect(pii)]
    #[serde(rename(serialize = "mail", deserialize = "email"))]
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
