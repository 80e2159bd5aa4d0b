//! What `#[derive(Protect)]` does, as the author of a model sees it.
#![cfg(feature = "derive")]

#[path = "derive/debug.rs"]
mod debug;
#[path = "derive/enums.rs"]
mod enums;
#[path = "derive/fields.rs"]
mod fields;
#[path = "derive/generics.rs"]
mod generics;
#[path = "derive/hygiene.rs"]
pub mod hygiene;
#[path = "derive/structs.rs"]
mod structs;
#[cfg(test)]
#[path = "derive/walk.rs"]
mod walk;
