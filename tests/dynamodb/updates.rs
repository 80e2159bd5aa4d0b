//! Updates of single values, alone and by many at once.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use privet::dynamodb::{SendProtected, Tables};
use privet::{ErrorKind, Policy};
use privet_testkit::{Deny, Fault};

use crate::common::{Customer, Site, ada};
use crate::{MODES, kind, number, protector, site, text};

fn member(name: &str, value: AttributeValue) -> AttributeValue {
    AttributeValue::M([(name.to_owned(), value)].into())
}

async fn read(site: &Site, privet: &privet::Protector, id: &str) -> BTreeMap<String, AttributeValue> {
    let get = site.dynamodb.get_item().table_name("things").key("id", text(id)).consistent_read(true);
    get.send_protected(privet).await.unwrap().item.unwrap().into_iter().collect()
}

#[tokio::test]
async fn set_and_remove_at_any_path_that_is_sealed_on_its_own() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let profile =
            AttributeValue::M([("email".to_owned(), text("old@e.example")), ("name".to_owned(), text("A"))].into());
        let put = site.dynamodb.put_item().table_name("things").item("id", text(mode)).item("profile", profile);
        put.item("phone", text("1")).item("name", text("A")).send_protected(&privet).await.unwrap();
        let update = site.dynamodb.update_item().table_name("things").key("id", text(mode));
        let output = update
            .update_expression(
                "SET profile.email = :e, password = :p, #n = :n, visits = if_not_exists(#n, :n) REMOVE phone",
            )
            .expression_attribute_names("#n", "name")
            .expression_attribute_values(":e", text("new@e.example"))
            .expression_attribute_values(":p", text("hunter2-fictive"))
            .expression_attribute_values(":n", text("B"))
            .send_protected(&privet)
            .await;
        // `visits` is sealed: it cannot be made of another attribute.
        assert_eq!(kind(output), ErrorKind::Unsupported);
        let update = site.dynamodb.update_item().table_name("things").key("id", text(mode));
        let output = update
            .update_expression("SET profile.email = :e, password = :p, #n = :n REMOVE phone ADD created_at :one")
            .expression_attribute_names("#n", "name")
            .expression_attribute_values(":e", text("new@e.example"))
            .expression_attribute_values(":p", text("hunter2-fictive"))
            .expression_attribute_values(":n", text("B"))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew)
            .send_protected(&privet)
            .await
            .unwrap();
        let new = output.attributes.unwrap();
        assert_eq!(new["profile"], member("email", text("new@e.example")), "{mode}");
        assert_eq!((&new["password"], new.len()), (&text("hunter2-fictive"), 4));
        let item = read(&site, &privet, mode).await;
        let expected =
            AttributeValue::M([("email".to_owned(), text("new@e.example")), ("name".to_owned(), text("A"))].into());
        assert_eq!((&item["profile"], &item["name"], &item["created_at"]), (&expected, &text("B"), &number(1)));
        assert!(!item.contains_key("phone") && item["password"] == text("hunter2-fictive"));
        let stored = format!("{:?}", site.stored("things", mode).await.unwrap());
        assert!(!stored.contains("hunter2") && !stored.contains("new@e.example"));
        let update = site.dynamodb.update_item().table_name("things").key("id", text(mode));
        let update = update.update_expression("SET password = :p").expression_attribute_values(":p", text("other"));
        let old = update.return_values(ReturnValue::AllOld).send_protected(&privet).await.unwrap().attributes.unwrap();
        assert_eq!(old["password"], text("hunter2-fictive"));
    }
}

#[tokio::test]
async fn an_update_makes_the_item_if_there_is_none() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        for (id, update) in
            [("a", "SET #n = :n"), ("b", "SET #n = :n, email = :e"), ("c", "REMOVE email ADD created_at :one")]
        {
            let call = site.dynamodb.update_item().table_name("things").key("id", text(&format!("{mode}-{id}")));
            let mut call = call.update_expression(update);
            if id == "c" {
                call = call.expression_attribute_values(":one", number(1));
            } else {
                call = call.expression_attribute_names("#n", "name").expression_attribute_values(":n", text("A"));
            }
            if id == "b" {
                call = call.expression_attribute_values(":e", text("e@e.example"));
            }
            call.send_protected(&privet).await.unwrap();
            assert!(read(&site, &privet, &format!("{mode}-{id}")).await.len() >= 2);
        }
    }
}

#[tokio::test]
async fn the_callers_condition_goes_with_it() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let put = site.dynamodb.put_item().table_name("things").item("id", text(mode)).item("name", text("A"));
        put.item("email", text("old@e.example")).send_protected(&privet).await.unwrap();
        for update in ["SET email = :e", "SET created_at = :e"] {
            let call = |expected: &str| {
                let call = site.dynamodb.update_item().table_name("things").key("id", text(mode));
                call.update_expression(update)
                    .condition_expression("#n = :n")
                    .expression_attribute_names("#n", "name")
                    .expression_attribute_values(":n", text(expected))
                    .expression_attribute_values(":e", text("new@e.example"))
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                    .send_protected(&privet)
            };
            site.aws.clear_calls();
            let error = call("B").await.err().unwrap();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some("ConditionalCheckFailedException")));
            assert_eq!(error.item().unwrap()["name"], text("A"));
            assert!(site.aws.calls("dynamodb").len() <= 2, "a condition of the caller's is not tried again");
            call("A").await.unwrap();
        }
    }
}

#[tokio::test]
async fn in_field_integrity_only_header_and_key_are_read() {
    let site = site().await;
    let privet = protector(&site, "field").await;
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let before = site.stored("customers", "c-1").await.unwrap();
    // Whoever may not unwrap the other classes can update one of the class it has.
    site.aws.deny(Deny::principal("clerk").service("kms").context("privet:class", "confidential"));
    let policy = "version = 1\n[resources.customers]\nintegrity = \"field\"";
    let clerk = site.builder().await.keyring(site.keyring("clerk").await);
    let clerk = clerk.policy(Policy::from_toml(policy).unwrap()).build().unwrap();
    let theirs = clerk.table::<Customer>(&site.dynamodb).unwrap();
    site.aws.clear_calls();
    theirs.update("c-1").set(Customer::email(), &"new@e.example".to_owned()).send().await.unwrap();
    let operations: Vec<_> = site.aws.calls("dynamodb").into_iter().map(|call| call.operation).collect();
    assert_eq!(operations, ["GetItem", "UpdateItem"]);
    assert_eq!(site.aws.calls("kms").len(), 1);
    let mut after = site.stored("customers", "c-1").await.unwrap();
    assert_ne!(after["email"], before["email"]);
    after.insert("email".into(), before["email"].clone());
    assert_eq!(after, before, "nothing else has changed");
    assert!(customers.get("c-1").await.unwrap().unwrap() == Customer { email: "new@e.example".into(), ..ada() });
    // Only what is in clear: nothing is read at all.
    site.aws.clear_calls();
    theirs.update("c-1").set(Customer::name(), &"Countess".to_owned()).send().await.unwrap();
    assert_eq!(site.aws.calls("dynamodb").len(), 1);
    // The first value of a class adds its section.
    let bare = site.dynamodb.put_item().table_name("things").item("id", text("x")).item("name", text("A"));
    bare.send_protected(&privet).await.unwrap();
    let update = site.dynamodb.update_item().table_name("things").key("id", text("x"));
    let update = update.update_expression("SET email = :e").expression_attribute_values(":e", text("e@e.example"));
    update.send_protected(&privet).await.unwrap();
    assert_eq!(read(&site, &privet, "x").await["email"], text("e@e.example"));
}

#[tokio::test]
async fn damage_is_not_written_over() {
    let site = site().await;
    let privet = protector(&site, "record").await;
    let put = site.dynamodb.put_item().table_name("things").item("id", text("x")).item("name", text("A"));
    put.send_protected(&privet).await.unwrap();
    let mut stored = site.stored("things", "x").await.unwrap();
    stored.insert("name".into(), text("Eve"));
    site.store("things", stored.clone()).await;
    let update = || {
        let update = site.dynamodb.update_item().table_name("things").key("id", text("x"));
        update.update_expression("SET created_at = :c").expression_attribute_values(":c", text("now"))
    };
    assert_eq!(kind(update().send_protected(&privet).await), ErrorKind::Integrity);
    assert_eq!(site.stored("things", "x").await.unwrap(), stored);
    // What is left unsigned is for anyone to change.
    let ttl = site.dynamodb.update_item().table_name("things").key("id", text("x"));
    let ttl = ttl.update_expression("SET ttl = :t").expression_attribute_values(":t", number(5));
    ttl.send_protected(&privet).await.err();
    for mode in MODES {
        let privet = protector(&site, mode).await;
        stored.remove("privet");
        site.store("things", stored.clone()).await;
        assert_eq!(kind(update().send_protected(&privet).await), ErrorKind::Integrity, "in clear");
        assert_eq!(site.stored("things", "x").await.unwrap(), stored);
    }
}

/// A record with sealed bytes in a place they were not sealed for would never open again.
#[tokio::test]
async fn nothing_sealed_is_copied_to_what_is_left_unsigned() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        // A text of this name is public; what is in it is sealed by its own name.
        let name = AttributeValue::M([("email".to_owned(), text("a@e.example")), ("id".into(), text("A"))].into());
        let put = site.dynamodb.put_item().table_name("things").item("id", text(mode)).item("name", name.clone());
        put.item("ttl", number(1)).send_protected(&privet).await.unwrap();
        let update = |expression: &str| {
            let update = site.dynamodb.update_item().table_name("things").key("id", text(mode));
            update.update_expression(expression).expression_attribute_names("#n", "name").send_protected(&privet)
        };
        let copied = update("SET ttl = #n").await;
        let expected = match mode {
            "field" => {
                assert_eq!(kind(copied), ErrorKind::Unsupported);
                number(1)
            }
            // Read, and written as what it is.
            _ => copied.map(|_| name.clone()).unwrap(),
        };
        let item = read(&site, &privet, mode).await;
        assert_eq!((&item["name"], &item["ttl"]), (&name, &expected), "{mode}");
    }
}

/// No header tells of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_what_is_left_unsigned_are_not_lost_to_updates_of_the_whole() {
    let site = site().await;
    for format in ["record", "db-esdk"] {
        let policy =
            format!("version = 1\n[resources.things]\nkey = [\"id\"]\nunsigned = [\"ttl\"]\nformat = \"{format}\"");
        let privet = site.builder().await.policy(Policy::from_toml(&policy).unwrap()).build().unwrap();
        let put = site.dynamodb.put_item().table_name("things").item("id", text(format)).item("ttl", number(0));
        put.item("email", text("a@e.example")).send_protected(&privet).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            for expression in ["ADD ttl :one", "SET ttl = ttl + :one, visits = :one"] {
                let update = site.dynamodb.update_item().table_name("things").key("id", text(format));
                let update = update.update_expression(expression).expression_attribute_values(":one", number(1));
                let privet = privet.clone();
                writers.spawn(async move { update.send_protected(&privet).await.map(drop) });
            }
        }
        while let Some(done) = writers.join_next().await {
            done.unwrap().unwrap();
        }
        assert_eq!(read(&site, &privet, format).await["ttl"], number(8), "{format}");
    }
}

#[tokio::test]
async fn lists_keep_what_is_sealed_at_its_place() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let id = format!("l-{mode}");
        let entry =
            |n: i64| AttributeValue::M([("name".to_owned(), number(n)), ("email".to_owned(), text("e"))].into());
        let put = site.dynamodb.put_item().table_name("things").item("id", text(&id));
        let put = put.item("created_at", AttributeValue::L(vec![entry(0), entry(1)]));
        put.send_protected(&privet).await.unwrap();
        let update = |expression: &str, value: AttributeValue| {
            let update = site.dynamodb.update_item().table_name("things").key("id", text(&id));
            update.update_expression(expression).expression_attribute_values(":v", value).send_protected(&privet)
        };
        update("SET created_at[1] = :v", entry(7)).await.unwrap();
        let removal = site.dynamodb.update_item().table_name("things").key("id", text(&id));
        let removal = removal.update_expression("REMOVE created_at[0]").send_protected(&privet).await;
        let past = update("SET created_at[9] = :v", entry(9)).await;
        let list = match mode {
            // The table would put it at another position than it was sealed for.
            "field" => {
                assert_eq!((kind(removal), kind(past)), (ErrorKind::Unsupported, ErrorKind::Unsupported));
                vec![entry(0), entry(7)]
            }
            _ => {
                removal.unwrap();
                past.unwrap();
                vec![entry(7), entry(9)]
            }
        };
        assert_eq!(read(&site, &privet, &id).await["created_at"], AttributeValue::L(list));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixteen_writers_none_loses_an_update() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
        let start = Customer { age: 0, ..ada() };
        customers.put(&start).await.unwrap();
        let put = site.dynamodb.put_item().table_name("things").item("id", text(mode));
        put.item("email", text("start")).send_protected(&privet).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..16 {
            let (privet, dynamodb, mode) = (privet.clone(), site.dynamodb.clone(), mode.to_owned());
            writers.spawn(async move {
                let customers = privet.table::<Customer>(&dynamodb).unwrap();
                for round in 0..3 {
                    // A field of its own, sealed; every third writer one of a class that has no section yet.
                    let update = dynamodb.update_item().table_name("things").key("id", text(&mode));
                    let name = if writer % 3 == 0 { format!("api_key.{writer}") } else { format!("w{writer}") };
                    let update = update.update_expression("SET #f = :v").expression_attribute_names("#f", name);
                    let update = update.expression_attribute_values(":v", number(round));
                    update.send_protected(&privet).await.unwrap();
                    // One that all of them share, read, changed and written.
                    assert!(customers.modify("c-1", |customer| customer.age += 1).await.unwrap());
                }
            });
        }
        while let Some(done) = writers.join_next().await {
            done.unwrap();
        }
        let item = read(&site, &privet, mode).await;
        assert_eq!(item.len(), 18, "{mode}");
        assert!(
            item.iter().filter(|(name, _)| *name != "id" && *name != "email").all(|(_, value)| *value == number(2))
        );
        assert_eq!(customers.get("c-1").await.unwrap().unwrap().age, 48, "{mode}");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_lose_the_update_nor_break_the_record() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
        customers.put(&ada()).await.unwrap();
        for fault in [
            Fault::on("dynamodb", "UpdateItem").times(1).answer_lost(),
            Fault::on("dynamodb", "UpdateItem").times(1).timeout(),
            Fault::on("dynamodb", "UpdateItem").times(1).error("ThrottlingException"),
        ] {
            site.aws.clear_faults();
            site.aws.fault(fault);
            customers.update("c-1").set(Customer::email(), &"new@e.example".to_owned()).send().await.unwrap();
            assert_eq!(customers.get("c-1").await.unwrap().unwrap().email, "new@e.example");
        }
        site.aws.clear_faults();
    }
}

/// What an item has sealed as one value has no parts to the table, whatever the policy would do with it now.
#[tokio::test]
async fn what_an_item_has_sealed_as_a_whole_is_named() {
    let site = site().await;
    for mode in MODES {
        let older = "[[fields]]\npath = \"profile\"\nclass = \"pii\"\n";
        let settings = format!("[resources.things]\nkey = [\"id\"]\nintegrity = \"{mode}\"\n");
        let older = Policy::from_toml(&format!("version = 1\n{settings}{older}")).unwrap();
        let older = site.builder().await.policy(older).build().unwrap();
        let privet = protector(&site, mode).await;
        let contact = || member("email", text("ada@example.com"));
        let put = site.dynamodb.put_item().table_name("things").item("id", text(mode));
        // A list of which all is sealed is one value; the profile is one under the older policy.
        let put = put.item("name", AttributeValue::L(vec![contact(), contact()]));
        put.item("profile", member("name", text("secret-name"))).send_protected(&older).await.unwrap();
        for (expression, named) in [
            ("SET #n[0].created_at = :v", "name"),
            ("REMOVE #n[0].created_at", "name"),
            ("SET #n = list_append(#n, :l)", "name"),
            ("SET created_at = :v, profile.#n = :v", "profile"),
        ] {
            macro_rules! of {
                ($call:expr) => {{
                    let call = $call.update_expression(expression).expression_attribute_names("#n", "name");
                    match expression.contains(":l") {
                        true => call.expression_attribute_values(":l", AttributeValue::L(vec![text("secret")])),
                        false if expression.contains(":v") => call.expression_attribute_values(":v", text("secret")),
                        false => call,
                    }
                }};
            }
            let before = site.stored("things", mode).await;
            let one = of!(site.dynamodb.update_item().table_name("things").key("id", text(mode)));
            let many = of!(Update::builder().table_name("things").key("id", text(mode))).build().unwrap();
            let many = TransactWriteItem::builder().update(many).build();
            let many = site.dynamodb.transact_write_items().transact_items(many);
            if mode == "record" {
                // There the record is opened, changed and sealed anew.
                one.send_protected(&privet).await.unwrap();
                continue;
            }
            site.aws.clear_calls();
            let errors =
                [one.send_protected(&privet).await.err().unwrap(), many.send_protected(&privet).await.err().unwrap()];
            // The item is read to find out. (Not every engine refuses as DynamoDB does, so this is for the embedded one.)
            assert_eq!(site.aws.calls("dynamodb").len(), 4, "{expression}");
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{expression}: {error}");
                assert!(error.to_string().contains(&format!("`{named}`")), "{expression}: {error}");
                assert!(!format!("{error:?}{error}").contains("secret"), "{error:?}");
            }
            assert_eq!(site.stored("things", mode).await, before);
        }
        // What the service does not like for other reasons is its own to say.
        let update = site.dynamodb.update_item().table_name("things").key("id", text(mode));
        let update = update.update_expression("SET created_at.a.b = :v").expression_attribute_values(":v", text("x"));
        let error = update.send_protected(&privet).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    }
}
