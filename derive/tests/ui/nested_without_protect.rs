//! A nested type classifies its own fields.

use privet::Protect;

#[derive(Protect)]
struct Customer {
    #[protect(nested)]
    address: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
