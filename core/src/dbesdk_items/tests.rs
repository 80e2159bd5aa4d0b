//! Items under each kind of keyring, alone and together, and what is asked of keyrings when.

use super::*;
use crate::crypto::{RsaPadding, RsaPrivateKey, Secret};
use crate::dbesdk::{HEADER, Suite};
use crate::error::ErrorKind;
use crate::keyring::counting::Counting;
use crate::keyring::{MultiKeyring, RawAesKeyring, RawRsaKeyring};
use crate::value::Value;

fn aes(name: &str, byte: u8) -> RawAesKeyring {
    RawAesKeyring::new("t", name, &Secret::copy_of(&[byte; 32])).unwrap()
}

fn rsa() -> RawRsaKeyring {
    let pem = include_str!("../../../tests/vectors/rsa/private-pkcs8.pem");
    RawRsaKeyring::new("t", "rsa", RsaPrivateKey::from_pem(pem).unwrap(), RsaPadding::OaepSha256).unwrap()
}

fn table() -> Table {
    Table::new("Orders", "pk").unwrap().with_suite(Suite::Tags)
}

fn item() -> Map {
    Map::from([("pk".into(), Value::S("1".into())), ("a".into(), Value::N("42".into()))])
}

async fn write<K: Keyring>(keyring: &K) -> Map {
    encrypt(keyring, item(), &table(), |_| Some(Action::EncryptAndSign)).await.unwrap()
}

async fn kind_of_refusal<K: Keyring>(keyring: &K, stored: Map) -> ErrorKind {
    decrypt(keyring, stored, &table()).await.unwrap_err().kind()
}

#[tokio::test]
async fn each_keyring_of_several_reads_alone() {
    let stored = write(&MultiKeyring::new(aes("one", 1)).with(rsa()).with(aes("two", 2))).await;
    assert_eq!(decrypt(&aes("one", 1), stored.clone(), &table()).await.unwrap().item, item());
    assert_eq!(decrypt(&aes("two", 2), stored.clone(), &table()).await.unwrap().item, item());
    assert_eq!(decrypt(&rsa(), stored.clone(), &table()).await.unwrap().item, item());
    let reader = MultiKeyring::new(aes("three", 3)).with_reader(aes("two", 2));
    assert_eq!(decrypt(&reader, stored.clone(), &table()).await.unwrap().item, item());
    assert_eq!(kind_of_refusal(&aes("three", 3), stored.clone()).await, ErrorKind::Denied);
    assert_eq!(kind_of_refusal(&aes("one", 3), stored).await, ErrorKind::Integrity);
}

#[tokio::test]
async fn recipients_have_intermediate_keys_of_their_own() {
    let keyring = MultiKeyring::new(aes("one", 1)).with(aes("two", 2));
    let request = DataKeyRequest::new(Default::default());
    let keys = keyring.generate_for_each(&request).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.edks.len()).collect::<Vec<_>>(), [1, 1]);
    assert_ne!(keys[0].secret.expose(), keys[1].secret.expose());
    assert_eq!(keyring.generate_data_key(&request).await.unwrap().edks.len(), 2);
}

#[tokio::test]
async fn a_damaged_recipient_does_not_hide_a_good_one() {
    let keyring = MultiKeyring::new(aes("one", 1)).with(aes("two", 2));
    let stored = write(&keyring).await;
    let Value::B(header) = &stored[HEADER] else { panic!("no header") };
    // Both wrapped keys of the first recipient, each on its own; the commitment covers them, so the item is refused, but
    // only after the second recipient has opened it.
    let locked = Locked::parse(stored.clone(), &table()).unwrap();
    let first = locked.intermediate_keys()[0].ciphertext.clone();
    let at = header.windows(first.len()).position(|window| window == first).unwrap();
    for place in [at, at - 1] {
        let mut damaged = stored.clone();
        let Some(Value::B(header)) = damaged.get_mut(HEADER) else { panic!("no header") };
        header[place] ^= 1;
        let locked = Locked::parse(damaged, &table()).unwrap();
        let keys = unlock(&keyring, &locked).await.unwrap().unwrap();
        assert_eq!(locked.open(&keys).unwrap_err().kind(), ErrorKind::Integrity);
    }
}

#[tokio::test]
async fn nobody_is_asked_for_what_cannot_pass() {
    let keyring = Counting::of(aes("one", 1));
    assert!(encrypt(&keyring, item(), &table(), |_| None).await.is_err());
    let stored = write(&aes("one", 1)).await;
    for (name, value) in [("new", Value::Null), ("a", Value::Null), ("aws_dbe_foot", Value::B(vec![0; 47]))] {
        let mut damaged = stored.clone();
        damaged.insert(name.into(), value);
        assert_eq!(kind_of_refusal(&keyring, damaged).await, ErrorKind::Integrity);
    }
    assert_eq!(keyring.asked(), 0);
    assert!(decrypt(&keyring, stored, &table()).await.is_ok());
    assert_eq!(keyring.asked(), 1);
}

#[tokio::test]
async fn beacons_are_stored_beside_the_item_and_signed_ones_in_it() {
    use crate::beacon::{BeaconLength, CompoundBeacon, Protection, StandardBeacon};

    let item = Map::from([
        ("pk".into(), Value::S("1".into())),
        ("name".into(), Value::S("Alice".into())),
        ("year".into(), Value::S("2026".into())),
    ]);
    let signed = CompoundBeacon::new("by_year", '.').signed("year", "Y-");
    let beacons = Beacons::builder()
        .standard(StandardBeacon::new("name", BeaconLength::new(16).unwrap()))
        .compound(signed)
        .build(|name| match name {
            "name" => Some(Protection::Encrypted),
            "year" => Some(Protection::Signed),
            _ => None,
        })
        .unwrap();
    let keys = beacons.keys(&Secret::copy_of(&(0..32).collect::<Vec<u8>>())).unwrap();
    let search = BeaconsOfItem { beacons: &beacons, keys: &keys, partition: 0 };
    let action = |name: &str| Some(if name == "name" { Action::EncryptAndSign } else { Action::SignOnly });
    let keyring = aes("one", 1);
    let stored = encrypt_with_beacons(&keyring, item.clone(), &table(), action, search).await.unwrap();
    assert_eq!(stored["aws_dbe_b_name"], Value::S("4b78".into()));
    assert_eq!(stored["by_year"], Value::S("Y-2026".into()));

    let mut opened = decrypt(&keyring, stored.clone(), &table()).await.unwrap().item;
    assert_eq!(opened.remove("by_year"), Some(Value::S("Y-2026".into())));
    assert_eq!(opened, item);
    for (name, is_signed) in [("aws_dbe_b_name", false), ("by_year", true)] {
        let mut changed = stored.clone();
        changed.insert(name.into(), Value::S("other".into()));
        assert_eq!(decrypt(&keyring, changed, &table()).await.is_err(), is_signed, "{name}");
    }
    let other = BeaconsOfItem { partition: 1, ..search };
    assert!(encrypt_with_beacons(&keyring, item, &table(), action, other).await.is_err());
}
