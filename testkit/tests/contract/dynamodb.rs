//! DynamoDB: the reads and conditional writes privet builds on.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, Put, PutRequest, ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TransactWriteItem,
    WriteRequest,
};

use crate::site::{HERE, Site, THERE, unique};

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn item(pk: &str, sk: u32) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), AttributeValue::N(sk.to_string()))])
}

/// A client and the name of a new table with the keys `pk` (text) and `sk` (number), and an index by `beacon` (bytes).
async fn client_with_table() -> (Client, String) {
    let dynamodb = Site::start().await.dynamodb(HERE).await;
    let table = new_table(&dynamodb).await;
    (dynamodb, table)
}

async fn new_table(dynamodb: &Client) -> String {
    let table = unique("contract");
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = GlobalSecondaryIndex::builder().index_name("by-beacon").key_schema(key("beacon", KeyType::Hash));
    let index = index.projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
    let request = dynamodb.create_table().table_name(&table).billing_mode(BillingMode::PayPerRequest);
    request
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::N))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .attribute_definitions(attribute("beacon", ScalarAttributeType::B))
        .global_secondary_indexes(index.build().unwrap())
        .send()
        .await
        .unwrap();
    loop {
        let described = dynamodb.describe_table().table_name(&table).send().await.unwrap();
        if described.table().unwrap().table_status().unwrap().as_str() == "ACTIVE" {
            return table;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_item_of_every_type_comes_back_as_it_was() {
    let (dynamodb, table) = client_with_table().await;
    let mut full = item("p", 1);
    full.extend([
        ("bytes".to_owned(), AttributeValue::B(Blob::new([0_u8, 255, 7]))),
        ("truth".to_owned(), AttributeValue::Bool(true)),
        ("nothing".to_owned(), AttributeValue::Null(true)),
        ("list".to_owned(), AttributeValue::L(vec![text("a"), AttributeValue::N("-1.5".to_owned())])),
        ("map".to_owned(), AttributeValue::M(HashMap::from([("k".to_owned(), text(""))]))),
        ("texts".to_owned(), AttributeValue::Ss(vec!["x".to_owned(), "y".to_owned()])),
        ("number".to_owned(), AttributeValue::N("12345678901234567890123456789012345678".to_owned())),
    ]);
    dynamodb.put_item().table_name(&table).set_item(Some(full.clone())).send().await.unwrap();
    let get = dynamodb.get_item().table_name(&table).set_key(Some(item("p", 1))).consistent_read(true);
    assert_eq!(get.send().await.unwrap().item, Some(full));
    let get = dynamodb.get_item().table_name(&table).set_key(Some(item("p", 2)));
    assert_eq!(get.send().await.unwrap().item, None);
}

#[tokio::test]
async fn a_conditional_put_is_refused_and_shows_the_old_item() {
    let (dynamodb, table) = client_with_table().await;
    let put = || {
        let request = dynamodb.put_item().table_name(&table).set_item(Some(item("p", 1)));
        request.condition_expression("attribute_not_exists(pk)")
    };
    put().send().await.unwrap();
    let refused = put().return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let refused = refused.send().await.unwrap_err().into_service_error();
    assert_eq!(refused.code(), Some("ConditionalCheckFailedException"));
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) = refused else {
        panic!("a modelled error");
    };
    assert_eq!(refused.item(), Some(&item("p", 1)));
}

#[tokio::test]
async fn a_condition_on_bytes_protects_what_was_read() {
    let (dynamodb, table) = client_with_table().await;
    let header = |byte: u8| AttributeValue::B(Blob::new([byte; 40]));
    let put = |old: u8, new: u8| {
        let request = dynamodb.put_item().table_name(&table).set_item(Some(item("p", 1))).item("header", header(new));
        request
            .condition_expression("attribute_not_exists(pk) OR header = :old")
            .expression_attribute_values(":old", header(old))
            .send()
    };
    put(0, 1).await.unwrap();
    put(1, 2).await.unwrap();
    assert_eq!(crate::site::code(put(1, 3).await), "ConditionalCheckFailedException");
}

#[tokio::test]
async fn an_update_changes_one_attribute() {
    let (dynamodb, table) = client_with_table().await;
    dynamodb.put_item().table_name(&table).set_item(Some(item("p", 1))).item("a", text("1")).send().await.unwrap();
    let update = dynamodb.update_item().table_name(&table).set_key(Some(item("p", 1)));
    update
        .update_expression("SET #b = :b REMOVE a")
        .expression_attribute_names("#b", "b")
        .expression_attribute_values(":b", text("2"))
        .send()
        .await
        .unwrap();
    let mut expected = item("p", 1);
    expected.insert("b".to_owned(), text("2"));
    let get = dynamodb.get_item().table_name(&table).set_key(Some(item("p", 1)));
    assert_eq!(get.send().await.unwrap().item, Some(expected));
}

#[tokio::test]
async fn an_item_may_have_400_kib_and_not_a_byte_more() {
    let (dynamodb, table) = client_with_table().await;
    // Names count too: `pk` and its one byte, `sk` and a number of one digit pair (2 bytes), `v`.
    let overhead = (2 + 1) + (2 + 2) + 1;
    let put = |length: usize| {
        let request = dynamodb.put_item().table_name(&table).set_item(Some(item("p", 1)));
        request.item("v", AttributeValue::B(Blob::new(vec![7; length]))).send()
    };
    put(400 * 1024 - overhead).await.unwrap();
    assert_eq!(crate::site::code(put(400 * 1024 - overhead + 1).await), "ValidationException");
}

#[tokio::test]
async fn a_query_pages_through_one_partition_in_order() {
    let (dynamodb, table) = client_with_table().await;
    for sk in (0..10).rev() {
        for pk in ["p", "q"] {
            dynamodb.put_item().table_name(&table).set_item(Some(item(pk, sk))).send().await.unwrap();
        }
    }
    let query = dynamodb.query().table_name(&table).key_condition_expression("pk = :p AND sk >= :from");
    let query = query
        .expression_attribute_values(":p", text("p"))
        .expression_attribute_values(":from", AttributeValue::N("3".to_owned()))
        .limit(2);
    let found: Result<Vec<_>, _> = query.into_paginator().items().send().collect().await;
    let expected: Vec<_> = (3..10).map(|sk| item("p", sk)).collect();
    assert_eq!(found.unwrap(), expected);
}

#[tokio::test]
async fn the_segments_of_a_parallel_scan_cover_each_item_once() {
    let (dynamodb, table) = client_with_table().await;
    for n in 0..60 {
        dynamodb.put_item().table_name(&table).set_item(Some(item(&format!("p{n}"), n))).send().await.unwrap();
    }
    let segments = 4;
    let scans = (0..segments).map(|segment| {
        let scan = dynamodb.scan().table_name(&table).segment(segment).total_segments(segments).limit(7);
        scan.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
    });
    let found: Vec<Vec<_>> = futures_util::future::try_join_all(scans).await.unwrap();
    assert!(found.iter().filter(|items| !items.is_empty()).count() > 1, "the work is spread");
    let keys: Vec<_> = found.iter().flatten().map(|item| item["pk"].as_s().unwrap().clone()).collect();
    assert_eq!(keys.len(), 60);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 60);
}

#[tokio::test]
async fn a_batch_takes_25_puts() {
    let (dynamodb, table) = client_with_table().await;
    let batch = |count| {
        let puts = (0..count).map(|n| {
            let put = PutRequest::builder().set_item(Some(item("p", n))).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        dynamodb.batch_write_item().request_items(&table, puts.collect()).send()
    };
    let written = batch(25).await.unwrap();
    assert!(written.unprocessed_items().is_none_or(HashMap::is_empty));
    assert_eq!(crate::site::code(batch(26).await), "ValidationException");
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing_and_gives_its_reasons() {
    let (dynamodb, table) = client_with_table().await;
    dynamodb.put_item().table_name(&table).set_item(Some(item("p", 2))).send().await.unwrap();
    let put = |sk| {
        let put = Put::builder().table_name(&table).set_item(Some(item("p", sk)));
        let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    let refused = dynamodb.transact_write_items().transact_items(put(1)).transact_items(put(2)).send().await;
    let refused = refused.unwrap_err().into_service_error();
    let reasons = match &refused {
        aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(e) => {
            e.cancellation_reasons()
        }
        other => panic!("a modelled error, not {other:?}"),
    };
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    let get = dynamodb.get_item().table_name(&table).set_key(Some(item("p", 1)));
    assert_eq!(get.send().await.unwrap().item, None);
}

#[tokio::test]
async fn a_token_makes_a_transaction_happen_once() {
    let (dynamodb, table) = client_with_table().await;
    let token = unique("token");
    let write = |value: &str| {
        let put = Put::builder().table_name(&table).set_item(Some(item("p", 1))).item("v", text(value));
        let put = TransactWriteItem::builder().put(put.build().unwrap()).build();
        dynamodb.transact_write_items().client_request_token(&token).transact_items(put).send()
    };
    write("first").await.unwrap();
    dynamodb.delete_item().table_name(&table).set_key(Some(item("p", 1))).send().await.unwrap();
    write("first").await.unwrap();
    let get = dynamodb.get_item().table_name(&table).set_key(Some(item("p", 1))).consistent_read(true);
    assert_eq!(get.send().await.unwrap().item, None, "the second one was answered, not done");
    assert_eq!(crate::site::code(write("second").await), "IdempotentParameterMismatchException");
}

#[tokio::test]
async fn a_query_of_an_index_finds_a_beacon() {
    let (dynamodb, table) = client_with_table().await;
    let beacon = |byte: u8| AttributeValue::B(Blob::new([byte; 8]));
    for (sk, byte) in [(1, 7), (2, 7), (3, 8)] {
        let put = dynamodb.put_item().table_name(&table).set_item(Some(item("p", sk)));
        put.item("beacon", beacon(byte)).send().await.unwrap();
    }
    dynamodb.put_item().table_name(&table).set_item(Some(item("p", 4))).send().await.unwrap();
    let mut found = BTreeSet::new();
    // An index is eventually consistent.
    for _ in 0..50 {
        let query = dynamodb.query().table_name(&table).index_name("by-beacon");
        let query = query.key_condition_expression("beacon = :b").expression_attribute_values(":b", beacon(7));
        let items = query.send().await.unwrap().items.unwrap();
        found = items.iter().map(|item| item["sk"].as_n().unwrap().clone()).collect();
        if found.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(found, BTreeSet::from(["1".to_owned(), "2".to_owned()]));
}

#[tokio::test]
async fn a_number_is_kept_by_value_not_by_spelling() {
    let (dynamodb, table) = client_with_table().await;
    for (written, kept) in [("1.0", "1"), ("1e3", "1000"), ("-0", "0"), ("007", "7"), ("2.50", "2.5")] {
        let put = dynamodb.put_item().table_name(&table).set_item(Some(item("p", 1)));
        put.item("n", AttributeValue::N(written.to_owned())).send().await.unwrap();
        let get = dynamodb.get_item().table_name(&table).set_key(Some(item("p", 1))).consistent_read(true);
        assert_eq!(get.send().await.unwrap().item.unwrap()["n"], AttributeValue::N(kept.to_owned()), "{written}");
    }
}

#[tokio::test]
async fn bad_requests_have_the_codes_of_the_service() {
    let (dynamodb, table) = client_with_table().await;
    let missing = dynamodb.get_item().table_name(unique("nobody")).set_key(Some(item("p", 1))).send().await;
    assert_eq!(crate::site::code(missing), "ResourceNotFoundException");
    let number = dynamodb.put_item().table_name(&table).set_item(Some(item("p", 1)));
    let number = number.item("n", AttributeValue::N("twelve".to_owned())).send().await;
    assert_eq!(crate::site::code(number), "ValidationException");
    let keyless = dynamodb.put_item().table_name(&table).item("pk", text("p")).send().await;
    assert_eq!(crate::site::code(keyless), "ValidationException");
    let empty_key = dynamodb.put_item().table_name(&table).set_item(Some(item("", 1))).send().await;
    assert_eq!(crate::site::code(empty_key), "ValidationException");
    let empty_set = dynamodb.put_item().table_name(&table).set_item(Some(item("p", 1)));
    let empty_set = empty_set.item("s", AttributeValue::Ss(Vec::new())).send().await;
    assert_eq!(crate::site::code(empty_set), "ValidationException");
}

#[tokio::test]
async fn regions_are_apart() {
    let site = Site::start().await;
    let (here, there) = (site.dynamodb(HERE).await, site.dynamodb(THERE).await);
    let table = new_table(&here).await;
    let found = there.describe_table().table_name(&table).send().await;
    assert_eq!(crate::site::code(found), "ResourceNotFoundException");
}

#[tokio::test]
async fn point_in_time_recovery_is_off_until_it_is_turned_on() {
    use aws_sdk_dynamodb::types::{PointInTimeRecoverySpecification, PointInTimeRecoveryStatus};

    let (dynamodb, table) = client_with_table().await;
    let status = async || {
        let answer = dynamodb.describe_continuous_backups().table_name(&table).send().await.unwrap();
        let recovery = answer.continuous_backups_description.unwrap().point_in_time_recovery_description;
        recovery.unwrap().point_in_time_recovery_status.unwrap()
    };
    assert_eq!(status().await, PointInTimeRecoveryStatus::Disabled);
    let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().unwrap();
    let update = dynamodb.update_continuous_backups().table_name(&table);
    update.point_in_time_recovery_specification(on.clone()).send().await.unwrap();
    assert_eq!(status().await, PointInTimeRecoveryStatus::Enabled);
    let missing = dynamodb.update_continuous_backups().table_name("no-such-table");
    let error = missing.point_in_time_recovery_specification(on).send().await.unwrap_err();
    assert_eq!(error.code(), Some("TableNotFoundException"));
}
