//! The records that the programs for figures rewrite, and the keys that they are under before and after.

use privet_core::audit::TracingSink;
use privet_core::keyring::{MultiKeyring, RawAesKeyring};
use privet_core::value::{Map, Value};
use privet_core::{Policy, Protector, Secret};

/// A key of examples.
fn keyring(name: &str, byte: u8) -> RawAesKeyring {
    RawAesKeyring::new("examples", name, &Secret::copy_of(&[byte; 32])).unwrap()
}

fn protector(keyring: MultiKeyring) -> Protector {
    let policy = Policy::from_toml("version = 1\n[resources.customers]\nkey = [\"id\"]\n").unwrap();
    Protector::builder().policy(policy).keyring(keyring).audit(TracingSink).build().unwrap()
}

pub(crate) fn old() -> Protector {
    protector(MultiKeyring::new(keyring("old", 1)))
}

pub(crate) fn new() -> Protector {
    protector(MultiKeyring::new(keyring("new", 2)))
}

/// Ten fields, four of them sealed: all of class pii, or of three classes.
pub(crate) fn record(index: u64, classes: &str) -> Map {
    let text = |text: String| Value::S(text);
    let mut record = Map::from([
        ("id".into(), text(format!("c-{index:09}"))),
        ("name".into(), text("Ada Lovelace".into())),
        ("email".into(), text(format!("ada.{index}@example.com"))),
        ("ssn".into(), text(format!("900-12-{:04}", index % 10_000))),
        ("created_at".into(), text("2026-11-23T08:00:00Z".into())),
    ]);
    let sealed = if classes == "pii" { ["phone", "address"] } else { ["api_key", "health_records"] };
    for name in sealed {
        record.insert(name.into(), text(format!("{name} of number {index}")));
    }
    // Names that no rule knows would be sealed, so these are dates and names too.
    for name in ["createdAt", "Name", "CREATED_AT"] {
        record.insert(name.into(), text("something that is public".into()));
    }
    record
}
