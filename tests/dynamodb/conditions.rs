//! Conditions and filters: what passes, and what is refused before the call with the attribute named.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use privet::ErrorKind;
use privet::dynamodb::SendProtected;

use crate::{MODES, kind, number, protector, site, text};

#[tokio::test]
async fn what_cannot_be_asked_of_sealed_values_is_refused_before_the_call() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        site.aws.clear_calls();
        for (condition, named) in [
            ("email = :v", "email"),
            (":v <> email", "email"),
            ("email > :v", "email"),
            ("email BETWEEN :v AND :v", "email"),
            ("email IN (:v, :v)", "email"),
            ("begins_with(email, :v)", "email"),
            ("contains(email, :v)", "email"),
            ("attribute_type(email, :v)", "email"),
            ("size(email) > :v", "email"),
            ("attribute_exists(id) AND NOT (#n = :v OR profile.email = :v)", "profile.email"),
            ("attribute_exists(address.city)", "address"),
            ("attribute_exists(privet)", "privet"),
        ] {
            let put = site.dynamodb.put_item().table_name("things").item("id", text("t"));
            let put = put.condition_expression(condition).expression_attribute_values(":v", text("secret-value"));
            let put = put.expression_attribute_names("#n", "name");
            let error = put.send_protected(&privet).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{condition}");
            assert!(error.to_string().contains(&format!("`{named}`")), "{condition}: {error}");
            assert!(!format!("{error:?}").contains("secret-value"));
            let scan = site.dynamodb.scan().table_name("things").filter_expression(condition);
            let scan = scan.expression_attribute_values(":v", text("v")).expression_attribute_names("#n", "name");
            assert_eq!(kind(scan.send_protected(&privet).await), ErrorKind::Unsupported);
        }
        for (update, named) in [
            ("ADD age :one", "age"),
            ("SET age = age + :one", "age"),
            ("SET age = if_not_exists(age, :one)", "age"),
            ("SET #n = email", "email"),
            ("SET tags = list_append(tags, :l)", "tags"),
            ("DELETE tags :one", "tags"),
            ("SET address.city = :one", "address"),
            ("SET id = :one", "id"),
            ("SET privet = :one", "privet"),
            ("REMOVE privet", "privet"),
        ] {
            let call = site.dynamodb.update_item().table_name("things").key("id", text("t")).update_expression(update);
            let call = call.expression_attribute_names("#n", "name").expression_attribute_values(":one", number(1));
            let call = call.expression_attribute_values(":l", AttributeValue::L(vec![text("x")]));
            let error = call.send_protected(&privet).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{update}: {error}");
            assert!(error.to_string().contains(&format!("`{named}`")), "{update}: {error}");
        }
        assert!(site.aws.calls("dynamodb").is_empty());
    }
}

#[tokio::test]
async fn conditions_on_clear_attributes_pass_and_a_failed_one_gives_the_item_opened() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let put = |name: &str| {
            let put = site.dynamodb.put_item().table_name("things").item("id", text(mode));
            put.item("name", text(name)).item("email", text("ada@example.com"))
        };
        put("Ada").send_protected(&privet).await.unwrap();
        let conditional = |expected: &str| {
            put("Eve")
                .condition_expression("#n = :n AND attribute_exists(email)")
                .expression_attribute_names("#n", "name")
                .expression_attribute_values(":n", text(expected))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send_protected(&privet)
        };
        let error = conditional("Bob").await.err().unwrap();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some("ConditionalCheckFailedException")));
        assert_eq!(error.item().unwrap()["email"], text("ada@example.com"));
        assert!(!format!("{error:?} {error}").contains("ada@example.com"));
        conditional("Ada").await.unwrap();

        let delete = |expected: &str| {
            let delete = site.dynamodb.delete_item().table_name("things").key("id", text(mode));
            delete
                .condition_expression("#n = :n")
                .expression_attribute_names("#n", "name")
                .expression_attribute_values(":n", text(expected))
                .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
                .send_protected(&privet)
        };
        assert_eq!(kind(delete("Ada").await), ErrorKind::Conflict);
        assert_eq!(delete("Eve").await.unwrap().attributes.unwrap()["email"], text("ada@example.com"));
    }
}

#[tokio::test]
async fn clear_bytes_that_look_sealed_are_compared_as_the_caller_sees_them() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let bytes = |bytes: &[u8]| AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(bytes));
        let put = site.dynamodb.put_item().table_name("things").item("id", text(mode));
        put.item("name", bytes(&[0xe1, 2, 3])).send_protected(&privet).await.unwrap();
        let update = |condition: &str, value: &[u8]| {
            let update = site.dynamodb.update_item().table_name("things").key("id", text(mode));
            update
                .update_expression("SET created_at = :new")
                .condition_expression(condition)
                .expression_attribute_names("#n", "name")
                .expression_attribute_values(":v", bytes(value))
                .expression_attribute_values(":new", bytes(&[0xe1, 9]))
                .send_protected(&privet)
        };
        assert_eq!(kind(update("#n = :v", &[0xe1, 2]).await), ErrorKind::Conflict);
        update("#n = :v AND begins_with(#n, :v)", &[0xe1, 2, 3]).await.unwrap();
        let get = site.dynamodb.get_item().table_name("things").key("id", text(mode));
        let item = get.send_protected(&privet).await.unwrap().item.unwrap();
        assert_eq!((&item["name"], &item["created_at"]), (&bytes(&[0xe1, 2, 3]), &bytes(&[0xe1, 9])));
    }
}

#[tokio::test]
async fn malformed_expressions_and_placeholders_for_nothing() {
    let site = site().await;
    let privet = protector(&site, "field").await;
    for update in ["SET", "SET a", "SET a = ", "SET a = :v REMOVE", "SET a = :v, a.b = :v", "SET a = :none", "a = 'x'"]
    {
        let call = site.dynamodb.update_item().table_name("things").key("id", text("t")).update_expression(update);
        let error = call.expression_attribute_values(":v", text("v")).send_protected(&privet).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Input, "{update}");
    }
    let call = site.dynamodb.update_item().table_name("things").key("id", text("t")).update_expression("REMOVE a");
    let error = call.expression_attribute_values(":unused", text("v")).send_protected(&privet).await.err().unwrap();
    assert!(error.to_string().contains("`:unused`"), "{error}");
}

#[tokio::test]
async fn partiql_and_legacy_parameters_are_refused() {
    let site = site().await;
    let privet = protector(&site, "record").await;
    site.aws.clear_calls();
    let statement = "SELECT * FROM things";
    assert_eq!(
        kind(site.dynamodb.execute_statement().statement(statement).send_protected(&privet).await),
        ErrorKind::Unsupported
    );
    assert_eq!(kind(site.dynamodb.batch_execute_statement().send_protected(&privet).await), ErrorKind::Unsupported);
    assert_eq!(kind(site.dynamodb.execute_transaction().send_protected(&privet).await), ErrorKind::Unsupported);
    let get = site.dynamodb.get_item().table_name("things").key("id", text("t")).attributes_to_get("email");
    assert_eq!(kind(get.send_protected(&privet).await), ErrorKind::Unsupported);
    let expected = aws_sdk_dynamodb::types::ExpectedAttributeValue::builder().exists(false).build();
    let put = site.dynamodb.put_item().table_name("things").item("id", text("t")).expected("email", expected);
    assert_eq!(kind(put.send_protected(&privet).await), ErrorKind::Unsupported);
    let update = aws_sdk_dynamodb::types::AttributeValueUpdate::builder().value(text("x")).build();
    let call = site.dynamodb.update_item().table_name("things").key("id", text("t")).attribute_updates("name", update);
    assert_eq!(kind(call.send_protected(&privet).await), ErrorKind::Unsupported);
    assert!(site.aws.calls("dynamodb").is_empty());
}
