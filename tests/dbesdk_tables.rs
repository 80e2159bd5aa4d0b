//! Tables in DB-ESDK format, and tables on their way from one format to the other.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use privet::audit::TracingSink;
use privet::dbesdk::{Action, FOOTER, HEADER, Suite, Table};
use privet::dynamodb::{Migrate as _, SendProtected, Tables, Upgrade, from_item, to_item};
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

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A table of people in DB-ESDK format.
async fn people() -> (Site, Protector) {
    let site = Site::start().await;
    site.create_table("people").await;
    let privet = protector(
        "format = \"db-esdk\"\n[resources.people.db_esdk]\ncontext = [\"region\"]\nunsigned_prefix = \":\"\nsignature = false",
    );
    let stored = protect(&privet, person()).await;
    site.store("people", to_item(stored)).await;
    (site, privet)
}

fn update(site: &Site, expression: &str) -> UpdateItemFluentBuilder {
    site.dynamodb.update_item().table_name("people").key("id", text("p-1")).update_expression(expression)
}

async fn stored(site: &Site) -> Map {
    from_item(site.stored("people", "p-1").await.unwrap()).unwrap()
}

#[tokio::test]
async fn single_values_are_updated_and_the_item_stays_one_of_the_format() {
    let (site, privet) = people().await;
    let before = stored(&site).await;
    let output = update(&site, "SET email = :e, address.street = :s, #n = if_not_exists(#n, :e) REMOVE other")
        .expression_attribute_names("#n", "name")
        .expression_attribute_values(":e", text("new@example.com"))
        .expression_attribute_values(":s", text("2 Low St"))
        .return_values(ReturnValue::UpdatedNew)
        .send_protected(&privet)
        .await
        .unwrap();
    let new = output.attributes.unwrap();
    assert_eq!(
        (&new["email"], &new["name"], new.contains_key("other")),
        (&text("new@example.com"), &text("Ada"), false)
    );
    let after = stored(&site).await;
    assert!(after[HEADER] != before[HEADER] && after[FOOTER] != before[FOOTER] && !after.contains_key("other"));
    assert!(matches!(after["email"], Value::B(_)) && matches!(after["address"], Value::B(_)));
    let mut expected = person();
    expected.remove("other");
    expected.insert("email".into(), s("new@example.com"));
    let Value::M(address) = expected.get_mut("address").unwrap() else { panic!("no map") };
    address.insert("street".into(), s("2 Low St"));
    assert_eq!(read(&privet, after.clone()).await.unwrap(), expected);

    // Unsigned attributes are changed alone: nothing is read, and nothing else is written.
    site.aws.clear_calls();
    let call = update(&site, "SET #t = :t").expression_attribute_names("#t", "ttl");
    call.expression_attribute_values(":t", AttributeValue::N("9".into())).send_protected(&privet).await.unwrap();
    assert_eq!(site.aws.calls("dynamodb").len(), 1);
    assert_eq!(stored(&site).await[HEADER], after[HEADER]);

    // A condition of the caller's that does not hold gives the item opened, and is not tried again.
    let call = update(&site, "SET email = :e").condition_expression("#n = :x").expression_attribute_names("#n", "name");
    let call = call.expression_attribute_values(":e", text("x")).expression_attribute_values(":x", text("Eve"));
    let call = call.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let error = call.send_protected(&privet).await.unwrap_err();
    assert_eq!((error.kind(), &error.item().unwrap()["email"]), (ErrorKind::Conflict, &text("new@example.com")));

    // An item that was damaged is not written over, and one in clear is refused.
    let mut damaged = stored(&site).await;
    damaged.insert("name".into(), s("Eve"));
    for broken in [damaged, person()] {
        site.store("people", to_item(broken.clone())).await;
        let call = update(&site, "SET email = :e").expression_attribute_values(":e", text("x"));
        assert_eq!(call.send_protected(&privet).await.unwrap_err().kind(), ErrorKind::Integrity);
        assert_eq!(stored(&site).await, broken);
    }
}

#[tokio::test]
async fn an_update_makes_the_item_if_there_is_none_and_transactions_update_too() {
    let (site, privet) = people().await;
    let put = |id: &str| site.dynamodb.update_item().table_name("people").key("id", text(id));
    let call = put("p-2").update_expression("SET email = :e, #r = :r").expression_attribute_names("#r", "region");
    let call = call.expression_attribute_values(":e", text("a@b.co")).expression_attribute_values(":r", text("eu"));
    call.send_protected(&privet).await.unwrap();
    let item = from_item(site.stored("people", "p-2").await.unwrap()).unwrap();
    assert!(item.contains_key(FOOTER) && matches!(item["email"], Value::B(_)));
    assert_eq!(read(&privet, item).await.unwrap()["email"], s("a@b.co"));

    let update = |id: &str| {
        let update = Update::builder().table_name("people").key("id", text(id)).update_expression("SET email = :e");
        let update = update.expression_attribute_values(":e", text("t@example.com")).build().unwrap();
        TransactWriteItem::builder().update(update).build()
    };
    let call = site.dynamodb.transact_write_items().transact_items(update("p-1")).transact_items(update("p-2"));
    call.send_protected(&privet).await.unwrap();
    for id in ["p-1", "p-2"] {
        let item = from_item(site.stored("people", id).await.unwrap()).unwrap();
        assert_eq!(read(&privet, item).await.unwrap()["email"], s("t@example.com"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_writers_none_loses_an_update() {
    let (site, privet) = people().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (privet, dynamodb) = (privet.clone(), site.dynamodb.clone());
        writers.spawn(async move {
            for round in 0..3 {
                let call = dynamodb.update_item().table_name("people").key("id", text("p-1"));
                let call = call.update_expression("SET #w = :w").expression_attribute_names("#w", format!("w{writer}"));
                let call = call.expression_attribute_values(":w", AttributeValue::N(round.to_string()));
                call.send_protected(&privet).await.unwrap();
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let record = read(&privet, stored(&site).await).await.unwrap();
    assert!((0..8).all(|writer| record[&format!("w{writer}")] == Value::N("2".into())));
}

#[tokio::test]
async fn models_are_replaced_only_where_nobody_changed_the_item() {
    let site = Site::start().await;
    let policy = Policy::from_toml("version = 1\n[resources.customers]\nformat = \"db-esdk\"").unwrap();
    let privet = site.builder().await.policy(policy).model::<Customer>().build().unwrap();
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let old = customers.read("c-1").await.unwrap().unwrap();
    customers.modify("c-1", |customer| customer.age += 1).await.unwrap();
    let error = customers.replace(&old, &Customer { name: "Grace".into(), ..ada() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(customers.delete_read(&old).await.unwrap_err().kind(), ErrorKind::Conflict);
    customers.update("c-1").set(Customer::name(), &"Grace".to_owned()).send().await.unwrap();
    let expected = Customer { name: "Grace".into(), age: 37, ..ada() };
    assert!(customers.get("c-1").await.unwrap() == Some(expected));
    let old = customers.read("c-1").await.unwrap().unwrap();
    let error = customers.replace(&old, &Customer { id: "c-2".into(), ..ada() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    customers.delete_read(&old).await.unwrap();
    assert!(customers.get("c-1").await.unwrap().is_none());
    // An item in clear is not replaced: others may add to it meanwhile. Upgrading it compares all of it.
    let policy = "version = 1\n[resources.customers]\nformat = \"db-esdk\"\nplaintext_reads = \"allow\"";
    let migrating = site.builder().await.policy(Policy::from_toml(policy).unwrap()).build().unwrap();
    site.store("customers", to_item(privet::value::to_record(&ada()).unwrap())).await;
    let customers = migrating.table::<Customer>(&site.dynamodb).unwrap();
    let error = customers.modify("c-1", |customer| customer.age += 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let resource = migrating.model::<Customer>().unwrap();
    assert_eq!(migrating.upgrade(&site.dynamodb, &resource, "c-1").await.unwrap(), Upgrade::Upgraded);
    assert!(customers.modify("c-1", |customer| customer.age += 1).await.unwrap());
    assert!(site.stored("customers", "c-1").await.unwrap().contains_key(HEADER));
}

/// What rewrites records as they are stored must not take an item for a record in clear.
#[tokio::test]
async fn records_alone_are_read_and_written_as_they_are_stored() {
    use privet::record::Form;
    let item = protect(&protector(ITEMS), person()).await;
    for (settings, kind) in [
        (ITEMS, ErrorKind::Unsupported),
        ("plaintext_reads = \"allow\"\nreads = [\"db-esdk\"]", ErrorKind::Unsupported),
        ("plaintext_reads = \"allow\"", ErrorKind::Denied),
    ] {
        let privet = protector(settings);
        let people = privet.resource("people").unwrap();
        let opened = privet.unprotect_stored(&people, Form::Item, item.clone()).await;
        assert_eq!(opened.err().unwrap().kind(), kind, "{settings}");
        let written = privet.protect_stored(&people, Form::Item, person(), None).await;
        assert_eq!(written.is_ok(), settings != ITEMS);
    }
    let privet = protector(ITEMS);
    let people = privet.resource("people").unwrap();
    assert!(privet.protect_at(&people, Form::Item, person(), &[], None).await.is_err());
}

/// A projection of a table that reads both formats must not take a part of an item for one in clear.
#[tokio::test]
async fn a_projection_opens_items_of_either_format() {
    let (site, _) = people().await;
    let settings = "integrity = \"field\"\nplaintext_reads = \"allow\"\nreads = [\"db-esdk\"]\n[resources.people.db_esdk]\ncontext = [\"region\"]\nunsigned_prefix = \":\"";
    let privet = protector(settings);
    let get = site.dynamodb.get_item().table_name("people").key("id", text("p-1")).projection_expression("email");
    let item = get.send_protected(&privet).await.unwrap().item.unwrap();
    assert_eq!(item, [("email".to_owned(), text("ada@example.com"))].into());
    // An update brings it into the table's format.
    let call = update(&site, "SET email = :e").expression_attribute_values(":e", text("new@example.com"));
    call.send_protected(&privet).await.unwrap();
    let after = stored(&site).await;
    assert!(after.contains_key("privet") && !after.contains_key(HEADER) && !after.contains_key(FOOTER));
    assert_eq!(read(&privet, after).await.unwrap()["email"], s("new@example.com"));
}
