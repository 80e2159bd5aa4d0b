//! The keyrings that the vectors are written with, and what a reader needs to know of them.

use std::error::Error;

use aws_sdk_kms::primitives::Blob;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use privet::Secret;
use privet::keyring::{Keyring, KmsKeyring, MultiKeyring, RawAesKeyring};
use privet::record::Header;
use privet_testkit::EmbeddedAws;
use serde_json::{Map, Value as Json, json};

use super::records::{encryption_context, header_bytes};

/// A KMS key, and raw keys that are no secret.
pub(super) struct Keys {
    kms: aws_sdk_kms::Client,
    key_arn: String,
    // It holds the KMS key; its clients do not keep it alive on their own.
    _aws: EmbeddedAws,
}

impl Keys {
    pub(super) async fn new() -> Result<Self, Box<dyn Error>> {
        let aws = EmbeddedAws::start().await;
        let key_arn = aws.create_key(REGION, "alias/vectors").await;
        let kms = aws_sdk_kms::Client::new(&aws.config(REGION).await);
        Ok(Self { kms, key_arn, _aws: aws })
    }

    pub(super) fn keyring(&self, name: &str) -> Result<Box<dyn Keyring>, Box<dyn Error>> {
        if let Some((_, children)) = MULTI.iter().find(|(multi, _)| *multi == name) {
            let [first, second] = *children;
            return Ok(Box::new(MultiKeyring::new(self.keyring(first)?).with(self.keyring(second)?)));
        }
        if name == "kms" {
            return Ok(Box::new(KmsKeyring::new(self.kms.clone(), &self.key_arn)?));
        }
        let (_, namespace, length) = RAW.iter().find(|(raw, ..)| *raw == name).ok_or("no such key")?;
        Ok(Box::new(RawAesKeyring::new(*namespace, name, &Secret::copy_of(&raw_key(*length)))?))
    }

    /// The file's `keys`.
    pub(super) fn describe(&self) -> Json {
        let mut keys = Map::new();
        for (name, namespace, length) in RAW {
            let digits: String = raw_key(*length).iter().map(|byte| format!("{byte:02x}")).collect();
            keys.insert((*name).to_owned(), json!({"kind": "raw-aes", "namespace": namespace, "key_hex": digits}));
        }
        keys.insert("kms".to_owned(), json!({"kind": "kms", "key_arn": self.key_arn}));
        for (name, children) in MULTI {
            keys.insert((*name).to_owned(), json!({"kind": "multi", "children": children}));
        }
        Json::Object(keys)
    }

    /// The file's `kms_plaintexts`: what AWS KMS would answer for each blob of these vectors, and for which context.
    pub(super) async fn kms_plaintexts(&self, vectors: &[Json]) -> Result<Json, Box<dyn Error>> {
        let mut plaintexts = Map::new();
        for vector in vectors {
            for section in Header::parse(&header_bytes(vector)?)?.sections {
                let context = encryption_context(vector, section.class);
                for edk in section.edks.iter().filter(|edk| edk.provider_id == "aws-kms") {
                    let mut call =
                        self.kms.decrypt().key_id(&self.key_arn).ciphertext_blob(Blob::new(&*edk.ciphertext));
                    for (name, value) in context.iter() {
                        call = call.encryption_context(name, value);
                    }
                    let plaintext = call.send().await?.plaintext.ok_or("KMS gave no plaintext")?.into_inner();
                    let digits: String = plaintext.iter().map(|byte| format!("{byte:02x}")).collect();
                    let pairs: Map<String, Json> =
                        context.iter().map(|(name, value)| (name.to_owned(), Json::from(value))).collect();
                    plaintexts.insert(
                        BASE64_STANDARD.encode(&edk.ciphertext),
                        json!({"plaintext_hex": digits, "key_arn": self.key_arn, "encryption_context": pairs}),
                    );
                }
            }
        }
        Ok(Json::Object(plaintexts))
    }
}

/// Wrapping keys that everyone can see to be test keys: 00, 01, 02, ...
fn raw_key(length: u8) -> Vec<u8> {
    (0..length).collect()
}

const REGION: &str = "eu-west-1";
/// Name, namespace, length in bytes. One name begins with another, over the same key: nothing but the name tells them apart.
const RAW: &[(&str, &str, u8)] = &[
    ("raw-256", "vectors", 32),
    ("raw-192", "vectors", 24),
    ("raw-128", "vectors", 16),
    ("raw-128-größe", "vectors", 16),
];
const MULTI: &[(&str, [&str; 2])] = &[("two-raw", ["raw-256", "raw-192"]), ("raw-and-kms", ["raw-128", "kms"])];
