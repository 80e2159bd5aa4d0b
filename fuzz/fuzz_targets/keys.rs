//! Keys, names of keys and wrapped data keys of others: taken or refused, and none that was not wrapped is unwrapped.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use privet_core::keyring::store::{
    BranchKeyKms, BranchKeyProtection, BranchKeyTable, BranchKeyVersion, ConditionalPut, KeyStore,
};
use privet_core::keyring::{
    DataKeyRequest, HierarchicalKeyring, Keyring, KeyringFuture, KmsClients, KmsDiscoveryKeyring, KmsKeyring,
    MultiKeyring, RawAesKeyring, RawRsaKeyring, RsaPadding, RsaPrivateKey, RsaPublicKey, WrappingKey,
};
use privet_core::value::{Map, from_dynamodb_json};
use privet_core::{EncryptedDataKey, EncryptionContext, Error, ErrorKind, Secret};
use privet_fuzz::block_on;

const PEM: &[u8] = include_bytes!("../../tests/vectors/rsa/private-pkcs8.pem");
const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

static RAW: LazyLock<MultiKeyring> = LazyLock::new(|| {
    let private = RsaPrivateKey::from_pem(PEM).unwrap();
    let aes = RawAesKeyring::new("ns", "aes", &Secret::copy_of(&[7; 32])).unwrap();
    MultiKeyring::new(aes).with(RawRsaKeyring::new("ns", "rsa", private, RsaPadding::OaepSha256).unwrap())
});

/// A key store whose table has any records, and whose KMS decrypts none.
#[derive(Debug)]
struct Table(Vec<Map>);

impl BranchKeyTable for Table {
    fn create(&self) -> KeyringFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn get<'a>(&'a self, _: &'a str, _: &'a str) -> KeyringFuture<'a, Option<Map>> {
        Box::pin(async { Ok(self.0.first().cloned()) })
    }

    fn query<'a>(&'a self, _: &'a str) -> KeyringFuture<'a, Vec<Map>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn list<'a>(&'a self, _: &'a str) -> KeyringFuture<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn put_all(&self, _: Vec<ConditionalPut>) -> KeyringFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[derive(Debug)]
struct Refusing;

impl BranchKeyKms for Refusing {
    fn generate<'a>(&'a self, _: &'a str, _: &'a EncryptionContext) -> KeyringFuture<'a, Vec<u8>> {
        Box::pin(async { Ok(vec![1; 100]) })
    }

    fn re_encrypt<'a>(
        &'a self,
        _: &'a str,
        _: &'a [u8],
        _: &'a EncryptionContext,
        _: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Vec<u8>> {
        Box::pin(async { Ok(vec![1; 100]) })
    }

    fn decrypt<'a>(&'a self, _: &'a str, _: &'a [u8], _: &'a EncryptionContext) -> KeyringFuture<'a, Secret> {
        Box::pin(async { Err(Error::new(ErrorKind::Denied, "denied")) })
    }
}

fn store(records: Vec<Map>) -> KeyStore {
    KeyStore::new("store", BranchKeyProtection::key(ARN).unwrap(), Table(records), Refusing).unwrap()
}

/// A client that nothing is asked of.
fn client(region: &str) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::Config::builder().behavior_version(aws_sdk_kms::config::BehaviorVersion::latest());
    aws_sdk_kms::Client::from_conf(config.region(aws_sdk_kms::config::Region::new(region.to_owned())).build())
}

/// Three parts with their lengths in front.
fn edk(input: &[u8]) -> Option<EncryptedDataKey> {
    let (id, rest) = input.split_first()?;
    let (info, rest) = rest.split_first()?;
    let info = rest.get(..usize::from(*info))?;
    let ids = ["ns", "aws-kms", "aws-kms-hierarchy", "privet-branch", "other"];
    let provider_id = ids[usize::from(*id) % ids.len()].to_owned();
    Some(EncryptedDataKey { provider_id, provider_info: info.to_vec(), ciphertext: rest[info.len()..].to_vec() })
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else { return };
    match choice % 6 {
        0 => drop(RsaPrivateKey::from_pem(input)),
        1 => drop(RsaPublicKey::from_pem(input)),
        2 => drop((RsaPrivateKey::from_der(input), RsaPublicKey::from_der(input))),
        3 => {
            let Ok(text) = std::str::from_utf8(input) else { return };
            let clients = KmsClients::per_region(client);
            let is_key = BranchKeyProtection::key(text).is_ok();
            assert!(!is_key || text.starts_with("arn:") && text.is_ascii());
            assert_eq!(KmsKeyring::new(clients.clone(), text).is_ok(), is_key);
            drop(KmsKeyring::for_writing(clients, text));
            if let Ok(version) = text.parse::<BranchKeyVersion>() {
                assert_eq!(version.to_string().parse::<BranchKeyVersion>().unwrap(), version);
            }
        }
        4 => {
            let Some(edk) = edk(input) else { return };
            drop(WrappingKey::of(&edk));
            let edks = [edk];
            let request = DataKeyRequest::new(EncryptionContext::new().with("a", "b"));
            let hierarchical = HierarchicalKeyring::new(Arc::new(store(Vec::new())), "branch");
            let discovery = KmsDiscoveryKeyring::of_accounts(
                KmsClients::per_region(|_| unreachable!("nothing is asked")),
                "aws",
                ["999999999999"],
            );
            block_on(async {
                assert!(!matches!(RAW.unwrap_data_key(&edks, &request).await, Ok(Some(_))));
                assert!(!matches!(hierarchical.unwrap_data_key(&edks, &request).await, Ok(Some(_))));
                // Keys of the account would be asked for; what is told apart before is what is tried.
                if !input.windows(12).any(|digits| digits == b"999999999999") {
                    assert!(!matches!(discovery.unwrap().unwrap_data_key(&edks, &request).await, Ok(Some(_))));
                }
            });
        }
        _ => {
            let Ok(serde_json::Value::Array(items)) = serde_json::from_slice(input) else { return };
            let items = items.into_iter().filter_map(|item| from_dynamodb_json(item.as_object()?.clone()).ok());
            let store = store(items.collect());
            block_on(async {
                assert!(store.active("branch").await.is_err());
                assert!(store.beacon_key("branch").await.is_err());
                drop(store.describe("branch").await);
                drop(store.rotate("branch").await);
            });
        }
    }
});
