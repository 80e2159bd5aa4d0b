//! Branch keys that AWS's clients made: their table records, messages and items, read with the key store and keyring.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, Salt};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use privet::keyring::store::{BranchKeyKms, BranchKeyProtection, BranchKeyTable, ConditionalPut, KeyStore};
use privet::keyring::{DataKeyRequest, HierarchicalKeyring, Keyring, KeyringFuture};
use privet::value::{Map, TypeId, Value, from_dynamodb_json, serialise_into};
use privet::{EncryptedDataKey, EncryptionContext, Error, ErrorKind, Secret};
use serde_json::Value as Json;

/// The table records of a vector file, and a KMS that knows what is behind each `enc` under which context.
#[derive(Debug, Clone, Default)]
struct Peer {
    records: Vec<Map>,
    sealed: Vec<(Vec<u8>, EncryptionContext, Vec<u8>)>,
}

impl BranchKeyTable for Peer {
    fn create(&self) -> KeyringFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn get<'a>(&'a self, id: &'a str, record_type: &'a str) -> KeyringFuture<'a, Option<Map>> {
        let is = |record: &&Map, name: &str, text: &str| record[name].as_text() == Some(text);
        Box::pin(async move {
            let mut found =
                self.records.iter().filter(|record| is(record, "branch-key-id", id) && is(record, "type", record_type));
            Ok(found.next().cloned())
        })
    }

    fn query<'a>(&'a self, id: &'a str) -> KeyringFuture<'a, Vec<Map>> {
        Box::pin(async move {
            let of_id = |record: &&Map| record["branch-key-id"].as_text() == Some(id);
            Ok(self.records.iter().filter(of_id).cloned().collect())
        })
    }

    fn list<'a>(&'a self, _: &'a str) -> KeyringFuture<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn put_all(&self, _: Vec<ConditionalPut>) -> KeyringFuture<'_, ()> {
        Box::pin(async { panic!("nothing is written") })
    }
}

impl BranchKeyKms for Peer {
    fn generate<'a>(&'a self, _: &'a str, _: &'a EncryptionContext) -> KeyringFuture<'a, Vec<u8>> {
        Box::pin(async { panic!("nothing is made") })
    }

    fn re_encrypt<'a>(
        &'a self,
        _: &'a str,
        _: &'a [u8],
        _: &'a EncryptionContext,
        _: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Vec<u8>> {
        Box::pin(async { panic!("nothing is made") })
    }

    fn decrypt<'a>(
        &'a self,
        _: &'a str,
        ciphertext: &'a [u8],
        context: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Secret> {
        Box::pin(async move {
            let found = self.sealed.iter().find(|(enc, bound, _)| enc == ciphertext && bound == context);
            found.map(|(_, _, key)| Secret::copy_of(key)).ok_or_else(Error::integrity)
        })
    }
}

fn file(name: &str) -> Json {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap()
}

fn unhex(json: &Json) -> Vec<u8> {
    text(json).as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn unbase64(json: &Json) -> Vec<u8> {
    BASE64_STANDARD.decode(text(json)).unwrap()
}

fn context(json: &Json) -> EncryptionContext {
    let pairs = json.as_object().unwrap().iter();
    pairs.fold(EncryptionContext::new(), |context, (name, value)| context.with(name, text(value)))
}

fn records(branch_keys: &Json) -> &Vec<Json> {
    branch_keys["records"].as_array().unwrap()
}

fn item(record: &Json) -> Map {
    from_dynamodb_json(record["item"].as_object().unwrap().clone()).unwrap()
}

fn peer(branch_keys: &Json) -> Peer {
    let sealed = |record: &Json| {
        let bound = context(&record["kms_request_encryption_context"]);
        (unbase64(&record["item"]["enc"]["B"]), bound, unhex(&record["plaintext_hex"]))
    };
    let records = records(branch_keys);
    Peer { records: records.iter().map(item).collect(), sealed: records.iter().map(sealed).collect() }
}

fn store_of(peer: Peer, logical_name: &str, kms_arn: &str) -> Arc<KeyStore> {
    let protection = BranchKeyProtection::key(kms_arn).unwrap();
    Arc::new(KeyStore::new(logical_name, protection, peer.clone(), peer).unwrap())
}

fn store(branch_keys: &Json) -> Arc<KeyStore> {
    let name = text(&branch_keys["logical_key_store_name"]);
    store_of(peer(branch_keys), name, text(&branch_keys["kms_arn"]))
}

/// Reads what stands in front of and in the list of wrapped data keys.
struct Header<'a>(&'a [u8]);

impl<'a> Header<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    fn u16(&mut self) -> usize {
        let bytes = self.take(2);
        usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn lp16(&mut self) -> &'a [u8] {
        let length = self.u16();
        self.take(length)
    }

    fn edk(&mut self) -> EncryptedDataKey {
        let provider_id = String::from_utf8(self.lp16().to_vec()).unwrap();
        let (provider_info, ciphertext) = (self.lp16().to_vec(), self.lp16().to_vec());
        EncryptedDataKey { provider_id, provider_info, ciphertext }
    }
}

fn message_edks(message: &[u8]) -> Vec<EncryptedDataKey> {
    let mut header = Header(message);
    // Version, in format 1 type, suite, message id; then the context with its length.
    header.take(if message[0] == 1 { 4 + 16 } else { 3 + 32 });
    header.lp16();
    (0..header.u16()).map(|_| header.edk()).collect()
}

/// The stored context and the wrapped keys of an item's `aws_dbe_head`.
fn item_header(header: &[u8]) -> (EncryptionContext, Vec<EncryptedDataKey>) {
    let mut header = Header(header);
    header.take(2 + 32);
    header.lp16();
    let pairs = header.u16();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let stored =
        (0..pairs).fold(EncryptionContext::new(), |context, _| context.with(text(header.lp16()), text(header.lp16())));
    let count = header.take(1)[0];
    (stored, (0..count).map(|_| header.edk()).collect())
}

/// Undoes what an item adds around the keyring's work: a data key wrapped under the key that the keyring wraps.
async fn item_data_key(keyring: &dyn Keyring, edk: &EncryptedDataKey, context: EncryptionContext) -> Vec<u8> {
    let aad = context.serialise().unwrap();
    let (wrapped, ciphertext) = edk.ciphertext.split_at(48);
    let inner = EncryptedDataKey { ciphertext: ciphertext.to_vec(), ..edk.clone() };
    let intermediate = keyring.unwrap_data_key(&[inner], &DataKeyRequest::new(context)).await.unwrap().unwrap();
    let mut kek = [0; 32];
    let prk = Salt::new(HKDF_SHA512, &[]).extract(intermediate.expose());
    let info = [&b"AWS_MPL_INTERMEDIATE_KEYWRAP_ENC"[..]];
    prk.expand(&info, &AES_256_GCM).unwrap().fill(&mut kek).unwrap();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &kek).unwrap());
    let mut buffer = wrapped.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    key.open_in_place(nonce, Aad::from(aad), &mut buffer).unwrap().to_vec()
}

/// Every record of both files opens under the context that its writer used, and is what the writer says.
async fn records_open(branch_keys: &Json) -> usize {
    let store = store(branch_keys);
    for record in records(branch_keys) {
        let item = item(record);
        let (id, record_type) = (item["branch-key-id"].as_text().unwrap(), item["type"].as_text().unwrap());
        let key = match record_type {
            "beacon:ACTIVE" => store.beacon_key(id).await.unwrap(),
            "branch:ACTIVE" => {
                let key = store.active(id).await.unwrap();
                assert_eq!(item["version"].as_text().unwrap(), format!("branch:version:{}", key.version));
                key.secret
            }
            version => {
                let version = version.strip_prefix("branch:version:").unwrap().parse().unwrap();
                let key = store.version(id, version).await.unwrap();
                let custom: Vec<_> = item.keys().filter_map(|name| name.strip_prefix("aws-crypto-ec:")).collect();
                assert_eq!(key.context.iter().map(|(name, _)| name).collect::<Vec<_>>(), custom);
                key.secret
            }
        };
        assert_eq!(key.expose(), unhex(&record["plaintext_hex"]), "{id} {record_type}");
    }
    records(branch_keys).len()
}

#[tokio::test]
async fn table_records_of_the_message_clients_open() {
    assert_eq!(records_open(&file("esdk/generated.json")["branch_keys"]).await, 3);
}

#[tokio::test]
async fn table_records_of_the_item_client_open_before_and_after_rotation() {
    assert_eq!(records_open(&file("dbesdk/items.json")["branch_keys"]).await, 7);
}

#[tokio::test]
async fn records_changed_in_any_attribute_do_not_open() {
    let branch_keys = &file("dbesdk/items.json")["branch_keys"];
    let peer = peer(branch_keys);
    for (index, record) in peer.records.iter().enumerate() {
        let id = record["branch-key-id"].as_text().unwrap();
        let changed = record.keys().map(String::as_str).chain(["aws-crypto-ec:added", "added"]);
        for name in changed.filter(|name| *name != "branch-key-id" && *name != "type") {
            let mut damaged = peer.clone();
            let value = match record.get(name) {
                Some(Value::B(_)) => Value::B(vec![0; 92]),
                _ => Value::S("changed".into()),
            };
            damaged.records[index].insert(name.into(), value);
            let store = store_of(damaged, text(&branch_keys["logical_key_store_name"]), text(&branch_keys["kms_arn"]));
            let result = match record["type"].as_text().unwrap() {
                "beacon:ACTIVE" => store.beacon_key(id).await.map(drop),
                "branch:ACTIVE" => store.active(id).await.map(drop),
                version => {
                    let version = version.strip_prefix("branch:version:").unwrap().parse().unwrap();
                    store.version(id, version).await.map(drop)
                }
            };
            let expected = if name == "kms-arn" { ErrorKind::Config } else { ErrorKind::Integrity };
            assert_eq!(result.unwrap_err().kind(), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_store_of_another_logical_name_opens_nothing() {
    let branch_keys = &file("esdk/generated.json")["branch_keys"];
    let store = store_of(peer(branch_keys), "another", text(&branch_keys["kms_arn"]));
    assert_eq!(store.active("esdk-tenant-1").await.unwrap_err().kind(), ErrorKind::Integrity);
}

#[tokio::test]
async fn data_keys_of_messages_unwrap() {
    let vectors = file("esdk/generated.json");
    let keyring = HierarchicalKeyring::new(store(&vectors["branch_keys"]), "esdk-tenant-1");
    let mut checked = 0;
    for message in vectors["messages"].as_array().unwrap() {
        if !message["keys"].as_array().unwrap().iter().any(|key| key == "hierarchy") {
            continue;
        }
        let edks = message_edks(&unbase64(&message["message_b64"]));
        let request = DataKeyRequest::new(context(&message["check"]["stored_encryption_context"]));
        let data_key = keyring.unwrap_data_key(&edks, &request).await.unwrap().unwrap();
        assert_eq!(data_key.expose(), unhex(&message["check"]["data_key_hex"]), "{}", message["name"]);
        let other = DataKeyRequest::new(request.context().clone().with("more", ""));
        assert_eq!(keyring.unwrap_data_key(&edks, &other).await.unwrap_err().kind(), ErrorKind::Integrity);
        checked += 1;
    }
    assert_eq!(checked, 4);
}

#[tokio::test]
async fn data_keys_of_items_unwrap_before_and_after_rotation() {
    let vectors = file("dbesdk/items.json");
    let mut checked = 0;
    for item in vectors["items"].as_array().unwrap().iter().filter(|item| item["keyring"]["type"] == "hierarchy") {
        let keyring = HierarchicalKeyring::new(store(&vectors["branch_keys"]), text(&item["keyring"]["branch_key_id"]));
        let (_, edks) = item_header(&unbase64(&item["encrypted"]["aws_dbe_head"]["B"]));
        let context = context(&item["check"]["full_encryption_context"]);
        let data_key = item_data_key(&keyring, &edks[0], context).await;
        assert_eq!(data_key, unhex(&item["check"]["data_key_hex"]), "{}", item["name"]);
        checked += 1;
    }
    assert_eq!(checked, 5);
}

#[tokio::test]
async fn data_keys_of_public_items_unwrap() {
    let vectors = file("dbesdk/public.json");
    let branch_key = &vectors["branch_key"];
    let id = text(&branch_key["key-id"]);
    let mut checked = 0;
    let keyring = HierarchicalKeyring::new(known_store(branch_key).await, id);
    for source in vectors["sources"].as_object().unwrap().values() {
        for test in source["tests"].as_object().unwrap().values() {
            let header = unbase64(&test["encrypted"]["aws_dbe_head"]["B"]);
            // The context of version 2 depends on the table's configuration.
            if header[0] != 1 {
                continue;
            }
            let (stored, edks) = item_header(&header);
            let key = from_dynamodb_json(test["encrypted"].as_object().unwrap().clone()).unwrap()["RecNum"].clone();
            let mut value = TypeId::of(&key).0.to_vec();
            serialise_into(&key, &mut value).unwrap();
            let context = stored
                .with("aws-crypto-table-name", text(&vectors["logical_table_name"]))
                .with("aws-crypto-partition-name", "RecNum")
                .with("aws-crypto-attr.RecNum", BASE64_STANDARD.encode(value));
            assert_eq!(item_data_key(&keyring, &edks[0], context).await.len(), 32);
            checked += 1;
        }
    }
    assert_eq!(checked, 36);
}

/// A store whose one branch key is a known one, as the public vectors give it.
async fn known_store(branch_key: &Json) -> Arc<KeyStore> {
    let arn = "arn:aws:kms:us-west-2:111122223333:key/known";
    let text_of = |name: &str| text(&branch_key[name]).to_owned();
    let record: Map = [
        ("branch-key-id", text_of("key-id")),
        ("type", format!("branch:version:{}", text_of("branchKeyVersion"))),
        ("create-time", "2026-11-23T00:00:00.000000Z".into()),
        ("kms-arn", arn.into()),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), Value::S(text)))
    .chain([("enc".into(), Value::B(vec![1])), ("hierarchy-version".into(), Value::N("1".into()))])
    .collect();
    let bound = record.iter().filter_map(|(name, value)| Some((name, value.as_text()?)));
    let bound = bound.fold(EncryptionContext::new(), |context, (name, text)| context.with(name, text));
    let bound = bound.with("hierarchy-version", "1").with("tablename", "known");
    let sealed = vec![(vec![1], bound, unbase64(&branch_key["branchKey"]))];
    store_of(Peer { records: vec![record], sealed }, "known", arn)
}
