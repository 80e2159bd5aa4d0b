//! Whatever an item holds and whatever the policy says: through the SDK's builders a protected table gives and does what a
//! table in clear would, and how sets, maps and numbers are spelt makes no difference.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{
    AttributeValue, Get, KeysAndAttributes, Put, PutRequest, ReturnValue, TransactGetItem, TransactWriteItem,
    WriteRequest,
};
use common::{Events, Site};
use privet::dynamodb::{SendProtected, from_item, to_item};
use privet::keyring::RawAesKeyring;
use privet::value::{Map, TypeId, Value, serialise_into};
use privet::{ErrorKind, Policy, Protector, Secret};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

type Item = HashMap<String, AttributeValue>;
type Outcome = Result<(), TestCaseError>;

/// Names that policies speak of, and that items have often.
const NAMES: [&str; 8] = ["email", "password", "health_records", "name", "address", "other", "a", "b"];

/// What a policy says of items and their integrity.
const TABLES: [&str; 5] = [
    "integrity = \"record\"",
    "integrity = \"field\"",
    "integrity = \"record\"\nversioned = true",
    "format = \"db-esdk\"\n[resources.things.db_esdk]\nsignature = false",
    "format = \"db-esdk\"",
];

/// What a policy says of the table `things`.
#[derive(Debug, Clone)]
struct Rules {
    default: &'static str,
    names: BTreeMap<&'static str, &'static str>,
    paths: BTreeMap<String, &'static str>,
    /// One of [`TABLES`].
    table: &'static str,
}

impl Rules {
    fn policy(&self) -> Policy {
        let Self { default, names, paths, table } = self;
        let mut text = format!(
            "version = 1\ndefault_class = \"{default}\"\n[resources.things]\nkey = [\"id\"]\nunsigned = [\"ttl\"]\n{table}\n"
        );
        let rule = |(name, class): (&&str, &&str)| format!("[[rules]]\nclass = \"{class}\"\nnames = [\"{name}\"]\n");
        text.extend(names.iter().chain(&BTreeMap::from([("id", "public"), ("ttl", "public")])).map(rule));
        let field = |(path, class): (&String, &&str)| format!("[[fields]]\npath = \"{path}\"\nclass = \"{class}\"\n");
        text.extend(paths.iter().map(field));
        Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn is_record(&self) -> bool {
        !self.table.contains("db-esdk")
    }

    fn protector(&self) -> Protector {
        let keyring = RawAesKeyring::new("tests", "key", &Secret::copy_of(&[5; 32])).unwrap();
        Protector::builder().keyring(keyring).audit(Events::default()).policy(self.policy()).build().unwrap()
    }
}

fn rules(tables: &'static [&'static str]) -> impl Strategy<Value = Rules> {
    let class = || proptest::sample::select(vec!["public", "pii", "sensitive", "confidential"]);
    let path = (proptest::sample::select(&NAMES[..]), proptest::sample::select(&NAMES[..]));
    let table = proptest::sample::select(tables);
    let names = proptest::collection::btree_map(proptest::sample::select(&NAMES[..]), class(), 0..5);
    let paths = proptest::collection::btree_map(path.prop_map(|(one, two)| format!("{one}.{two}")), class(), 0..3);
    (class(), names, paths, table).prop_map(|(default, names, paths, table)| Rules { default, names, paths, table })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
        1 => proptest::sample::select(vec!["$sealed", "größe", "𐀂x", "ﾊ", "a.b", "a[0]"]).prop_map(str::to_owned),
        1 => "\\PC{1,6}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let number = "-?[1-9][0-9]{0,15}";
    let decimal = "-?[1-9][0-9]{0,20}(\\.[0-9]{0,10}[1-9])?([eE][+-]?[0-9])?";
    let bytes = prop_oneof![
        Just(vec![0xe1]),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|rest| [&[0xe1, 2][..], &rest].concat()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    let some_bytes = proptest::collection::vec(any::<u8>(), 1..9);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::N),
        decimal.prop_map(Value::N),
        "\\PC{0,20}".prop_map(Value::S),
        bytes.prop_map(Value::B),
        proptest::collection::btree_set("\\PC{1,6}", 1..4).prop_map(|set| Value::Ss(set.into_iter().collect())),
        proptest::collection::btree_set(number, 1..4).prop_map(|set| Value::Ns(set.into_iter().collect())),
        proptest::collection::btree_set(some_bytes, 1..4).prop_map(|set| Value::Bs(set.into_iter().collect())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::L),
            proptest::collection::btree_map(name(), inner, 0..4).prop_map(Value::M),
        ]
    })
}

/// An item without its key.
fn item() -> impl Strategy<Value = Map> {
    (proptest::collection::btree_map(name(), value(), 0..7), any::<Option<u32>>()).prop_map(|(mut item, ttl)| {
        for reserved in ["id", "ttl", "privet", "aws_dbe_head", "aws_dbe_foot"] {
            item.remove(reserved);
        }
        item.extend(ttl.map(|ttl| ("ttl".to_owned(), Value::N(ttl.to_string()))));
        item
    })
}

/// An update expression over the placeholders `:v` (any value), `:n` (a number) and `:l` (a list).
fn update() -> impl Strategy<Value = String> {
    let name = || proptest::sample::select(&NAMES[..]);
    let path = || {
        prop_oneof![
            5 => name().prop_map(|name| format!("#{name}")),
            2 => (name(), name()).prop_map(|(one, two)| format!("#{one}.#{two}")),
            1 => (name(), 0_usize..3).prop_map(|(one, index)| format!("#{one}[{index}]")),
        ]
    };
    let set = prop_oneof![
        8 => Just(":v".to_owned()),
        1 => Just(":n".to_owned()),
        1 => path(),
        1 => path().prop_map(|path| format!("{path} + :n")),
        1 => path().prop_map(|path| format!("if_not_exists({path}, :v)")),
        1 => path().prop_map(|path| format!("list_append({path}, :l)")),
    ];
    let action = prop_oneof![
        6 => (path(), set).prop_map(|(path, set)| format!("SET {path} = {set}")),
        2 => path().prop_map(|path| format!("REMOVE {path}")),
        1 => path().prop_map(|path| format!("ADD {path} :n")),
    ];
    // DynamoDB takes no two paths of which one is in the other. Not every engine looks.
    let is_within = |one: &str, other: &str| {
        one.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    (action, proptest::option::of(path())).prop_map(move |(action, removed)| {
        let changed = action.split(' ').nth(1).unwrap_or_default();
        match removed {
            Some(path) if !action.starts_with("REMOVE") && !is_within(&path, changed) && !is_within(changed, &path) => {
                format!("{action} REMOVE {path}")
            }
            _ => action,
        }
    })
}

/// The placeholders that the expression uses, since DynamoDB refuses others.
fn placeholders(expression: &str, value: &Value) -> (HashMap<String, String>, HashMap<String, AttributeValue>) {
    let is_used = |placeholder: &str| {
        expression.split(|c: char| !c.is_ascii_alphanumeric() && !"_#:".contains(c)).any(|word| word == placeholder)
    };
    let names = NAMES.map(|name| (format!("#{name}"), name.to_owned()));
    let list = AttributeValue::L(vec![AttributeValue::Bool(true)]);
    let number = AttributeValue::N("7".to_owned());
    let value = to_item(Map::from([("v".to_owned(), value.clone())])).remove("v").unwrap();
    let values = [(":v", value), (":n", number), (":l", list)].map(|(name, value)| (name.to_owned(), value));
    (
        names.into_iter().filter(|(name, _)| is_used(name)).collect(),
        values.into_iter().filter(|(name, _)| is_used(name)).collect(),
    )
}

/// The same item in another spelling: sets turned round, numbers with more zeros or an exponent.
fn respelt(value: &Value) -> Value {
    match value {
        Value::N(number) => Value::N(respelt_number(number)),
        Value::Ns(numbers) => Value::Ns(numbers.iter().rev().map(|number| respelt_number(number)).collect()),
        Value::Ss(texts) => Value::Ss(texts.iter().rev().cloned().collect()),
        Value::Bs(blobs) => Value::Bs(blobs.iter().rev().cloned().collect()),
        Value::L(values) => Value::L(values.iter().map(respelt).collect()),
        Value::M(members) => Value::M(respelt_all(members)),
        other => other.clone(),
    }
}

fn respelt_all(members: &Map) -> Map {
    members.iter().map(|(name, value)| (name.clone(), respelt(value))).collect()
}

fn respelt_number(number: &str) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let zeros = if digits.contains('.') { "0" } else { ".00" };
    format!("{sign}00{digits}{zeros}E{exponent}")
}

/// Names, types and canonical bytes: numbers in one spelling, sets in one order.
fn canonical(item: &Map) -> Vec<(String, [u8; 2], Vec<u8>)> {
    let one = |(name, value): (&String, &Value)| {
        let mut bytes = Vec::new();
        serialise_into(value, &mut bytes).unwrap();
        (name.clone(), TypeId::of(value).0, bytes)
    };
    item.iter().map(one).collect()
}

/// A table in clear and a protected one, on which the same things are done.
struct Tables<'a> {
    site: &'a Site,
    privet: Protector,
    rules: Rules,
}

impl<'a> Tables<'a> {
    fn new(site: &'a Site, rules: Rules) -> Self {
        Self { site, privet: rules.protector(), rules }
    }

    async fn put(&self, item: Item) {
        self.site
            .dynamodb
            .put_item()
            .table_name("things")
            .set_item(Some(item))
            .send_protected(&self.privet)
            .await
            .unwrap();
    }

    /// All the ways to read an item.
    async fn read(&self, id: &str) -> Vec<Item> {
        let (client, key) = (&self.site.dynamodb, key(id));
        let get = client.get_item().table_name("things").set_key(Some(key.clone()));
        let query = client.query().table_name("things").key_condition_expression("id = :id");
        let query = query.expression_attribute_values(":id", key["id"].clone());
        let batch = KeysAndAttributes::builder().keys(key.clone()).build().unwrap();
        let transact = Get::builder().table_name("things").set_key(Some(key)).build().unwrap();
        let transact = TransactGetItem::builder().get(transact).build();
        let batch = client.batch_get_item().request_items("things", batch);
        let transact = client.transact_get_items().transact_items(transact);
        let (get, query, batch, transact) = tokio::join!(
            get.send_protected(&self.privet),
            query.send_protected(&self.privet),
            batch.send_protected(&self.privet),
            transact.send_protected(&self.privet),
        );
        let mut items = vec![get.unwrap().item.unwrap()];
        items.extend(query.unwrap().items.unwrap());
        items.extend(batch.unwrap().responses.unwrap().remove("things").unwrap());
        items.extend(transact.unwrap().responses.unwrap().into_iter().map(|response| response.item.unwrap()));
        items
    }

    async fn reads_as(&self, id: &str, expected: &Map) -> Outcome {
        let read = self.read(id).await;
        prop_assert_eq!(read.len(), 4);
        for item in read {
            prop_assert_eq!(canonical(&from_item(item).unwrap()), canonical(expected));
        }
        Ok(())
    }
}

fn key(id: &str) -> Item {
    HashMap::from([("id".to_owned(), AttributeValue::S(id.to_owned()))])
}

fn with_id(item: &Map, id: &str) -> Map {
    item.iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .chain([("id".to_owned(), Value::S(id.into()))])
        .collect()
}

/// Runs a property over a site of its own.
fn check<S: Strategy>(cases: u32, strategy: &S, property: &impl AsyncFn(&Site, S::Value) -> Outcome) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let site = runtime.block_on(async {
        let site = Site::start().await;
        site.create_table("things").await;
        site.create_table("plain").await;
        site
    });
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    let mut runner = TestRunner::new(ProptestConfig { cases, source_file: Some(file!()), ..Default::default() });
    runner.run(strategy, |input| runtime.block_on(property(&site, input))).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_is_read_equals_what_was_written() {
    check(48, &(rules(&TABLES), item()), &async |site, (rules, item)| {
        let tables = Tables::new(site, rules);
        let versioned = tables.rules.table.contains("versioned");
        tables.put(to_item(with_id(&item, "put"))).await;
        tables.reads_as("put", &with_id(&item, "put")).await?;

        let put = |id: &str| to_item(with_id(&item, id));
        let transacted = Put::builder().table_name("things").set_item(Some(put("transacted"))).build().unwrap();
        let transacted = TransactWriteItem::builder().put(transacted).build();
        let transaction = site.dynamodb.transact_write_items().transact_items(transacted);
        transaction.send_protected(&tables.privet).await.unwrap();
        tables.reads_as("transacted", &with_id(&item, "transacted")).await?;

        // Batches take no conditions, which versions need.
        if !versioned {
            let batched = PutRequest::builder().set_item(Some(put("batched"))).build().unwrap();
            let batched = WriteRequest::builder().put_request(batched).build();
            let batch = site.dynamodb.batch_write_item().request_items("things", vec![batched]);
            batch.send_protected(&tables.privet).await.unwrap();
            tables.reads_as("batched", &with_id(&item, "batched")).await?;
        }
        let delete = site.dynamodb.delete_item().table_name("things").set_key(Some(key("put")));
        let deleted = delete.return_values(ReturnValue::AllOld).send_protected(&tables.privet).await.unwrap();
        let deleted = from_item(deleted.attributes.unwrap()).unwrap();
        prop_assert_eq!(canonical(&deleted), canonical(&with_id(&item, "put")));
        Ok(())
    });
}

#[test]
fn what_is_sealed_is_not_stored_in_clear() {
    check(48, &(rules(&TABLES), item()), &async |site, (rules, item)| {
        let tables = Tables::new(site, rules);
        let item = with_id(&item, "put");
        tables.put(to_item(item.clone())).await;
        let stored = from_item(site.stored("things", "put").await.unwrap()).unwrap();
        let resource = tables.privet.resource("things").unwrap();
        for (path, _) in resource.plan().sealings(&item).unwrap() {
            let mut stored = stored.clone();
            let root = path.root().to_owned();
            let found = match tables.rules.is_record() {
                true => path.find_mut(&mut stored).cloned(),
                false => stored.remove(&root),
            };
            prop_assert!(matches!(found, Some(Value::B(_))), "`{}` is stored in clear", path);
        }
        Ok(())
    });
}

#[test]
fn spellings_of_sets_and_numbers_change_nothing() {
    check(48, &(rules(&TABLES), item()), &async |site, (rules, item)| {
        let tables = Tables::new(site, rules);
        let item = with_id(&item, "put");
        prop_assert_eq!(canonical(&respelt_all(&item)), canonical(&item));
        tables.put(to_item(respelt_all(&item))).await;
        tables.reads_as("put", &item).await?;
        // Nor does it if the table spells what is stored in clear in another way: the tags hold.
        let stored = from_item(site.stored("things", "put").await.unwrap()).unwrap();
        let resource = tables.privet.resource("things").unwrap();
        let opened = tables.privet.unprotect_record(&resource, respelt_all(&stored)).await.unwrap();
        prop_assert_eq!(canonical(&opened.complete().unwrap()), canonical(&item));
        Ok(())
    });
}

#[test]
fn updates_do_what_they_do_in_clear_or_are_refused() {
    let condition = proptest::option::of(proptest::sample::select(vec![
        "attribute_exists(#name)",
        "attribute_not_exists(#address.#a)",
        "#other = :v OR #b <> :v",
    ]));
    check(192, &(rules(&TABLES), item(), update(), condition, value()), &async |site,
                                                                                (
        rules,
        item,
        update,
        condition,
        value,
    )| {
        // Against the embedded engine alone: others take updates that DynamoDB refuses.
        site.aws.clear_calls();
        let tables = Tables::new(site, rules);
        let (item, client) = (with_id(&item, "put"), &site.dynamodb);
        tables.put(to_item(item.clone())).await;
        client.put_item().table_name("plain").set_item(Some(to_item(item.clone()))).send().await.unwrap();

        let (names, values) = placeholders(&format!("{update} {}", condition.unwrap_or_default()), &value);
        let call = |table: &str| {
            let call = client.update_item().table_name(table).set_key(Some(key("put"))).update_expression(&update);
            let call = call.set_condition_expression(condition.map(str::to_owned));
            let call = call.set_expression_attribute_names(Some(names.clone()).filter(|names| !names.is_empty()));
            call.set_expression_attribute_values(Some(values.clone()).filter(|values| !values.is_empty()))
        };
        let sealed = call("things").return_values(ReturnValue::AllNew).send_protected(&tables.privet).await;
        let refused = matches!(&sealed, Err(error) if error.kind() == ErrorKind::Unsupported);
        if !refused {
            let plain = call("plain").return_values(ReturnValue::AllNew).send().await;
            match (sealed, plain) {
                (Ok(sealed), Ok(plain)) => {
                    let [sealed, plain] =
                        [sealed.attributes, plain.attributes].map(|new| canonical(&from_item(new.unwrap()).unwrap()));
                    prop_assert_eq!(sealed, plain);
                }
                (Err(_), Err(_)) => {}
                (Ok(_), Err(plain)) => prop_assert!(false, "in clear it is refused: {:?}", plain),
                (Err(sealed), Ok(_)) => prop_assert!(false, "in clear it is done: {:?}", sealed),
            }
        }
        let expected = from_item(site.stored("plain", "put").await.unwrap()).unwrap();
        tables.reads_as("put", &expected).await
    });
}
