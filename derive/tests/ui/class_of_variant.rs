//! Classes belong to the fields of a variant.

use privet::Protect;

#[derive(Protect)]
enum Payment {
    #[protect(pii)]
    Card(#[protect(confidential)] String),
}

fn main() {
    let _ = Payment::schema();
    let _: fn(&Payment) -> String = |model| format!("{model:?}");
}
