//! What writes give back: the item before and after, and the one that failed a condition, opened where it was asked for.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem, Update,
};
use privet::dynamodb::{Error, SendProtected};
use privet::{ErrorKind, Policy, Protector};

use crate::common::Site;
use crate::{site, text};

const TABLES: [&str; 3] = ["", "integrity = \"field\"", "format = \"db-esdk\""];

type Item = HashMap<String, AttributeValue>;

async fn protector(site: &Site, settings: &str) -> Protector {
    let policy = format!("version = 1\n[resources.things]\nkey = [\"id\"]\n{settings}");
    site.builder().await.policy(Policy::from_toml(&policy).unwrap()).build().unwrap()
}

fn item(email: &str) -> Item {
    [("id", "t"), ("email", email), ("name", "Ada")].map(|(name, value)| (name.to_owned(), text(value))).into()
}

async fn put(site: &Site, privet: &Protector, email: &str) {
    let put = site.dynamodb.put_item().table_name("things").set_item(Some(item(email)));
    put.send_protected(privet).await.unwrap();
}

#[tokio::test]
async fn items_before_and_after_a_write() {
    let site = site().await;
    for settings in TABLES {
        let privet = protector(&site, settings).await;
        for (wanted, expected) in [
            (ReturnValue::None, None),
            (ReturnValue::AllOld, Some(item("old"))),
            (ReturnValue::UpdatedOld, Some([("email".to_owned(), text("old"))].into())),
            (ReturnValue::AllNew, Some(item("new"))),
            (ReturnValue::UpdatedNew, Some([("email".to_owned(), text("new"))].into())),
        ] {
            put(&site, &privet, "old").await;
            let update = site.dynamodb.update_item().table_name("things").key("id", text("t"));
            let update = update.update_expression("SET email = :e").expression_attribute_values(":e", text("new"));
            let output = update.return_values(wanted.clone()).send_protected(&privet).await.unwrap();
            assert_eq!(output.attributes, expected, "{settings}, {wanted}");
        }
        for (wanted, expected) in [(ReturnValue::None, None), (ReturnValue::AllOld, Some(item("new")))] {
            put(&site, &privet, "new").await;
            let again = site.dynamodb.put_item().table_name("things").set_item(Some(item("other")));
            let output = again.return_values(wanted.clone()).send_protected(&privet).await.unwrap();
            assert_eq!(output.attributes, expected, "{settings}, {wanted}");
            put(&site, &privet, "new").await;
            let delete = site.dynamodb.delete_item().table_name("things").key("id", text("t"));
            let output = delete.return_values(wanted.clone()).send_protected(&privet).await.unwrap();
            assert_eq!(output.attributes, expected, "{settings}, {wanted}");
        }
    }
}

#[tokio::test]
async fn items_that_failed_a_condition() {
    const CONDITION: &str = "#n = :x";
    macro_rules! failing {
        ($call:expr, $wanted:expr) => {
            $call
                .condition_expression(CONDITION)
                .expression_attribute_names("#n", "name")
                .expression_attribute_values(":x", text("Eve"))
                .set_return_values_on_condition_check_failure($wanted)
        };
    }
    let site = site().await;
    for settings in TABLES {
        let privet = protector(&site, settings).await;
        put(&site, &privet, "old").await;
        for (wanted, expected) in
            [(None, None), (Some(OnFailure::None), None), (Some(OnFailure::AllOld), Some(item("old")))]
        {
            let failed = |error: Option<Error>| {
                let error = error.expect("the condition does not hold");
                assert_eq!(error.kind(), ErrorKind::Conflict, "{settings}: {error}");
                error
            };
            let call = site.dynamodb.put_item().table_name("things").set_item(Some(item("new")));
            let error = failed(failing!(call, wanted.clone()).send_protected(&privet).await.err());
            assert_eq!(error.item().cloned(), expected, "{settings}, PutItem");
            let call = site.dynamodb.delete_item().table_name("things").key("id", text("t"));
            let error = failed(failing!(call, wanted.clone()).send_protected(&privet).await.err());
            assert_eq!(error.item().cloned(), expected, "{settings}, DeleteItem");
            let call = site.dynamodb.update_item().table_name("things").key("id", text("t"));
            let call = call.update_expression("SET email = :x");
            let error = failed(failing!(call, wanted.clone()).send_protected(&privet).await.err());
            assert_eq!(error.item().cloned(), expected, "{settings}, UpdateItem");

            let put = Put::builder().table_name("things").set_item(Some(item("new")));
            let delete = Delete::builder().table_name("things").key("id", text("t"));
            let update =
                Update::builder().table_name("things").key("id", text("t")).update_expression("SET email = :x");
            let check = ConditionCheck::builder().table_name("things").key("id", text("t"));
            let step = TransactWriteItem::builder;
            for (what, step) in [
                ("Put", step().put(failing!(put, wanted.clone()).build().unwrap())),
                ("Delete", step().delete(failing!(delete, wanted.clone()).build().unwrap())),
                ("Update", step().update(failing!(update, wanted.clone()).build().unwrap())),
                ("ConditionCheck", step().condition_check(failing!(check, wanted.clone()).build().unwrap())),
            ] {
                let call = site.dynamodb.transact_write_items().transact_items(step.build());
                let error = failed(call.send_protected(&privet).await.err());
                let [reason] = error.cancellation_reasons() else { panic!("one reason") };
                assert_eq!(reason.code.as_deref(), Some("ConditionalCheckFailed"));
                assert_eq!(reason.item, expected, "{settings}, {what}");
            }
        }
        let get = site.dynamodb.get_item().table_name("things").key("id", text("t"));
        assert_eq!(get.send_protected(&privet).await.unwrap().item.unwrap(), item("old"), "nothing was written");
    }
}
