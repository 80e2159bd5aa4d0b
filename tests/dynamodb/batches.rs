//! Batches, and what DynamoDB does not get to.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use privet::dynamodb::{Backoff, SendAllKeys, SendAllWrites, SendProtected};
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
