//! What cannot be done on sealed data, in every place that a request can ask for it: refused before the call, with the
//! attribute named.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, AttributeValueUpdate, ComparisonOperator, Condition, ConditionCheck, Delete,
    ExpectedAttributeValue, Get, KeysAndAttributes, Put, TransactGetItem, TransactWriteItem, Update,
};
use privet::dynamodb::{Error, SendProtected, Tables};
use privet::{ErrorKind, Policy, Protect, Protector};
use serde::{Deserialize, Serialize};

use crate::common::Site;
use crate::{number, site, text};

/// Both formats, and records in both integrity modes; and tables that read the other format too.
const TABLES: [&str; 4] =
    ["", "integrity = \"field\"", "format = \"db-esdk\"", "integrity = \"field\"\nreads = [\"db-esdk\"]"];

async fn protector(site: &Site, settings: &str) -> Protector {
    let policy = format!("version = 1\n[resources.things]\nkey = [\"id\"]\nunsigned = [\"ttl\"]\n{settings}");
    site.builder().await.policy(Policy::from_toml(&policy).unwrap()).build().unwrap()
}

type Refused<'a> = Pin<Box<dyn Future<Output = Option<Error>> + Send + 'a>>;

fn sent<'a>(call: impl SendProtected<Output: Send> + Send + 'a, privet: &'a Protector) -> Refused<'a> {
    Box::pin(async move { call.send_protected(privet).await.err() })
}

fn put(client: &Client) -> PutItemFluentBuilder {
    client.put_item().table_name("things").item("id", text("t"))
}

fn delete(client: &Client) -> DeleteItemFluentBuilder {
    client.delete_item().table_name("things").key("id", text("t"))
}

fn transaction<'a>(client: &Client, privet: &'a Protector, item: TransactWriteItem) -> Refused<'a> {
    sent(client.transact_write_items().transact_items(item), privet)
}

/// A condition in each place that takes one. `:v` is text, `:n` a number, `:m` a map, `:t` the name of a type.
macro_rules! with_values {
    ($call:expr) => {
        $call
            .expression_attribute_values(":v", text("secret-value"))
            .expression_attribute_values(":n", number(1))
            .expression_attribute_values(":m", AttributeValue::M([("a".to_owned(), text("secret-value"))].into()))
            .expression_attribute_values(":t", text("M"))
            .expression_attribute_values(":list", text("L"))
            .expression_attribute_values(":bytes", text("B"))
            .expression_attribute_names("#n", "name")
    };
}

fn everywhere<'a>(client: &Client, privet: &'a Protector, condition: &str) -> Vec<(&'static str, Refused<'a>)> {
    let update =
        client.update_item().table_name("things").key("id", text("t")).update_expression("SET created_at = :v");
    let checks = [
        ("TransactWriteItems: Put", {
            let put = Put::builder().table_name("things").item("id", text("t")).condition_expression(condition);
            TransactWriteItem::builder().put(with_values!(put).build().unwrap())
        }),
        ("TransactWriteItems: Delete", {
            let delete = Delete::builder().table_name("things").key("id", text("t")).condition_expression(condition);
            TransactWriteItem::builder().delete(with_values!(delete).build().unwrap())
        }),
        ("TransactWriteItems: Update", {
            let update = Update::builder().table_name("things").key("id", text("t")).condition_expression(condition);
            let update = update.update_expression("SET created_at = :v");
            TransactWriteItem::builder().update(with_values!(update).build().unwrap())
        }),
        ("TransactWriteItems: ConditionCheck", {
            let check = ConditionCheck::builder().table_name("things").key("id", text("t"));
            let check = check.condition_expression(condition);
            TransactWriteItem::builder().condition_check(with_values!(check).build().unwrap())
        }),
    ];
    let mut all = vec![
        ("PutItem", sent(with_values!(put(client)).condition_expression(condition), privet)),
        ("DeleteItem", sent(with_values!(delete(client)).condition_expression(condition), privet)),
        ("UpdateItem", sent(with_values!(update).condition_expression(condition), privet)),
        ("Scan", sent(with_values!(client.scan().table_name("things")).filter_expression(condition), privet)),
        ("Query: filter", {
            let query = with_values!(client.query().table_name("things")).filter_expression(condition);
            sent(query.key_condition_expression("id = :v"), privet)
        }),
        ("Query: key condition", {
            sent(with_values!(client.query().table_name("things")).key_condition_expression(condition), privet)
        }),
    ];
    all.extend(checks.map(|(place, item)| (place, transaction(client, privet, item.build()))));
    all
}

async fn check(what: &str, named: &str, refused: Vec<(&'static str, Refused<'_>)>) {
    for (place, refused) in refused {
        let error = refused.await.unwrap_or_else(|| panic!("{place} lets `{what}` pass"));
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{place}, {what}: {error}");
        assert!(error.to_string().contains(&format!("`{named}`")), "{place}, {what}: {error}");
        assert!(!format!("{error:?}{error}").contains("secret-value"), "{place}, {what}");
    }
}

#[tokio::test]
async fn conditions_and_filters() {
    let site = site().await;
    for settings in TABLES {
        let privet = protector(&site, settings).await;
        site.aws.clear_calls();
        for (condition, named) in [
            ("email = :v", "email"),
            (":v <> email", "email"),
            ("email < :v", "email"),
            ("email >= :v", "email"),
            ("#n = email", "email"),
            ("email BETWEEN :v AND :v", "email"),
            ("#n BETWEEN email AND :v", "email"),
            ("email IN (:v, :n)", "email"),
            ("#n IN (:v, email)", "email"),
            ("begins_with(email, :v)", "email"),
            ("contains(email, :v)", "email"),
            ("contains(#n, email)", "email"),
            ("attribute_type(email, :t)", "email"),
            ("size(email) > :n", "email"),
            ("#n = :v AND NOT (ttl = :n OR profile.email = :v)", "profile.email"),
            ("profile.visits[0] = :v", "profile"),
            ("attribute_exists(address.city)", "address"),
            ("attribute_not_exists(address.city)", "address"),
            ("attribute_exists(privet)", "privet"),
            ("privet = :v", "privet"),
            // One of them may have something sealed in it, or both.
            ("#n = created_at", "created_at"),
            ("created_at <> #n", "created_at"),
            ("created_at IN (:v, #n)", "created_at"),
            ("contains(#n, created_at)", "created_at"),
            ("ttl = #n", "name"),
            ("created_at <> ttl", "created_at"),
            ("ttl IN (:n, #n)", "name"),
            ("contains(ttl, #n)", "name"),
            // A list of which all is sealed is bytes to the table.
            ("attribute_type(created_at, :list)", "created_at"),
            ("attribute_type(created_at, :bytes)", "created_at"),
        ] {
            // In a list of a class, all is sealed as one: how it is said depends on the format.
            let named = if condition.starts_with("profile.visits") { "profile.visits" } else { named };
            check(condition, named, everywhere(&site.dynamodb, &privet, condition)).await;
        }
        assert!(site.aws.calls("dynamodb").is_empty() && site.aws.calls("kms").is_empty());
    }
}

#[tokio::test]
async fn clear_parts_of_what_db_esdk_format_encrypts_whole() {
    let site = site().await;
    for settings in TABLES {
        let privet = protector(&site, settings).await;
        site.aws.clear_calls();
        for (condition, named) in [
            ("profile.#n = :v", "profile"),
            ("begins_with(profile.#n, :v)", "profile"),
            ("contains(profile.#n, :v)", "profile"),
            ("profile.#n BETWEEN :v AND :v", "profile"),
            ("size(profile.#n) > :n", "profile"),
            ("attribute_type(profile.#n, :t)", "profile"),
            ("attribute_exists(profile.#n)", "profile"),
            ("created_at[0].#n = :v", "created_at"),
            ("size(created_at) > :n", "created_at"),
            ("attribute_type(created_at, :t)", "created_at"),
            ("attribute_exists(aws_dbe_head)", "aws_dbe_head"),
            ("aws_dbe_foot = :v", "aws_dbe_foot"),
        ] {
            if settings.contains("db-esdk") {
                check(condition, named, everywhere(&site.dynamodb, &privet, condition)).await;
                continue;
            }
            // Records keep what is in clear where it is. (`aws_dbe_` is a name like any other there, of the default class.)
            let scan = with_values!(site.dynamodb.scan().table_name("things")).filter_expression(condition);
            let passes = !condition.contains("aws_dbe_foot");
            let refused = sent(scan, &privet).await;
            // DynamoDB refuses values that are not used; privet lets it say so.
            let refused = refused.filter(|error| error.kind() == ErrorKind::Unsupported);
            assert_eq!(refused.is_none(), passes, "{condition}: {refused:?}");
        }
        if settings.contains("db-esdk") {
            assert!(site.aws.calls("dynamodb").is_empty());
        }
        // What is stored in clear whatever it is, and whole attributes in clear, can be asked.
        // So can whether something is equal to a key, which has no parts that could be sealed.
        for condition in [
            "#n.a = :v",
            "#n = :v",
            "created_at < :v",
            "attribute_exists(email)",
            "size(id) > :n",
            "created_at = id",
            "contains(created_at, id)",
            "#n <> id",
        ] {
            let scan = site.dynamodb.scan().table_name("things").filter_expression(condition);
            let scan = match condition {
                "#n = :v" => scan.expression_attribute_names("#n", "name"),
                "#n.a = :v" | "#n <> id" => scan.expression_attribute_names("#n", "ttl"),
                _ => scan,
            };
            let scan = match condition {
                _ if condition.contains(":n") => scan.expression_attribute_values(":n", number(1)),
                _ if condition.contains(":v") => scan.expression_attribute_values(":v", text("v")),
                _ => scan,
            };
            scan.send_protected(&privet).await.unwrap();
        }
    }
}

/// What a model says nothing of may hold anything; of what it says there is nothing sealed in, all can be asked.
#[tokio::test]
async fn lists_with_sealed_elements() {
    let site = site().await;
    site.create_table("orders").await;
    for integrity in ["field", "record"] {
        let policy = format!("version = 1\n[resources.orders]\nintegrity = \"{integrity}\"");
        let builder = site.builder().await.policy(Policy::from_toml(&policy).unwrap());
        let privet = builder.audit(privet::audit::TracingSink).model::<Order>().build().unwrap();
        site.aws.clear_calls();
        let scan = |condition: &str| {
            let scan = site.dynamodb.scan().table_name("orders").filter_expression(condition);
            let placeholder = |name: &str| condition.contains(name);
            let scan = if placeholder(":null") {
                scan.expression_attribute_values(":null", AttributeValue::Null(true))
            } else {
                scan
            };
            if placeholder(":l") { scan.expression_attribute_values(":l", AttributeValue::L(vec![])) } else { scan }
        };
        // Elements that are absent or empty are sealed as all others are.
        for condition in ["contains(contacts, :null)", "contains(contacts, :l)", "contains(note, :null)"] {
            check(
                condition,
                if condition.contains("note") { "note" } else { "contacts[0]" },
                vec![(integrity, sent(scan(condition), &privet))],
            )
            .await;
        }
        check("unknown", "more", vec![(integrity, sent(scan("placed = more AND placed <> paid"), &privet))]).await;
        // What is public may still hold names that are not.
        for condition in ["extra = tags", "extra <> placed", "placed IN (tags)", "contains(extra, placed)"] {
            let named = if condition.contains("extra") { "extra" } else { "tags" };
            check(condition, named, vec![(integrity, sent(scan(condition), &privet))]).await;
        }
        assert!(site.aws.calls("dynamodb").is_empty());
        let order = Order { id: integrity.into(), placed: "1".into(), paid: "1".into(), ..Order::default() };
        privet.table::<Order>(&site.dynamodb).unwrap().put(&order).await.unwrap();
        for (condition, count) in [("placed = paid", 1), ("placed <> paid", 0), ("paid IN (placed)", 1)] {
            assert_eq!(scan(condition).send_protected(&privet).await.unwrap().count, count, "{condition}");
        }
        privet.table::<Order>(&site.dynamodb).unwrap().delete(integrity).await.unwrap();
    }
}

#[derive(Protect, Serialize, Deserialize, Default)]
#[protect(resource = "orders", key = "id")]
struct Order {
    #[protect(public)]
    id: String,
    #[protect(public)]
    placed: String,
    #[protect(public)]
    paid: String,
    #[protect(public)]
    extra: serde_json::Value,
    #[protect(public)]
    tags: BTreeMap<String, String>,
    #[protect(nested)]
    contacts: Vec<Contact>,
    #[protect(pii)]
    note: Option<String>,
}

#[derive(Protect, Serialize, Deserialize)]
struct Contact(#[protect(pii)] Option<String>);

#[tokio::test]
async fn updates() {
    let site = site().await;
    for settings in TABLES {
        let privet = protector(&site, settings).await;
        site.aws.clear_calls();
        for (expression, named) in [
            ("ADD age :n", "age"),
            ("SET age = age + :n", "age"),
            ("SET ttl = age - :n", "age"),
            ("SET age = ttl + :n", "age"),
            ("SET age = if_not_exists(age, :n)", "age"),
            ("SET #n = if_not_exists(email, :v)", "email"),
            ("SET #n = email", "email"),
            ("SET email = #n", "email"),
            ("SET tags = list_append(tags, :l)", "tags"),
            ("SET tags = list_append(:l, tags)", "tags"),
            ("DELETE tags :s", "tags"),
            ("ADD tags :s", "tags"),
            ("SET address.city = :v", "address"),
            ("REMOVE address.city", "address"),
            ("SET id = :v", "id"),
            ("REMOVE id", "id"),
            ("SET privet = :v", "privet"),
            ("REMOVE privet", "privet"),
        ] {
            macro_rules! of {
                ($call:expr) => {
                    $call
                        .update_expression(expression)
                        .expression_attribute_names("#n", "name")
                        .expression_attribute_values(":v", text("secret-value"))
                        .expression_attribute_values(":n", number(1))
                        .expression_attribute_values(":l", AttributeValue::L(vec![text("secret-value")]))
                        .expression_attribute_values(":s", AttributeValue::Ss(vec!["secret-value".into()]))
                };
            }
            let one = of!(site.dynamodb.update_item().table_name("things").key("id", text("t")));
            let many = of!(Update::builder().table_name("things").key("id", text("t"))).build().unwrap();
            let many = TransactWriteItem::builder().update(many).build();
            let refused = vec![
                ("UpdateItem", sent(one, &privet)),
                ("TransactWriteItems: Update", transaction(&site.dynamodb, &privet, many)),
            ];
            check(expression, named, refused).await;
        }
        assert!(site.aws.calls("dynamodb").is_empty() && site.aws.calls("kms").is_empty());
    }
}

#[tokio::test]
async fn old_parameters_projections_of_headers_and_statements() {
    let site = site().await;
    for settings in TABLES {
        let privet = protector(&site, settings).await;
        let client = &site.dynamodb;
        site.aws.clear_calls();
        let condition = || {
            let condition = Condition::builder().comparison_operator(ComparisonOperator::Eq);
            condition.attribute_value_list(text("secret-value")).build().unwrap()
        };
        let expected = || ExpectedAttributeValue::builder().value(text("secret-value")).build();
        let change = || AttributeValueUpdate::builder().value(text("secret-value")).build();
        let scan = || client.scan().table_name("things");
        let query = || client.query().table_name("things");
        let get = || client.get_item().table_name("things").key("id", text("t"));
        let update = || client.update_item().table_name("things").key("id", text("t"));
        let keys = || KeysAndAttributes::builder().keys([("id".to_owned(), text("t"))].into());
        let batch = |keys: KeysAndAttributes| client.batch_get_item().request_items("things", keys);
        check(
            "sealed",
            "email",
            vec![
                ("PutItem: Expected", sent(put(client).expected("email", expected()), &privet)),
                ("DeleteItem: Expected", sent(delete(client).expected("email", expected()), &privet)),
                ("Query: KeyConditions", sent(query().key_conditions("email", condition()), &privet)),
                ("Query: QueryFilter", sent(query().query_filter("email", condition()), &privet)),
                ("Scan: ScanFilter", sent(scan().scan_filter("email", condition()), &privet)),
            ],
        )
        .await;
        // What it is compared with has something in it that would be sealed, and so differs from whatever is stored.
        let inside = || AttributeValue::M([("email".to_owned(), text("secret-value"))].into());
        let differs =
            || Condition::builder().comparison_operator(ComparisonOperator::Ne).attribute_value_list(inside());
        let other = || ExpectedAttributeValue::builder().comparison_operator(ComparisonOperator::Ne);
        let other = || other().attribute_value_list(inside()).build();
        check(
            "inside",
            "name.email",
            vec![
                ("DeleteItem: Expected", sent(delete(client).expected("name", other()), &privet)),
                ("Scan: ScanFilter", sent(scan().scan_filter("name", differs().build().unwrap()), &privet)),
            ],
        )
        .await;
        let instead = |instead: &'static str, refused| check("old", instead, refused);
        instead(
            "ConditionExpression",
            vec![("UpdateItem: Expected", sent(update().expected("name", expected()), &privet))],
        )
        .await;
        instead(
            "UpdateExpression",
            vec![("UpdateItem: AttributeUpdates", sent(update().attribute_updates("name", change()), &privet))],
        )
        .await;
        instead(
            "ProjectionExpression",
            vec![
                ("GetItem", sent(get().attributes_to_get("name"), &privet)),
                ("Query", sent(query().attributes_to_get("name"), &privet)),
                ("Scan", sent(scan().attributes_to_get("name"), &privet)),
                ("BatchGetItem", sent(batch(keys().attributes_to_get("name").build().unwrap()), &privet)),
            ],
        )
        .await;
        let one = Get::builder().table_name("things").key("id", text("t")).projection_expression("privet");
        let one = TransactGetItem::builder().get(one.build().unwrap()).build();
        check(
            "privet",
            "privet",
            vec![
                ("GetItem", sent(get().projection_expression("privet"), &privet)),
                ("Query", sent(query().projection_expression("privet"), &privet)),
                (
                    "Scan",
                    sent(
                        scan().projection_expression("#n, privet.x").expression_attribute_names("#n", "name"),
                        &privet,
                    ),
                ),
                ("BatchGetItem", sent(batch(keys().projection_expression("privet").build().unwrap()), &privet)),
                ("TransactGetItems", sent(client.transact_get_items().transact_items(one), &privet)),
            ],
        )
        .await;
        for (operation, refused) in [
            ("ExecuteStatement", sent(client.execute_statement().statement("SELECT * FROM things"), &privet)),
            ("BatchExecuteStatement", sent(client.batch_execute_statement(), &privet)),
            ("ExecuteTransaction", sent(client.execute_transaction(), &privet)),
        ] {
            check("PartiQL", operation, vec![(operation, refused)]).await;
        }
        assert!(site.aws.calls("dynamodb").is_empty() && site.aws.calls("kms").is_empty());
    }
}
