//! Vectors of ESDK messages, as AWS's clients wrote them: each good one opens, with each of its keys; each damaged one
//! is refused.

// A program for the terminal. A JSON value that is indexed with what it lacks gives null, and no panic.
#![allow(clippy::indexing_slicing, clippy::print_stderr)]

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privet::keyring::{
    HierarchicalKeyring, Keyring, MultiKeyring, RawAesKeyring, RawRsaKeyring, RsaPadding, RsaPrivateKey,
};
use privet::message::{CommitmentPolicy, HeaderProgress, HeaderReader, Message, ReadOptions};
use privet::{EncryptionContext, Error, Secret, messages};
use serde_json::Value as Json;

// The path is spelled out for the test that shares this file.
#[path = "esdk/recorded.rs"]
mod recorded;

use recorded::{RecordedKms, recorded_store};

/// Whether a file holds such vectors.
pub fn knows(file: &Json) -> bool {
    file["messages"].is_array() || file["tests"].is_array()
}

/// Name and result of each vector with each of its keys. What needs a keyring that privet does not have is left out.
pub async fn check(file: &Json) -> Result<Vec<(String, Result<(), String>)>, String> {
    let mut results = Vec::new();
    for vector in vectors(file)? {
        for (reader, outcome) in vector.check(file).await {
            match outcome {
                Outcome::Passed => results.push((reader, Ok(()))),
                Outcome::Failed(why) => results.push((reader, Err(why))),
                Outcome::Skipped(kind) => eprintln!("{reader}: left out, there is no keyring for {kind}"),
            }
        }
    }
    Ok(results)
}

/// One message, and what must come of it.
pub struct Vector {
    pub name: String,
    /// The keys that it was written for, as the file describes them.
    pub keys: Vec<Json>,
    /// The pairs that the reader knows.
    pub known: EncryptionContext,
    pub message: Vec<u8>,
    /// The plaintext; `None` if the message must be refused.
    pub plaintext: Option<Plaintext>,
    /// What a reader finds in the message besides; null if the file does not say.
    pub found: Json,
}

/// What a message must open to.
pub enum Plaintext {
    Bytes(Vec<u8>),
    Sha256(&'static str),
}

impl Plaintext {
    fn is(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Bytes(expected) => expected == bytes,
            Self::Sha256(expected) => hex(expected).is_ok_and(|hash| digest(&SHA256, bytes).as_ref() == hash),
        }
    }
}

/// What came of a vector with one of its keys.
pub enum Outcome {
    Passed,
    Failed(String),
    /// There is no keyring for this kind of key.
    Skipped(String),
}

/// The vectors of a file.
pub fn vectors(file: &Json) -> Result<Vec<Vector>, String> {
    if let Some(tests) = file["tests"].as_array() {
        return tests.iter().map(|test| public(file, test)).collect();
    }
    let lists = ["messages", "negative"].map(|name| file[name].as_array().ok_or(format!("no list `{name}`")));
    let [good, damaged] = lists;
    good?.iter().chain(damaged?).map(|vector| generated(file, vector)).collect()
}

fn generated(file: &Json, vector: &Json) -> Result<Vector, String> {
    let keys = vector["keys"].as_array().ok_or("no keys")?;
    let required: Vec<&str> =
        vector["required_context_keys"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let known = pairs(&vector["encryption_context"]).filter(|(name, _)| required.contains(name));
    let known = if vector["omit_required"] == true { EncryptionContext::new() } else { collect(known) };
    Ok(Vector {
        name: text(vector, "name").to_owned(),
        keys: keys.iter().map(|name| file["keys"][name.as_str().unwrap_or_default()].clone()).collect(),
        known,
        message: base64(text(vector, "message_b64"))?,
        plaintext: vector["plaintext_b64"].as_str().map(base64).transpose()?.map(Plaintext::Bytes),
        found: vector["check"].clone(),
    })
}

/// AWS's own files describe keys in another way: they are put into ours.
fn public(file: &Json, test: &Json) -> Result<Vector, String> {
    let mut keys = Vec::new();
    for master in test["master_keys"].as_array().ok_or("no master keys")? {
        let material = &file["keys"][text(master, "key")];
        if material["decrypt"] == false {
            continue;
        }
        let (namespace, name) = (&master["provider-id"], &material["key-id"]);
        keys.push(match text(master, "encryption-algorithm") {
            "aes" => {
                let bytes = base64(text(material, "material"))?;
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                serde_json::json!({ "type": "raw-aes", "namespace": namespace, "name": name, "key_hex": hex })
            }
            _ => {
                let padding = match text(master, "padding-algorithm") {
                    "oaep-mgf1" => format!("oaep-{}", text(master, "padding-hash")),
                    other => other.to_owned(),
                };
                let pem = &material["material"];
                serde_json::json!({
                    "type": "raw-rsa", "namespace": namespace, "name": name, "padding": padding, "private_pem": pem,
                })
            }
        });
    }
    let plaintext = match (text(test, "result"), text(test, "source")) {
        ("ok", "v4-Net-4.0.1.zip") => Some(Plaintext::Sha256(NET_4_0_1)),
        ("ok", "valid-Net-4.0.0.zip") => Some(Plaintext::Sha256(NET_4_0_0)),
        ("ok", other) => return Err(format!("no plaintext for messages of {other}")),
        _ => None,
    };
    Ok(Vector {
        name: text(test, "id").to_owned(),
        keys,
        known: collect(pairs(&test["context_not_stored"])),
        message: base64(text(test, "message_b64"))?,
        plaintext,
        found: Json::Null,
    })
}

impl Vector {
    /// Checks the message with each of its keys alone, and with those there are keyrings for as one.
    pub async fn check(&self, file: &Json) -> Vec<(String, Outcome)> {
        let mut outcomes = Vec::new();
        for key in &self.keys {
            let reader = format!("{} with {} {}", self.name, text(key, "type"), text(key, "name"));
            outcomes.push((reader, self.check_with(self.keyring(file, key)).await));
        }
        if self.keys.len() > 1 {
            let reader = format!("{} with all its keys", self.name);
            outcomes.push((reader, self.check_with(self.all_keys(file)).await));
        }
        outcomes
    }

    /// Those keys that there is a keyring for.
    fn all_keys(&self, file: &Json) -> Result<Box<dyn Keyring>, Missing> {
        let mut all: Option<MultiKeyring> = None;
        let mut missing = Missing::Wrong("no keys".to_owned());
        for key in &self.keys {
            match (self.keyring(file, key), all.take()) {
                (Ok(keyring), None) => all = Some(MultiKeyring::new(keyring)),
                (Ok(keyring), Some(others)) => all = Some(others.with(keyring)),
                (Err(why), others) => (missing, all) = (why, others),
            }
        }
        all.map(|all| Box::new(all) as Box<dyn Keyring>).ok_or(missing)
    }

    /// The keyring of a key. A new kind of keyring is one more arm here.
    fn keyring(&self, file: &Json, key: &Json) -> Result<Box<dyn Keyring>, Missing> {
        match text(key, "type") {
            "raw-aes" => {
                let secret = Secret::copy_of(&hex(text(key, "key_hex"))?);
                let keyring = RawAesKeyring::new(text(key, "namespace"), text(key, "name"), &secret);
                Ok(Box::new(keyring.map_err(|error| error.to_string())?))
            }
            "kms" => {
                let kms = RecordedKms::new(file, text(key, "key_arn"))?;
                if kms.knows(&self.message) {
                    Ok(Box::new(kms))
                } else {
                    Err(Missing::Kind("kms, no answer recorded".to_owned()))
                }
            }
            "raw-rsa" => {
                let padding = match text(key, "padding") {
                    "pkcs1" => RsaPadding::Pkcs1,
                    "oaep-sha1" => RsaPadding::OaepSha1,
                    "oaep-sha256" => RsaPadding::OaepSha256,
                    "oaep-sha384" => RsaPadding::OaepSha384,
                    "oaep-sha512" => RsaPadding::OaepSha512,
                    other => return Err(Missing::Kind(format!("raw-rsa {other}"))),
                };
                let private_key =
                    RsaPrivateKey::from_pem(text(key, "private_pem")).map_err(|error| error.to_string())?;
                let keyring = RawRsaKeyring::new(text(key, "namespace"), text(key, "name"), private_key, padding);
                Ok(Box::new(keyring.map_err(|error| error.to_string())?))
            }
            "hierarchy" => {
                let store = recorded_store(&file["branch_keys"])?;
                Ok(Box::new(HierarchicalKeyring::new(Arc::new(store), text(key, "branch_key_id"))))
            }
            other => Err(Missing::Kind(other.to_owned())),
        }
    }

    async fn check_with(&self, keyring: Result<Box<dyn Keyring>, Missing>) -> Outcome {
        let keyring = match keyring {
            Ok(keyring) => keyring,
            Err(Missing::Kind(kind)) => return Outcome::Skipped(kind),
            Err(Missing::Wrong(why)) => return Outcome::Failed(why),
        };
        let opened = messages::decrypt(&keyring, &self.message, &self.options()).await;
        // A stream must say the same.
        let streamed = self.stream(&keyring).await;
        if opened.as_ref().ok().map(|opened| &opened.plaintext) != streamed.as_ref().ok() {
            return Outcome::Failed("opens otherwise as a stream than whole".to_owned());
        }
        match (opened, &self.plaintext) {
            (Err(_), None) => Outcome::Passed,
            (Ok(_), None) => Outcome::Failed("opens although it must be refused".to_owned()),
            (Err(error), Some(_)) => Outcome::Failed(format!("does not open: {error}")),
            (Ok(opened), Some(plaintext)) if !plaintext.is(&opened.plaintext) => {
                Outcome::Failed("opens to another plaintext".to_owned())
            }
            (Ok(_), Some(_)) => self.check_header().map_or_else(Outcome::Failed, |()| Outcome::Passed),
        }
    }

    /// The plaintext of the message in pieces of 1 to 100 bytes.
    async fn stream(&self, keyring: &dyn Keyring) -> Result<Vec<u8>, Error> {
        let mut plaintext = Vec::new();
        let mut rest = self.message.as_slice();
        let mut next = |length: usize| {
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            rest = behind;
            (!piece.is_empty()).then_some(piece)
        };
        let mut reader = HeaderReader::new(&self.options());
        let locked = loop {
            let piece = next(1).ok_or_else(Error::integrity)?;
            match reader.push(piece)? {
                HeaderProgress::NeedsMore(more) => reader = more,
                HeaderProgress::Locked(locked) => break locked,
            }
        };
        let mut decryptor = messages::decryptor(keyring, locked, &mut plaintext).await?;
        while let Some(piece) = next(plaintext.len() % 100 + 1) {
            decryptor.push(piece, &mut plaintext)?;
        }
        decryptor.finish().map(|()| plaintext)
    }

    /// What the file says of the header, and that the data key it names opens the message without any keyring.
    pub fn check_header(&self) -> Result<(), String> {
        let found = &self.found;
        if found.is_null() {
            return Ok(());
        }
        let message = Message::parse(&self.message, &self.options()).map_err(|error| error.to_string())?;
        let header = message.locked().header();
        let same = header.message_id() == hex(text(found, "message_id_hex"))?
            && *header.stored_context() == collect(pairs(&found["stored_encryption_context"]))
            && found["header_length"] == header.length()
            && found["edk_count"] == header.encrypted_data_keys().len()
            && found["content_type"] == if header.frame_length().is_some() { 2 } else { 1 };
        if !same {
            return Err("the header says something else".to_owned());
        }
        let data_key = Secret::copy_of(&hex(text(found, "data_key_hex"))?);
        let opened = message.open(&data_key).map_err(|error| format!("its data key does not open it: {error}"))?;
        let same = self.plaintext.as_ref().is_some_and(|plaintext| plaintext.is(&opened.plaintext));
        if same { Ok(()) } else { Err("opens to another plaintext".to_owned()) }
    }

    /// All suites: most vectors are older than key commitment.
    pub fn options(&self) -> ReadOptions {
        let policy = CommitmentPolicy::RequireEncryptAllowDecrypt;
        ReadOptions::new().with_policy(policy).with_context(self.known.clone())
    }
}

/// Why there is no keyring.
enum Missing {
    Kind(String),
    Wrong(String),
}

impl From<String> for Missing {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

fn pairs(json: &Json) -> impl Iterator<Item = (&str, &str)> {
    json.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
}

fn collect<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> EncryptionContext {
    pairs.fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value))
}

fn base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| error.to_string())
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = |i: usize| text.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len() / 2).map(|i| digits(i).ok_or_else(|| "not hexadecimal".to_owned())).collect()
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

/// SHA-256 of the plaintext of all messages of one source: see `tests/vectors/esdk/README.md`.
const NET_4_0_1: &str = "2ecdb24688da7c013794f1e546d9527863eb5bd985ddcce303ecf75a796705f6";
const NET_4_0_0: &str = "36574f2710b2ab43632d53a4e78c0945a6b897bd93a51c9440f35d830039a70f";
