//! What is public is printed, so it must know how.

use privet::Protect;

#[derive(Protect)]
enum Customer {
    Known {
        #[protect(public)]
        kind: Kind,
        #[protect(pii)]
        secret: Kind,
    },
}

struct Kind;

fn main() {
    let _ = Customer::schema();
    let _: fn(&Customer) -> String = |model| format!("{model:?}");
}
