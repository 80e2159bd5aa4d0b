//! Writing and reading, and the wrapped keys of messages that other implementations wrote.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::encryption_context::EncryptionContext;
use crate::error::ErrorKind;

const PRIVATE: &str = include_str!("../../../../tests/vectors/rsa/private-pkcs8.pem");
const PUBLIC: &str = include_str!("../../../../tests/vectors/rsa/public-spki.pem");

fn keyring(name: &str, padding: RsaPadding) -> RawRsaKeyring {
    RawRsaKeyring::new("tests", name, RsaPrivateKey::from_pem(PRIVATE).unwrap(), padding).unwrap()
}

fn sender(padding: RsaPadding) -> Result<RawRsaKeyring> {
    RawRsaKeyring::for_writing("tests", "a", RsaPublicKey::from_pem(PUBLIC).unwrap(), padding)
}

fn request(length: usize) -> DataKeyRequest {
    DataKeyRequest { length, ..DataKeyRequest::new(EncryptionContext::new().with("privet:class", "pii")) }
}

#[test]
fn what_the_public_key_wraps_the_private_key_unwraps() {
    let padding = RsaPadding::OaepSha256;
    let secret = Secret::random(32).unwrap();
    let edk = sender(padding).unwrap().wrap(&secret).unwrap();
    assert_eq!((edk.provider_id.as_str(), &edk.provider_info[..], edk.ciphertext.len()), ("tests", &b"a"[..], 256));
    let edks = std::slice::from_ref(&edk);
    let back = keyring("a", padding).unwrap_first(edks, &request(32)).unwrap().unwrap();
    assert_eq!(back.expose(), secret.expose());
    assert!(sender(padding).unwrap().unwrap_first(edks, &request(32)).unwrap().is_none());
}

#[test]
fn keys_of_other_names_are_not_ours() {
    let edk = keyring("a", RsaPadding::OaepSha256).wrap(&Secret::random(32).unwrap()).unwrap();
    let reader = keyring("ab", RsaPadding::OaepSha256);
    for edk in [edk.clone(), EncryptedDataKey { provider_id: "others".into(), provider_info: "ab".into(), ..edk }] {
        assert!(reader.unwrap_first(&[edk], &request(32)).unwrap().is_none());
    }
}

#[test]
fn damage_of_every_kind_is_one_error_and_a_good_one_behind_it_is_found() {
    let keyring = keyring("a", RsaPadding::OaepSha256);
    let secret = Secret::random(32).unwrap();
    let edk = keyring.wrap(&secret).unwrap();
    let with = |ciphertext| EncryptedDataKey { ciphertext, ..edk.clone() };
    let mut flipped = edk.ciphertext.clone();
    flipped[128] ^= 1;
    let longer = [&edk.ciphertext[..], &[0]].concat();
    let mut damaged = vec![
        with(Vec::new()),
        with(edk.ciphertext[1..].to_vec()),
        with(longer),
        with(flipped),
        with(vec![0xff; 256]),
        with(vec![0; 256]),
        keyring.wrap(&Secret::random(16).unwrap()).unwrap(),
    ];
    let expected = format!("{:?}", Error::integrity());
    for edk in &damaged {
        let error = keyring.unwrap_first(std::slice::from_ref(edk), &request(32)).unwrap_err();
        assert_eq!(format!("{error:?}"), expected);
    }
    damaged.push(edk.clone());
    assert_eq!(keyring.unwrap_first(&damaged, &request(32)).unwrap().unwrap().expose(), secret.expose());
}

#[test]
fn pkcs1_is_only_for_reading() {
    assert_eq!(sender(RsaPadding::Pkcs1).unwrap_err().kind(), ErrorKind::Config);
    let reader = keyring("a", RsaPadding::Pkcs1);
    assert_eq!(reader.wrap(&Secret::random(32).unwrap()).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn names_that_mean_others_are_refused() {
    for namespace in ["", "aws-kms", "aws-kms-rsa", "privet"] {
        let key = RsaPrivateKey::from_pem(PRIVATE).unwrap();
        assert!(RawRsaKeyring::new(namespace, "a", key, RsaPadding::OaepSha256).is_err(), "{namespace}");
    }
}

#[test]
fn unwraps_what_the_python_javascript_and_rust_peers_wrapped() {
    let file = vectors("generated");
    let mut unwrapped = BTreeMap::new();
    for message in file["messages"].as_array().unwrap() {
        let expected = hex(message["check"]["data_key_hex"].as_str().unwrap_or_default());
        for name in message["keys"].as_array().unwrap() {
            let key = &file["keys"][name.as_str().unwrap()];
            if key["type"] != "raw-rsa" {
                continue;
            }
            let padding = key["padding"].as_str().unwrap();
            let private_key = RsaPrivateKey::from_pem(key["private_pem"].as_str().unwrap()).unwrap();
            let (namespace, key_name) = (key["namespace"].as_str().unwrap(), key["name"].as_str().unwrap());
            let keyring = RawRsaKeyring::new(namespace, key_name, private_key, padding_of(padding)).unwrap();
            let edks = edks_of(message["message_b64"].as_str().unwrap());
            let length = data_key_length(message["suite"].as_str().unwrap());
            let secret = keyring.unwrap_first(&edks, &request(length)).unwrap().unwrap();
            assert_eq!(secret.expose(), expected, "{}", message["name"]);
            *unwrapped.entry(padding).or_insert(0) += 1;
        }
    }
    let expected = [("oaep-sha1", 3), ("oaep-sha256", 15), ("oaep-sha384", 2), ("oaep-sha512", 4), ("pkcs1", 3)];
    assert_eq!(unwrapped, BTreeMap::from(expected));
}

/// Where a message is for two RSA keys, both must give the same data key.
#[test]
fn unwraps_what_the_public_vectors_wrapped() {
    let file = vectors("public-net");
    let private_pem = file["keys"]["rsa-4096-private"]["material"].as_str().unwrap();
    let (mut unwrapped, mut compared) = (0, 0);
    for test in file["tests"].as_array().unwrap() {
        let edks = edks_of(test["message_b64"].as_str().unwrap());
        let length = data_key_length(test["suite"].as_str().unwrap());
        let mut first: Option<Secret> = None;
        let keys = test["master_keys"].as_array().unwrap();
        for key in keys.iter().filter(|key| key["encryption-algorithm"] == "rsa") {
            let (namespace, name) = (key["provider-id"].as_str().unwrap(), key["key"].as_str().unwrap());
            let padding = padding_of(&format!("oaep-{}", key["padding-hash"].as_str().unwrap()));
            let private_key = RsaPrivateKey::from_pem(private_pem).unwrap();
            let keyring = RawRsaKeyring::new(namespace, name, private_key, padding).unwrap();
            let secret = keyring.unwrap_first(&edks, &request(length)).unwrap().unwrap();
            unwrapped += 1;
            match &first {
                Some(first) => {
                    assert_eq!(first.expose(), secret.expose(), "{}", test["id"]);
                    compared += 1;
                }
                None => first = Some(secret),
            }
        }
    }
    assert_eq!((unwrapped, compared), (99, 33));
}

fn vectors(file: &str) -> Value {
    let path = format!("{}/../tests/vectors/esdk/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn padding_of(name: &str) -> RsaPadding {
    match name {
        "oaep-sha1" => RsaPadding::OaepSha1,
        "oaep-sha256" => RsaPadding::OaepSha256,
        "oaep-sha384" => RsaPadding::OaepSha384,
        "oaep-sha512" => RsaPadding::OaepSha512,
        "pkcs1" => RsaPadding::Pkcs1,
        other => panic!("a padding of its own kind: {other}"),
    }
}

/// Bytes of the data key of a suite, by its hexadecimal id (ESDK message format, section 1).
fn data_key_length(suite: &str) -> usize {
    match &suite[2..] {
        "14" => 16,
        "46" => 24,
        "78" => 32,
        other => panic!("a suite of its own kind: {other}"),
    }
}

/// The wrapped keys of a message: version, (type,) suite, message id, context, then they (section 4).
fn edks_of(message: &str) -> Vec<EncryptedDataKey> {
    let message = STANDARD.decode(message).unwrap();
    let mut rest = match message[0] {
        1 => &message[1 + 1 + 2 + 16..],
        2 => &message[1 + 2 + 32..],
        other => panic!("a version of its own kind: {other}"),
    };
    let context_length = number(&mut rest);
    rest = &rest[context_length..];
    let count = number(&mut rest);
    let edk = |_| EncryptedDataKey {
        provider_id: String::from_utf8(lp16(&mut rest)).unwrap(),
        provider_info: lp16(&mut rest),
        ciphertext: lp16(&mut rest),
    };
    (0..count).map(edk).collect()
}

fn number(rest: &mut &[u8]) -> usize {
    usize::from(u16::from_be_bytes(rest.split_off(..2).unwrap().try_into().unwrap()))
}

fn lp16(rest: &mut &[u8]) -> Vec<u8> {
    let length = number(rest);
    rest.split_off(..length).unwrap().to_vec()
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
