//! One side of the comparison with AWS's own key store client, which `tests/interop/run-branch-keys.sh` makes:
//! `branch_key_peer write|read ENDPOINT KMS_ARN TABLE LOGICAL_NAME`, JSON out or in.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "equipment of a test: what is not as it should be must stop it"
)]

use std::sync::Arc;

use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use privet::dynamodb::KeyStoreTable;
use privet::keyring::store::{BranchKeyProtection, KeyStore};
use privet::keyring::{DataKeyRequest, HierarchicalKeyring, Keyring, KmsBranchKeys};
use privet::{EncryptedDataKey, EncryptionContext};
use serde_json::{Value as Json, json};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, endpoint, kms_arn, table, logical_name] = arguments.as_slice() else {
        panic!("usage: branch_key_peer write|read ENDPOINT KMS_ARN TABLE LOGICAL_NAME");
    };
    let store = Arc::new(store(endpoint, kms_arn, table, logical_name));
    match mode.as_str() {
        "write" => println!("{}", write(&store).await),
        _ => read(&store, &serde_json::from_reader(std::io::stdin()).unwrap()).await,
    }
}

fn store(endpoint: &str, kms_arn: &str, table: &str, logical_name: &str) -> KeyStore {
    let region = Region::new(kms_arn.split(':').nth(3).unwrap().to_owned());
    let credentials = Credentials::new("x", "x", None, None, "peer");
    macro_rules! client {
        ($sdk:ident) => {
            $sdk::Client::from_conf(
                $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(region.clone())
                    .endpoint_url(endpoint)
                    .credentials_provider(credentials.clone())
                    .build(),
            )
        };
    }
    let table = KeyStoreTable::new(client!(aws_sdk_dynamodb), table);
    let kms = KmsBranchKeys::new(client!(aws_sdk_kms));
    KeyStore::new(logical_name, BranchKeyProtection::key(kms_arn).unwrap(), table, kms).unwrap()
}

/// Makes branch keys, wraps data keys before and after a rotation, and says what a peer should find.
async fn write(store: &Arc<KeyStore>) -> Json {
    store.create_table().await.unwrap();
    let custom = EncryptionContext::new().with("team", "blue").with("région", "eu");
    store.create_with_id("tenant-privet", &custom).await.unwrap();
    let mut found = Vec::new();
    for id in [store.create(&EncryptionContext::new()).await.unwrap(), "tenant-privet".into()] {
        for round in 0..2 {
            if round > 0 {
                store.rotate(&id).await.unwrap();
            }
            let keyring = HierarchicalKeyring::new(Arc::clone(store), &id);
            let context = EncryptionContext::new().with("purpose", "interop").with("é", "");
            let data_key = keyring.generate_data_key(&DataKeyRequest::new(context)).await.unwrap();
            found.push(json!({
                "id": id,
                "version": store.active(&id).await.unwrap().version.to_string(),
                "branch_key": BASE64_STANDARD.encode(store.active(&id).await.unwrap().secret.expose()),
                "beacon_key": BASE64_STANDARD.encode(store.beacon_key(&id).await.unwrap().expose()),
                "context": {"purpose": "interop", "é": ""},
                "ciphertext": BASE64_STANDARD.encode(&data_key.edks[0].ciphertext),
                "data_key": BASE64_STANDARD.encode(data_key.secret.expose()),
            }));
        }
    }
    Json::Array(found)
}

/// Reads what a peer has made and compares it with what the peer says.
async fn read(store: &Arc<KeyStore>, found: &Json) {
    let bytes = |json: &Json| BASE64_STANDARD.decode(json.as_str().unwrap()).unwrap();
    for entry in found.as_array().unwrap() {
        let id = entry["id"].as_str().unwrap();
        let version = entry["version"].as_str().unwrap().parse().unwrap();
        let key = store.version(id, version).await.unwrap();
        assert_eq!(key.secret.expose(), bytes(&entry["branch_key"]));
        assert_eq!(store.beacon_key(id).await.unwrap().expose(), bytes(&entry["beacon_key"]));
        let context = entry["context"].as_object().unwrap().iter();
        let context = context
            .fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value.as_str().unwrap()));
        let edk = EncryptedDataKey {
            provider_id: "aws-kms-hierarchy".into(),
            provider_info: id.as_bytes().to_vec(),
            ciphertext: bytes(&entry["ciphertext"]),
        };
        let keyring = HierarchicalKeyring::new(Arc::clone(store), id);
        let data_key = keyring.unwrap_data_key(&[edk], &DataKeyRequest::new(context)).await.unwrap().unwrap();
        assert_eq!(data_key.expose(), bytes(&entry["data_key"]));
        store.rotate(id).await.unwrap();
    }
    println!("{} data keys of the peer read, its branch keys rotated", found.as_array().unwrap().len());
}
