//! A key is one value.

use privet::Protect;

#[derive(Protect)]
#[protect(key = "id")]
struct Customer {
    #[protect(nested)]
    id: Id,
}

#[derive(Protect)]
struct Id {
    #[protect(public)]
    number: u64,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
