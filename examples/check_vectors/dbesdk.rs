//! Vectors of DB-ESDK items, as AWS's clients wrote them: each good one opens to what was written, each damaged one is
//! refused, and what cannot be written is not.

// A program for the terminal. A JSON value that is indexed with what it lacks gives null, and no panic.
#![allow(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privet::dbesdk::{Action, FOOTER, HEADER, Locked, Suite, Table};
use privet::keyring::{
    HierarchicalKeyring, Keyring, MultiKeyring, RawAesKeyring, RawRsaKeyring, RsaPadding, RsaPrivateKey,
};
use privet::value::{Map, TypeId, Value, from_dynamodb_json, serialise_into};
use privet::{EncryptionContext, Secret, dbesdk_items};
use serde_json::{Value as Json, json};

// The path is spelled out for the test that shares this file.
#[path = "esdk/recorded.rs"]
#[allow(dead_code, reason = "messages need more of it")]
mod recorded;

use recorded::{RecordedKms, recorded_store};

/// Whether a file holds such vectors.
pub fn knows(file: &Json) -> bool {
    file["decrypt_variants"].is_array() || file["sources"].is_object()
}

/// Name and result of each vector.
pub async fn check(file: &Json) -> Result<Vec<(String, Result<(), String>)>, String> {
    let mut results = Vec::new();
    for vector in vectors(file)? {
        let result = vector.check().await;
        results.push((vector.name, result));
    }
    Ok(results)
}

/// One vector, and what must come of it.
pub struct Vector {
    pub name: String,
    /// What is done to an attribute on writing, as AWS's clients call it.
    pub actions: BTreeMap<String, String>,
    pub table: Table,
    pub keyring: Box<dyn Keyring>,
    pub case: Case,
}

/// What is done with a vector.
pub enum Case {
    /// It is read, and opens to this; what the file says of its parts, or null.
    Opens(Map, Map, Json),
    /// Reading it is refused.
    Damaged(Map),
    /// Writing it is refused, or already reading the clear item.
    Unwritable(Result<Map, String>),
}

/// The vectors of a file.
pub fn vectors(file: &Json) -> Result<Vec<Vector>, String> {
    if let Some(sources) = file["sources"].as_object() {
        let tests = sources.iter().flat_map(|(source, tests)| {
            tests["tests"].as_object().into_iter().flatten().map(move |(number, test)| (source, number, test))
        });
        return tests.map(|(source, number, test)| public(file, source, number, test)).collect();
    }
    let lists = ["items", "decrypt_variants", "encrypt_refusals"];
    let lists = lists.map(|name| file[name].as_array().ok_or(format!("no list `{name}`")));
    let [items, variants, refusals] = lists;
    items?.iter().chain(variants?).chain(refusals?).map(|vector| generated(file, vector)).collect()
}

/// The items of a file of beacons as AWS's client stored them: what the beacons are is no concern here.
#[allow(dead_code, reason = "a test reads them")]
pub fn stored_with_beacons(beacons: &Json, items: &Json) -> Result<Vec<Vector>, String> {
    let config = &beacons["config"];
    let stored = beacons["items"].as_array().ok_or("no list `items`")?.iter().filter(|vector| vector["result"] == "ok");
    let vectors = stored.enumerate().map(|(index, vector)| {
        Ok(Vector {
            name: format!("beacons {index}"),
            actions: actions(&config["actions"]),
            table: table(config)?,
            keyring: keyring(items, &config["keyring"])?,
            case: Case::Opens(item(&vector["stored"])?, item(&vector["read_back"])?, Json::Null),
        })
    });
    vectors.collect()
}

fn generated(file: &Json, vector: &Json) -> Result<Vector, String> {
    let case = match text(vector, "result") {
        "ok" => Case::Opens(item(&vector["encrypted"])?, item(&vector["expected"])?, vector["check"].clone()),
        "fail" => Case::Damaged(item(&vector["encrypted"])?),
        "encrypt-must-fail" => Case::Unwritable(item(&vector["item"])),
        other => return Err(format!("unknown result `{other}`")),
    };
    Ok(Vector {
        name: text(vector, "name").to_owned(),
        actions: actions(&vector["actions"]),
        table: table(vector)?,
        keyring: keyring(file, &vector["keyring"])?,
        case,
    })
}

/// AWS's own files describe all items with one table and branch key, and clear values shorter.
fn public(file: &Json, source: &str, number: &str, test: &Json) -> Result<Vector, String> {
    let config = &test["config"];
    let described = json!({
        "table": file["logical_table_name"],
        "partition_key": file["partition_key"],
        "suite": if text(config, "algorithmSuiteId").ends_with("KEY_SYMSIG_HMAC_SHA384") { "6700" } else { "6701" },
        "actions": config["attributeActionsOnEncrypt"],
        "unsigned_attributes": config["allowedUnsignedAttributes"],
    });
    let stored = item(&test["encrypted"])?;
    let case = match text(test, "type") {
        "positive-decrypt" => {
            let clear = test["plaintext"].as_object().ok_or("no plaintext")?.iter();
            Case::Opens(
                stored,
                clear.map(|(name, value)| Ok((name.clone(), short(value)?))).collect::<Result<_, String>>()?,
                Json::Null,
            )
        }
        "negative-decrypt" => Case::Damaged(stored),
        other => return Err(format!("unknown type `{other}`")),
    };
    let store = recorded_store(&known_branch_key(&file["branch_key"])?)?;
    Ok(Vector {
        name: format!("{} {number}", source.trim_end_matches(".json")),
        actions: actions(&described["actions"]),
        table: table(&described)?,
        keyring: Box::new(HierarchicalKeyring::new(Arc::new(store), text(&file["branch_key"], "key-id"))),
        case,
    })
}

/// A text or a number stands for itself, everything else is in DynamoDB's JSON, with such values inside.
fn short(value: &Json) -> Result<Value, String> {
    let wrong = || "a clear value makes no sense".to_owned();
    Ok(match value {
        Json::String(text) => Value::S(text.clone()),
        Json::Number(number) => Value::N(number.to_string()),
        Json::Object(typed) => match typed.iter().next().ok_or_else(wrong)? {
            (kind, Json::Array(values)) if kind == "L" => Value::L(values.iter().map(short).collect::<Result<_, _>>()?),
            (kind, Json::Object(members)) if kind == "M" => Value::M(
                members.iter().map(|(name, value)| Ok((name.clone(), short(value)?))).collect::<Result<_, String>>()?,
            ),
            _ => item(&json!({ "it": value }))?.remove("it").ok_or_else(wrong)?,
        },
        _ => return Err(wrong()),
    })
}

/// A key store's record of a branch key that is known, and what KMS would say to it.
fn known_branch_key(branch_key: &Json) -> Result<Json, String> {
    let arn = "arn:aws:kms:us-west-2:111122223333:key/known";
    let record_type = format!("branch:version:{}", text(branch_key, "branchKeyVersion"));
    let (id, time) = (text(branch_key, "key-id"), "2026-11-23T00:00:00.000000Z");
    let secret: String = base64(text(branch_key, "branchKey"))?.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({
        "kms_arn": arn,
        "logical_key_store_name": "known",
        "records": [{
            "item": {
                "branch-key-id": {"S": id}, "type": {"S": record_type}, "create-time": {"S": time},
                "kms-arn": {"S": arn}, "hierarchy-version": {"N": "1"}, "enc": {"B": "AQ=="},
            },
            "kms_request_encryption_context": {
                "branch-key-id": id, "type": record_type, "create-time": time, "kms-arn": arn,
                "hierarchy-version": "1", "tablename": "known",
            },
            "plaintext_hex": secret,
        }],
    }))
}

impl Vector {
    /// Checks what must come of it.
    pub async fn check(&self) -> Result<(), String> {
        match &self.case {
            Case::Opens(stored, expected, found) => {
                let opened = dbesdk_items::decrypt(&self.keyring, stored.clone(), &self.table).await;
                compare(&opened.map_err(|error| format!("does not open: {error}"))?.item, expected)?;
                self.check_parts(stored, found)
            }
            Case::Damaged(stored) => {
                let opened = dbesdk_items::decrypt(&self.keyring, stored.clone(), &self.table).await;
                opened.map_or(Ok(()), |_| Err("opens although it must be refused".to_owned()))
            }
            Case::Unwritable(Err(_)) => Ok(()),
            Case::Unwritable(Ok(item)) => {
                let written = self.write(item.clone()).await;
                written.map_or(Ok(()), |_| Err("is written although it must be refused".to_owned()))
            }
        }
    }

    /// Writes an item as the vector's writer would have.
    pub async fn write(&self, item: Map) -> Result<Map, privet::Error> {
        let action = |name: &str| match self.actions.get(name)?.as_str() {
            "ENCRYPT_AND_SIGN" => Some(Action::EncryptAndSign),
            "SIGN_ONLY" => Some(Action::SignOnly),
            _ => None,
        };
        dbesdk_items::encrypt(&self.keyring, item, &self.table, action).await
    }

    /// What the file says of header and footer.
    fn check_parts(&self, stored: &Map, found: &Json) -> Result<(), String> {
        if found.is_null() {
            return Ok(());
        }
        let locked = Locked::parse(stored.clone(), &self.table).map_err(|error| error.to_string())?;
        let (Some(Value::B(header)), Some(Value::B(footer))) = (stored.get(HEADER), stored.get(FOOTER)) else {
            return Err("no header or footer".to_owned());
        };
        let legend = text(found, "legend").as_bytes();
        let same = *locked.context() == collect(pairs(&found["full_encryption_context"]))
            && *locked.stored_pairs() == collect(pairs(&found["stored_encryption_context"]))
            && found["edk_count"] == locked.intermediate_keys().len()
            && found["footer_length"] == footer.len()
            && found["header_version"] == header.first().copied().unwrap_or_default()
            && header.get(2..34) == Some(&hex(text(found, "message_id_hex"))?)
            && header.get(36..36 + legend.len()) == Some(legend);
        if same { Ok(()) } else { Err("header or footer say something else".to_owned()) }
    }
}

fn actions(json: &Json) -> BTreeMap<String, String> {
    pairs(json).map(|(name, action)| (name.to_owned(), action.to_owned())).collect()
}

fn table(vector: &Json) -> Result<Table, String> {
    let wrong = |error: privet::Error| error.to_string();
    let suite = if text(vector, "suite") == "6700" { Suite::Tags } else { Suite::Signature };
    let mut table = Table::new(text(vector, "table"), text(vector, "partition_key")).map_err(wrong)?.with_suite(suite);
    if let Some(name) = vector["sort_key"].as_str() {
        table = table.with_sort_key(name).map_err(wrong)?;
    }
    if let Some(prefix) = vector["unsigned_prefix"].as_str() {
        table = table.with_unsigned_prefix(prefix).map_err(wrong)?;
    }
    let unsigned = vector["unsigned_attributes"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let context = pairs(&vector["actions"]).filter(|(_, action)| action.contains("CONTEXT")).map(|(name, _)| name);
    table.with_unsigned(unsigned).and_then(|table| table.with_context(context)).map_err(wrong)
}

fn keyring(file: &Json, key: &Json) -> Result<Box<dyn Keyring>, String> {
    let wrong = |error: privet::Error| error.to_string();
    let (namespace, name) = (text(key, "namespace"), text(key, "name"));
    Ok(match text(key, "type") {
        "raw-aes" => {
            let secret = Secret::copy_of(&hex(text(key, "key_hex"))?);
            Box::new(RawAesKeyring::new(namespace, name, &secret).map_err(wrong)?)
        }
        "raw-rsa" => {
            let padding = match text(key, "padding") {
                "pkcs1" => RsaPadding::Pkcs1,
                "oaep-sha1" => RsaPadding::OaepSha1,
                "oaep-sha256" => RsaPadding::OaepSha256,
                "oaep-sha384" => RsaPadding::OaepSha384,
                "oaep-sha512" => RsaPadding::OaepSha512,
                other => return Err(format!("unknown padding `{other}`")),
            };
            let private_key = RsaPrivateKey::from_pem(text(key, "private_pem")).map_err(wrong)?;
            Box::new(RawRsaKeyring::new(namespace, name, private_key, padding).map_err(wrong)?)
        }
        "kms" => Box::new(RecordedKms::new(file, text(key, "kms_arn"))?),
        "hierarchy" => {
            let store = recorded_store(&file["branch_keys"])?;
            Box::new(HierarchicalKeyring::new(Arc::new(store), text(key, "branch_key_id")))
        }
        "multi" => {
            let children = key["children"].as_array().into_iter().flatten();
            let mut children = children.map(|child| keyring(file, child));
            let first = children.next().ok_or("a multi keyring without keyrings")??;
            let all = children.try_fold(MultiKeyring::new(first), |all, child| Ok::<_, String>(all.with(child?)));
            Box::new(all?)
        }
        other => return Err(format!("there is no keyring for {other}")),
    })
}

/// Whether two items are the same, numbers in any spelling and sets in any order.
pub fn compare(item: &Map, expected: &Map) -> Result<(), String> {
    if !item.keys().eq(expected.keys()) {
        return Err("other attributes than expected".to_owned());
    }
    for ((name, value), wanted) in item.iter().zip(expected.values()) {
        let (value, wanted) = (canonical(value), canonical(wanted));
        if value.is_none() || value != wanted {
            return Err(format!("another value than expected at `{name}`"));
        }
    }
    Ok(())
}

fn canonical(value: &Value) -> Option<([u8; 2], Vec<u8>)> {
    let mut bytes = Vec::new();
    serialise_into(value, &mut bytes).ok()?;
    Some((TypeId::of(value).0, bytes))
}

fn item(json: &Json) -> Result<Map, String> {
    let item = json.as_object().ok_or("an item is missing")?.clone();
    from_dynamodb_json(item).map_err(|error| error.to_string())
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
