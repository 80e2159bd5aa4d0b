//! Batches, and what DynamoDB does not get to.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, DeleteRequest, Get, KeySchemaElement, KeyType, KeysAndAttributes,
    PutRequest, ScalarAttributeType, TransactGetItem, WriteRequest,
};
use privet::dynamodb::{Backoff, SendAllKeys, SendAllWrites, SendProtected};
use privet::{ErrorKind, Policy};
use privet_testkit::Fault;

use crate::{MODES, protector, site, text};

fn item(id: &str) -> HashMap<String, AttributeValue> {
    [("id".to_owned(), text(id)), ("email".to_owned(), text(&format!("{id}@example.com")))].into()
}

fn write(id: &str) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item(id))).build().unwrap();
    WriteRequest::builder().put_request(put).build()
}

fn backoff() -> Backoff {
    Backoff::default().waits(Duration::from_millis(1), Duration::from_millis(2))
}

#[tokio::test]
async fn unprocessed_writes_come_back_as_they_were_given_and_can_be_repeated() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let ids: Vec<_> = (0..5).map(|id| format!("{mode}-{id}")).collect();
        let writes: Vec<_> = ids.iter().map(|id| write(id)).collect();
        let call = || site.dynamodb.batch_write_item().request_items("things", writes.clone());
        site.aws.fault(Fault::on("dynamodb", "BatchWriteItem").times(1).unprocessed(2));
        let output = call().send_protected(&privet).await.unwrap();
        let left = &output.unprocessed_items.unwrap()["things"];
        assert_eq!(left.as_slice(), &writes[3..]);
        assert!(site.stored("things", &ids[4]).await.is_none());
        // Three times some are left, once the service answers with an error.
        site.aws.clear_faults();
        site.aws.fault(Fault::on("dynamodb", "BatchWriteItem").times(2).unprocessed(1));
        site.aws
            .fault(Fault::on("dynamodb", "BatchWriteItem").times(4).error("ProvisionedThroughputExceededException"));
        let output = call().send_all_protected(&privet, backoff()).await.unwrap();
        assert!(output.unprocessed_items.is_none_or(|left| left.is_empty()));
        site.aws.clear_faults();
        for id in &ids {
            assert!(matches!(site.stored("things", id).await.unwrap()["email"], AttributeValue::B(_)));
        }
        // Reads.
        let keys = ids.iter().map(|id| HashMap::from([("id".to_owned(), text(id))])).collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).projection_expression("email").build().unwrap();
        let call = || site.dynamodb.batch_get_item().request_items("things", keys.clone());
        site.aws.fault(Fault::on("dynamodb", "BatchGetItem").times(1).unprocessed(2));
        let output = call().send_protected(&privet).await.unwrap();
        let left = &output.unprocessed_keys.unwrap()["things"];
        assert_eq!((left.keys().len(), left.projection_expression()), (2, Some("email")));
        assert_eq!(output.responses.unwrap()["things"].len(), 3);
        site.aws.clear_faults();
        site.aws.fault(Fault::on("dynamodb", "BatchGetItem").times(2).unprocessed(1));
        let output = call().send_all_protected(&privet, backoff()).await.unwrap();
        site.aws.clear_faults();
        let mut read: Vec<_> = output.responses.unwrap().remove("things").unwrap();
        read.sort_by_key(|item| item["email"].as_s().unwrap().clone());
        let expected: Vec<_> = ids.iter().map(|id| [("email".to_owned(), item(id)["email"].clone())].into()).collect();
        assert_eq!(read, expected);
        // Deletes pass.
        let delete = DeleteRequest::builder().key("id", text(&ids[0])).build().unwrap();
        let delete = WriteRequest::builder().delete_request(delete).build();
        let call = site.dynamodb.batch_write_item().request_items("things", vec![delete]);
        call.send_protected(&privet).await.unwrap();
        assert!(site.stored("things", &ids[0]).await.is_none());
    }
}

#[tokio::test]
async fn what_is_left_after_the_last_try_is_given_back() {
    let site = site().await;
    let privet = protector(&site, "field").await;
    site.aws.fault(Fault::on("dynamodb", "BatchWriteItem").unprocessed(1));
    let call = site.dynamodb.batch_write_item().request_items("things", vec![write("a"), write("b")]);
    let output = call.send_all_protected(&privet, backoff().tries(3)).await.unwrap();
    assert_eq!(output.unprocessed_items.unwrap()["things"], [write("b")]);
}

/// The service knows keys by their value, and gives back what it did not get to in a spelling of its own.
#[tokio::test]
async fn unprocessed_writes_are_known_by_the_value_of_their_numbers() {
    let site = site().await;
    create_numbered(&site.dynamodb).await;
    let policy = "version = 1\n[resources.numbered]\nkey = [\"id\", \"at\"]";
    let privet = site.builder().await.policy(Policy::from_toml(policy).unwrap()).build().unwrap();
    let write = |at: &str| {
        let item = [("id", text("a")), ("at", AttributeValue::N(at.into())), ("email", text(at))];
        let item = item.map(|(name, value)| (name.to_owned(), value)).into();
        WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
    };
    let writes = ["1.0", "2E0", "+3", "-0.40", "5"].map(write);
    let call = || site.dynamodb.batch_write_item().request_items("numbered", writes.to_vec());
    site.aws.fault(Fault::on("dynamodb", "BatchWriteItem").times(1).unprocessed(4));
    let left = call().send_protected(&privet).await.unwrap().unprocessed_items.unwrap().remove("numbered").unwrap();
    assert_eq!(left, &writes[1..]);
    site.aws.clear_faults();
    site.aws.fault(Fault::on("dynamodb", "BatchWriteItem").times(2).unprocessed(2));
    let output = call().send_all_protected(&privet, backoff()).await.unwrap();
    assert!(output.unprocessed_items.is_none_or(|left| left.is_empty()));
    let all = site.dynamodb.scan().table_name("numbered").send_protected(&privet).await.unwrap();
    assert_eq!(all.count, 5);
}

/// A table whose sort key is a number.
async fn create_numbered(client: &Client) {
    let key = |name: &str, role| KeySchemaElement::builder().attribute_name(name).key_type(role).build().unwrap();
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
    let call = client.create_table().table_name("numbered").billing_mode(BillingMode::PayPerRequest);
    let call = call.key_schema(key("id", KeyType::Hash)).key_schema(key("at", KeyType::Range));
    let call = call.attribute_definitions(attribute("id", ScalarAttributeType::S));
    call.attribute_definitions(attribute("at", ScalarAttributeType::N)).send().await.unwrap();
}

/// One item that does not open fails the request, which says which it was; nothing of the others is given.
#[tokio::test]
async fn an_item_that_does_not_open_is_named_and_the_rest_is_not_given() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let ids: Vec<_> = (0..4).map(|id| format!("{mode}-{id}")).collect();
        for id in &ids {
            let put = site.dynamodb.put_item().table_name("things").set_item(Some(item(id)));
            put.send_protected(&privet).await.unwrap();
        }
        // The sealed value of one item in the place of another's.
        let mut moved = site.stored("things", &ids[2]).await.unwrap();
        moved.insert("email".into(), site.stored("things", &ids[1]).await.unwrap()["email"].clone());
        site.dynamodb.put_item().table_name("things").set_item(Some(moved)).send().await.unwrap();
        let key = |id: &String| HashMap::from([("id".to_owned(), text(id))]);
        let keys = KeysAndAttributes::builder().set_keys(Some(ids.iter().map(key).collect())).build().unwrap();
        let batch = site.dynamodb.batch_get_item().request_items("things", keys);
        let gets = ids.iter().map(|id| {
            let get = Get::builder().table_name("things").set_key(Some(key(id))).build().unwrap();
            TransactGetItem::builder().get(get).build()
        });
        let transaction = site.dynamodb.transact_get_items().set_transact_items(Some(gets.collect()));
        let scan = site.dynamodb.scan().table_name("things").filter_expression("begins_with(id, :m)");
        let scan = scan.expression_attribute_values(":m", text(mode));
        let refused = [
            batch.clone().send_protected(&privet).await.err().unwrap(),
            batch.send_all_protected(&privet, backoff()).await.err().unwrap(),
            transaction.send_protected(&privet).await.err().unwrap(),
            scan.send_protected(&privet).await.err().unwrap(),
        ];
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
            assert_eq!(error.key(), Some(&key(&ids[2])), "{error}");
            assert!(error.to_string().contains("`things`"), "{error}");
            assert!(!format!("{error:?}{error}").contains(&ids[2]), "{error:?}");
        }
    }
}
