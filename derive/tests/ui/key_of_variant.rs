//! Each kind of record in a table has the key.

use privet::Protect;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
#[protect(key = "pk")]
#[serde(tag = "kind")]
enum Record {
    Customer {
        #[protect(public)]
        pk: String,
    },
    Deleted,
}

fn main() {
    let _ = Record::schema();
    let _: fn(&Record) -> String = |model| format!("{model:?}");
}
