//! Records that are texts, rewritten together: what comes out is what comes out one by one, or is left to that.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use privet_bulk::{Decision, Reprotect, StoredRecord, TextDecision, Transformation};
use privet_core::audit::TracingSink;
use privet_core::cache::CacheLimits;
use privet_core::keyring::{MultiKeyring, RawAesKeyring};
use privet_core::record::{Form, read_json};
use privet_core::value::{Map, Value};
use privet_core::{Policy, Protector, Secret};
use serde_json::{Value as Json, json};

const POLICY: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\n";
const STRICT: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\ndrift = \"refuse\"\n";
const VERSIONED: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\nversioned = true\n";
const FIELDS: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\nintegrity = \"field\"\n";

fn key(name: &str, byte: u8) -> RawAesKeyring {
    RawAesKeyring::new("tests", name, &Secret::copy_of(&[byte; 32])).unwrap()
}

fn protector(keyring: MultiKeyring, policy: &str, limits: CacheLimits) -> Protector {
    let policy = Policy::from_toml(policy).unwrap();
    Protector::builder().policy(policy).keyring(keyring).cache(limits).audit(TracingSink).build().unwrap()
}

fn old(policy: &str) -> Protector {
    protector(MultiKeyring::new(key("old", 1)), policy, CacheLimits::default())
}

fn new(policy: &str) -> Protector {
    protector(MultiKeyring::new(key("new", 2)).with_reader(key("old", 1)), policy, CacheLimits::default())
}

fn to_new_key(policy: &str) -> Reprotect {
    Reprotect::new(old(policy), new(policy), "customers").unwrap()
}

/// A record that is a text.
struct Text(String);

impl StoredRecord for Text {
    fn form(&self) -> Form {
        Form::Json
    }

    fn stored(&self) -> privet_bulk::Result<Map> {
        Ok(read_json(self.0.as_bytes())?)
    }

    fn text(&self) -> Option<&[u8]> {
        Some(self.0.as_bytes())
    }
}

async fn sealed(privet: &Protector, document: Json) -> Text {
    Text(privet.protect_json("customers", document).await.unwrap().to_string())
}

fn flat(index: u32) -> Json {
    json!({"id": format!("c-{index}"), "email": format!("ada-{index}@example.com"), "ssn": index, "api_key": null,
        "name": "Ada", "created_at": "2026-11-23"})
}

/// Each kind of text that a file may hold, and whether it goes the short way, where that can be said.
async fn texts(policy: &str) -> Vec<(Text, Option<bool>)> {
    let (old, new) = (old(policy), new(policy));
    let mut texts = Vec::new();
    for index in 0..3 {
        texts.push((sealed(&old, flat(index)).await, Some(true)));
    }
    // One without a member, one with members of no rule, one with nothing sealed; and then the usual one again.
    texts.push((sealed(&old, json!({"id": "d", "email": "a@example.com"})).await, Some(true)));
    texts.push((sealed(&old, json!({"id": "d", "what": "ever", "health_records": "none"})).await, Some(true)));
    texts.push((sealed(&old, json!({"id": "e", "name": "Ada"})).await, Some(true)));
    texts.push((sealed(&old, flat(7)).await, Some(true)));
    // On target already, wholly.
    texts.push((sealed(&new, flat(8)).await, Some(true)));
    for document in [
        json!({"id": "f", "email": "a@example.com", "address": {"zip": 1}}),
        json!({"id": "f", "email": ["a@example.com", "b@example.com"]}),
        json!({"id": "f", "name": "two\nlines", "email": "a@example.com"}),
        json!({"id": "f", "name": 0.25}),
    ] {
        texts.push((sealed(&old, document).await, Some(false)));
    }
    let whole = sealed(&old, flat(9)).await.0;
    let damaged = [
        whole.replace("Ada", "Bob"),
        whole.replace("c-9", "c-8"),
        whole.replace("\"email\"", "\"ssn\""),
        whole.replacen("\"$sealed\":\"4Q", "\"$sealed\":\"4R", 1),
        whole.replacen("\"$privet\":\"AQ", "\"$privet\":\"AA", 1),
        whole.replace(",\"name\":\"Ada\"", ""),
        whole.replace("\"name\"", "\"Name\""),
        format!("{whole}}}"),
        whole.get(..40).unwrap().to_owned(),
        String::new(),
        r#"{"id": "clear", "name": "Ada"}"#.to_owned(),
        r#"{"id": "clear", "email": "a@example.com"}"#.to_owned(),
    ];
    // With field integrity, clear values may be changed.
    let is_refused = (policy != FIELDS).then_some(false);
    texts.extend(damaged.map(|text| (Text(text), is_refused)));
    // Sealed under a policy in which a name that is public here has a class.
    let other = format!("{policy}\n[[fields]]\npath = \"name\"\nclass = \"pii\"\n");
    texts.push((sealed(&self::old(&other), flat(10)).await, Some(false)));
    // Under a key that nobody here has.
    let keyring = MultiKeyring::new(key("third", 3));
    texts.push((sealed(&protector(keyring, policy, CacheLimits::default()), flat(12)).await, Some(true)));
    texts.push((sealed(&old, flat(11)).await, Some(true)));
    texts
}

async fn opened(privet: &Protector, stored: Map) -> (Map, Vec<String>) {
    let resource = privet.resource("customers").unwrap();
    let opened = privet.unprotect_stored(&resource, Form::Json, stored).await.unwrap();
    let sealed = opened.sealed().iter().map(|(path, class)| format!("{path} {class}")).collect();
    (opened.complete().unwrap(), sealed)
}

#[tokio::test]
async fn texts_become_what_they_become_one_by_one() {
    for policy in [POLICY, STRICT, FIELDS] {
        let (rewrite, target) = (to_new_key(policy), new(policy));
        let (texts, short): (Vec<_>, Vec<_>) = texts(policy).await.into_iter().unzip();
        let together = rewrite.rewrite_texts(&texts).await;
        assert_eq!(together.decided.len(), texts.len());
        for ((text, decided), is_short) in texts.iter().zip(together.decided).zip(short) {
            let alone = rewrite.rewrite(text).await;
            assert!(is_short.is_none_or(|is_short| decided.is_some() == is_short), "{policy}: {}", text.0);
            match (decided, alone) {
                (None, _) => {}
                (Some(TextDecision::Failed(error)), alone) => assert_eq!(error.kind(), alone.unwrap_err().kind()),
                (Some(TextDecision::Current), alone) => assert_eq!(alone.unwrap(), Decision::Current),
                (Some(TextDecision::Rewrite { text: range, reasons }), alone) => {
                    let Decision::Rewrite { rewritten, reasons: expected } = alone.unwrap() else {
                        panic!("on target: {}", text.0)
                    };
                    assert_eq!(reasons.to_vec(), expected);
                    let text = together.text.get(range).unwrap();
                    let stored = read_json(text).unwrap();
                    assert!(sizes(&stored) == sizes(&rewritten), "laid out in another way");
                    assert!(opened(&target, stored).await == opened(&target, rewritten).await, "another record");
                }
            }
        }
    }
}

/// Which members there are, of what type and length.
fn sizes(stored: &Map) -> Vec<(String, String, usize)> {
    let length = |value: &Value| match value {
        Value::B(bytes) => bytes.len(),
        Value::S(text) => text.len(),
        _ => 0,
    };
    stored.iter().map(|(name, value)| (name.clone(), value.type_name().to_owned(), length(value))).collect()
}

#[tokio::test]
async fn no_salt_and_no_nonce_is_there_twice() {
    let rewrite = to_new_key(POLICY);
    let mut texts = Vec::new();
    for index in 0..300 {
        texts.push(sealed(&old(POLICY), flat(index)).await);
    }
    let together = rewrite.rewrite_texts(&texts).await;
    let again = rewrite.rewrite_texts(&texts).await;
    let mut seen = std::collections::BTreeSet::new();
    for (texts, decided) in [(&together.text, &together.decided), (&again.text, &again.decided)] {
        for decided in decided {
            let Some(TextDecision::Rewrite { text, .. }) = decided else { panic!("left out") };
            for value in read_json(texts.get(text.clone()).unwrap()).unwrap().into_values() {
                if let Value::B(bytes) = value {
                    // Behind version, suite and flags a header has its salt; behind its marker and class a value its nonce.
                    let start = if bytes.first() == Some(&0xe1) { 2 } else { 3 };
                    assert!(seen.insert(bytes.get(start..start + 12).unwrap().to_vec()), "there twice");
                }
            }
        }
    }
    assert_eq!(seen.len(), 2 * 300 * 4);
}

#[tokio::test]
async fn the_limits_of_data_keys_hold_for_texts_too() {
    let mut texts = Vec::new();
    for index in 0..20 {
        texts.push(sealed(&old(POLICY), flat(index)).await);
    }
    let decided = async |limits: CacheLimits| {
        let target = protector(MultiKeyring::new(key("new", 2)), POLICY, limits);
        let rewrite = Reprotect::new(old(POLICY), target.clone(), "customers").unwrap();
        let mut calls = 0;
        for _ in 0..3 {
            let together = rewrite.rewrite_texts(&texts).await;
            calls += together.decided.iter().flatten().count();
        }
        (calls, target.statistics().cache.misses)
    };
    // Two classes; a key that has sealed twenty records has none left for twenty more.
    assert_eq!(decided(CacheLimits::default()).await, (60, 2));
    assert_eq!(decided(CacheLimits::default().with_max_records(25)).await, (60, 6));
    assert_eq!(decided(CacheLimits::default().with_max_records(19)).await, (0, 0));
    assert_eq!(decided(CacheLimits::default().with_max_bytes(1000)).await, (0, 0));
    assert_eq!(decided(CacheLimits::default().with_max_age(std::time::Duration::ZERO)).await, (0, 0));
}

#[tokio::test]
async fn where_more_than_keys_may_change_nothing_is_done_together() {
    let texts = [sealed(&old(POLICY), flat(0)).await];
    let to = |policy: &str| Reprotect::new(old(POLICY), new(policy), "customers").unwrap();
    let other = format!("{POLICY}\n[[fields]]\npath = \"name\"\nclass = \"pii\"\n");
    for rewrite in [
        to(VERSIONED),
        to(FIELDS),
        to(&other),
        to_new_key(VERSIONED),
        Reprotect::dangerous_to_plaintext(old(POLICY), "customers").unwrap(),
    ] {
        assert!(rewrite.rewrite_texts(&texts).await.decided.iter().all(Option::is_none));
    }
}
