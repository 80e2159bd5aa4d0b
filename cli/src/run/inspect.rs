//! `inspect`: what a stored item, document, object or message is. No key is asked.

use std::io::Read as _;

use privet::EncryptedDataKey;
use privet::dbesdk::HEADER;
use privet::record::{self, ITEM_HEADER, JSON_HEADER};
use privet::value::from_dynamodb_json;
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{print, print_json};

mod db_esdk;
mod message;
mod object;
mod stored;

use message::message;
use stored::stored;

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

/// What a JSON document is: a privet document, metadata of an object, an item in DynamoDB's JSON, or none of them.
fn describe(document: JsonMap<String, Json>) -> Json {
    if document.contains_key(JSON_HEADER) {
        return match record::from_json(document) {
            Ok(record) => stored("privet record, JSON document", JSON_HEADER, &record),
            Err(_) => {
                json!({ "format": "privet record, JSON document", "problem": "what claims to be sealed is not base64url" })
            }
        };
    }
    if let Some(found) = object::describe(&document) {
        return found;
    }
    // An answer of `get-item`, a line of an export, or the item itself.
    let item = match document.get("Item") {
        Some(Json::Object(item)) => item.clone(),
        _ => document,
    };
    match from_dynamodb_json(item.clone()) {
        Ok(record) if record.contains_key(ITEM_HEADER) => stored("privet record, DynamoDB item", ITEM_HEADER, &record),
        Ok(record) if record.contains_key(HEADER) => db_esdk::describe(&record),
        Ok(record) if !record.is_empty() => {
            json!({ "format": "DynamoDB item, not sealed", "attributes": record.len() })
        }
        _ => json!({ "format": "JSON document, not sealed", "members": item.len() }),
    }
}

/// The wrapped data keys of a header: who wrapped them, and by which key.
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
