//! S3EC objects: their metadata, as `aws s3api head-object` gives them, and instruction files.

use privet::EncryptionContext;
use privet::s3ec::{CommitmentPolicy, Header, INSTRUCTION_FILE_MARK, Lookup, Metadata, ReadOptions};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::keys;

/// What the metadata of an object, or an instruction file, say; `None` if the document is neither.
pub(super) fn describe(document: &JsonMap<String, Json>) -> Option<Json> {
    let (metadata, is_head) = match document.get("Metadata") {
        Some(Json::Object(metadata)) => (metadata, true),
        _ => (document, false),
    };
    let metadata: Metadata = metadata
        .iter()
        .filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let name = name.strip_prefix("x-amz-meta-").unwrap_or(&name);
            Some((name.to_owned(), value.as_str()?.to_owned()))
        })
        .collect();
    let has = |name: &str| metadata.contains_key(name);
    if has(INSTRUCTION_FILE_MARK) {
        return Some(json!({ "format": "S3EC instruction file, its metadata" }));
    }
    let key = ["x-amz-3", "x-amz-key-v2", "x-amz-key"].into_iter().find(|name| has(name));
    let commits = has("x-amz-c") && has("x-amz-d") && has("x-amz-i");
    match (key, commits) {
        (None, false) if is_head => {
            Some(json!({ "format": "object, not encrypted by a client", "metadata": metadata.len() }))
        }
        (None, false) => None,
        (None, true) => Some(json!({
            "format": "S3EC object", "version": 3, "commitment": true, "key_in": "instruction file",
        })),
        // The object's own metadata have the rest.
        (Some("x-amz-3"), false) if !has("x-amz-key-v2") && !has("x-amz-key") => Some(json!({
            "format": "S3EC instruction file", "version": 3, "context_names": names(&metadata),
        })),
        (Some(key), _) => Some(whole(&metadata, key)),
    }
}

fn whole(metadata: &Metadata, key: &str) -> Json {
    // Only to look at it: nothing is opened, so that anything may be shown.
    let options = ReadOptions::new()
        .with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt)
        .dangerous_with_legacy_wrapping()
        .dangerous_with_unauthenticated_content()
        .with_context(context(metadata));
    let header = match Header::read(metadata, &options) {
        Ok(Lookup::Header(header)) => header,
        Ok(Lookup::Detached(_)) => return json!({ "format": "S3EC object", "problem": "the metadata are damaged" }),
        Err(error) => return json!({ "format": "S3EC object", "problem": error.to_string() }),
    };
    let version = match key {
        "x-amz-3" => 3,
        "x-amz-key-v2" => 2,
        _ => 1,
    };
    json!({
        "format": "S3EC object", "version": version, "suite": format!("{:#06x}", header.suite().id()),
        "commitment": header.suite().commits(), "wrapping": header.wrapping().name(), "legacy": header.wrapping().is_legacy(),
        "context_names": names(metadata), "keys": keys(std::slice::from_ref(header.encrypted_data_key())),
    })
}

/// The pairs that a reader of it has to give.
fn context(metadata: &Metadata) -> EncryptionContext {
    let is_bound = |text: Option<&String>| text.is_some_and(|text| text == "kms+context" || text == "12");
    if !is_bound(metadata.get("x-amz-wrap-alg").or_else(|| metadata.get("x-amz-w"))) {
        return EncryptionContext::new();
    }
    let own = |(name, _): &(String, String)| !matches!(name.as_str(), "aws:x-amz-cek-alg" | "kms_cmk_id");
    let pairs = pairs(metadata).into_iter().filter(own);
    pairs.fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value))
}

fn names(metadata: &Metadata) -> Vec<String> {
    pairs(metadata).into_iter().map(|(name, _)| name).collect()
}

/// The context or material description that is stored.
fn pairs(metadata: &Metadata) -> Vec<(String, String)> {
    let stored = ["x-amz-matdesc", "x-amz-t", "x-amz-m"].into_iter().find_map(|name| metadata.get(name));
    let pairs: Option<JsonMap<String, Json>> = stored.and_then(|text| serde_json::from_str(text).ok());
    let pairs = pairs.unwrap_or_default().into_iter();
    pairs.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}
