//! A field must say what it is.

use privet::Protect;

#[derive(Protect)]
struct Customer {
    #[protect(public)]
    id: String,
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _ = Customer::email();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
