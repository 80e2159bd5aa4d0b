//! Answers that no working KMS gives are refused: another key, another length, something missing.

use aws_sdk_kms::Client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privet::keyring::KmsKeyring;
use privet::{EncryptedDataKey, ErrorKind, Keyring, Secret};
use serde_json::{Value, json};

use crate::scripted::Scripted;
use crate::{read, refused, request};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn bytes(length: usize) -> Value {
    json!(STANDARD.encode(vec![7; length]))
}

fn good() -> Value {
    json!({ "KeyId": KEY, "Plaintext": bytes(32), "CiphertextBlob": bytes(184) })
}

/// The good answer with one member changed, or without it.
fn answer(member: &str, value: Value) -> Value {
    let mut answer = good();
    match value {
        Value::Null => drop(answer.as_object_mut().unwrap().remove(member)),
        value => answer[member] = value,
    }
    answer
}

fn wrong_keys() -> Vec<Value> {
    let arn = |text: &str| answer("KeyId", json!(text));
    vec![
        answer("KeyId", Value::Null),
        arn(""),
        arn("1234abcd-12ab-34cd-56ef-1234567890ab"),
        arn("alias/privet"),
        arn("arn:aws:kms:eu-west-1:111122223333:alias/privet"),
        arn(&KEY.replace("1234abcd", "9999abcd")),
        arn(&KEY.replace("eu-west-1", "eu-west-2")),
        arn(&KEY.replace("111122223333", "999999999999")),
        arn(&format!("{KEY} ")),
    ]
}

fn wrong_plaintexts() -> Vec<Value> {
    let plaintext = |length| answer("Plaintext", bytes(length));
    vec![answer("Plaintext", Value::Null), plaintext(0), plaintext(16), plaintext(31), plaintext(33), plaintext(64)]
}

fn wrong_blobs() -> Vec<Value> {
    vec![
        answer("CiphertextBlob", Value::Null),
        answer("CiphertextBlob", bytes(0)),
        answer("CiphertextBlob", bytes(6145)),
    ]
}

async fn keyring(answer: impl Into<String>) -> (KmsKeyring, Scripted) {
    let kms = Scripted::answering(200, answer);
    (KmsKeyring::new(Client::new(&kms.config().await), KEY).unwrap(), kms)
}

fn edk() -> EncryptedDataKey {
    EncryptedDataKey { provider_id: "aws-kms".into(), provider_info: KEY.into(), ciphertext: vec![1; 184] }
}

#[tokio::test]
async fn good_answers_are_taken() {
    let (keyring, _) = keyring(good().to_string()).await;
    assert_eq!(keyring.generate_data_key(&request()).await.unwrap().edks[0].provider_info, KEY.as_bytes());
    keyring.wrap_data_key(&Secret::copy_of(&[7; 32]), &request()).await.unwrap();
    assert_eq!(read(&keyring, &edk()).await.unwrap().unwrap().expose(), [7; 32]);
}

#[tokio::test]
async fn a_new_data_key_must_be_what_was_asked_for() {
    for answer in [wrong_keys(), wrong_plaintexts(), wrong_blobs()].concat() {
        let (keyring, kms) = keyring(answer.to_string()).await;
        refused(keyring.generate_data_key(&request()).await, ErrorKind::KeyUnavailable);
        assert_eq!(kms.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_wrapped_data_key_must_be_of_the_key_that_was_asked() {
    for answer in [wrong_keys(), wrong_blobs()].concat() {
        let (keyring, _) = keyring(answer.to_string()).await;
        let wrapped = keyring.wrap_data_key(&Secret::copy_of(&[7; 32]), &request()).await;
        refused(wrapped, ErrorKind::KeyUnavailable);
    }
}

#[tokio::test]
async fn an_unwrapped_data_key_must_be_of_the_key_and_length_that_was_asked() {
    for answer in [wrong_keys(), wrong_plaintexts()].concat() {
        let (keyring, kms) = keyring(answer.to_string()).await;
        refused(read(&keyring, &edk()).await, ErrorKind::KeyUnavailable);
        assert_eq!(kms.asked().len(), 1);
    }
}

#[tokio::test]
async fn what_is_no_answer_at_all_is_refused_without_being_quoted() {
    for body in ["", "null", "<html>owner</html>", "{\"Plaintext\": 7}", "{\"Plaintext\": \"%%%\"}"] {
        let (keyring, _) = keyring(body).await;
        refused(keyring.generate_data_key(&request()).await, ErrorKind::KeyUnavailable);
        refused(read(&keyring, &edk()).await, ErrorKind::KeyUnavailable);
    }
}

#[tokio::test]
async fn an_error_code_that_is_none_is_not_repeated() {
    let kms = Scripted::answering(400, r#"{"__type": "the owner is dr-strange", "message": "owner dr-strange"}"#);
    let keyring = KmsKeyring::new(Client::new(&kms.config().await), KEY).unwrap();
    refused(keyring.generate_data_key(&request()).await, ErrorKind::KeyUnavailable);
}

#[tokio::test]
async fn grant_tokens_and_context_go_with_every_request() {
    let (keyring, kms) = keyring(good().to_string()).await;
    let keyring = keyring.with_grant_tokens(["token-1", "token-2"]);
    keyring.generate_data_key(&request()).await.unwrap();
    keyring.wrap_data_key(&Secret::copy_of(&[7; 32]), &request()).await.unwrap();
    read(&keyring, &edk()).await.unwrap();
    let asked = kms.asked();
    assert_eq!(asked.len(), 3);
    for body in asked {
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["GrantTokens"], json!(["token-1", "token-2"]));
        assert_eq!(body["EncryptionContext"], json!({ "owner": "dr-strange", "privet:class": "pii" }));
        assert_eq!(body["KeyId"], KEY);
    }
    assert!(!format!("{keyring:?}").contains("token"));
}

#[tokio::test]
async fn without_grant_tokens_none_are_sent() {
    let (keyring, kms) = keyring(good().to_string()).await;
    keyring.generate_data_key(&request()).await.unwrap();
    assert!(!kms.asked()[0].contains("GrantTokens"));
}
