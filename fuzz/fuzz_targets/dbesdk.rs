//! No header, footer or attribute that was not written under the keys opens, whatever it holds.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use privet_core::dbesdk::{Action, FOOTER, HEADER, Locked, NewItem, Recipient, Suite, Table};
use privet_core::value::{Map, Value};
use privet_core::{EncryptedDataKey, Secret};

static KEY: LazyLock<Secret> = LazyLock::new(|| Secret::copy_of(&[7; 32]));
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::new("T", "pk").and_then(|table| table.with_context(["c"])).unwrap().with_suite(Suite::Tags)
});

/// An item that opens.
static STORED: LazyLock<Map> = LazyLock::new(|| {
    let text = |text: &str| Value::S(text.into());
    let item = Map::from([("pk".into(), text("1")), ("c".into(), text("2")), ("a".into(), text("secret"))]);
    let edk = EncryptedDataKey { provider_id: "t".into(), provider_info: vec![1], ciphertext: vec![2] };
    let recipients = [Recipient { intermediate_key: &KEY, edk: &edk }];
    NewItem::new(item, &TABLE, |_| Some(Action::EncryptAndSign)).and_then(|item| item.seal(&recipients)).unwrap()
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else { return };
    let mut stored = STORED.clone();
    match choice % 4 {
        // The whole of one attribute.
        0 => drop(stored.insert(HEADER.into(), Value::B(input.to_vec()))),
        1 => drop(stored.insert(FOOTER.into(), Value::B(input.to_vec()))),
        2 => drop(stored.insert("a".into(), Value::B(input.to_vec()))),
        // Bytes of the header, in the place that the first two say.
        _ => {
            if let (Some((place, bytes)), Some(Value::B(header))) = (input.split_first_chunk(), stored.get_mut(HEADER))
            {
                let place = usize::from(u16::from_be_bytes(*place)) % header.len();
                header.iter_mut().skip(place).zip(bytes).for_each(|(header, byte)| *header = *byte);
            }
        }
    }
    let is_same = stored == *STORED;
    let opened = Locked::parse(stored, &TABLE).and_then(|locked| {
        let keys = locked.unlock(0, &KEY)?;
        locked.open(&keys)
    });
    assert_eq!(opened.is_ok(), is_same, "a forged item was opened");
});
