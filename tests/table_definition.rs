//! Tables as an operator wants them: what is asked of DynamoDB, what is waited for, and what is reported of a table that
//! exists.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ProvisionedThroughput, ScalarAttributeType, SseType,
    StreamViewType,
};
use common::scripted::Scripted;
use common::{Customer, REGION, Site};
use privet::dynamodb::{
    EnsuredTable, Error, IndexDefinition, IndexProjection, KeyAttribute, TableDefinition, TableDifference, Tables,
    Tenancy, ensure_table,
};
use privet::{ErrorKind, Policy, Protect, Protector};
use privet_testkit::{Deny, EmbeddedAws, Fault};
use serde::{Deserialize, Serialize};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "orders", key = "shop, number")]
struct Order {
    #[protect(public)]
    shop: ShopId,
    #[protect(public)]
    number: u64,
    #[protect(public)]
    status: String,
    #[protect(pii, category = "contact", category = "phi")]
    email: String,
}

#[derive(Protect, Serialize, Deserialize)]
struct ShopId(#[protect(public)] String);

async fn client(aws: &EmbeddedAws) -> Client {
    Client::new(&aws.config(REGION).await)
}

async fn orders() -> TableDefinition {
    TableDefinition::of_model::<Order>(&Site::start().await.protector().await, KEY).unwrap()
}

fn by_status() -> IndexDefinition {
    IndexDefinition::new("by-status", KeyAttribute::new("status", ScalarAttributeType::S))
        .sort(KeyAttribute::new("number", ScalarAttributeType::N))
        .projection(IndexProjection::Keys)
}

fn differences(ensured: &EnsuredTable) -> Vec<String> {
    ensured.differences.iter().map(TableDifference::to_string).collect()
}

fn config_error<T>(result: Result<T, Error>) -> String {
    let Err(error) = result else { panic!("this should have failed") };
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    error.to_string()
}

#[tokio::test]
async fn the_request_says_all_that_the_definition_does() {
    let aws = EmbeddedAws::start().await;
    let definition = orders().await.index(by_status()).stream(StreamViewType::NewAndOldImages);
    let definition = definition.tag("team", "billing").tenancy(Tenancy::Shared);
    let request = definition.create_table(&client(&aws).await).unwrap();
    let request = request.as_input().clone().build().unwrap();

    assert_eq!(request.table_name(), Some("orders"));
    assert_eq!(request.billing_mode(), Some(&BillingMode::PayPerRequest));
    assert_eq!(request.deletion_protection_enabled(), Some(true));
    let key: Vec<_> = request.key_schema().iter().map(|key| (key.attribute_name(), key.key_type().as_str())).collect();
    assert_eq!(key, [("shop", "HASH"), ("number", "RANGE")]);
    let types = request.attribute_definitions().iter();
    let types: Vec<_> =
        types.map(|attribute| (attribute.attribute_name(), attribute.attribute_type().as_str())).collect();
    assert_eq!(types, [("number", "N"), ("shop", "S"), ("status", "S")]);
    let sse = request.sse_specification().unwrap();
    assert_eq!((sse.enabled(), sse.sse_type(), sse.kms_master_key_id()), (Some(true), Some(&SseType::Kms), Some(KEY)));
    let stream = request.stream_specification().unwrap();
    assert_eq!((stream.stream_enabled(), stream.stream_view_type()), (true, Some(&StreamViewType::NewAndOldImages)));
    let [index] = request.global_secondary_indexes() else { panic!("one index was defined") };
    assert_eq!(index.index_name(), "by-status");
    let projection = index.projection().unwrap().projection_type().unwrap();
    assert_eq!(projection.as_str(), "KEYS_ONLY");
    let tags: BTreeMap<_, _> = request.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
    let expected = [
        ("privet:categories", "contact phi"),
        ("privet:classes", "public pii"),
        ("privet:integrity", "record"),
        ("privet:resource", "orders"),
        ("privet:tenancy", "shared"),
        ("team", "billing"),
    ];
    assert_eq!(tags, BTreeMap::from(expected));
}

#[tokio::test]
async fn a_table_is_created_once_with_all_of_it() {
    let dynamodb = Site::start().await.dynamodb;
    let definition = orders().await.index(by_status()).stream(StreamViewType::NewImage);
    assert_eq!(definition.differences(&dynamodb).await.unwrap(), None);
    let ensured = ensure_table(&dynamodb, &definition).await.unwrap();
    assert!(ensured.created);
    assert_eq!(differences(&ensured), [""; 0]);
    let recovery = dynamodb.describe_continuous_backups().table_name("orders").send().await.unwrap();
    let recovery = recovery.continuous_backups_description.unwrap().point_in_time_recovery_description.unwrap();
    assert_eq!(recovery.point_in_time_recovery_status.unwrap().as_str(), "ENABLED");

    let again = ensure_table(&dynamodb, &definition).await.unwrap();
    assert!(!again.created && again.differences.is_empty());
    assert_eq!(definition.differences(&dynamodb).await.unwrap(), Some(Vec::new()));
}

#[tokio::test]
async fn a_table_that_is_as_it_should_be_is_only_looked_at() {
    let aws = EmbeddedAws::start().await;
    let (dynamodb, definition) = (client(&aws).await, orders().await);
    ensure_table(&dynamodb, &definition).await.unwrap();
    aws.clear_calls();
    ensure_table(&dynamodb, &definition).await.unwrap();
    definition.differences(&dynamodb).await.unwrap();
    let reads = ["DescribeTable", "DescribeContinuousBackups", "ListTagsOfResource"];
    assert!(aws.calls("dynamodb").iter().all(|call| reads.contains(&call.operation.as_str())));
}

#[tokio::test]
async fn a_table_that_was_made_so_holds_records() {
    let site = Site::start().await;
    let privet = site.protector().await;
    let definition = TableDefinition::of_model::<Order>(&privet, KEY).unwrap();
    ensure_table(&site.dynamodb, &definition).await.unwrap();
    let orders = privet.table::<Order>(&site.dynamodb).unwrap();
    let order = Order { shop: ShopId("s-1".into()), number: 7, status: "open".into(), email: "ada@example.com".into() };
    orders.put(&order).await.unwrap();
    assert_eq!(orders.get(("s-1", 7)).await.unwrap().unwrap().email, "ada@example.com");
}

#[tokio::test]
async fn differences_of_a_table_that_exists_are_told_and_nothing_is_changed() {
    let aws = EmbeddedAws::start().await;
    let dynamodb = client(&aws).await;
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
    let key = |name: &str, role| KeySchemaElement::builder().attribute_name(name).key_type(role).build().unwrap();
    let throughput = ProvisionedThroughput::builder().read_capacity_units(1).write_capacity_units(1).build().unwrap();
    let other = IndexDefinition::new("by-shop", KeyAttribute::new("shop", ScalarAttributeType::S));
    let other = other.projection(IndexProjection::Attributes(vec!["status".into()]));
    // What the application's table was before anyone thought of definitions.
    let mut old = orders().await.index(other).create_table(&dynamodb).unwrap();
    old = old.set_attribute_definitions(None).set_key_schema(None).set_tags(None);
    old = old.billing_mode(BillingMode::Provisioned).provisioned_throughput(throughput.clone());
    let mut index = old.get_global_secondary_indexes().clone().unwrap();
    index[0].provisioned_throughput = Some(throughput);
    old.set_global_secondary_indexes(Some(index))
        .set_sse_specification(None)
        .deletion_protection_enabled(false)
        .attribute_definitions(attribute("shop", ScalarAttributeType::S))
        .attribute_definitions(attribute("number", ScalarAttributeType::S))
        .key_schema(key("shop", KeyType::Hash))
        .key_schema(key("number", KeyType::Range))
        .tags(aws_sdk_dynamodb::types::Tag::builder().key("privet:classes").value("public").build().unwrap())
        .send()
        .await
        .unwrap();

    let wanted = orders().await.index(by_status()).stream(StreamViewType::NewImage);
    aws.clear_calls();
    let ensured = ensure_table(&dynamodb, &wanted).await.unwrap();
    assert!(!ensured.created);
    assert_eq!(
        differences(&ensured),
        [
            "the key is `shop` (S), `number` (S), and should be `shop` (S), `number` (N): it takes another table",
            "it is billed by provisioned capacity, and should be by request",
            "DynamoDB encrypts it under a key that DynamoDB owns, and should under \
             `arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`",
            "point-in-time recovery is off",
            "it is not protected against deletion",
            "its stream is off, and should be `NEW_IMAGE`",
            "the tag `privet:categories` is missing, and should be `contact phi`",
            "the tag `privet:classes` is `public`, and should be `public pii`",
            "the tag `privet:integrity` is missing, and should be `record`",
            "the tag `privet:resource` is missing, and should be `orders`",
            "the index `by-status` is missing",
            "the index `by-shop` is in no definition",
        ]
    );
    let decisive: Vec<_> = ensured.differences.iter().filter(|difference| difference.needs_another_table()).collect();
    assert_eq!(decisive.len(), 1);
    assert!(aws.calls("dynamodb").iter().all(|call| !call.operation.starts_with("Update")));

    // The other way round: what the definition does without is no difference, but a stream and an index are.
    let less = orders().await.without_recovery().without_deletion_protection().with_aws_managed_key();
    let found: Vec<_> = less.differences(&dynamodb).await.unwrap().unwrap();
    assert!(!found.contains(&TableDifference::Recovery) && !found.contains(&TableDifference::DeletionProtection));
    let encryption = TableDifference::Encryption { wanted: None, found: None };
    assert!(found.contains(&encryption) && encryption.to_string().contains("aws/dynamodb"));
}

#[tokio::test]
async fn an_index_with_another_key_or_content_is_a_difference() {
    let dynamodb = &Site::start().await.dynamodb;
    ensure_table(dynamodb, &orders().await.index(by_status())).await.unwrap();
    let other = |index| async { orders().await.index(index).differences(dynamodb).await.unwrap().unwrap() };
    let different = [TableDifference::Index { name: "by-status".into() }];
    assert_eq!(other(by_status()).await, []);
    assert_eq!(other(by_status().projection(IndexProjection::All)).await, different);
    let by_shop = by_status().sort(KeyAttribute::new("shop", ScalarAttributeType::S));
    assert_eq!(other(by_shop).await, different);
}

#[tokio::test]
async fn who_is_second_waits_for_the_first() {
    let aws = EmbeddedAws::start().await;
    let dynamodb = client(&aws).await;
    let definition = orders().await;
    let racers = (0..8).map(|_| ensure_table(&dynamodb, &definition));
    for ensured in futures_util::future::join_all(racers).await {
        assert_eq!(differences(&ensured.unwrap()), [""; 0]);
    }
    let created = aws.calls("dynamodb").into_iter().filter(|call| call.operation == "CreateTable" && call.succeeded());
    assert_eq!(created.count(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_leaves_no_table_without_recovery() {
    let aws = EmbeddedAws::start().await;
    aws.fault(Fault::on("dynamodb", "CreateTable").times(1).answer_lost());
    let ensured = ensure_table(&client(&aws).await, &orders().await).await.unwrap();
    assert!(ensured.created && ensured.differences.is_empty());
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out() {
    let aws = EmbeddedAws::start().await;
    // More than the client repeats by itself.
    for (operation, code) in [
        ("CreateTable", "LimitExceededException"),
        ("DescribeTable", "ThrottlingException"),
        ("UpdateContinuousBackups", "ContinuousBackupsUnavailableException"),
        ("ListTagsOfResource", "ThrottlingException"),
    ] {
        aws.fault(Fault::on("dynamodb", operation).times(7).error(code));
    }
    let ensured = ensure_table(&client(&aws).await, &orders().await).await.unwrap();
    assert!(ensured.created && ensured.differences.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_table_that_never_becomes_usable_is_not_waited_for_forever() {
    let start = tokio::time::Instant::now();
    let creating = Scripted::answering(200, r#"{"Table": {"TableName": "orders", "TableStatus": "CREATING"}}"#);
    let definition = orders().await.patience(Duration::from_secs(60));
    let error = ensure_table(&Client::new(&creating.config().await), &definition).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Io, true));
    assert_eq!(error.to_string(), "the table `orders` is not ready yet: try again");
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(50) && waited <= Duration::from_secs(60), "{waited:?}");
    assert!((10..40).contains(&creating.asked().len()), "{}", creating.asked().len());

    // Created, and then nobody has heard of it.
    let aws = EmbeddedAws::start().await;
    aws.fault(Fault::on("dynamodb", "DescribeTable").error("ResourceNotFoundException"));
    let error = ensure_table(&client(&aws).await, &definition).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Io, true));
}

#[tokio::test]
async fn a_table_that_cannot_be_used_says_why() {
    for (status, kind) in [
        ("DELETING", ErrorKind::Conflict),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", ErrorKind::KeyUnavailable),
        ("ARCHIVED", ErrorKind::Config),
    ] {
        let answer = format!(r#"{{"Table": {{"TableName": "orders", "TableStatus": "{status}"}}}}"#);
        let dynamodb = Client::new(&Scripted::answering(200, answer).config().await);
        assert_eq!(ensure_table(&dynamodb, &orders().await).await.unwrap_err().kind(), kind, "{status}");
    }
    let aws = EmbeddedAws::start().await;
    aws.deny(Deny::everyone().service("dynamodb").operation("CreateTable"));
    let error = ensure_table(&client(&aws).await, &orders().await).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Denied, Some("AccessDeniedException")));
}

#[tokio::test]
async fn what_a_definition_must_not_be() {
    let aws = EmbeddedAws::start().await;
    let dynamodb = client(&aws).await;
    let on = |name: &str, kind| IndexDefinition::new("index", KeyAttribute::new(name, kind));
    let sealed = orders().await.index(on("email", ScalarAttributeType::S)).create_table(&dynamodb);
    assert!(config_error(sealed).contains("`email`, which is sealed"));
    let twice = orders().await.index(by_status()).index(by_status()).create_table(&dynamodb);
    assert_eq!(config_error(twice), "two indexes are called `by-status`");
    let two_types = orders().await.index(on("number", ScalarAttributeType::S));
    assert!(config_error(two_types.create_table(&dynamodb)).contains("`number` is of type"));
    assert!(config_error(ensure_table(&dynamodb, &two_types).await).contains("`number` is of type"));
    assert!(aws.calls("dynamodb").is_empty());

    let privet = Site::start().await.protector().await;
    for key in ["", "alias/tables", "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:kms:eu-west-1:1:alias/x"] {
        assert!(
            config_error(TableDefinition::of_model::<Customer>(&privet, key)).contains("the ARN of a key"),
            "{key}"
        );
    }
}

#[tokio::test]
async fn the_types_of_keys_come_from_the_model_or_are_said() {
    #[derive(Protect, Serialize, Deserialize)]
    #[protect(resource = "odd", key = "id")]
    struct Odd {
        #[protect(public)]
        id: serde_json::Value,
    }
    let site = Site::start().await;
    let policy = "version = 1\n[resources.things]\ntable = \"things-of-test\"\nintegrity = \"field\"\nkey = [\"id\"]";
    let privet: Protector = site.builder().await.policy(Policy::from_toml(policy).unwrap()).build().unwrap();
    let unclear = config_error(TableDefinition::of_model::<Odd>(&privet, KEY));
    assert!(unclear.contains("`id` of `Odd`"), "{unclear}");

    let things = privet.resource("things").unwrap();
    for types in [&[][..], &[ScalarAttributeType::S, ScalarAttributeType::N]] {
        assert!(
            config_error(TableDefinition::of_resource(&things, types, KEY)).contains("the key of `things` is [id]")
        );
    }
    let definition = TableDefinition::of_resource(&things, &[ScalarAttributeType::B], KEY).unwrap();
    assert_eq!(definition.table(), "things-of-test");
    assert!(ensure_table(&site.dynamodb, &definition).await.unwrap().created);
    let table = site.dynamodb.describe_table().table_name("things-of-test").send().await.unwrap().table.unwrap();
    assert_eq!(table.attribute_definitions()[0].attribute_type(), &ScalarAttributeType::B);
    let tags = site.dynamodb.list_tags_of_resource().resource_arn(table.table_arn().unwrap()).send().await.unwrap();
    let tags: BTreeMap<_, _> = tags.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
    // Without a model anything may come.
    assert_eq!(tags["privet:classes"], "public pii sensitive confidential");
    assert_eq!(tags["privet:integrity"], "field");
}
