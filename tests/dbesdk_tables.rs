//! Tables in DB-ESDK format, and tables on their way from one format to the other.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use aws_sdk_dynamodb::types::AttributeValue;
use privet::audit::TracingSink;
use privet::dbesdk::{Action, FOOTER, HEADER, Suite, Table};
use privet::dynamodb::{SendProtected, Tables};
use privet::keyring::RawAesKeyring;
use privet::policy::TableFormat;
use privet::value::{Map, Value};
use privet::{ErrorKind, Policy, Principal, Protector, Secret, dbesdk_items};

mod common;

use common::{Customer, Site, ada};

fn keyring() -> RawAesKeyring {
    RawAesKeyring::new("t", "k", &Secret::copy_of(&[7; 32])).unwrap()
}

fn protector(settings: &str) -> Protector {
    builder(settings).build().unwrap()
}

fn builder(settings: &str) -> privet::protector::ProtectorBuilder {
    let policy = format!(
        r#"
        version = 1
        [[rules]]
        class = "public"
        names = ["id", "ttl", "region", "name"]
        [[rules]]
        class = "pii"
        names = ["email", "street"]
        [resources.people]
        key = ["id"]
        unsigned = ["ttl"]
        {settings}
        "#
    );
    Protector::builder().policy(Policy::from_toml(&policy).unwrap()).keyring(keyring()).audit(TracingSink)
}

fn s(text: &str) -> Value {
    Value::S(text.into())
}

fn person() -> Map {
    let address = Map::from([("street".into(), s("1 High St")), ("region".into(), s("north"))]);
    Map::from([
        ("id".into(), s("p-1")),
        ("ttl".into(), Value::N("1".into())),
        ("region".into(), s("eu")),
        ("name".into(), s("Ada")),
        ("email".into(), s("ada@example.com")),
        ("address".into(), Value::M(address)),
        ("other".into(), Value::Bool(true)),
    ])
}

async fn protect(privet: &Protector, record: Map) -> Map {
    privet.protect_record(&privet.resource("people").unwrap(), record).await.unwrap()
}

async fn read(privet: &Protector, stored: Map) -> privet::Result<Map> {
    privet.unprotect_record(&privet.resource("people").unwrap(), stored).await?.complete()
}

const ITEMS: &str = "format = \"db-esdk\"\n";

#[tokio::test]
async fn the_policy_decides_what_is_encrypted() {
    let privet = protector(
        "format = \"db-esdk\"\n[resources.people.db_esdk]\ntable = \"People\"\ncontext = [\"region\"]\nsignature = false",
    );
    let stored = protect(&privet, person()).await;
    for name in ["email", "address", "other"] {
        assert!(matches!(stored[name], Value::B(_)), "{name}");
    }
    for name in ["id", "ttl", "region", "name"] {
        assert_eq!(stored[name], person()[name]);
    }
    // Who knows the table's layout reads it without the policy, AWS's clients too.
    let table = Table::new("People", "id").unwrap().with_unsigned(["ttl"]).unwrap().with_context(["region"]).unwrap();
    let opened = dbesdk_items::decrypt(&keyring(), stored.clone(), &table).await.unwrap();
    assert_eq!(opened.item, person());
    assert_eq!(opened.encrypted, ["email", "other", "address"]);

    assert_eq!(read(&privet, stored.clone()).await.unwrap(), person());
    let opened = privet.unprotect_record(&privet.resource("people").unwrap(), stored).await.unwrap();
    assert_eq!((opened.format(), opened.was_plaintext(), opened.drift().len()), (TableFormat::DbEsdk, false, 0));
    let people = privet.resource("people").unwrap();
    let shown = privet.view_record(&people, opened, &Principal::new("u")).await.unwrap().into_json();
    assert_eq!((&shown["name"], &shown["email"]), (&"Ada".into(), &"********".into()));
}

#[tokio::test]
async fn what_another_client_wrote_is_read() {
    let table = Table::new("people", "id").unwrap().with_unsigned(["ttl"]).unwrap().with_suite(Suite::Tags);
    let action = |name: &str| Some(if name == "email" { Action::SignOnly } else { Action::EncryptAndSign });
    let stored = dbesdk_items::encrypt(&keyring(), person(), &table, action).await.unwrap();
    let privet = protector(ITEMS);
    let people = privet.resource("people").unwrap();
    let opened = privet.unprotect_record(&people, stored.clone()).await.unwrap();
    let drift: Vec<_> = opened.drift().iter().map(|drift| (drift.path.to_string(), drift.stored)).collect();
    assert_eq!(drift, [("email".to_owned(), None)]);
    assert_eq!(opened.complete().unwrap(), person());
    // Application pairs may be missing, a tenant not.
    let with_pairs = builder(ITEMS).context("application", "shop").build().unwrap();
    assert_eq!(read(&with_pairs, stored.clone()).await.unwrap(), person());
    assert_eq!(read(&privet.for_tenant("t").unwrap(), stored).await.unwrap_err().kind(), ErrorKind::Integrity);
}

#[tokio::test]
async fn tenants_and_applications_are_bound() {
    let privet = builder(ITEMS).context("application", "shop").build().unwrap();
    let [one, other] = ["one", "other"].map(|tenant| privet.for_tenant(tenant).unwrap());
    let stored = protect(&one, person()).await;
    assert_eq!(read(&one, stored.clone()).await.unwrap(), person());
    let bank = builder(ITEMS).context("application", "bank").build().unwrap();
    for reader in [&other, &privet, &bank.for_tenant("one").unwrap()] {
        assert_eq!(read(reader, stored.clone()).await.unwrap_err().kind(), ErrorKind::Integrity);
    }
}

#[tokio::test]
async fn a_table_changes_its_format_item_by_item() {
    let (records, items) = (protector(""), protector(ITEMS));
    let [record, item] = [protect(&records, person()).await, protect(&items, person()).await];
    assert!(item.contains_key(HEADER) && item.contains_key(FOOTER) && record.contains_key("privet"));
    // Each table refuses the other's format, until its policy says otherwise.
    for (privet, stored) in [(&records, &item), (&items, &record)] {
        assert_eq!(read(privet, stored.clone()).await.unwrap_err().kind(), ErrorKind::Denied);
    }
    for (settings, stored) in
        [("reads = [\"db-esdk\"]", item.clone()), ("format = \"db-esdk\"\nreads = [\"record\"]", record.clone())]
    {
        let privet = protector(settings);
        assert_eq!(read(&privet, stored).await.unwrap(), person());
        assert_eq!(privet.statistics().other_format_reads, 1);
        let written = protect(&privet, person()).await;
        assert_eq!(read(&privet, written).await.unwrap(), person());
        assert_eq!((privet.statistics().other_format_reads, privet.statistics().plaintext_reads), (1, 0));

        // One that is both is neither, and one of which half is missing is damaged.
        let mut both = record.clone();
        both.insert(HEADER.into(), item[HEADER].clone());
        let mut half = item.clone();
        half.remove(HEADER);
        for damaged in [both, half] {
            assert_eq!(read(&privet, damaged).await.unwrap_err().kind(), ErrorKind::Integrity);
        }
    }
}

#[tokio::test]
async fn items_in_clear_are_refused_unless_a_migration_says_otherwise() {
    let refused = read(&protector(ITEMS), person()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Integrity);
    let counting = protector("format = \"db-esdk\"\nplaintext_reads = \"count\"");
    assert_eq!(read(&counting, person()).await.unwrap(), person());
    assert_eq!((counting.statistics().plaintext_reads, counting.statistics().other_format_reads), (1, 0));
}

#[test]
fn policies_that_contradict_themselves_are_refused() {
    let refused = |settings: &str| {
        let policy = format!("version = 1\n[resources.people]\nkey = [\"id\"]\n{settings}");
        Policy::from_toml(&policy).err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (settings, why) in [
        ("format = \"csv\"", "unknown"),
        ("format = \"db-esdk\"\nintegrity = \"field\"", "integrity as a whole"),
        ("[resources.people.db_esdk]\ntable = \"x\"", "nothing is written or read in DB-ESDK format"),
        ("format = \"db-esdk\"\n[resources.people.db_esdk]\ncontext = [\"email\"]", "email"),
        ("format = \"db-esdk\"\n[resources.people.db_esdk]\ncontext = [\"id\", \"id\"]", "twice"),
    ] {
        assert!(refused(settings).contains(why), "{settings}: {}", refused(settings));
    }
    let no_key = Policy::from_toml("version = 1\n[resources.people]\nformat = \"db-esdk\"").unwrap();
    let privet = Protector::builder().policy(no_key).keyring(keyring()).audit(TracingSink).build().unwrap();
    assert_eq!(privet.resource("people").unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_typed_table_holds_items_of_the_format() {
    let site = Site::start().await;
    let policy = Policy::from_toml("version = 1\n[resources.customers]\nformat = \"db-esdk\"").unwrap();
    let privet = site.builder().await.policy(policy).build().unwrap();
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let stored = site.stored("customers", "c-1").await.unwrap();
    assert!(stored.contains_key(HEADER) && stored["email"].is_b() && stored["address"].is_b());
    assert!(stored["name"].is_s() && stored["id"].is_s());
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
}

#[tokio::test]
async fn items_of_the_format_are_not_updated_in_part() {
    let site = Site::start().await;
    let policy = Policy::from_toml("version = 1\n[resources.customers]\nformat = \"db-esdk\"").unwrap();
    let privet = site.builder().await.policy(policy).model::<Customer>().build().unwrap();
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let update = site.dynamodb.update_item().table_name("customers").key("id", AttributeValue::S("c-1".into()));
    let update = update.update_expression("SET #n = :n").expression_attribute_names("#n", "name");
    let update = update.expression_attribute_values(":n", AttributeValue::S("Grace".into()));
    let error = update.send_protected(&privet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = customers.modify("c-1", |customer| customer.name = "Grace".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
}
