//! What is nested is searched for by its own fields.

use privet::Protect;

#[derive(Protect)]
struct Customer {
    #[protect(nested, searchable)]
    address: Address,
}

#[derive(Protect)]
struct Address {
    #[protect(pii)]
    street: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
