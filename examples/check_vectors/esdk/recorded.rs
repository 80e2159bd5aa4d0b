//! What AWS KMS and the branch key table answered when the vectors were made.

use std::sync::Arc;

use privet::keyring::store::{BranchKeyKms, BranchKeyProtection, BranchKeyTable, ConditionalPut, KeyStore};
use privet::keyring::{DataKey, DataKeyRequest, Keyring, KeyringFuture};
use privet::value::{Map, Value, from_dynamodb_json};
use privet::{EncryptedDataKey, EncryptionContext, Error, ErrorKind, Secret};
use serde_json::Value as Json;

use super::{base64, collect, hex, pairs, text};

/// Answers as AWS KMS did when the vectors were made: same blob, same key, same context, or nothing.
#[derive(Debug)]
pub struct RecordedKms {
    key_arn: String,
    answers: Vec<Answer>,
}

#[derive(Debug)]
struct Answer {
    blob: Vec<u8>,
    context: EncryptionContext,
    plaintext: Secret,
}

impl RecordedKms {
    pub fn new(file: &Json, key_arn: &str) -> Result<Self, String> {
        let mut answers = Vec::new();
        for (blob, answer) in file["kms_plaintexts"].as_object().into_iter().flatten() {
            if text(answer, "key_arn") == key_arn {
                let plaintext = Secret::copy_of(&hex(text(answer, "plaintext_hex"))?);
                let context = collect(pairs(&answer["encryption_context"]));
                answers.push(Answer { blob: base64(blob)?, context, plaintext });
            }
        }
        Ok(Self { key_arn: key_arn.to_owned(), answers })
    }

    /// Whether there is an answer for this message.
    pub fn knows(&self, message: &[u8]) -> bool {
        self.answers.iter().any(|answer| message.windows(answer.blob.len()).any(|window| window == answer.blob))
    }
}

impl Keyring for RecordedKms {
    fn generate_data_key<'a>(&'a self, _request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async { Err(not_recorded()) })
    }

    fn wrap_data_key<'a>(
        &'a self,
        _data_key: &'a Secret,
        _request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async { Err(not_recorded()) })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        let ours =
            |edk: &&EncryptedDataKey| edk.provider_id == "aws-kms" && edk.provider_info == self.key_arn.as_bytes();
        let answer = edks.iter().filter(ours).find_map(|edk| {
            self.answers.iter().find(|answer| answer.blob == edk.ciphertext && answer.context == *request.context())
        });
        let secret = answer.map(|answer| Secret::copy_of(answer.plaintext.expose()));
        Box::pin(async move { Ok(secret) })
    }
}

/// The key store of the vectors: its records, and a KMS that knows what is behind each of them.
pub fn recorded_store(branch_keys: &Json) -> Result<KeyStore, String> {
    let mut store = RecordedStore::default();
    for record in branch_keys["records"].as_array().ok_or("no branch keys")? {
        let item = record["item"].as_object().ok_or("no item")?.clone();
        store.records.push(from_dynamodb_json(item).map_err(|error| error.to_string())?);
        store.answers.push(Answer {
            blob: base64(text(&record["item"]["enc"], "B"))?,
            context: collect(pairs(&record["kms_request_encryption_context"])),
            plaintext: Secret::copy_of(&hex(text(record, "plaintext_hex"))?),
        });
    }
    let store = Arc::new(store);
    let protection = BranchKeyProtection::key(text(branch_keys, "kms_arn")).map_err(|error| error.to_string())?;
    let name = text(branch_keys, "logical_key_store_name");
    KeyStore::new(name, protection, Arc::clone(&store), store).map_err(|error| error.to_string())
}

#[derive(Debug, Default)]
struct RecordedStore {
    records: Vec<Map>,
    answers: Vec<Answer>,
}

impl BranchKeyTable for RecordedStore {
    fn create(&self) -> KeyringFuture<'_, ()> {
        Box::pin(async { Err(not_recorded()) })
    }

    fn get<'a>(&'a self, id: &'a str, record_type: &'a str) -> KeyringFuture<'a, Option<Map>> {
        let is = |record: &Map, name: &str, text: &str| record.get(name).and_then(Value::as_text) == Some(text);
        let record =
            self.records.iter().find(|record| is(record, "branch-key-id", id) && is(record, "type", record_type));
        Box::pin(async move { Ok(record.cloned()) })
    }

    fn query<'a>(&'a self, _: &'a str) -> KeyringFuture<'a, Vec<Map>> {
        Box::pin(async { Err(not_recorded()) })
    }

    fn list<'a>(&'a self, _: &'a str) -> KeyringFuture<'a, Vec<String>> {
        Box::pin(async { Err(not_recorded()) })
    }

    fn put_all(&self, _: Vec<ConditionalPut>) -> KeyringFuture<'_, ()> {
        Box::pin(async { Err(not_recorded()) })
    }
}

impl BranchKeyKms for RecordedStore {
    fn generate<'a>(&'a self, _: &'a str, _: &'a EncryptionContext) -> KeyringFuture<'a, Vec<u8>> {
        Box::pin(async { Err(not_recorded()) })
    }

    fn re_encrypt<'a>(
        &'a self,
        _: &'a str,
        _: &'a [u8],
        _: &'a EncryptionContext,
        _: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Vec<u8>> {
        Box::pin(async { Err(not_recorded()) })
    }

    fn decrypt<'a>(&'a self, _: &'a str, blob: &'a [u8], context: &'a EncryptionContext) -> KeyringFuture<'a, Secret> {
        let answer = self.answers.iter().find(|answer| answer.blob == blob && answer.context == *context);
        let secret = answer.map(|answer| Secret::copy_of(answer.plaintext.expose()));
        Box::pin(async move { secret.ok_or_else(Error::integrity) })
    }
}

fn not_recorded() -> Error {
    Error::new(ErrorKind::Config, "a recording only answers what was asked before")
}
