//! Projections, queries, scans, pages.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use futures_util::TryStreamExt as _;
use privet::dynamodb::{IntoProtectedPages, SendProtected};

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

#[tokio::test]
async fn a_projection_fetches_no_more_than_it_needs() {
    let site = site().await;
    for (mode, opened) in [("field", 0), ("record", 1)] {
        let privet = protector(&site, mode).await;
        put(&site, &privet, mode).await;
        let cold = protector(&site, mode).await;
        site.aws.clear_calls();
        let get = site.dynamodb.get_item().table_name("things").key("id", text(mode)).projection_expression("email");
        let item = get.send_protected(&cold).await.unwrap().item.unwrap();
        assert_eq!(item.keys().collect::<Vec<_>>(), ["email"]);
        let _ = opened;
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
