//! Transactions.

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Get, Put, ReturnValuesOnConditionCheckFailure, TransactGetItem, TransactWriteItem,
    Update,
};
use privet::ErrorKind;
use privet::dynamodb::SendProtected;

use crate::{MODES, number, protector, site, text};

fn put(id: &str, email: &str) -> TransactWriteItem {
    let put = Put::builder().table_name("things").item("id", text(id)).item("email", text(email));
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

fn update(id: &str, email: &str) -> TransactWriteItem {
    let update = Update::builder().table_name("things").key("id", text(id)).update_expression("SET email = :e");
    let update = update.expression_attribute_values(":e", text(email));
    TransactWriteItem::builder().update(update.build().unwrap()).build()
}

#[tokio::test]
async fn writes_and_reads_together() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let (a, b) = (format!("{mode}-a"), format!("{mode}-b"));
        let write = |items: Vec<TransactWriteItem>| {
            site.dynamodb.transact_write_items().set_transact_items(Some(items)).send_protected(&privet)
        };
        write(vec![put(&a, "1@e.example"), put(&b, "2@e.example")]).await.unwrap();
        write(vec![put(&a, "3@e.example"), update(&b, "4@e.example")]).await.unwrap();
        let get = |id: &str| {
            let get = Get::builder().table_name("things").key("id", text(id)).projection_expression("email");
            TransactGetItem::builder().get(get.build().unwrap()).build()
        };
        let read = || async {
            let call = site.dynamodb.transact_get_items().transact_items(get(&a)).transact_items(get(&b));
            let output = call.send_protected(&privet).await.unwrap();
            output.responses().iter().map(|response| response.item().unwrap()["email"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(read().await, [text("3@e.example"), text("4@e.example")]);
        // One condition does not hold: nothing is written, and whoever asked gets the item.
        let check = ConditionCheck::builder().table_name("things").key("id", text(&a));
        let check = check.condition_expression("attribute_not_exists(id)");
        let check = check.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let check = TransactWriteItem::builder().condition_check(check.build().unwrap()).build();
        let error = write(vec![check, update(&b, "5@e.example")]).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let [first, second] = error.cancellation_reasons() else { panic!("two reasons") };
        assert_eq!(first.code.as_deref(), Some("ConditionalCheckFailed"));
        assert_eq!(first.item.as_ref().unwrap()["email"], text("3@e.example"));
        assert!(second.code.is_none());
        assert!(!format!("{error:?}").contains("example"));
        assert_eq!(read().await, [text("3@e.example"), text("4@e.example")]);
        // An update of what is not there makes it.
        let c = format!("{mode}-c");
        write(vec![update(&c, "6@e.example")]).await.unwrap();
        let item = site.dynamodb.get_item().table_name("things").key("id", text(&c)).send_protected(&privet).await;
        assert_eq!(item.unwrap().item.unwrap()["email"], text("6@e.example"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_meet_do_not_lose_updates() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let id = format!("{mode}-t");
        let write = site.dynamodb.transact_write_items().transact_items(put(&id, "0@e.example"));
        write.send_protected(&privet).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..6 {
            let (privet, dynamodb, id) = (privet.clone(), site.dynamodb.clone(), id.clone());
            writers.spawn(async move {
                let update = Update::builder().table_name("things").key("id", text(&id));
                let update =
                    update.update_expression("SET #f = :v").expression_attribute_names("#f", format!("w{writer}"));
                let update = update.expression_attribute_values(":v", text("x")).build().unwrap();
                let item = TransactWriteItem::builder().update(update).build();
                dynamodb.transact_write_items().transact_items(item).send_protected(&privet).await.unwrap();
            });
        }
        while let Some(done) = writers.join_next().await {
            done.unwrap();
        }
        let item = site.dynamodb.get_item().table_name("things").key("id", text(&id)).send_protected(&privet).await;
        assert_eq!(item.unwrap().item.unwrap().len(), 8);
    }
}

/// An action that DynamoDB finds invalid says nothing of what the items of the others have sealed.
#[tokio::test]
async fn only_an_update_that_was_invalid_is_explained_by_what_is_sealed() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        // A list of which all is sealed is one value to the table.
        let contacts = AttributeValue::L(vec![AttributeValue::M([("email".to_owned(), text("a@e.example"))].into())]);
        for id in ["one", "other"] {
            let put = site.dynamodb.put_item().table_name("things").item("id", text(&format!("{mode}-{id}")));
            put.item("name", contacts.clone()).item("ttl", number(1)).send_protected(&privet).await.unwrap();
        }
        let update = |id: &str, expression: &str| {
            let update = Update::builder().table_name("things").key("id", text(&format!("{mode}-{id}")));
            let update = update.update_expression(expression).expression_attribute_values(":v", text("secret"));
            let update = match expression.contains("#n") {
                true => update.expression_attribute_names("#n", "name"),
                false => update,
            };
            TransactWriteItem::builder().update(update.build().unwrap()).build()
        };
        let keeps = || update("one", "SET #n = if_not_exists(#n, :v)");
        let invalid_put = Put::builder().table_name("things").item("id", number(1)).build().unwrap();
        let invalid_put = TransactWriteItem::builder().put(invalid_put).build();
        let invalid_update = || update("other", "SET ttl.a.b = :v");
        // What is read before, with record integrity, and afterwards of the update that was invalid.
        let (before, after) = if mode == "record" { (1, 0) } else { (0, 1) };
        for (actions, calls) in [
            (vec![keeps(), invalid_put.clone()], before + 1),
            (vec![keeps(), invalid_update()], before + 1 + after),
            (vec![invalid_put], 1),
        ] {
            site.aws.clear_calls();
            let last = actions.len() - 1;
            let call = site.dynamodb.transact_write_items().set_transact_items(Some(actions));
            let error = call.send_protected(&privet).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Input, "{mode}: {error}");
            let codes: Vec<_> = error.cancellation_reasons().iter().map(|reason| reason.code.as_deref()).collect();
            assert_eq!(codes[last], Some("ValidationError"), "{mode}: {error}");
            assert!(codes[..last].iter().all(Option::is_none), "{mode}: {error}");
            assert_eq!(site.aws.calls("dynamodb").len(), calls, "{mode}");
        }
    }
}
