//! Projections, queries, scans, pages.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::{AttributeValue, Get, KeysAndAttributes, Select, TransactGetItem};
use futures_util::TryStreamExt as _;
use privet::dynamodb::{IntoProtectedPages, SendProtected};
use serde_json::Value as Json;

use crate::{MODES, number, protector, site, text};

async fn put(site: &crate::common::Site, privet: &privet::Protector, id: &str) {
    let put = site.dynamodb.put_item().table_name("things").item("id", text(id)).item("name", text(id));
    let visits = AttributeValue::L(
        [1, 2, 3].map(|n| AttributeValue::M([("n".to_owned(), number(n)), ("t".to_owned(), text("x"))].into())).into(),
    );
    let profile = AttributeValue::M([("email".to_owned(), text("a@b.example")), ("name".to_owned(), text("A"))].into());
    let put = put.item("visits", visits).item("profile", profile).item("email", text(&format!("{id}@example.com")));
    put.send_protected(privet).await.unwrap();
}

#[tokio::test]
async fn projections_reach_into_what_is_sealed() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        put(&site, &privet, mode).await;
        let get = site.dynamodb.get_item().table_name("things").key("id", text(mode));
        let get = get.projection_expression("#v[2].n, #v[0].t, profile.email, nothing");
        let item = get.expression_attribute_names("#v", "visits").send_protected(&privet).await.unwrap().item.unwrap();
        let member = |name: &str, value| AttributeValue::M([(name.to_owned(), value)].into());
        let expected = [
            ("visits".to_owned(), AttributeValue::L(vec![member("t", text("x")), member("n", number(3))])),
            ("profile".to_owned(), member("email", text("a@b.example"))),
        ];
        assert_eq!(item, expected.into(), "{mode}");
    }
}

/// What requests ask for, by the name of the operation.
#[derive(Debug, Clone, Default)]
struct Asked(Arc<Mutex<Vec<(String, Json)>>>);

impl Asked {
    /// A client whose requests are kept here.
    fn client(&self, client: &Client) -> Client {
        Client::from_conf(client.config().to_builder().interceptor(self.clone()).build())
    }

    fn take(&self) -> Vec<(String, Json)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Intercept for Asked {
    fn name(&self) -> &'static str {
        "asked"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().ok_or("a request of DynamoDB is no stream")?;
        self.0.lock().unwrap().push((operation, serde_json::from_slice(body)?));
        Ok(())
    }
}

/// The attributes that a request's projection names; `None` if it asks for all.
fn attributes(request: &Json) -> Option<BTreeSet<String>> {
    let names = request["ProjectionExpression"].as_str()?.split(", ");
    Some(names.map(|name| request["ExpressionAttributeNames"][name].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn a_projection_fetches_no_more_than_it_needs() {
    let site = site().await;
    let (asked, id) = (Asked::default(), text("t-1"));
    let client = asked.client(&site.dynamodb);
    for mode in MODES {
        let privet = protector(&site, mode).await;
        put(&site, &privet, "t-1").await;
        let one = KeysAndAttributes::builder().keys([("id".to_owned(), id.clone())].into());
        let one = one.projection_expression("email").build().unwrap();
        let transacted = Get::builder().table_name("things").key("id", id.clone()).projection_expression("email");
        let transacted = TransactGetItem::builder().get(transacted.build().unwrap()).build();
        let query = client.query().table_name("things").key_condition_expression("id = :id");

        let get = client.get_item().table_name("things").key("id", id.clone()).projection_expression("email");
        let mut items = vec![get.send_protected(&privet).await.unwrap().item.unwrap()];
        let query = query.expression_attribute_values(":id", id.clone()).projection_expression("email");
        items.extend(query.send_protected(&privet).await.unwrap().items.unwrap());
        let scan = client.scan().table_name("things").projection_expression("email");
        items.extend(scan.send_protected(&privet).await.unwrap().items.unwrap());
        let batch = client.batch_get_item().request_items("things", one).send_protected(&privet).await.unwrap();
        items.extend(batch.responses.unwrap().remove("things").unwrap());
        let transaction = client.transact_get_items().transact_items(transacted).send_protected(&privet).await.unwrap();
        items.extend(transaction.responses.unwrap().into_iter().map(|response| response.item.unwrap()));
        assert_eq!(items, vec![HashMap::from([("email".to_owned(), text("t-1@example.com"))]); 5], "{mode}");

        // What is sealed on its own is opened with the header; what is verified as a whole is fetched as a whole.
        let needed = (mode == "field").then(|| ["email", "id", "privet"].map(str::to_owned).into());
        let requests = asked.take();
        let operations: Vec<_> = requests.iter().map(|(operation, _)| operation.as_str()).collect();
        assert_eq!(operations, ["GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"]);
        for (operation, request) in &requests {
            let request = match operation.as_str() {
                "BatchGetItem" => &request["RequestItems"]["things"],
                "TransactGetItems" => &request["TransactItems"][0]["Get"],
                _ => request,
            };
            assert_eq!(attributes(request), needed, "{mode}: {operation}");
        }
    }
}

#[tokio::test]
async fn queries_filters_and_counts() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        put(&site, &privet, mode).await;
        let query = || {
            let query = site.dynamodb.query().table_name("things").key_condition_expression("id = :id");
            query.expression_attribute_values(":id", text(mode))
        };
        let found = query().send_protected(&privet).await.unwrap();
        assert_eq!(found.items()[0]["email"], text(&format!("{mode}@example.com")));
        let filtered = query().filter_expression("#n = :n").expression_attribute_names("#n", "name");
        let filtered =
            filtered.expression_attribute_values(":n", text("nobody")).send_protected(&privet).await.unwrap();
        assert_eq!((filtered.count, filtered.scanned_count), (0, 1));
        let counted = query().select(Select::Count).send_protected(&privet).await.unwrap();
        assert_eq!((counted.count, counted.items().len()), (1, 0));
        let projected = query().projection_expression("email").select(Select::SpecificAttributes);
        let projected = projected.send_protected(&privet).await.unwrap();
        assert_eq!(projected.items()[0].len(), 1);
    }
}

#[tokio::test]
async fn scans_in_segments_and_pages() {
    let site = site().await;
    let privet = protector(&site, "record").await;
    for id in 0..23 {
        put(&site, &privet, &format!("t-{id:02}")).await;
    }
    let mut seen = BTreeSet::new();
    for segment in 0..3 {
        let scan = site.dynamodb.scan().table_name("things").segment(segment).total_segments(3).limit(4);
        let items: Vec<_> = scan.into_protected_items(&privet).try_collect().await.unwrap();
        for item in items {
            assert_eq!(item["email"], text(&format!("{}@example.com", item["id"].as_s().unwrap())));
            assert!(seen.insert(item["id"].as_s().unwrap().clone()));
        }
    }
    assert_eq!(seen.len(), 23);
    let scan = site.dynamodb.scan().table_name("things").limit(5);
    let pages: Vec<_> = scan.into_protected_pages(&privet).try_collect().await.unwrap();
    assert!(pages.len() >= 5 && pages.iter().map(|page| page.items().len()).sum::<usize>() == 23);
    // An item that does not open ends the stream with an error, and is not left out.
    let mut stored = site.stored("things", "t-07").await.unwrap();
    stored.insert("name".into(), text("Eve"));
    site.store("things", stored).await;
    let scan = site.dynamodb.scan().table_name("things").limit(5);
    assert!(scan.into_protected_items(&privet).try_collect::<Vec<_>>().await.is_err());
}
