//! A key that no field is stored as.

use privet::Protect;

#[derive(Protect)]
#[protect(key = "pk, sk")]
struct Customer {
    #[protect(public)]
    pk: String,
    #[protect(public)]
    sort: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
