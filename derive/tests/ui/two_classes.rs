//! A value has one class.

use privet::Protect;

#[derive(Protect)]
struct Customer {
    #[protect(pii, confidential)]
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
