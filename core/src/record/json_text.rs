//! Stored records as the text of JSON documents, without a tree of JSON values in between.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::base64url::{append_encoded, decode};
use super::{JSON_CLEAR, JSON_HEADER, JSON_SEALED};
use crate::error::{Error, Result};
use crate::value::{Map, Value};

/// The stored record that the text of a JSON document is. A document without a header is not sealed: what looks like a
/// mark in it is its own.
///
/// # Errors
///
/// `Input` if it is no JSON object; `Integrity` if what claims to be sealed, or the header, is not base64url.
pub fn read_json(text: &[u8]) -> Result<Map> {
    // serde_json's own message would quote what it does not like.
    let parsed = serde_json::from_slice::<Parsed>(text).map_err(|_| Error::input("a document is no JSON"))?;
    let Value::M(mut document) = parsed.0 else { return Err(Error::input("a JSON record must be an object")) };
    if !document.contains_key(JSON_HEADER) {
        return Ok(document);
    }
    for (name, value) in &mut document {
        if name == JSON_HEADER {
            let Value::S(header) = value else { return Err(Error::integrity()) };
            *value = Value::B(decode(header)?);
        } else {
            open_marks(value)?;
        }
    }
    Ok(document)
}

/// Appends the text of the JSON document that stores this record, on one line and without a line break.
///
/// # Errors
///
/// `Input` if the record holds what JSON has no type for: clear bytes, sets, and clear numbers with more digits than
/// JSON's readers keep. What was appended until then stays.
pub fn write_json(stored: &Map, out: &mut Vec<u8>) -> Result<()> {
    let mut separator = b'{';
    for (name, value) in stored {
        out.push(separator);
        separator = b',';
        write_text(name, out)?;
        out.push(b':');
        match value {
            Value::B(header) if name == JSON_HEADER => write_base64(header, out),
            value => write_value(value, out)?,
        }
    }
    out.extend_from_slice(if stored.is_empty() { b"{}" } else { b"}" });
    Ok(())
}

/// Takes `{"$sealed": "..."}` for what it is, at any depth; what stands in `{"$clear": {...}}` is no mark itself.
fn open_marks(value: &mut Value) -> Result<()> {
    match value {
        Value::M(members) => {
            if members.len() == 1 {
                if let Some(Value::S(text)) = members.get(JSON_SEALED) {
                    // An escaped clear value cannot be here, so the class is one of the four.
                    let bytes = decode(text)?;
                    if !matches!(bytes.as_slice(), [0xe1, 1..=4, ..]) {
                        return Err(Error::integrity());
                    }
                    *value = Value::B(bytes);
                    return Ok(());
                }
                if let Some(Value::M(clear)) = members.get_mut(JSON_CLEAR) {
                    return clear.values_mut().try_for_each(open_marks);
                }
            }
            members.values_mut().try_for_each(open_marks)
        }
        Value::L(values) => values.iter_mut().try_for_each(open_marks),
        _ => Ok(()),
    }
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::S(text) => write_text(text, out)?,
        Value::N(number) => write_number(number, out)?,
        Value::B(bytes) if matches!(bytes.as_slice(), [0xe1, 1..=4, ..]) => {
            out.extend_from_slice(b"{\"$sealed\":");
            write_base64(bytes, out);
            out.push(b'}');
        }
        Value::B(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_) => {
            return Err(Error::input(format!("JSON has no type for a clear value of type {}", value.type_name())));
        }
        Value::L(values) => {
            let mut separator = b'[';
            for value in values {
                out.push(separator);
                separator = b',';
                write_value(value, out)?;
            }
            out.extend_from_slice(if values.is_empty() { b"[]" } else { b"]" });
        }
        Value::M(members) => {
            let mut separator = b'{';
            for (name, value) in members {
                out.push(separator);
                separator = b',';
                write_text(name, out)?;
                out.push(b':');
                write_value(value, out)?;
            }
            out.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
        }
    }
    Ok(())
}

fn write_text(text: &str, out: &mut Vec<u8>) -> Result<()> {
    let is_plain = |byte: u8| (0x20..0x80).contains(&byte) && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return Ok(());
    }
    serde_json::to_writer(out, text).map_err(|_| Error::input("a text cannot be written as JSON"))
}

fn write_number(text: &str, out: &mut Vec<u8>) -> Result<()> {
    if is_small_integer(text) {
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    // As text it would be another value than the one that was signed, and the document could not be opened again.
    match Value::N(text.to_owned()).into_json() {
        serde_json::Value::Number(number) => {
            serde_json::to_writer(out, &number).map_err(|_| Error::input("a number cannot be written as JSON"))
        }
        _ => Err(Error::input("JSON cannot hold a clear number of so many digits: seal it, or write text")),
    }
}

/// A whole number that every reader of JSON takes for the same, in the one spelling that is signed.
pub(super) fn is_small_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    (1..=18).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && (digits.first() != Some(&b'0') || text == "0")
}

/// The bytes in quotes.
pub(super) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    append_encoded(bytes, out);
    out.push(b'"');
}

/// A value as JSON spells it.
struct Parsed(Value);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::N(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::N(number.to_string()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(|number| Value::N(number.to_string())).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::S(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::S(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Parsed(value)) = elements.next_element()? {
            values.push(value);
        }
        Ok(Value::L(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Parsed(value))) = entries.next_entry::<String, Parsed>()? {
            members.insert(name, value);
        }
        Ok(Value::M(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::{from_json, to_json};
    use super::*;
    use crate::error::ErrorKind;

    fn object(json: &Json) -> serde_json::Map<String, Json> {
        json.as_object().unwrap().clone()
    }

    fn documents() -> Vec<Json> {
        let with_header = |mut document: Json| {
            document["$privet"] = json!("AQE");
            document
        };
        let marked = vec![
            json!({"a": {"$sealed": "4QIA"}, "b": [{"$sealed": "4QEB"}, {}, []]}),
            json!({"a": {"$clear": {"$sealed": "x"}}, "b": {"$clear": {"$clear": {"$sealed": 1}}}, "c": {"$clear": null}}),
            json!({"a": {"$sealed": "4QIA", "more": 1}, "b": {"$sealed": {"x": "y"}}}),
        ];
        let clear = vec![
            json!({}),
            json!({"n": [0, -1, 18446744073709551615u64, -9223372036854775808i64, 1.5, 1e20, 1e-7, 0.1, 12345678901234567i64]}),
            json!({"t": ["plain", "q\"uote", "back\\slash", "line\nbreak", "ünïcødé 🦔", "\u{7f}", "\u{1}", ""], "f": [true, false, null]}),
            json!({"$privet": 1}),
            json!({"$privet": "A"}),
        ];
        let damaged = vec![json!({"a": {"$sealed": "4QUA"}}), json!({"a": {"$sealed": "4QIA="}})];
        marked.into_iter().chain(damaged).map(with_header).chain(clear).collect()
    }

    #[test]
    fn a_document_without_header_has_no_marks() {
        let document = json!({"a": {"$sealed": "4QIA"}, "b": {"$clear": {"c": 1}}});
        assert!(Value::M(read_json(document.to_string().as_bytes()).unwrap()) == Value::from(document));
    }

    #[test]
    fn text_is_read_and_written_as_the_tree_of_values_is() {
        for document in documents() {
            let text = serde_json::to_string(&document).unwrap();
            let (read, expected) = (read_json(text.as_bytes()), from_json(object(&document)));
            match (read, expected) {
                (Ok(read), Ok(expected)) => {
                    assert!(read == expected, "{document}");
                    let mut written = Vec::new();
                    write_json(&read, &mut written).unwrap();
                    assert_eq!(
                        String::from_utf8(written).unwrap(),
                        serde_json::to_string(&to_json(expected).unwrap()).unwrap()
                    );
                }
                (read, expected) => assert_eq!(read.unwrap_err().kind(), expected.unwrap_err().kind(), "{document}"),
            }
        }
    }

    #[test]
    fn what_is_no_document_is_refused_and_not_quoted() {
        for text in ["", "1", "[]", "\"secret\"", "{\"a\":secret}", "{\"a\":1}{", "{\"a\":1e999}"] {
            let error = read_json(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input, "{text}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
        assert_eq!(read_json("[".repeat(1 << 16).as_bytes()).unwrap_err().kind(), ErrorKind::Input);
    }

    #[test]
    fn what_json_cannot_hold_is_not_written() {
        let digits = Value::N("12345678901234567890123456789012345678".into());
        for clear in [Value::B(vec![1]), Value::B(vec![0xe1, 0, 2]), Value::Ss(vec![]), digits, Value::N("007x".into())]
        {
            let refused = write_json(&Map::from([("a".into(), clear)]), &mut Vec::new());
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Input);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_as_the_tree_of_values_is(text in r#"\{"\$privet":"AQE","[$a-c]{0,7}(sealed|clear|privet)?":(\{"\$(sealed|clear)":("[A-Za-z0-9_-]{0,8}"|\{"a":[0-9.e-]{1,9}\})\}|-?[0-9]{1,25}(\.[0-9]{1,5})?|"\PC{0,9}"|\[null,true\])\}"#) {
            let expected = serde_json::from_str(&text).ok().and_then(|json: Json| from_json(object(&json)).ok());
            let read = read_json(text.as_bytes()).ok();
            proptest::prop_assert!(read == expected, "{}", text);
            if let Some(read) = read {
                let mut written = Vec::new();
                let expected = to_json(read.clone()).map(|document| serde_json::to_vec(&document).unwrap());
                let outcome = write_json(&read, &mut written).map(|()| written);
                proptest::prop_assert_eq!(outcome.ok(), expected.ok());
            }
        }
    }
}
