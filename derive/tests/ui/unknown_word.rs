//! A word that is none of the words.

use privet::Protect;

#[derive(Protect)]
struct Customer {
    #[protect(secret, mask = "email")]
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
