//! The second mistake does not wait for the first to be mended.

use std::collections::HashMap;

use privet::Protect;
use serde::Serialize;

#[derive(Protect, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Customer {
    #[protect(nested, mask = "email")]
    #[serde(serialize_with = "as_text")]
    address: Address,
    #[protect(skip, pii)]
    cache: u8,
    #[protect(mask = "")]
    email: String,
    #[protect(pii, rename = "email")]
    mail: String,
    #[protect(pii, pii, mask = 4)]
    phone: String,
    #[protect(pii, searchable)]
    #[serde(flatten)]
    rest: HashMap<String, String>,
}

#[derive(Protect, Serialize)]
struct Address(#[protect(pii)] String, #[protect(public)] #[serde(skip_serializing_if = "is_zero")] u8);

#[derive(Protect)]
struct Email(#[protect(pii, rename = "email")] String);

#[derive(Protect)]
#[protect(resource = "", resource = "b", key = "id, id", pii, fields)]
union Either {
    id: u8,
}

fn as_text<S: serde::Serializer>(_: &Address, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str("")
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
