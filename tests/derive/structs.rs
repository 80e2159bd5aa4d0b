//! Structs: classes, containers, serde's names, flattening, skipping.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use privet::schema::InventoryEntry;
use privet::{Classification, Protect};
use serde::{Deserialize, Serialize};

use crate::walk::{classes, inventory};

#[derive(Protect, Serialize, Deserialize, Default)]
#[protect(resource = "customers", key = "id")]
struct Customer {
    #[protect(public)]
    id: String,
    #[protect(pii, mask = "email", searchable, category = "contact", category = "gdpr")]
    email: String,
    #[protect(sensitive)]
    api_key: String,
    #[protect(confidential)]
    health_records: Vec<Visit>,
    #[protect(nested)]
    address: Address,
    #[protect(nested)]
    former: Option<Vec<Address>>,
    #[protect(nested)]
    by_kind: HashMap<String, Box<Address>>,
}

#[derive(Serialize, Deserialize, Default)]
struct Visit {
    doctor: String,
}

#[derive(Protect, Serialize, Deserialize, Default, Clone)]
#[protect(default = "pii")]
struct Address {
    street: String,
    #[protect(public)]
    country: String,
}

#[test]
fn a_model_says_where_it_lives() {
    let schema = Customer::schema();
    assert_eq!(schema.name, "Customer");
    assert_eq!(schema.resource, Some("customers"));
    assert_eq!(schema.key, ["id"]);
    assert_eq!(Address::schema().resource, None);
    assert!(Address::schema().key.is_empty());
}

#[test]
fn the_inventory_has_every_path() {
    assert_eq!(
        inventory::<Customer>(),
        [
            "id: public",
            "email: pii",
            "api_key: sensitive",
            "health_records: confidential",
            "address.street: pii",
            "address.country: public",
            "former[].street: pii",
            "former[].country: public",
            "by_kind.*.street: pii",
            "by_kind.*.country: public",
        ]
    );
}

#[test]
fn the_inventory_has_what_was_said_of_a_field() {
    let entries = Customer::schema().inventory();
    assert!(entries[0].key);
    let email = &entries[1];
    assert_eq!(email.class, Classification::Pii);
    assert_eq!(email.categories, ["contact", "gdpr"]);
    assert_eq!(email.mask, Some("email"));
    assert!(email.searchable && !email.key);
    assert_eq!(email.at_rest, "encrypt");
    assert_eq!(entries[2].mask, None);
    assert!(entries[2].categories.is_empty() && !entries[2].searchable);
}

#[derive(Protect, Serialize)]
#[protect(default = "pii")]
struct Kinds<'a, T> {
    text: String,
    slice: &'a str,
    several: Option<Box<[Cow<'a, str>]>>,
    set: BTreeSet<i64>,
    bytes: [u8; 4],
    truth: &'a bool,
    json: serde_json::Value,
    map: BTreeMap<String, String>,
    maps: Vec<BTreeMap<String, String>>,
    visit: Visit,
    generic: T,
    #[serde(serialize_with = "as_map")]
    written: u8,
    #[protect(nested)]
    wrapped: Wrapped,
}

#[derive(Protect, Serialize)]
struct Wrapped(#[protect(public)] u32);

fn as_map<S: serde::Serializer>(value: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("email", value)])
}

#[test]
fn what_may_hold_names_is_told_by_its_type() {
    let entries = Kinds::<String>::schema().inventory();
    let (held, none): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.holds_names);
    let paths = |entries: Vec<InventoryEntry>| entries.into_iter().map(|entry| entry.path).collect::<Vec<_>>();
    assert_eq!(paths(none), ["text", "slice", "several", "set", "bytes", "truth", "wrapped"]);
    // What a parameter stands for is not known where the schema is written.
    assert_eq!(paths(held), ["json", "map", "maps", "visit", "generic", "written"]);
}

#[test]
fn serde_writes_what_the_schema_says() {
    let customer = Customer {
        health_records: vec![Visit::default()],
        former: Some(vec![Address::default(), Address::default()]),
        by_kind: HashMap::from([("work".to_owned(), Box::default())]),
        ..Customer::default()
    };
    assert_eq!(
        classes(&customer),
        [
            "address.country: public",
            "address.street: pii",
            "api_key: sensitive",
            "by_kind.work.country: public",
            "by_kind.work.street: pii",
            "email: pii",
            "former[0].country: public",
            "former[0].street: pii",
            "former[1].country: public",
            "former[1].street: pii",
            "health_records: confidential",
            "id: public",
        ]
    );
}

macro_rules! every_case {
    ($($module:ident $case:literal: $names:expr;)+) => {$(
        mod $module {
            #[derive(privet::Protect, serde::Serialize, serde::Deserialize, Default)]
            #[protect(default = "pii")]
            #[serde(rename_all = $case)]
            pub(super) struct Model {
                card_no: u8,
                #[serde(rename = "As It is")]
                renamed: u8,
                r#type: u8,
            }
        }

        #[test]
        fn $module() {
            let names: Vec<String> = $names.iter().map(|name| format!("{name}: pii")).collect();
            assert_eq!(inventory::<$module::Model>(), names);
            assert_eq!(classes(&$module::Model::default()).len(), 3);
        }
    )+};
}

every_case! {
    lowercase "lowercase": ["card_no", "As It is", "type"];
    uppercase "UPPERCASE": ["CARD_NO", "As It is", "TYPE"];
    pascal "PascalCase": ["CardNo", "As It is", "Type"];
    camel "camelCase": ["cardNo", "As It is", "type"];
    snake "snake_case": ["card_no", "As It is", "type"];
    screaming_snake "SCREAMING_SNAKE_CASE": ["CARD_NO", "As It is", "TYPE"];
    kebab "kebab-case": ["card-no", "As It is", "type"];
    screaming_kebab "SCREAMING-KEBAB-CASE": ["CARD-NO", "As It is", "TYPE"];
}

#[derive(Protect, Serialize, Deserialize, Default)]
#[protect(key = "pk, sk")]
struct Renamed {
    #[protect(public)]
    #[serde(rename = "pk")]
    partition: String,
    #[protect(public)]
    #[serde(rename(serialize = "sk", deserialize = "sk"))]
    sort: String,
    #[protect(pii)]
    #[serde(rename(serialize = "mail"), alias = "mail", alias = "e-mail")]
    email: String,
}

#[test]
fn renamed_fields() {
    assert_eq!(Renamed::schema().key, ["pk", "sk"]);
    assert_eq!(classes(&Renamed::default()), ["mail: pii", "pk: public", "sk: public"]);
}

struct ByHand {
    email: String,
}

impl Serialize for ByHand {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        HashMap::from([("e-mail", &self.email)]).serialize(serializer)
    }
}

#[test]
fn a_serializer_written_by_hand_is_matched_by_rename() {
    #[derive(Protect)]
    #[allow(dead_code)]
    struct Model {
        #[protect(pii, rename = "e-mail")]
        email: String,
    }
    let written = serde_json::to_value(ByHand { email: "a@b".to_owned() }).unwrap();
    assert!(written.get(Model::email().name()).is_some());
}

#[derive(Protect, Serialize, Deserialize, Default)]
#[protect(key = "id", key = "at")]
struct Flat {
    #[protect(public)]
    id: u8,
    #[protect(public)]
    at: u8,
    #[protect(nested)]
    #[serde(flatten)]
    address: Address,
    #[protect(nested)]
    #[serde(flatten)]
    audit: Option<Audit>,
    #[protect(confidential, category = "unknown")]
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

#[derive(Protect, Serialize, Deserialize, Default)]
struct Audit {
    #[protect(public)]
    by: String,
}

#[test]
fn flattened_fields() {
    let flat = Flat {
        audit: Some(Audit::default()),
        rest: BTreeMap::from([("diet".to_owned(), "none".into())]),
        ..Flat::default()
    };
    assert_eq!(
        classes(&flat),
        ["at: public", "by: public", "country: public", "diet: confidential", "id: public", "street: pii"]
    );
    assert_eq!(
        inventory::<Flat>(),
        ["id: public", "at: public", "street: pii", "country: public", "by: public", "*: confidential"]
    );
}

#[derive(Protect, Serialize, Default)]
struct Skipping {
    #[protect(public)]
    id: u8,
    #[serde(skip)]
    cache: HashMap<u8, Visit>,
    #[serde(skip_serializing)]
    #[protect(pii)]
    input: String,
    #[protect(skip)]
    #[serde(skip)]
    both: u8,
    #[protect(pii)]
    #[serde(skip_deserializing)]
    written: String,
    #[protect(pii)]
    #[serde(skip_serializing_if = "Option::is_none", default, with = "shouted")]
    optional: Option<String>,
}

mod shouted {
    pub(super) fn serialize<S: serde::Serializer>(text: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text.as_deref().unwrap_or_default().to_uppercase())
    }
}

#[test]
fn skipped_fields_are_not_in_the_schema() {
    assert_eq!(inventory::<Skipping>(), ["id: public", "written: pii", "optional: pii"]);
    assert_eq!(classes(&Skipping::default()), ["id: public", "written: pii"]);
    let skipping = Skipping { optional: Some("x".to_owned()), ..Skipping::default() };
    assert_eq!(classes(&skipping), ["id: public", "optional: pii", "written: pii"]);
    assert!(skipping.cache.is_empty() && skipping.input.is_empty() && skipping.both == 0);
}

#[derive(Protect, Serialize, Deserialize, Default)]
struct Pair(#[protect(public)] u8, #[serde(skip)] u8, #[protect(pii)] String, #[protect(nested)] Address);

#[derive(Protect, Serialize, Deserialize, Default)]
struct Email(#[protect(pii, mask = "email")] String);

#[derive(Protect, Serialize, Deserialize, Default)]
struct Home(#[protect(nested)] Vec<Address>);

#[derive(Protect, Serialize, Deserialize, Default)]
#[serde(transparent)]
struct Id {
    #[protect(public)]
    id: String,
    #[serde(skip)]
    cached: u8,
}

#[derive(Protect, Serialize, Deserialize, Default)]
struct Marker;

#[derive(Protect, Serialize, Deserialize, Default)]
struct Empty {}

#[derive(Protect, Serialize, Default)]
struct Nothing();

#[derive(Protect, Serialize, Default)]
struct Shapes {
    #[protect(nested)]
    pair: Pair,
    #[protect(nested)]
    email: Email,
    #[protect(nested)]
    home: Home,
    #[protect(nested)]
    id: Id,
    #[protect(nested)]
    marker: Marker,
    #[protect(nested)]
    empty: Empty,
    #[protect(nested)]
    nothing: Nothing,
}

#[test]
fn tuples_newtypes_and_units() {
    let shapes = Shapes { home: Home(vec![Address::default()]), ..Shapes::default() };
    assert_eq!(
        classes(&shapes),
        [
            "email: pii",
            "home[0].country: public",
            "home[0].street: pii",
            "id: public",
            "pair.0: public",
            "pair.1: pii",
            "pair.2.country: public",
            "pair.2.street: pii",
        ]
    );
    assert_eq!((shapes.id.cached, shapes.pair.1), (0, 0));
    let entries = Shapes::schema().inventory();
    let email = entries.iter().find(|entry| entry.path == "email").unwrap();
    assert_eq!(email.mask, Some("email"));
}

#[derive(Protect, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "v2")]
struct Tagged {
    #[protect(pii)]
    name: String,
}

#[test]
fn the_tag_of_a_struct_is_public() {
    assert_eq!(classes(&Tagged { name: String::new() }), ["kind: public", "name: pii"]);
}
