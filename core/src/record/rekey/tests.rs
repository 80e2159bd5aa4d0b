//! The short way against the long one: byte for byte the same, or left to it.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::header::raw_edks;
use super::super::seal::seal_with;
use super::super::{Header, SectionKey, open, read_json, seal, write_json};
use super::*;
use crate::edk::EncryptedDataKey;
use crate::value::{Map, Value};

const RANDOM: [u8; 16 + 12 * 16] = {
    let mut bytes = [0; 16 + 12 * 16];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};

/// A collection with an old and a new data key for each class.
struct Bench {
    layout: Layout,
    /// The classes of members; what has none is stored in clear.
    classes: BTreeMap<String, Classification>,
}

impl Bench {
    fn data_key(class: Classification, is_new: bool) -> Secret {
        Secret::copy_of(&[class.code() * 2 + u8::from(is_new); 32])
    }

    fn edks(class: Classification, is_new: bool) -> Vec<EncryptedDataKey> {
        let info = if is_new { "a new key" } else { "key" };
        let ciphertext = vec![class.code(); 48];
        vec![EncryptedDataKey { provider_id: "t".into(), provider_info: info.into(), ciphertext }]
    }

    fn sealings(&self, record: &Map) -> Vec<(Path, Classification)> {
        let class = |name: &String| Some((Path::attribute(name.as_str()), *self.classes.get(name)?));
        record.keys().filter_map(class).collect()
    }

    fn seal(&self, record: &Map) -> Map {
        let sealings = self.sealings(record);
        self.with_keys(record, &sealings, false, |keys, context| {
            seal(record.clone(), &sealings, keys, None, &self.layout, context).unwrap()
        })
    }

    /// Calls with the keys that these sealings need.
    fn with_keys<T>(
        &self,
        record: &Map,
        sealings: &[(Path, Classification)],
        is_new: bool,
        call: impl FnOnce(&[SectionKey<'_>], &RecordContext) -> T,
    ) -> T {
        let mut classes: Vec<_> = sealings.iter().map(|(_, class)| *class).collect();
        if classes.is_empty() {
            classes.push(Classification::Public);
        }
        classes.sort_unstable();
        classes.dedup();
        let keys: Vec<_> =
            classes.iter().map(|class| (Self::data_key(*class, is_new), Self::edks(*class, is_new))).collect();
        let keys: Vec<_> = classes
            .iter()
            .zip(&keys)
            .map(|(class, (data_key, edks))| SectionKey { class: *class, data_key, edks })
            .collect();
        call(&keys, &RecordContext::new("r", "t", record, &self.layout.key).unwrap())
    }

    /// Reads, opens, seals with the new keys, writes.
    fn long_way(&self, text: &[u8]) -> Result<Vec<u8>> {
        let stored = read_json(text)?;
        let Some(Value::B(header)) = stored.get(&self.layout.header) else { return Err(Error::integrity()) };
        let header = Header::parse(header)?;
        let context = RecordContext::new("r", "t", &stored, &self.layout.key)?;
        let keys = Classification::ALL.map(|class| Self::data_key(class, false));
        let key = |class: Classification| keys.get(usize::from(class.code() - 1));
        if header.sections.iter().any(|section| section.edks != Self::edks(section.class, false)) {
            return Err(Error::integrity());
        }
        let opened = open(stored, &header, key, &self.layout, &context)?;
        let random = &RANDOM[..16 + 12 * opened.sealed.len()];
        let sealed = self.with_keys(&opened.record, &opened.sealed, true, |keys, context| {
            seal_with(opened.record.clone(), &opened.sealed, keys, None, &self.layout, context, random)
        })?;
        let mut out = Vec::new();
        write_json(&sealed, &mut out)?;
        Ok(out)
    }

    fn short_way(&self, text: &[u8]) -> Option<Vec<u8>> {
        let document = Flat::read(text)?;
        let header = BASE64_URL_SAFE_NO_PAD.decode(document.header()).ok()?;
        let header = RawHeader::parse(&header)?;
        let classes: Vec<_> = header.sections().map(|section| section.class).collect();
        if header.sections().any(|section| section.edks != raw_edks(&Self::edks(section.class, false)).unwrap()) {
            return None;
        }
        let keys: Vec<_> = classes
            .iter()
            .map(|class| {
                let edks = raw_edks(&Self::edks(*class, true)).unwrap();
                (Self::data_key(*class, false), Self::data_key(*class, true), edks)
            })
            .collect();
        let sections: Vec<_> = classes
            .iter()
            .zip(&keys)
            .map(|(class, (old, new, edks))| SectionRekey { class: *class, old, new, edks })
            .collect();
        let role = |name: &str| match name {
            "id" => Role::Key,
            "ttl" => Role::Unsigned,
            name => Role::Field(self.classes.get(name).copied()),
        };
        let mut rekeyer = Rekeyer { random: RandomPool::of(&RANDOM), ..Rekeyer::new() };
        let collection = Collection { layout: &self.layout, resource: "r", tenant: "t" };
        let mut out = Vec::new();
        let done = rekeyer.rekey(&document, &header, &sections, &collection, role, &mut out);
        done.map(|()| out)
    }
}

fn bench(classes: &[(&str, Classification)], integrity: Integrity) -> Bench {
    let layout = Layout { integrity, unsigned: ["ttl".to_owned()].into(), ..Layout::json(["id"]) };
    Bench { layout, classes: classes.iter().map(|(name, class)| ((*name).to_owned(), *class)).collect() }
}

fn record(json: Json) -> Map {
    let Value::M(record) = Value::from(json) else { panic!("an object") };
    record
}

#[test]
fn a_flat_document_goes_the_short_way_to_the_same_bytes() {
    let bench = bench(
        &[("email", Classification::Pii), ("ssn", Classification::Pii), ("note", Classification::Confidential)],
        Integrity::Record,
    );
    let document = json!({
        "!first": 1, "$z": true, "id": "c-1", "email": "ü@example.com", "ssn": -12, "note": null, "ttl": 17, "name": "Ada 🦔",
        "age": 0, "none": null, "no": false, "\u{7f}": "\u{7f}", "": ""
    });
    let mut text = Vec::new();
    write_json(&bench.seal(&record(document)), &mut text).unwrap();
    assert_eq!(bench.short_way(&text).expect("the short way"), bench.long_way(&text).unwrap());
    // The spelling that other writers have, in any order.
    let Json::Object(members) = serde_json::from_slice(&text).unwrap() else { panic!("an object") };
    let spelt: Vec<_> = members.iter().rev().map(|(name, value)| format!(" \"{name}\" : {value}")).collect();
    let spelt = format!(" {{{} }} ", spelt.join(" ,")).replace("{\"$sealed\":", "{ \"$sealed\" : ");
    assert_eq!(bench.short_way(spelt.as_bytes()).expect("the short way"), bench.long_way(&text).unwrap());
}

#[test]
fn what_is_not_flat_or_not_as_planned_is_left_to_the_long_way() {
    let classes = [("email", Classification::Pii)];
    let bench = bench(&classes, Integrity::Record);
    let text = |document: Json| {
        let mut text = Vec::new();
        write_json(&bench.seal(&record(document)), &mut text).unwrap();
        text
    };
    for document in [
        json!({"id": "1", "email": "x", "a": {"b": 1}}),
        json!({"id": "1", "email": "x", "a": []}),
        json!({"id": "1", "email": {"b": 1}}),
        json!({"id": "1", "email": ["x"]}),
        json!({"id": "1", "email": "x", "a": 1.5}),
        json!({"id": "1", "email": "x", "a": 1234567890123456789_u64}),
        json!({"id": "1", "email": "x", "a": "q\"uote"}),
        json!({"id": "1", "email": "x", "a": "line\nbreak"}),
        json!({"id": {"deep": 1}, "email": "x"}),
    ] {
        let text = text(document.clone());
        assert_eq!(bench.short_way(&text), None, "{document}");
        bench.long_way(&text).unwrap();
    }
    let sealed = text(json!({"id": "1", "email": "x", "name": "y"}));
    assert!(bench.short_way(&sealed).is_some());
    for other in [
        &[][..],
        &[("email", Classification::Sensitive)],
        &[("email", Classification::Pii), ("name", Classification::Pii)],
        &[("name", Classification::Pii)],
    ] {
        assert_eq!(self::bench(other, Integrity::Record).short_way(&sealed), None);
    }
    assert_eq!(self::bench(&classes, Integrity::Field).short_way(&sealed), None, "tags are not dropped");
}

fn any_leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        4 => "[a-zA-Z@. ü🦔\u{7f}]{0,40}".prop_map(Json::from),
        1 => "\\PC{0,5}".prop_map(Json::from),
        2 => (-999_999_999_999_999_999_i64..1_000_000_000_000_000_000).prop_map(Json::from),
        1 => any::<bool>().prop_map(Json::from),
        1 => Just(Json::Null),
        1 => prop_oneof![Just(json!({"a": [1]})), Just(json!([])), Just(json!(0.5)), Just(json!({"$sealed": "4QIA"}))],
    ]
}

fn any_class() -> impl Strategy<Value = Option<Classification>> {
    proptest::option::of(proptest::sample::select(Classification::ALL.to_vec()))
}

/// What happens to a text before it is read.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Byte(usize, u8),
    Cut(usize),
    /// A member of another record, or of another name.
    Swap(usize, usize),
    /// A member twice.
    Twice(usize),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => Just(Damage::None),
        4 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        1 => any::<usize>().prop_map(Damage::Cut),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Damage::Swap(one, other)),
        1 => any::<usize>().prop_map(Damage::Twice),
    ]
}

fn damaged(text: &[u8], damage: &Damage) -> Vec<u8> {
    let mut text = text.to_vec();
    let Json::Object(members) = serde_json::from_slice(&text).unwrap() else { panic!("an object") };
    let mut members: Vec<_> = members.into_iter().collect();
    let count = members.len();
    let spell = |members: &[(String, Json)]| {
        let each: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        format!("{{{}}}", each.join(",")).into_bytes()
    };
    match damage {
        Damage::None => text,
        Damage::Byte(at, byte) => {
            let at = at % text.len();
            text[at] = *byte;
            text
        }
        Damage::Cut(at) => {
            text.truncate(at % text.len());
            text
        }
        Damage::Swap(one, other) => {
            let value = members[other % count].1.clone();
            members[one % count].1 = value;
            spell(&members)
        }
        Damage::Twice(one) => {
            members.push(members[one % count].clone());
            spell(&members)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn the_short_way_gives_the_same_bytes_or_leaves_it(
        id in "[a-z0-9ü]{0,8}",
        members in proptest::collection::btree_map("[!a-d$ü]{0,3}", (any_leaf(), any_class()), 0..9),
        damage in any_damage(),
        is_whole in any::<bool>(),
    ) {
        let integrity = if is_whole { Integrity::Record } else { Integrity::Field };
        let bench = Bench {
            layout: Layout { integrity, unsigned: ["ttl".to_owned()].into(), ..Layout::json(["id"]) },
            classes: members.iter().filter_map(|(name, (_, class))| Some((name.clone(), (*class)?))).collect(),
        };
        let is_flat = members.values().all(|(value, class)| match value {
            Json::Object(_) | Json::Array(_) => false,
            Json::Number(number) => class.is_some() || number.is_i64(),
            Json::String(text) => class.is_some() || serde_json::to_string(text).unwrap().len() == text.len() + 2,
            _ => true,
        });
        let all = members.iter().map(|(name, (value, _))| (name.clone(), value.clone()));
        let all = all.chain([("id".to_owned(), json!(id)), ("ttl".to_owned(), json!(5))]);
        let mut text = Vec::new();
        write_json(&bench.seal(&record(all.collect())), &mut text).unwrap();
        let text = damaged(&text, &damage);
        match (bench.short_way(&text), bench.long_way(&text)) {
            (Some(short), long) => prop_assert_eq!(Some(short), long.ok()),
            (None, long) => prop_assert!(
                !(is_flat && matches!(damage, Damage::None)),
                "left to the long way, which says {:?}", long.map(drop)
            ),
        }
    }
}
