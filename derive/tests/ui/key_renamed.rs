//! A key is named as it is stored.

use privet::Protect;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
#[protect(key = "customer_id")]
#[serde(rename_all = "camelCase")]
struct Customer {
    #[protect(public)]
    customer_id: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
