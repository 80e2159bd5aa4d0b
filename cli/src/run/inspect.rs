//! `inspect`: what a stored item, document or message is. No key is asked.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use privet::message::{CommitmentPolicy, Header as MessageHeader, Limits, ReadOptions};
use privet::record::{self, Header, ITEM_HEADER, JSON_HEADER, sealed_class};
use privet::value::{Map, Path, Step, Value, from_dynamodb_json};
use privet::{Classification, EncryptedDataKey, ErrorKind};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{print, print_json};
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::opt::Inspect;
use crate::output::tell;
use crate::records::{Format, Reader};
use crate::session::Session;

pub(super) fn run(session: &Session, args: &Inspect) -> Outcome {
    let (mut input, bar) = input::open(&args.file, true)?;
    bar.finish_and_clear();
    let failed = |error: std::io::Error| Failure::io("the input cannot be read", &error);
    let first = input.fill_buf().map_err(failed)?.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => Err(Failure::failed("there is nothing to look at: the input is empty")),
        Some(b'{' | b'[' | 0xef) => records(session, args, input),
        Some(_) => {
            // More than a header of the greatest length has, and its base64.
            let mut beginning = Vec::new();
            input.take(512 * 1024).read_to_end(&mut beginning).map_err(failed)?;
            report(session, &message(&beginning)?)?;
            Ok(Exit::Done)
        }
    }
}

fn records(session: &Session, args: &Inspect, input: impl std::io::BufRead) -> Outcome {
    let mut reader = Reader::new(input, Format::Json)?;
    let (mut seen, mut damaged) = (0, 0);
    while let Some(document) = reader.next()? {
        seen += 1;
        if seen > args.limit {
            tell(session.is_quiet(), format!("there is more: `--limit N` looks at more than {} records", args.limit));
            break;
        }
        if seen > 1 && !session.is_json() {
            print("")?;
        }
        let found = describe(document);
        damaged += u64::from(found.get("problem").is_some());
        report(session, &found)?;
    }
    Ok(super::ended(damaged))
}

/// What a JSON document is: an item in DynamoDB's JSON, a privet document, or neither.
fn describe(document: JsonMap<String, Json>) -> Json {
    if document.contains_key(JSON_HEADER) {
        return match record::from_json(document) {
            Ok(record) => stored("privet record, JSON document", JSON_HEADER, &record),
            Err(_) => {
                json!({ "format": "privet record, JSON document", "problem": "what claims to be sealed is not base64url" })
            }
        };
    }
    // An answer of `get-item`, a line of an export, or the item itself.
    let item = match document.get("Item") {
        Some(Json::Object(item)) => item.clone(),
        _ => document,
    };
    match from_dynamodb_json(item.clone()) {
        Ok(record) if record.contains_key(ITEM_HEADER) => stored("privet record, DynamoDB item", ITEM_HEADER, &record),
        Ok(record) if record.contains_key("aws_dbe_head") => {
            let size =
                |name: &str| record.get(name).map(|value| if let Value::B(bytes) = value { bytes.len() } else { 0 });
            json!({
                "format": "item of AWS's Database Encryption SDK",
                "header_bytes": size("aws_dbe_head"), "footer_bytes": size("aws_dbe_foot"), "attributes": record.len(),
            })
        }
        Ok(record) if !record.is_empty() => {
            json!({ "format": "DynamoDB item, not sealed", "attributes": record.len() })
        }
        _ => json!({ "format": "JSON document, not sealed", "members": item.len() }),
    }
}

/// A record of privet's own format.
fn stored(format: &str, header_name: &str, record: &Map) -> Json {
    let Some(Value::B(bytes)) = record.get(header_name) else {
        return json!({ "format": format, "problem": "the header is no byte string" });
    };
    let header = match Header::parse(bytes) {
        Ok(header) => header,
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return json!({ "format": format, "problem": error.to_string() });
        }
        Err(_) => return json!({ "format": format, "problem": "the header is damaged" }),
    };
    let mut sealed = Vec::new();
    for (name, value) in record.iter().filter(|(name, _)| *name != header_name) {
        find_sealed(&mut Path::from(vec![Step::Key(name.clone())]), value, &mut sealed);
    }
    let mut by_class: BTreeMap<Classification, Vec<Json>> = BTreeMap::new();
    for (path, class, bytes) in &sealed {
        by_class.entry(*class).or_default().push(json!({ "path": path, "bytes": bytes }));
    }
    let sections: Vec<Json> = header
        .sections
        .iter()
        .map(|section| {
            json!({
                "class": section.class, "keys": keys(&section.edks), "fields": by_class.remove(&section.class).unwrap_or_default(),
            })
        })
        .collect();
    let clear: Vec<&String> =
        record.iter().filter(|(name, value)| *name != header_name && is_clear(value)).map(|(name, _)| name).collect();
    let mut found = json!({
        "format": format, "version": 1, "header_bytes": bytes.len(), "integrity": if header.integrity { "record" } else { "field" },
        "record_version": header.version, "sections": sections, "in_clear": clear,
    });
    if let (false, Some(members)) = (by_class.is_empty(), found.as_object_mut()) {
        members.insert("problem".to_owned(), json!("fields are sealed under classes that the header has no keys for"));
    }
    found
}

fn find_sealed(path: &mut Path, value: &Value, found: &mut Vec<(String, Classification, usize)>) {
    if let (Some(class), Value::B(bytes)) = (sealed_class(value), value) {
        found.push((path.to_string(), class, bytes.len()));
        return;
    }
    let mut go = |step, value| {
        path.push(step);
        find_sealed(path, value, found);
        path.pop();
    };
    match value {
        Value::M(members) => members.iter().for_each(|(name, value)| go(Step::Key(name.clone()), value)),
        Value::L(values) => (0..).zip(values).for_each(|(index, value)| go(Step::Index(index), value)),
        _ => {}
    }
}

fn is_clear(value: &Value) -> bool {
    let mut found = Vec::new();
    find_sealed(&mut Path::default(), value, &mut found);
    found.is_empty()
}

/// An ESDK message, as it is or as base64.
fn message(bytes: &[u8]) -> Outcome<Json> {
    // Only to look at it: nothing is opened, so any suite may be shown.
    let limits = Limits::default().with_max_encrypted_data_keys(u16::MAX).with_max_header(384 * 1024);
    let options = ReadOptions::new().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt).with_limits(limits);
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let whole = text.get(..text.len() / 4 * 4).unwrap_or_default();
    let decoded = BASE64_STANDARD.decode(whole).ok();
    let header = [Some(bytes), decoded.as_deref()]
        .into_iter()
        .flatten()
        .find_map(|bytes| MessageHeader::peek(bytes, &options).ok().flatten());
    let Some(header) = header else {
        return Err(Failure::failed(
            "this is neither JSON nor an ESDK message: `inspect` looks at privet documents, DynamoDB's JSON and ESDK messages",
        ));
    };
    let suite = header.suite();
    let context: Vec<&str> = header.stored_context().iter().map(|(name, _)| name).collect();
    Ok(json!({
        "format": "ESDK message",
        "suite": format!("{:#06x}", suite.id()), "commitment": suite.commits(), "signed": suite.signs(),
        "message_id": header.message_id().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "header_bytes": header.length(), "frame_length": header.frame_length(),
        "context_names": context, "keys": keys(header.encrypted_data_keys()),
    }))
}

fn keys(edks: &[EncryptedDataKey]) -> Vec<Json> {
    edks.iter()
        .map(|edk| {
            // A KMS key is named by its ARN; other providers add bytes of their own behind the name.
            let printable = edk.provider_info.iter().take_while(|byte| byte.is_ascii_graphic()).count();
            let name = String::from_utf8_lossy(edk.provider_info.get(..printable).unwrap_or_default());
            json!({ "provider": edk.provider_id, "key": name, "bytes": edk.ciphertext.len() })
        })
        .collect()
}

fn report(session: &Session, found: &Json) -> Outcome<()> {
    if session.is_json() { print_json(found) } else { print(people(found, 0).trim_end()) }
}

/// Members as lines, lists with a line each.
fn people(value: &Json, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let mut text = String::new();
    let members = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (name, value) in members {
        let name = name.replace('_', " ");
        match value {
            Json::Array(values) if values.iter().any(Json::is_object) => {
                text += &format!("{indent}{name}\n");
                for value in values {
                    text += &format!("{indent}- {}\n", people(value, depth + 1).trim());
                }
            }
            Json::Array(values) => {
                let words: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
                text += &format!(
                    "{indent}{name}: {}\n",
                    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
                );
            }
            Json::String(word) => text += &format!("{indent}{name}: {word}\n"),
            Json::Bool(flag) => text += &format!("{indent}{name}: {}\n", if *flag { "yes" } else { "no" }),
            other => text += &format!("{indent}{name}: {other}\n"),
        }
    }
    text
}
