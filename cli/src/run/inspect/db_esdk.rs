//! Items of AWS's Database Encryption SDK.

use privet::dbesdk::{Described, FOOTER, HEADER, RESERVED_PREFIX, Suite};
use privet::value::{Map, Value};
use serde_json::{Value as Json, json};

use super::keys;

pub(super) fn describe(item: &Map) -> Json {
    let format = "item of AWS's Database Encryption SDK";
    let bytes = |name: &str| match item.get(name) {
        Some(Value::B(bytes)) => Some(bytes.as_slice()),
        _ => None,
    };
    let Some(Ok(header)) = bytes(HEADER).map(Described::read) else {
        return json!({ "format": format, "problem": "the header is damaged" });
    };
    let context: Vec<&str> = header.stored_context.iter().map(|(name, _)| name).collect();
    let beacons = item.keys().filter(|name| name.starts_with(RESERVED_PREFIX) && *name != HEADER && *name != FOOTER);
    let mut found = json!({
        "format": format, "version": header.version, "signed": header.suite == Suite::Signature,
        "header_bytes": bytes(HEADER).map(<[u8]>::len), "footer_bytes": bytes(FOOTER).map(<[u8]>::len),
        "attributes": item.len(), "encrypted": header.encrypted, "signed_in_clear": header.signed,
        "beacons_and_version": beacons.collect::<Vec<_>>(),
        "context_names": context, "keys": keys(&header.encrypted_data_keys),
    });
    if let (None, Some(members)) = (bytes(FOOTER), found.as_object_mut()) {
        members.insert("problem".to_owned(), json!("the footer is missing"));
    }
    found
}
