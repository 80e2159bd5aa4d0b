//! Any text is an expression that is refused, or sent so that it is read again as the same; and none that is sent compares
//! what is sealed.

#![no_main]

use std::collections::HashMap;
use std::sync::LazyLock;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use libfuzzer_sys::fuzz_target;
use privet_core::keyring::RawAesKeyring;
use privet_core::{Policy, Protector, Secret};
use privet_dynamodb::SendProtected;
use privet_fuzz::{Offline, block_on};
use serde_json::Value as Json;

static OFFLINE: LazyLock<Offline> = LazyLock::new(|| {
    let offline = Offline::default();
    offline.answer(Vec::new(), b"{}");
    offline
});
static CLIENT: LazyLock<Client> = LazyLock::new(|| OFFLINE.dynamodb());
static PROTECTORS: LazyLock<[Protector; 2]> = LazyLock::new(|| {
    ["record", "field"].map(|integrity| {
        let policy = format!(
            "version = 1\ndefault_class = \"public\"\n[classes.confidential]\naudit = false\n\
             [resources.t]\nkey = [\"id\"]\nintegrity = \"{integrity}\"\nunsigned = [\"u\"]\n\
             [[rules]]\nclass = \"pii\"\nnames = [\"s\", \"m.x\"]\n"
        );
        let keyring = RawAesKeyring::new("fuzz", "key", &Secret::copy_of(&[7; 32])).unwrap();
        Protector::builder().policy(Policy::from_toml(&policy).unwrap()).keyring(keyring).build().unwrap()
    })
});

type Names = HashMap<String, String>;
type Values = HashMap<String, AttributeValue>;

/// All placeholders of one letter that the text has: those that nothing uses are refused.
fn placeholders(text: &str) -> (Names, Values) {
    let (mut names, mut values) = (Names::new(), Values::new());
    for (name, stands) in [("#s", "s"), ("#m", "m"), ("#p", "privet"), ("#d", "a.b"), ("#i", "id")] {
        if text.contains(name) {
            names.insert(name.to_owned(), stands.to_owned());
        }
    }
    let number = || AttributeValue::N("1".to_owned());
    let all = [
        (":s", AttributeValue::S("text".to_owned())),
        (":n", number()),
        (":b", AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([0xe1, 2]))),
        (":l", AttributeValue::L(vec![number()])),
        (":m", AttributeValue::M(HashMap::from([("x".to_owned(), number())]))),
    ];
    values.extend(all.into_iter().filter(|(name, _)| text.contains(name)).map(|(name, value)| (name.to_owned(), value)));
    (names, values)
}

fn key() -> (String, AttributeValue) {
    ("id".to_owned(), AttributeValue::S("1".to_owned()))
}

/// Sends the expression in its place, and gives what came out of it there; `None` if it was refused.
fn send(privet: &Protector, place: u8, text: &str, names: Names, values: Values) -> Option<Json> {
    let (id, one) = key();
    let names = Some(names).filter(|names| !names.is_empty());
    let values = Some(values).filter(|values| !values.is_empty());
    block_on(async {
        match place {
            0 => {
                let put = CLIENT.put_item().table_name("t").item(id, one).condition_expression(text);
                let put = put.set_expression_attribute_names(names).set_expression_attribute_values(values);
                put.send_protected(privet).await.ok().map(drop)
            }
            1 => {
                let get = CLIENT.get_item().table_name("t").key(id, one).projection_expression(text);
                get.set_expression_attribute_names(names).send_protected(privet).await.ok().map(drop)
            }
            2 => {
                let query = CLIENT.query().table_name("t").key_condition_expression(text);
                let query = query.set_expression_attribute_names(names).set_expression_attribute_values(values);
                query.send_protected(privet).await.ok().map(drop)
            }
            _ => {
                let update = CLIENT.update_item().table_name("t").key(id, one).update_expression(text);
                let update = update.set_expression_attribute_names(names).set_expression_attribute_values(values);
                update.send_protected(privet).await.ok().map(drop)
            }
        }
    })?;
    Some(serde_json::from_slice(&OFFLINE.asked()).unwrap())
}

fuzz_target!(|input: (u8, &str)| {
    let (choice, text) = input;
    let (place, privet) = (choice % 4, &PROTECTORS[usize::from(choice / 4 % 2)]);
    let (names, values) = placeholders(text);
    let Some(sent) = send(privet, place, text, names, values) else { return };
    let of = |member: &str| sent["ExpressionAttribute".to_owned() + member].as_object().cloned().unwrap_or_default();
    let names: Names =
        of("Names").into_iter().map(|(name, stands)| (name, stands.as_str().unwrap().to_owned())).collect();
    // An update is sent with the header, which no caller may name: that is where it ends.
    let field = ["ConditionExpression", "ProjectionExpression", "KeyConditionExpression"].get(usize::from(place));
    let Some(written) = field.and_then(|field| sent[*field].as_str()) else { return };
    let compares = place != 1 && !text.contains("exists");
    assert!(!compares || !names.values().any(|name| name == "s"), "a sealed attribute is compared");
    if place == 1 {
        return;
    }
    let values = of("Values").into_iter().map(|(name, value)| (name, attribute(&value))).collect();
    let again = send(privet, place, written, names, values).expect("what is written is read");
    assert_eq!(again[*field.unwrap()].as_str(), Some(written));
});

/// The values of [`placeholders`], from the JSON that they are sent as.
fn attribute(json: &Json) -> AttributeValue {
    let (kind, value) = json.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), value) {
        ("S", Json::String(text)) => AttributeValue::S(text.clone()),
        ("N", Json::String(text)) => AttributeValue::N(text.clone()),
        ("L", Json::Array(values)) => AttributeValue::L(values.iter().map(attribute).collect()),
        ("M", Json::Object(all)) => {
            AttributeValue::M(all.iter().map(|(name, value)| (name.clone(), attribute(value))).collect())
        }
        _ => AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([0xe1, 2])),
    }
}
