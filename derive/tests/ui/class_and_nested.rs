//! Either the whole value has a class, or its fields have.

use privet::Protect;

#[derive(Protect)]
struct Customer {
    #[protect(pii, nested)]
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
