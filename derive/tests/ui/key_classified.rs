//! A key is stored in clear.

use privet::Protect;

#[derive(Protect)]
#[protect(key = "email")]
struct Customer {
    #[protect(pii)]
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
