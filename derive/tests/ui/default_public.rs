//! Nothing becomes public without a thought.

use privet::Protect;

#[derive(Protect)]
#[protect(default = "public")]
struct Customer {
    #[protect(pii)]
    email: String,
}

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
