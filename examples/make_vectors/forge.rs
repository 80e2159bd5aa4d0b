//! Sealed values whose plaintext is malformed although it authenticates: what a writer with the key may get wrong.

use std::error::Error;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use privet::Classification::Pii;
use privet::keyring::DataKeyRequest;
use privet::record::{Header, RecordContext, Section};
use privet::value::{Map, Value, to_dynamodb_json};
use serde_json::{Value as Json, json};

use super::keys::Keys;
use super::records::{encryption_context, set};

/// One good record, which shows that records are forged as they are sealed, and its malformed kin.
pub(super) async fn all(keys: &Keys) -> Result<(Json, Vec<Json>), Box<dyn Error>> {
    let mut good = forge(keys, &unhex(GOOD)).await?;
    let expected = json!({"id": {"S": "1"}, "a": {"M": {"𐀂": {"SS": ["a", "b"]}, "\u{e000}": {"N": "1.5"}}}});
    set(&mut good, "expected", expected);
    let mut malformed = Vec::new();
    for (what, plaintext) in MALFORMED {
        malformed.push((*what, unhex(plaintext)));
    }
    // 32 lists around a null are one level too many.
    let deep = (0..32).fold(unhex("0000 00000000"), |inner, _| {
        let list = [&unhex("00000001"), inner.as_slice()].concat();
        let length = u32::try_from(list.len()).unwrap_or_default().to_be_bytes();
        [&unhex("0300"), length.as_slice(), &list].concat()
    });
    malformed.push(("too-deep", [&deep[..2], &deep[6..]].concat()));
    malformed.push(("number-of-39-digits", [&unhex("0002"), "1".repeat(39).as_bytes()].concat()));
    let mut vectors = Vec::new();
    for (what, plaintext) in malformed {
        let mut vector = forge(keys, &plaintext).await?;
        set(&mut vector, "name", json!(format!("forged-{what}")));
        set(&mut vector, "of", json!("forged"));
        set(&mut vector, "why", json!("malformed-plaintext"));
        vectors.push(vector);
    }
    Ok((good, vectors))
}

async fn forge(keys: &Keys, plaintext: &[u8]) -> Result<Json, Box<dyn Error>> {
    let mut vector = json!({
        "name": "forged", "form": "item", "keyring": "raw-256", "integrity": false, "version": null,
        "sealed": [[["a"], "pii"]], "resource": "customers", "tenant": "", "key_attributes": ["id"],
        "application_context": {}, "unsigned": [], "header_name": "privet",
    });
    let request = DataKeyRequest::new(encryption_context(&vector, Pii));
    let data_key = keys.keyring("raw-256")?.generate_data_key(&request).await?;
    let mut item = Map::from([("id".to_owned(), Value::S("1".to_owned()))]);
    let context = RecordContext::new("customers", "", &item, &["id".to_owned()])?;
    let (mut salt, mut nonce) = ([0; 16], [0; 12]);
    getrandom::fill(&mut salt)?;
    getrandom::fill(&mut nonce)?;

    // Field key and commitment: section 3 of the record format.
    let mut okm = [0; 64];
    let prk = Salt::new(HKDF_SHA256, &salt).extract(data_key.secret.expose());
    let info = [&[Pii.code()], context.as_bytes()];
    prk.expand(&info, Okm).and_then(|okm_of| okm_of.fill(&mut okm)).map_err(|_| "HKDF failed")?;
    let (field_key, commitment) = okm.split_at(32);

    // The sealed value at the path `a`: section 5.
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, field_key).map_err(|_| "no AES key")?);
    let associated_data = [0xe1, Pii.code(), 1, 0, 0, 1, b'a'];
    let mut ciphertext = plaintext.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated_data), &mut ciphertext)
        .map_err(|_| "sealing failed")?;
    item.insert("a".to_owned(), Value::B([&[0xe1, Pii.code()], nonce.as_slice(), &ciphertext].concat()));

    let section = Section { class: Pii, edks: data_key.edks, commitment: commitment.try_into()?, tag: [0; 32] };
    let header = Header { salt, integrity: false, version: None, sections: vec![section] };
    item.insert("privet".to_owned(), Value::B(header.serialise()?));
    set(&mut vector, "item", to_dynamodb_json(&item));
    Ok(vector)
}

struct Okm;

impl KeyType for Okm {
    fn len(&self) -> usize {
        64
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect()
}

/// A map with both orders of names, bytes and UTF-16, a set and a number: type id, then section 2 of the item format.
const GOOD: &str = "0200 00000002 \
    0001 00000004 f0908082 0101 0000000e 00000002 00000001 61 00000001 62 \
    0001 00000003 ee8080 0002 00000003 312e35";

const MALFORMED: &[(&str, &str)] = &[
    ("empty", ""),
    ("half-a-type", "00"),
    ("type-unknown", "0003 00"),
    ("type-unknown-set", "0100 00000000"),
    ("null-with-content", "0000 00"),
    ("bool-empty", "0004"),
    ("bool-2", "0004 02"),
    ("bool-long", "0004 0101"),
    ("text-not-utf8", "0001 ff"),
    ("text-surrogate", "0001 eda080"),
    ("number-empty", "0002"),
    ("number-zero-after-point", "0002 312e3530"),
    ("number-exponent", "0002 316533"),
    ("number-leading-zero", "0002 3031"),
    ("number-minus-zero", "0002 2d30"),
    ("number-plus", "0002 2b31"),
    ("number-blank", "0002 3120"),
    ("set-unsorted", "0101 00000002 00000001 62 00000001 61"),
    ("set-twice", "0101 00000002 00000001 61 00000001 61"),
    ("set-in-byte-order", "0101 00000002 00000003 ee8080 00000004 f0908082"),
    ("set-short", "0101 00000002 00000001 61"),
    ("set-trailing", "0101 00000001 00000001 61 00"),
    ("numbers-in-numeric-order", "0102 00000002 00000001 39 00000002 3130"),
    ("numbers-not-normal", "0102 00000001 00000002 3031"),
    ("bytes-unsorted", "01ff 00000002 00000001 02 00000001 01"),
    ("bytes-twice", "01ff 00000002 00000000 00000000"),
    ("list-count", "0300 ffffffff"),
    ("list-short", "0300 00000001 0001 00000002 61"),
    ("list-trailing", "0300 00000000 00"),
    ("list-element-malformed", "0300 00000001 0004 00000001 02"),
    ("list-type-unknown", "0300 00000001 0005 00000000"),
    ("map-count", "0200 7fffffff"),
    ("map-unsorted", "0200 00000002 0001 00000001 62 0000 00000000 0001 00000001 61 0000 00000000"),
    ("map-twice", "0200 00000002 0001 00000001 61 0000 00000000 0001 00000001 61 0000 00000000"),
    ("map-in-byte-order", "0200 00000002 0001 00000003 ee8080 0000 00000000 0001 00000004 f0908082 0000 00000000"),
    ("map-name-empty", "0200 00000001 0001 00000000 0000 00000000"),
    ("map-name-of-other-type", "0200 00000001 ffff 00000001 61 0000 00000000"),
    ("map-name-not-utf8", "0200 00000001 0001 00000001 ff 0000 00000000"),
    ("map-trailing", "0200 00000000 00"),
];
