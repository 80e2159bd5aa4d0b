//! Round trips of all types, what is refused and when, and what comes of any changed byte.

use super::keys::{RECIPIENT_TAG_LENGTH, WRAPPED_LENGTH};
use super::*;
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Map, Value, from_dynamodb_json, serialise_into};

fn s(text: &str) -> Value {
    Value::S(text.into())
}

fn table() -> Table {
    Table::new("Orders", "pk").unwrap().with_unsigned(["loose"]).unwrap()
}

fn item() -> Map {
    let deep = (0..31).fold(s("x"), |inner, _| Value::L(vec![inner]));
    let members = Map::from([("k".into(), Value::N("007".into())), ("𐀂".into(), s("")), ("ｚ".into(), Value::Null)]);
    Map::from([
        ("pk".into(), s("id-1")),
        ("text".into(), s("Zoë")),
        ("empty".into(), s("")),
        ("number".into(), Value::N("-1.50".into())),
        ("bytes".into(), Value::B(vec![0, 255])),
        ("none".into(), Value::Null),
        ("flag".into(), Value::Bool(true)),
        ("texts".into(), Value::Ss(vec!["b".into(), "a".into()])),
        ("numbers".into(), Value::Ns(vec!["9".into(), "1e2".into()])),
        ("blobs".into(), Value::Bs(vec![vec![2], vec![1]])),
        ("deep".into(), deep),
        ("größe".into(), Value::M(members)),
        ("loose".into(), s("anything")),
    ])
}

type Actions = fn(&str) -> Option<Action>;

fn all(_: &str) -> Option<Action> {
    Some(Action::EncryptAndSign)
}

fn half(name: &str) -> Option<Action> {
    Some(if name.len().is_multiple_of(2) { Action::EncryptAndSign } else { Action::SignOnly })
}

/// As many recipients as there are intermediate keys; their wrapped forms are of no concern here.
fn seal(item: Map, table: &Table, action: Actions, keys: &[Secret]) -> Result<Map> {
    let edk = EncryptedDataKey { provider_id: "t".into(), provider_info: b"k".to_vec(), ciphertext: vec![9; 48] };
    let recipients: Vec<_> = keys.iter().map(|key| Recipient { intermediate_key: key, edk: &edk }).collect();
    NewItem::new(item, table, action)?.seal(&recipients)
}

fn open(stored: Map, table: &Table, index: usize, key: &Secret) -> Result<Opened> {
    let locked = Locked::parse(stored, table)?;
    let keys = locked.unlock(index, key)?;
    locked.open(&keys)
}

fn keys(count: u8) -> Vec<Secret> {
    (1..=count).map(|byte| Secret::copy_of(&[byte; 32])).collect()
}

fn bytes<'a>(item: &'a mut Map, name: &str) -> &'a mut Vec<u8> {
    match item.get_mut(name) {
        Some(Value::B(bytes)) => bytes,
        _ => panic!("`{name}` is not bytes"),
    }
}

fn same(one: &Map, other: &Map) -> bool {
    let canonical = |value: &Value| {
        let mut bytes = Vec::new();
        serialise_into(value, &mut bytes).unwrap();
        (value.type_name(), bytes)
    };
    one.keys().eq(other.keys()) && one.values().zip(other.values()).all(|(a, b)| canonical(a) == canonical(b))
}

/// Both suites, both versions, some and all attributes encrypted.
fn kinds() -> Vec<(Table, Actions)> {
    let bound = || table().with_context(["text", "number", "none", "flag", "texts"]).unwrap();
    let tables = [table(), bound(), table().with_suite(Suite::Tags), bound().with_suite(Suite::Tags)];
    tables.into_iter().flat_map(|table| [(table.clone(), all as Actions), (table, half)]).collect()
}

#[test]
fn what_is_written_is_read() {
    let keys = keys(1);
    for (table, action) in kinds() {
        let stored = seal(item(), &table, action, &keys).unwrap();
        assert_eq!(stored["loose"], s("anything"));
        let opened = open(stored.clone(), &table, 0, &keys[0]).unwrap();
        assert!(same(&opened.item, &item()), "{:?}", table.suite());
        let is_encrypted = |name: &&str| stored[*name] != item()[*name];
        let mut names: Vec<_> = opened.encrypted.iter().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, item().keys().map(String::as_str).filter(is_encrypted).collect::<Vec<_>>());
    }
}

#[test]
fn each_recipient_reads_by_its_own_intermediate_key() {
    let table = table().with_suite(Suite::Tags);
    let keys = keys(3);
    let stored = seal(item(), &table, half, &keys).unwrap();
    for (index, key) in keys.iter().enumerate() {
        assert!(open(stored.clone(), &table, index, key).is_ok());
        assert!(open(stored.clone(), &table, (index + 1) % 3, key).is_err());
    }
    assert!(open(stored.clone(), &table, 3, &keys[0]).is_err());
    // Another's tag may be damaged, the own one not.
    let mut other = stored.clone();
    bytes(&mut other, FOOTER)[RECIPIENT_TAG_LENGTH] ^= 1;
    assert!(open(other.clone(), &table, 0, &keys[0]).is_ok());
    assert!(open(other, &table, 1, &keys[1]).is_err());
    // Any position will do.
    let mut moved = stored;
    let footer = bytes(&mut moved, FOOTER);
    footer.rotate_left(RECIPIENT_TAG_LENGTH);
    assert!(open(moved, &table, 0, &keys[0]).is_ok());
}

#[test]
fn every_changed_byte_is_noticed() {
    let keys = keys(1);
    for (table, action) in kinds() {
        let stored = seal(item(), &table, action, &keys).unwrap();
        let names: Vec<String> = stored.keys().filter(|name| *name != "loose").cloned().collect();
        for name in names {
            let Value::B(whole) = &stored[&name] else { continue };
            // Of what the provider wrapped, and whose it is, nothing is checked here but by commitment, tag and signature.
            for place in 0..whole.len() {
                // A signature costs too much to look at all its bytes and bits in each kind of item.
                if table.suite() == Suite::Signature && place % 7 != 0 && name != FOOTER {
                    continue;
                }
                let mut damaged = stored.clone();
                bytes(&mut damaged, &name)[place] ^= 1 << (place % 8);
                let refused = open(damaged, &table, 0, &keys[0]).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::Integrity, "`{name}`, byte {place}");
            }
        }
    }
}

#[test]
fn every_changed_length_is_noticed() {
    let keys = keys(2);
    let table = table().with_suite(Suite::Tags);
    let stored = seal(item(), &table, half, &keys).unwrap();
    for name in [HEADER, FOOTER, "text", "none"] {
        let length = bytes(&mut stored.clone(), name).len();
        for other in (0..length).chain([length + 1, length + RECIPIENT_TAG_LENGTH]) {
            let mut damaged = stored.clone();
            bytes(&mut damaged, name).resize(other, 0);
            assert_eq!(open(damaged, &table, 0, &keys[0]).unwrap_err().kind(), ErrorKind::Integrity, "{name} {other}");
        }
    }
}

#[test]
fn attributes_cannot_be_added_dropped_renamed_moved_or_retyped() {
    let keys = keys(1);
    let (table, stored) = (table(), seal(item(), &table(), half, &keys).unwrap());
    let refused = |change: fn(&mut Map)| {
        let mut stored = stored.clone();
        change(&mut stored);
        assert_eq!(open(stored, &table, 0, &keys[0]).unwrap_err().kind(), ErrorKind::Integrity);
    };
    refused(|item| drop(item.insert("new".into(), s("x"))));
    refused(|item| drop(item.remove("empty")));
    refused(|item| drop(item.remove("pk")));
    refused(|item| drop(item.insert("pk".into(), s("id-2"))));
    refused(|item| drop(item.insert("empty".into(), Value::B(Vec::new()))));
    refused(|item| drop(item.insert("number".into(), s("short"))));
    refused(|item| drop(item.insert("number".into(), Value::N("1".repeat(50)))));
    refused(|item| drop(item.insert("number".into(), Value::B(vec![0; 17]))));
    refused(|item| {
        let value = item.remove("empty").unwrap();
        item.insert("emptz".into(), value);
    });
    refused(|item| {
        let (one, other) = (item["text"].clone(), item["none"].clone());
        item.insert("text".into(), other);
        item.insert("none".into(), one);
    });
    refused(|item| drop(item.remove(HEADER)));
    refused(|item| drop(item.insert(FOOTER.into(), s("x"))));

    let other_name = Table::new("Other", "pk").unwrap().with_unsigned(["loose"]).unwrap();
    assert!(open(stored.clone(), &other_name, 0, &keys[0]).is_err());
    let fewer_unsigned = Table::new("Orders", "pk").unwrap();
    assert!(open(stored.clone(), &fewer_unsigned, 0, &keys[0]).is_err());

    // What DynamoDB does to numbers and sets, and what is not signed, does no harm.
    let mut rewritten = stored.clone();
    rewritten.insert("loose".into(), Value::Null);
    rewritten.insert("aws_dbe_b_text".into(), s("1f"));
    rewritten.insert("numbers".into(), Value::Ns(vec!["100".into(), "9.0".into()]));
    let mut opened = open(rewritten, &table, 0, &keys[0]).unwrap().item;
    assert_eq!(opened.remove("loose"), Some(Value::Null));
    assert!(!opened.contains_key("aws_dbe_b_text"));
}

#[test]
fn items_that_cannot_be_written_are_refused() {
    let table = table();
    let refused = |change: fn(&mut Map)| {
        let mut item = item();
        change(&mut item);
        assert_eq!(seal(item, &table, all, &keys(1)).unwrap_err().kind(), ErrorKind::Input);
    };
    refused(|item| drop(item.insert("aws_dbe_x".into(), s("x"))));
    refused(|item| drop(item.insert(HEADER.into(), s("x"))));
    refused(|item| drop(item.remove("pk")));
    refused(|item| drop(item.insert("pk".into(), Value::N("x".into()))));
    refused(|item| drop(item.insert("number".into(), Value::N("1".repeat(39)))));
    refused(|item| drop(item.insert("texts".into(), Value::Ss(vec!["a".into(), "a".into()]))));
    refused(|item| drop(item.insert("numbers".into(), Value::Ns(vec!["1".into(), "1.0".into()]))));
    refused(|item| {
        let deeper = Value::L(vec![item["deep"].clone()]);
        item.insert("deep".into(), deeper);
    });
    refused(|item| drop(item.insert("pk".into(), s(&"x".repeat(70_000)))));
    assert_eq!(seal(item(), &table, |_| None, &keys(1)).unwrap_err().kind(), ErrorKind::Input);

    let bound = table.clone().with_context(["purpose"]).unwrap();
    assert_eq!(seal(item(), &bound, all, &keys(1)).unwrap_err().kind(), ErrorKind::Input);
    for count in [0, 17] {
        assert_eq!(seal(item(), &table, all, &keys(count)).unwrap_err().kind(), ErrorKind::Config);
    }
}

#[test]
fn more_recipients_than_the_table_allows_are_refused_before_anyone_is_asked() {
    let table = table().with_suite(Suite::Tags);
    let stored = seal(item(), &table.clone().with_max_recipients(255), half, &keys(17)).unwrap();
    assert_eq!(Locked::parse(stored.clone(), &table).unwrap_err().kind(), ErrorKind::Denied);
    assert!(open(stored, &table.with_max_recipients(17), 16, &keys(17)[16]).is_ok());
}

#[test]
fn pairs_of_the_application_are_stored_and_bound() {
    let (table, keys) = (table(), keys(1));
    let edk = EncryptedDataKey { provider_id: "t".into(), provider_info: vec![], ciphertext: vec![] };
    let recipients = [Recipient { intermediate_key: &keys[0], edk: &edk }];
    let new = || NewItem::new(item(), &table, all).unwrap();
    let stored = new().with_pairs([("purpose", "billing")]).unwrap().seal(&recipients).unwrap();
    let locked = Locked::parse(stored.clone(), &table).unwrap();
    assert_eq!(locked.stored_pairs().value("purpose"), Some("billing"));
    assert_eq!(locked.context().value("purpose"), Some("billing"));
    assert!(open(stored, &table, 0, &keys[0]).is_ok());
    assert_eq!(new().with_pairs([("aws-crypto-x", "")]).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn tables_that_contradict_themselves_are_refused() {
    let table = || Table::new("T", "pk").unwrap();
    let refusals: Vec<Result<Table>> = vec![
        Table::new("T", ""),
        Table::new("T", "aws_dbe_x"),
        table().with_sort_key("pk"),
        table().with_unsigned(["pk"]),
        table().with_unsigned(["aws_dbe_b_x"]),
        table().with_unsigned(["a"]).and_then(|table| table.with_context(["a"])),
        table().with_unsigned_prefix(""),
        table().with_unsigned_prefix("p"),
        table().with_sort_key(":sk").and_then(|table| table.with_unsigned_prefix(":")),
    ];
    for (index, refused) in refusals.into_iter().enumerate() {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Config, "{index}");
    }
}

#[test]
fn nothing_is_printed() {
    let table = table();
    let new = NewItem::new(item(), &table, all).unwrap();
    let keys = keys(1);
    let stored = seal(item(), &table, half, &keys).unwrap();
    let locked = Locked::parse(stored, &table).unwrap();
    let item_keys = locked.unlock(0, &keys[0]).unwrap();
    let mut printed = format!("{new:?} {locked:?} {item_keys:?}");
    printed += &format!("{:?}", locked.open(&item_keys).unwrap());
    for secret in ["id-1", "Zoë", "anything"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

/// The crate of AWS refuses signatures of other lengths; so are ours.
#[test]
fn footers_have_one_length() {
    let keys = keys(2);
    for (table, action) in kinds() {
        let stored = seal(item(), &table, action, &keys).unwrap();
        let wanted = 2 * RECIPIENT_TAG_LENGTH + if table.suite() == Suite::Signature { 103 } else { 0 };
        assert_eq!(bytes(&mut stored.clone(), FOOTER).len(), wanted);
    }
}

/// A header of the least length, and one that says more than it has.
#[test]
fn headers_that_say_too_much_are_refused() {
    let least = [&[1_u8, 0][..], &[7; 32], &[0, 0], &[0, 0], &[1], &[0; 6], &[0; 32]].concat();
    assert!(header::Header::parse(&least).is_ok());
    for (place, value) in [(0, 0), (0, 3), (1, 2), (34, 0xff), (35, 1), (36, 0xff), (38, 0), (38, 255), (39, 0xff)] {
        let mut wrong = least.clone();
        wrong[place] = value;
        assert!(matches!(header::Header::parse(&wrong), Err(error) if is_integrity(&error)), "{place}");
    }
    assert!(least.len() < WRAPPED_LENGTH * 2);
}

fn is_integrity(error: &Error) -> bool {
    error.kind() == ErrorKind::Integrity
}

proptest::proptest! {
    #[test]
    fn parsing_anything_never_panics(mut header: Vec<u8>, footer: Vec<u8>, start in 0..3_usize) {
        for (byte, known) in header.iter_mut().zip([1, 0]).take(start) {
            *byte = known;
        }
        if let Ok((parsed, commitment)) = header::Header::parse(&header) {
            proptest::prop_assert_eq!([parsed.serialise().unwrap().as_slice(), &commitment].concat(), header.clone());
        }
        let stored = Map::from([(HEADER.into(), Value::B(header)), (FOOTER.into(), Value::B(footer)), ("pk".into(), s("1"))]);
        let _ = Locked::parse(stored, &table());
    }
}

/// With the data key and message id of an item that AWS's Rust client wrote, its attributes come out byte for byte.
#[test]
fn attributes_of_the_client_come_out_byte_for_byte() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/dbesdk/items.json");
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let unhex = |text: &serde_json::Value| -> [u8; 32] {
        let text = text.as_str().unwrap();
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    };
    let map = |json: &serde_json::Value| from_dynamodb_json(json.as_object().unwrap().clone()).unwrap();
    let (keys, mut count) = (keys(1), 0);
    for vector in file["items"].as_array().unwrap() {
        let actions = vector["actions"].as_object().unwrap();
        let text = |name: &str| vector[name].as_str().unwrap();
        let with = |action: &'static str| {
            actions.iter().filter(move |(_, it)| it.as_str() == Some(action)).map(|(name, _)| name.as_str())
        };
        let mut table = Table::new(text("table"), text("partition_key")).unwrap().with_suite(Suite::Tags);
        if let Some(name) = vector["sort_key"].as_str() {
            table = table.with_sort_key(name).unwrap();
        }
        let table = table.with_unsigned(with("DO_NOTHING")).unwrap();
        let table = table.with_context(with("SIGN_AND_INCLUDE_IN_ENCRYPTION_CONTEXT")).unwrap();
        let action = |name: &str| match actions[name].as_str() {
            Some("ENCRYPT_AND_SIGN") => Some(Action::EncryptAndSign),
            _ => Some(Action::SignOnly),
        };
        let data_key = Secret::copy_of(&unhex(&vector["check"]["data_key_hex"]));
        let edk = EncryptedDataKey { provider_id: "t".into(), provider_info: vec![], ciphertext: vec![] };
        let recipients = [Recipient { intermediate_key: &keys[0], edk: &edk }];
        let new = NewItem::new(map(&vector["item"]), &table, action).unwrap();
        let written = new.seal_with(&recipients, unhex(&vector["check"]["message_id_hex"]), &data_key).unwrap();
        let stored = map(&vector["encrypted"]);
        for name in stored.keys().filter(|name| !name.starts_with(RESERVED_PREFIX)) {
            if actions[name] == "ENCRYPT_AND_SIGN" {
                assert!(written[name] == stored[name], "{}: {name}", text("name"));
            }
        }
        count += 1;
    }
    assert_eq!(count, 37);
}
