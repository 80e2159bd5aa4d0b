//! The keyrings that vectors name, with a stand-in for AWS KMS that knows the vectors' blobs.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use privet::keyring::{DataKey, DataKeyRequest, Keyring, KeyringFuture, MultiKeyring, RawAesKeyring};
use privet::{EncryptedDataKey, Error, ErrorKind, Secret};
use serde_json::Value as Json;

use super::{text, texts};

/// The keyring of this name.
pub(super) fn keyring(vectors: &Json, name: &str) -> Result<Box<dyn Keyring>, String> {
    let key = &vectors["keys"][name];
    match text(key, "kind") {
        "raw-aes" => {
            let secret = Secret::copy_of(&unhex(text(key, "key_hex")).ok_or("the key is not hexadecimal")?);
            RawAesKeyring::new(text(key, "namespace"), key["name"].as_str().unwrap_or(name), &secret)
                .map(|keyring| Box::new(keyring) as _)
                .map_err(|error| error.to_string())
        }
        "kms" => {
            let blobs = vectors["kms_plaintexts"].as_object().ok_or("a KMS key, but no `kms_plaintexts`")?;
            let blobs = blobs.iter().map(|(blob, known)| {
                let blob = BASE64_STANDARD.decode(blob).map_err(|error| error.to_string())?;
                Ok((blob, Known::read(known)?))
            });
            let blobs = blobs.collect::<Result<_, String>>()?;
            Ok(Box::new(KmsStandIn { key_arn: text(key, "key_arn").to_owned(), blobs }))
        }
        "multi" => {
            let mut children = texts(key, "children").into_iter().map(|child| keyring(vectors, &child));
            let first = children.next().ok_or("a multi keyring without keyrings")??;
            children
                .try_fold(MultiKeyring::new(first), |multi, child| Ok(multi.with(child?)))
                .map(|multi| Box::new(multi) as _)
        }
        _ => Err(format!("`{name}` is no key that this program knows")),
    }
}

/// Reads as a keyring over AWS KMS does, and answers as AWS KMS would, for the blobs that a file of vectors lists.
#[derive(Debug)]
struct KmsStandIn {
    key_arn: String,
    blobs: BTreeMap<Vec<u8>, Known>,
}

/// What KMS knows about one blob.
#[derive(Debug)]
struct Known {
    plaintext: Secret,
    key_arn: String,
    context: BTreeMap<String, String>,
}

impl Known {
    fn read(json: &Json) -> Result<Self, String> {
        let pairs = json["encryption_context"].as_object().ok_or("a blob without `encryption_context`")?;
        let text_of = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        Ok(Self {
            plaintext: Secret::copy_of(&unhex(text(json, "plaintext_hex")).ok_or("a plaintext is not hexadecimal")?),
            key_arn: text(json, "key_arn").to_owned(),
            context: pairs.iter().map(|(name, value)| (name.clone(), text_of(value))).collect(),
        })
    }
}

impl KmsStandIn {
    fn decrypt(&self, edk: &EncryptedDataKey, request: &DataKeyRequest) -> Option<Secret> {
        let known = self.blobs.get(&edk.ciphertext).filter(|known| known.key_arn == self.key_arn)?;
        let wanted = known.context.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        request.context().iter().eq(wanted).then(|| Secret::copy_of(known.plaintext.expose()))
    }
}

impl Keyring for KmsStandIn {
    fn generate_data_key<'a>(&'a self, _: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async { Err(reads_only()) })
    }

    fn wrap_data_key<'a>(&'a self, _: &'a Secret, _: &'a DataKeyRequest) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async { Err(reads_only()) })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let mut ours = edks
                .iter()
                .filter(|edk| edk.provider_id == "aws-kms" && edk.provider_info == self.key_arn.as_bytes())
                .peekable();
            let any = ours.peek().is_some();
            match ours.find_map(|edk| self.decrypt(edk, request)) {
                None if any => Err(Error::integrity()),
                secret => Ok(secret),
            }
        })
    }
}

fn reads_only() -> Error {
    Error::new(ErrorKind::Unsupported, "the stand-in for KMS only reads")
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(digits.get(i..i + 2)?, 16).ok());
    pairs.collect()
}
