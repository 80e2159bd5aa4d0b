//! The SDK's builders on items of every format.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, Get, KeysAndAttributes, Put, PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactGetItem, TransactWriteItem, Update, WriteRequest,
};
use futures_util::TryStreamExt as _;
use privet::dynamodb::{Backoff, Error, IntoProtectedPages, Key, Migrate, SendAllKeys, SendAllWrites, SendProtected};
use privet::{Protector, dynamodb};
use privet_testkit::{Deny, Fault};

use crate::common::{SECRETS, Site};
use crate::{Said, protector};

const TABLES: [&str; 4] = [
    "integrity = \"record\"",
    "integrity = \"field\"",
    "integrity = \"record\"\nversioned = true",
    "format = \"db-esdk\"",
];

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn key() -> HashMap<String, AttributeValue> {
    HashMap::from([("id".to_owned(), text("t-1"))])
}

fn item() -> HashMap<String, AttributeValue> {
    let all = || SECRETS.map(str::to_owned).to_vec();
    let mut item = key();
    item.extend(
        [
            ("email", text(SECRETS[0])),
            ("api_key", AttributeValue::B(SECRETS[2].as_bytes().into())),
            ("visits", AttributeValue::L(SECRETS.map(text).to_vec())),
            ("profile", AttributeValue::M(HashMap::from([("email".to_owned(), text(SECRETS[0]))]))),
            ("labels", AttributeValue::Ss(all())),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    item
}

async fn everything(said: &mut Said, site: &Site, privet: &Protector) {
    let client = &site.dynamodb;
    let put = || client.put_item().table_name("things").set_item(Some(item()));
    let get = || client.get_item().table_name("things").set_key(Some(key()));
    let query = || {
        let query = client.query().table_name("things").key_condition_expression("id = :id");
        query.expression_attribute_values(":id", text("t-1"))
    };
    let outcome: Result<(), Error> = async {
        put().return_values(ReturnValue::AllOld).send_protected(privet).await?;
        get().send_protected(privet).await?;
        get().projection_expression("email, visits[0]").send_protected(privet).await?;
        query().send_protected(privet).await?;
        client.scan().table_name("things").into_protected_items(privet).try_collect::<Vec<_>>().await?;
        let keys = KeysAndAttributes::builder().keys(key()).build().unwrap();
        client.batch_get_item().request_items("things", keys).send_all_protected(privet, Backoff::default()).await?;
        let transact = Get::builder().table_name("things").set_key(Some(key())).build().unwrap();
        let transact = TransactGetItem::builder().get(transact).build();
        client.transact_get_items().transact_items(transact).send_protected(privet).await?;
        let transact = Put::builder().table_name("things").set_item(Some(item())).build().unwrap();
        let transact = TransactWriteItem::builder().put(transact).build();
        client.transact_write_items().transact_items(transact).send_protected(privet).await?;
        Ok(())
    }
    .await;
    if let Err(error) = outcome {
        said.error(&error);
    }
    // Some of it is refused in some tables.
    let batched = PutRequest::builder().set_item(Some(item())).build().unwrap();
    let batched = vec![WriteRequest::builder().put_request(batched).build()];
    let batch = client.batch_write_item().request_items("things", batched);
    if let Err(error) = batch.send_all_protected(privet, Backoff::default()).await {
        said.error(&error);
    }
    let update = client.update_item().table_name("things").set_key(Some(key())).update_expression("SET email = :e");
    let update = update.expression_attribute_values(":e", text(SECRETS[0]));
    if let Err(error) = update.return_values(ReturnValue::AllNew).send_protected(privet).await {
        said.error(&error);
    }
    let delete = client.delete_item().table_name("things").set_key(Some(key())).return_values(ReturnValue::AllOld);
    if let Err(error) = delete.send_protected(privet).await {
        said.error(&error);
    }
}

/// What callers get wrong, with secrets in it.
async fn mistakes(said: &mut Said, site: &Site, privet: &Protector) {
    let client = &site.dynamodb;
    let put = |name: &str, value| client.put_item().table_name("things").set_item(Some(item())).item(name, value);
    let with_condition =
        |condition: &str| client.put_item().table_name("things").set_item(Some(item())).condition_expression(condition);
    let twice = vec![SECRETS[0].to_owned(); 2];
    let mut deep = text(SECRETS[3]);
    for _ in 0..40 {
        deep = AttributeValue::L(vec![deep]);
    }
    said.fails(put("age", AttributeValue::N(SECRETS[1].into())).send_protected(privet).await);
    said.fails(put("age", AttributeValue::Ns(vec![SECRETS[1].into()])).send_protected(privet).await);
    said.fails(put("labels", AttributeValue::Ss(twice)).send_protected(privet).await);
    said.fails(put("visits", deep).send_protected(privet).await);
    said.fails(put("note", text(&SECRETS[3].repeat(30_000))).send_protected(privet).await);
    said.fails(put("privet", text(SECRETS[0])).item("aws_dbe_head", text("")).send_protected(privet).await);
    said.fails(client.put_item().table_name("things").item("email", text(SECRETS[0])).send_protected(privet).await);
    said.fails(client.put_item().table_name("unknown").set_item(Some(item())).send_protected(privet).await);
    // A value that somebody forgot to give a placeholder.
    for condition in [
        format!("email = {}", SECRETS[0]),
        format!("email = '{}'", SECRETS[3]),
        format!("id = \"{}\"", SECRETS[4]),
        format!("contains(id, {}", SECRETS[5].to_lowercase()),
        "id = :none".to_owned(),
    ] {
        let put = with_condition(&condition).expression_attribute_values(":v", text(SECRETS[0]));
        said.fails(put.send_protected(privet).await);
        let update = client.update_item().table_name("things").set_key(Some(key()));
        let update = update.update_expression(condition.replacen("email", "SET email", 1));
        said.fails(update.expression_attribute_values(":v", text(SECRETS[0])).send_protected(privet).await);
    }
    // What cannot be asked of a sealed value.
    for condition in ["email = :v", "email > :v", "begins_with(email, :v)", "contains(labels, :v)", "profile = :v"] {
        let put = with_condition(condition).expression_attribute_values(":v", text(SECRETS[0]));
        said.fails(put.send_protected(privet).await);
    }
    let statement = format!("SELECT * FROM things WHERE email = '{}'", SECRETS[0]);
    said.fails(client.execute_statement().statement(statement).send_protected(privet).await);
    // Conditions that fail give the item back.
    client.put_item().table_name("things").set_item(Some(item())).send_protected(privet).await.unwrap();
    let put = with_condition("attribute_not_exists(id)");
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let error = put.send_protected(privet).await.unwrap_err();
    assert_eq!(error.item().unwrap()["email"], text(SECRETS[0]));
    said.error(&error);
    let transact = Put::builder().table_name("things").set_item(Some(item()));
    let transact = transact.condition_expression("attribute_not_exists(id)");
    let transact = transact.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let transact = TransactWriteItem::builder().put(transact.build().unwrap()).build();
    let error = client.transact_write_items().transact_items(transact).send_protected(privet).await.unwrap_err();
    assert_eq!(error.cancellation_reasons()[0].item.as_ref().unwrap()["email"], text(SECRETS[0]));
    said.error(&error);
    said.shows(&error.cancellation_reasons());
    let update = Update::builder().table_name("things").set_key(Some(key())).update_expression("ADD email :v");
    let update = update.expression_attribute_values(":v", text(SECRETS[0])).build().unwrap();
    let update = TransactWriteItem::builder().update(update).build();
    said.fails(client.transact_write_items().transact_items(update).send_protected(privet).await);
}

/// Items that were changed, and services that fail.
async fn failures(said: &mut Said, site: &Site, privet: &Protector) {
    let client = &site.dynamodb;
    let get = || client.get_item().table_name("things").set_key(Some(key()));
    client.put_item().table_name("things").set_item(Some(item())).send_protected(privet).await.unwrap();
    let stored = site.stored("things", "t-1").await.unwrap();
    for name in stored.keys() {
        let mut changed = stored.clone();
        match changed.get_mut(name).unwrap() {
            AttributeValue::B(bytes) => {
                let mut damaged = bytes.clone().into_inner();
                *damaged.last_mut().unwrap() ^= 1;
                *bytes = damaged.into();
            }
            AttributeValue::S(_) if name == "id" => continue,
            // A part of it is sealed.
            value => *value = text("clear@example.net"),
        }
        site.store("things", changed).await;
        said.fails(get().send_protected(privet).await);
    }
    // In clear, where it ought to be sealed: with another text, since the SDK prints what it reads.
    let clear = key().into_iter().chain([("email".to_owned(), text("clear@example.net"))]).collect();
    site.store("things", clear).await;
    said.fails(get().send_protected(privet).await);
    let update = client.update_item().table_name("things").set_key(Some(key())).update_expression("SET email = :e");
    said.fails(update.expression_attribute_values(":e", text(SECRETS[0])).send_protected(privet).await);
    for service in ["kms", "dynamodb"] {
        for fault in [
            Fault::on(service, "*").error("ThrottlingException"),
            Fault::on(service, "*").status(500),
            Fault::on(service, "*").reset(),
            Fault::on(service, "*").error("ValidationException"),
        ] {
            site.aws.clear_faults();
            site.aws.fault(fault);
            privet.purge();
            everything(said, site, privet).await;
        }
    }
    site.aws.clear_faults();
    site.aws.deny(Deny::everyone());
    privet.purge();
    everything(said, site, privet).await;
}

#[tokio::test]
async fn items_of_every_format_say_nothing() {
    for table in TABLES {
        // The header of such items holds the context in clear, by its format.
        let holds_context = table.contains("db-esdk");
        let mut said = if holds_context { Said::listen_to_own() } else { Said::listen() };
        let site = Site::start().await;
        site.create_table("things").await;
        let policy = format!(
            "version = 1\n[resources.things]\nkey = [\"id\"]\n{table}\n\
             [[rules]]\nclass = \"public\"\nnames = [\"id\"]\n[[rules]]\nclass = \"pii\"\nnames = [\"email\"]"
        );
        let privet = protector(&site, &policy).await;
        said.shows(&privet.resource("things").unwrap());
        said.shows(&Key::from((SECRETS[0], SECRETS[1])));
        everything(&mut said, &site, &privet).await;
        // There are no batches of records with versions.
        assert_eq!(said.failures, usize::from(table.contains("versioned")));
        mistakes(&mut said, &site, &privet).await;
        failures(&mut said, &site, &privet).await;
        said.holds_none_of(&[], 60);
    }
}

#[tokio::test]
async fn migrations_say_nothing() {
    let mut said = Said::listen_to_own();
    let site = Site::start().await;
    site.create_table("things").await;
    let policy = "version = 1\n[resources.things]\nkey = [\"id\"]\nplaintext_reads = \"count\"";
    let privet = protector(&site, policy).await;
    site.store("things", item()).await;
    let get = site.dynamodb.get_item().table_name("things").set_key(Some(key()));
    get.send_protected(&privet).await.unwrap();
    said.shows(&privet.migrations());
    let stored = site.stored("things", "t-1").await.unwrap();
    let things = privet.resource("things").unwrap();
    said.shows(&privet.unprotect_record(&things, dynamodb::from_item(stored).unwrap()).await.unwrap());
    said.shows(&privet.upgrade(&site.dynamodb, &things, "t-1").await);
    said.holds_none_of(&[], 0);
}
