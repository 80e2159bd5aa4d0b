//! Vectors of S3EC objects, as AWS's clients wrote them: each good one opens, each damaged one is refused.

// A program for the terminal. A JSON value that is indexed with what it lacks gives null, and no panic.
#![allow(clippy::indexing_slicing)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privet::keyring::{DataKey, DataKeyRequest, Keyring, KeyringFuture, RsaPrivateKey, S3ecKeyring};
use privet::s3ec::{CommitmentPolicy, Header, Lookup, Metadata, ReadOptions, Unlocked};
use privet::{EncryptedDataKey, EncryptionContext, Error, Result as Privet, Secret};
use serde_json::Value as Json;

/// Whether a file holds such vectors.
pub fn knows(file: &Json) -> bool {
    file["objects"].is_array()
}

/// Name and result of each vector.
pub async fn check(file: &Json) -> Result<Vec<(String, Result<(), String>)>, String> {
    let mut results = Vec::new();
    for vector in vectors(file) {
        results.push((text(vector, "name").to_owned(), check_one(vector).await));
    }
    Ok(results)
}

/// The vectors of a file, good ones first.
pub fn vectors(file: &Json) -> impl Iterator<Item = &Json> {
    ["objects", "negative"].into_iter().filter_map(|list| file[list].as_array()).flatten()
}

/// Reads the object of a vector, and says what is wrong if it is not what it must be.
pub async fn check_one(vector: &Json) -> Result<(), String> {
    let expected = vector["plaintext_b64"].as_str().map(base64).transpose()?;
    let body = base64(text(vector, "body_b64"))?;
    let unlocked = unlock(vector).await?;
    let opened = unlocked.as_ref().map_err(Clone::clone).and_then(|unlocked| unlocked.open(body.clone()));
    match (opened, expected) {
        (Err(_), None) => Ok(()),
        (Ok(_), None) => Err("opens although it must be refused".to_owned()),
        (Err(error), Some(_)) => Err(format!("does not open: {error}")),
        (Ok(opened), Some(expected)) if opened != expected => Err("opens to another plaintext".to_owned()),
        (Ok(_), Some(expected)) => {
            let unlocked = unlocked.map_err(|error| error.to_string())?;
            check_pieces(&unlocked, &body, &expected).map_err(|error| format!("does not open in pieces: {error}"))
        }
    }
}

/// Pieces and parts must say the same as the whole.
fn check_pieces(unlocked: &Unlocked, body: &[u8], expected: &[u8]) -> Privet<()> {
    for piece in [1, 16, 1000] {
        let mut reader = unlocked.dangerous_reader()?;
        let mut opened = Vec::new();
        body.chunks(piece).try_for_each(|piece| reader.push(piece, &mut opened))?;
        reader.finish()?;
        if opened != expected {
            return Err(Error::integrity());
        }
    }
    let length = expected.len();
    for (start, end) in [(0, length), (length / 3, length), (length / 2, length / 2), (0, length.min(17))] {
        let part = unlocked.locate(start as u64..end as u64, body.len() as u64)?;
        let place = part.object_range().start as usize..part.object_range().end as usize;
        if unlocked.dangerous_open_part(&part, &body[place])? != expected[start..end] {
            return Err(Error::integrity());
        }
    }
    Ok(())
}

/// What is between a vector's metadata and its content. The outer error is one of the file.
async fn unlock(vector: &Json) -> Result<Privet<Unlocked>, String> {
    let context = pairs(&vector["request_encryption_context"]);
    let context = context.fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value));
    let options = ReadOptions::new()
        .with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt)
        .with_context(context)
        .dangerous_with_unauthenticated_content();
    let metadata: Metadata =
        pairs(&vector["object_metadata"]).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let file = vector["instruction_file"]["body"].as_str();
    let header = match Header::read(&metadata, &options) {
        Ok(Lookup::Header(header)) => header,
        Ok(Lookup::Detached(detached)) => match file {
            Some(file) => match detached.with_instruction_file(file.as_bytes(), &options) {
                Ok(header) => header,
                Err(error) => return Ok(Err(error)),
            },
            None => return Ok(Err(Error::integrity())),
        },
        Err(error) => return Ok(Err(error)),
    };
    let secret = keyring(vector)?;
    let request = DataKeyRequest::new(header.context());
    let secret = secret.unwrap_data_key(std::slice::from_ref(header.encrypted_data_key()), &request).await;
    Ok(secret.and_then(|secret| header.unlock(&secret.ok_or_else(Error::integrity)?)))
}

fn keyring(vector: &Json) -> Result<Box<dyn Keyring>, String> {
    let key = &vector["wrapping_key"];
    match key["type"].as_str() {
        Some("aes") => {
            let key = S3ecKeyring::aes(&Secret::copy_of(&hex(text(key, "key_hex"))?));
            Ok(Box::new(key.map_err(|error| error.to_string())?))
        }
        Some("rsa") => {
            let key = RsaPrivateKey::from_pem(text(key, "private_pem")).map_err(|error| error.to_string())?;
            Ok(Box::new(S3ecKeyring::rsa(key)))
        }
        _ => Ok(Box::new(RecordedKms::new(&vector["kms"])?)),
    }
}

/// Answers as AWS KMS did when the vector was made: same blob, same context, or nothing.
#[derive(Debug)]
struct RecordedKms {
    blob: Vec<u8>,
    context: EncryptionContext,
    plaintext: Secret,
}

impl RecordedKms {
    fn new(kms: &Json) -> Result<Self, String> {
        let context = pairs(&kms["encryption_context"]);
        Ok(Self {
            blob: base64(text(kms, "ciphertext_blob_b64"))?,
            context: context.fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value)),
            plaintext: Secret::copy_of(&hex(text(kms, "plaintext_data_key_hex"))?),
        })
    }
}

impl Keyring for RecordedKms {
    fn generate_data_key<'a>(&'a self, _request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async { Err(Error::integrity()) })
    }

    fn wrap_data_key<'a>(
        &'a self,
        _data_key: &'a Secret,
        _request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async { Err(Error::integrity()) })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        let asked = |edk: &EncryptedDataKey| edk.provider_info == b"kms+context" && edk.ciphertext == self.blob;
        let known = edks.iter().any(asked) && *request.context() == self.context;
        let secret = known.then(|| Secret::copy_of(self.plaintext.expose()));
        Box::pin(async move { Ok(secret) })
    }
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

fn pairs(json: &Json) -> impl Iterator<Item = (&str, &str)> {
    json.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}

fn base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| error.to_string())
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2).unwrap_or_default());
    digits.map(|digits| u8::from_str_radix(digits, 16).map_err(|error| error.to_string())).collect()
}
