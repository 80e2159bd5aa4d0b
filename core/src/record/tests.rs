//! The format's known answers, both forms, escapes, and refusals.

use serde_json::json;

use super::context::RecordContext;
use super::seal::seal_with;
use super::*;
use crate::classification::Classification::{self, Confidential, Pii, Public};
use crate::crypto::{AeadKey, Secret};
use crate::edk::EncryptedDataKey;
use crate::error::ErrorKind;
use crate::value::{Map, Path, Step, Value};

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn s(text: &str) -> Value {
    Value::S(text.into())
}

fn count_up(from: u8) -> Vec<u8> {
    (from..from + 32).collect()
}

fn edks() -> Vec<EncryptedDataKey> {
    vec![EncryptedDataKey { provider_id: "t".into(), provider_info: b"k".to_vec(), ciphertext: vec![9; 48] }]
}

fn customer() -> (Map, RecordContext) {
    let record = Map::from([("id".into(), s("c-1")), ("email".into(), s("a@b.co"))]);
    let context = RecordContext::new("customers", "", &record, &["id".into()]).unwrap();
    (record, context)
}

#[test]
fn known_answer_context() {
    let expected = "000f7072697665742f7265636f72642f310009637573746f6d65727300000100026964000100000003632d31";
    assert_eq!(customer().1.as_bytes(), unhex(expected));
}

#[test]
fn known_answer_keys() {
    let mut okm = [0; 96];
    let context = customer().1;
    crate::crypto::hkdf_sha256(&count_up(0x20)[..16], &count_up(0), &[&[2], context.as_bytes()], &mut okm).unwrap();
    let expected = "01e89cd454fd05c8df248ab957920b481bf38b7c2e88036efc0bc47a208e2d23\
        570918cc92090fd30068e68e7fb509809736cc1c3a9771791f01d7040f8cac8c\
        ed49aee3ebbe40a353d07b8b6f205c7bc8df4ea16128fd941498db8bee66b5d8";
    assert_eq!(okm.to_vec(), unhex(expected));
}

#[test]
fn known_answer_sealed_value() {
    let (record, context) = customer();
    let layout = Layout { integrity: Integrity::Field, ..Layout::item(["id"]) };
    let random: Vec<u8> = (0x20..0x30).chain(0..12).collect();
    let edks = edks();
    let data_key = Secret::copy_of(&count_up(0));
    let keys = [SectionKey { class: Pii, data_key: &data_key, edks: &edks }];
    let sealings = [(Path::attribute("email"), Pii)];
    let stored = seal_with(record, &sealings, &keys, None, &layout, &context, &random).unwrap();
    let expected = "e102000102030405060708090a0b016d5c1ddf56c570e6d040c21ebc33cf6d803eb263fd922a";
    assert_eq!(stored["email"], Value::B(unhex(expected)));
}

#[test]
fn known_answer_path() {
    let path = Path::from(vec![Step::Key("m".into()), Step::Key("a".into()), Step::Index(1)]);
    let mut out = Vec::new();
    path.encode_into(&mut out).unwrap();
    assert_eq!(out, unhex("030000016d000001610100000001"));
}

/// Seals and opens with one data key for every class.
struct Bench {
    layout: Layout,
    data_key: Secret,
    edks: Vec<EncryptedDataKey>,
}

impl Bench {
    fn new(layout: Layout) -> Self {
        Self { layout, data_key: Secret::copy_of(&[3; 32]), edks: edks() }
    }

    fn seal(&self, record: Map, sealings: &[(Path, Classification)]) -> Map {
        let context = self.context(&record);
        let keys = Classification::ALL.map(|class| SectionKey { class, data_key: &self.data_key, edks: &self.edks });
        seal(record, sealings, &keys, None, &self.layout, &context).unwrap()
    }

    fn open(&self, stored: Map, classes: &[Classification]) -> crate::Result<Opened> {
        let context = self.context(&stored);
        let Some(Value::B(header)) = stored.get(&self.layout.header) else { panic!("no header") };
        let header = Header::parse(header)?;
        let key = |class| classes.contains(&class).then_some(&self.data_key);
        open(stored, &header, key, &self.layout, &context)
    }

    fn context(&self, record: &Map) -> RecordContext {
        RecordContext::new("r", "t", record, &self.layout.key).unwrap()
    }
}

#[test]
fn clear_bytes_that_look_sealed_survive_at_any_depth() {
    let bench = Bench::new(Layout::item(["id"]));
    let tricky = || Value::B(vec![0xe1, 2, 0, 0]);
    let record = Map::from([
        ("id".into(), Value::B(vec![0xe1, 0, 1])),
        ("a".into(), tricky()),
        ("b".into(), Value::B(vec![0xe1])),
        ("c".into(), Value::L(vec![tricky(), Value::M(Map::from([("d".into(), tricky())]))])),
        ("e".into(), Value::Bs(vec![vec![0xe1, 2]])),
    ]);
    let stored = bench.seal(record.clone(), &[]);
    assert_eq!(stored["a"], Value::B(vec![0xe1, 0, 0xe1, 2, 0, 0]));
    assert_eq!(stored["id"], record["id"]);
    assert_eq!(bench.open(stored, &[Public]).unwrap().record, record);
}

#[test]
fn json_objects_that_look_sealed_survive_at_any_depth() {
    let bench = Bench::new(Layout::json(Vec::<String>::new()));
    let document = json!({
        "a": {"$sealed": "4QI"},
        "b": {"$clear": {"$clear": {"$sealed": 1}}},
        "c": [{"$sealed": {"x": "y"}}, {"$clear": null}],
        "d": {"$sealed": "kept", "other": 1},
    });
    let Value::M(record) = Value::from(document) else { unreachable!() };
    let inside = Path::from(vec![Step::Key("a".into()), Step::Key("$sealed".into())]);
    let deep =
        Path::from(vec![Step::Key("c".into()), Step::Index(0), Step::Key("$sealed".into()), Step::Key("x".into())]);
    for sealings in [vec![], vec![(inside, Pii), (deep, Confidential)]] {
        let stored = to_json(bench.seal(record.clone(), &sealings)).unwrap();
        let text = serde_json::to_string(&stored).unwrap();
        let read = from_json(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(bench.open(read, &Classification::ALL).unwrap().record, record);
    }
}

#[test]
fn what_json_cannot_hold_is_refused_before_it_is_written() {
    let bench = Bench::new(Layout::json(Vec::<String>::new()));
    let digits = Value::N("12345678901234567890123456789012345678".into());
    for clear in [Value::B(vec![1]), Value::B(vec![0xe1, 2]), Value::B(vec![0xe1]), Value::Ss(vec![]), digits] {
        let stored = bench.seal(Map::from([("a".into(), clear.clone())]), &[]);
        assert_eq!(to_json(stored).unwrap_err().kind(), ErrorKind::Input);
        // Sealed, it is no concern of JSON's.
        let record = Map::from([("a".into(), clear)]);
        let stored = to_json(bench.seal(record.clone(), &[(Path::attribute("a"), Pii)])).unwrap();
        assert_eq!(bench.open(from_json(stored).unwrap(), &Classification::ALL).unwrap().record, record);
    }
}

#[test]
fn a_document_in_clear_has_no_marks() {
    let document = json!({"a": {"$sealed": "4QIA"}, "b": {"$clear": {"c": 1}}, "c": {"$sealed": "no base64!"}});
    let read = from_json(document.as_object().unwrap().clone()).unwrap();
    assert_eq!(Value::M(read.clone()), Value::from(document.clone()));
    assert_eq!(to_json(read).unwrap(), *document.as_object().unwrap());
}

#[test]
fn a_document_s_header_has_one_spelling() {
    assert!(from_json(json!({"$privet": "AQE"}).as_object().unwrap().clone()).is_ok());
    for header in [json!({"$sealed": "4QIA"}), json!(null), json!("AQE="), json!("AQF")] {
        let document = json!({ "$privet": header });
        let refused = from_json(document.as_object().unwrap().clone()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Integrity, "{document}");
    }
}

#[test]
fn a_class_without_key_is_withheld_and_the_rest_opens() {
    let bench = Bench::new(Layout::item(["id"]));
    let record = Map::from([("id".into(), s("1")), ("a".into(), s("x")), ("b".into(), s("y"))]);
    let sealings = [(Path::attribute("a"), Pii), (Path::attribute("b"), Confidential)];
    let stored = bench.seal(record, &sealings);
    let opened = bench.open(stored.clone(), &[Pii]).unwrap();
    assert_eq!(opened.record.get("a"), Some(&s("x")));
    assert!(!opened.record.contains_key("b"));
    assert_eq!(opened.withheld, [(Path::attribute("b"), Confidential)]);
    assert_eq!(bench.open(stored, &[]).unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn tags_cannot_be_stripped() {
    let field = Bench::new(Layout { integrity: Integrity::Field, ..Layout::item(["id"]) });
    let record = Map::from([("id".into(), s("1")), ("a".into(), s("x"))]);
    let stored = field.seal(record, &[(Path::attribute("a"), Pii)]);
    let strict = Bench::new(Layout::item(["id"]));
    assert_eq!(strict.open(stored.clone(), &[Pii]).unwrap_err().kind(), ErrorKind::Integrity);
    assert!(field.open(stored, &[Pii]).is_ok());
}

#[test]
fn key_attributes_and_missing_places_are_refused() {
    let (record, context) = customer();
    let data_key = Secret::copy_of(&[1; 32]);
    let edks = edks();
    let keys = [SectionKey { class: Pii, data_key: &data_key, edks: &edks }];
    let layout = Layout::item(["id"]);
    for (path, kind) in [("id", ErrorKind::Config), ("nothing", ErrorKind::Input)] {
        let failed = seal(record.clone(), &[(Path::attribute(path), Pii)], &keys, None, &layout, &context);
        assert_eq!(failed.unwrap_err().kind(), kind, "{path}");
    }
    let twice = [keys[0], keys[0]];
    assert_eq!(seal(record.clone(), &[], &twice, None, &layout, &context).unwrap_err().kind(), ErrorKind::Config);
    let mut with_header = record;
    with_header.insert("privet".into(), s("mine"));
    assert_eq!(seal(with_header, &[], &keys, None, &layout, &context).unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn a_newer_header_says_so_and_every_other_is_damaged() {
    let header = Header {
        salt: [1; 16],
        integrity: true,
        version: Some(7),
        sections: vec![Section { class: Pii, edks: edks(), commitment: [2; 32], tag: [3; 32] }],
    };
    let bytes = header.serialise().unwrap();
    assert_eq!(Header::parse(&bytes).unwrap(), header);
    for (place, value, kind) in [
        (0, 2, ErrorKind::Unsupported),
        (1, 2, ErrorKind::Unsupported),
        (0, 3, ErrorKind::Integrity),
        (2, 4, ErrorKind::Integrity),
        (2, 2, ErrorKind::Integrity),
        (27, 0, ErrorKind::Integrity),
        (28, 9, ErrorKind::Integrity),
    ] {
        let mut changed = bytes.clone();
        changed[place] = value;
        assert_eq!(Header::parse(&changed).unwrap_err().kind(), kind, "{place} {value}");
    }
    for length in 0..bytes.len() {
        assert_eq!(Header::parse(&bytes[..length]).unwrap_err().kind(), ErrorKind::Integrity);
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Header::parse(&longer).unwrap_err().kind(), ErrorKind::Integrity);
    assert_eq!(Header::parse(&vec![1; 9000]).unwrap_err().kind(), ErrorKind::Integrity);
}

#[test]
fn aead_keys_of_other_sizes_are_refused() {
    assert!(AeadKey::new(&[0; 31]).is_err());
}

proptest::proptest! {
    #[test]
    fn documents_with_any_number_are_read_as_they_were_written(number in proptest::num::f64::NORMAL) {
        let number = if (1e-120..1e120).contains(&number.abs()) { number } else { number.signum() };
        let bench = Bench::new(Layout::json(Vec::<String>::new()));
        let Value::M(record) = Value::from(json!({ "a": number })) else { unreachable!() };
        let text = serde_json::to_string(&to_json(bench.seal(record, &[])).unwrap()).unwrap();
        let opened = bench.open(from_json(serde_json::from_str(&text).unwrap()).unwrap(), &[Public]).unwrap().record;
        proptest::prop_assert_eq!(Value::M(opened).into_json(), json!({ "a": number }));
    }

    #[test]
    fn parsing_anything_never_panics(mut bytes: Vec<u8>, start in 0..3usize) {
        for (byte, known) in bytes.iter_mut().zip([1, 1, 1]).take(start) {
            *byte = known;
        }
        if let Ok(header) = Header::parse(&bytes) {
            proptest::prop_assert_eq!(header.serialise().unwrap(), bytes);
        }
    }
}
