//! What is public is never masked.

use privet::Protect;

#[derive(Protect)]
struct Customer {
    #[protect(public, mask = "email")]
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
