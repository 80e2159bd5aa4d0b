//! What is public needs no sealed search.

use privet::Protect;

#[derive(Protect)]
struct Customer {
    #[protect(public, searchable)]
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
