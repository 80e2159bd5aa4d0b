//! `Debug` comes with `Protect`.

use privet::Protect;

#[derive(Debug, Protect)]
struct Customer {
    #[protect(pii)]
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
