//! Putting, getting, damage and drift.

use crate::common::{self, Customer, SECRETS, Site, ada};
use crate::{kind, text};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use privet::dynamodb::{SendProtected, Tables, from_item, to_item};
use privet::protector::WithheldReason;
use privet::{Classification, ErrorKind, Policy, Principal, Protector};
use privet_testkit::{Deny, Fault};

#[tokio::test]
async fn what_is_put_is_sealed_at_rest_and_comes_back_as_it_was() {
    let site = Site::start().await;
    let privet = site.protector().await;
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let stored = format!("{:?}", site.stored("customers", "c-1").await.unwrap());
    for secret in SECRETS {
        let bytes = format!("{:?}", secret.as_bytes());
        assert!(!stored.contains(secret) && !stored.contains(bytes.trim_matches(['[', ']'])), "{secret}");
    }
    assert!(stored.contains("Ada Lovelace"));
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
    assert!(customers.get("c-2").await.unwrap().is_none());
}

#[tokio::test]
async fn put_new_writes_once_and_delete_removes() {
    let site = Site::start().await;
    let customers = site.protector().await.table::<Customer>(&site.dynamodb).unwrap().consistent();
    customers.put_new(&ada()).await.unwrap();
    let again = customers.put_new(&Customer { name: "Somebody Else".into(), ..ada() }).await;
    assert_eq!(kind(again), ErrorKind::Conflict);
    assert_eq!(customers.get("c-1").await.unwrap().unwrap().name, "Ada Lovelace");
    customers.delete("c-1").await.unwrap();
    assert!(customers.get("c-1").await.unwrap().is_none());
    customers.delete("c-1").await.unwrap();
}

#[tokio::test]
async fn the_builders_of_the_sdk_seal_and_open() {
    let site = Site::start().await;
    let privet = site.protector().await;
    let put = |email: &str| {
        let put = site.dynamodb.put_item().table_name("customers").item("id", text("c-9"));
        put.item("email", text(email)).return_values(ReturnValue::AllOld).send_protected(&privet)
    };
    assert!(put("first@example.com").await.unwrap().attributes.is_none());
    let old = put("second@example.com").await.unwrap().attributes.unwrap();
    assert_eq!(old["email"], text("first@example.com"));
    assert!(matches!(site.stored("customers", "c-9").await.unwrap()["email"], AttributeValue::B(_)));
    let get = || site.dynamodb.get_item().table_name("customers").key("id", text("c-9"));
    let item = get().send_protected(&privet).await.unwrap().item.unwrap();
    assert_eq!(item["email"], text("second@example.com"));
    assert!(!item.contains_key("privet"));
    let projected = get().projection_expression("email").send_protected(&privet).await.unwrap().item.unwrap();
    assert_eq!(projected, [("email".to_owned(), text("second@example.com"))].into());
    let unknown = site.dynamodb.get_item().table_name("orders").key("id", text("o-1")).send_protected(&privet).await;
    let error = unknown.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`orders`"), "{error}");
}

#[tokio::test]
async fn an_item_is_not_sealed_without_its_key() {
    let site = Site::start().await;
    let policy = Policy::from_toml("version = 1\n[resources.things]\nintegrity = \"field\"").unwrap();
    let privet = site.builder().await.policy(policy).build().unwrap();
    site.create_table("things").await;
    let put = site.dynamodb.put_item().table_name("things").item("id", text("t-1")).item("email", text("a@b.example"));
    let error = put.send_protected(&privet).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("the key of `things` is not known"), "{error}");
    assert!(site.stored("things", "t-1").await.is_none());
}

#[tokio::test]
async fn wrapped_keys_that_kms_would_not_look_at_are_damage_like_any_other() {
    let site = Site::start().await;
    let customers = site.protector().await.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let stored = from_item(site.stored("customers", "c-1").await.unwrap()).unwrap();
    let privet::value::Value::B(bytes) = &stored["privet"] else { panic!("no header") };
    let cold = site.protector().await.table::<Customer>(&site.dynamodb).unwrap();
    for length in [0, 1, 6145] {
        let mut header = privet::record::Header::parse(bytes).unwrap();
        header.sections.truncate(1);
        header.sections[0].edks[0].ciphertext = vec![0; length];
        let mut damaged = stored.clone();
        damaged.insert("privet".into(), privet::value::Value::B(header.serialise().unwrap()));
        site.store("customers", to_item(damaged)).await;
        let error = cold.get("c-1").await.err().unwrap();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Integrity, privet::Error::integrity().to_string()));
    }
}

#[tokio::test]
async fn an_item_that_sealing_makes_too_large_is_refused_before_the_call() {
    let site = Site::start().await;
    let customers = site.protector().await.table::<Customer>(&site.dynamodb).unwrap();
    let large = |bytes| Customer { email: "x".repeat(bytes), ..ada() };
    customers.put(&large(405_000)).await.unwrap();
    site.aws.clear_calls();
    let error = customers.put(&large(409_000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("of which sealing added"), "{error}");
    assert!(site.aws.calls("dynamodb").is_empty());
}

#[tokio::test]
async fn kms_is_asked_once_per_class_and_with_the_class_in_its_context() {
    let site = Site::start().await;
    let privet = site.builder().await.context("application", "shop").build().unwrap();
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    for number in 0..10 {
        customers.put(&Customer { id: format!("c-{number}"), ..ada() }).await.unwrap();
        customers.get(format!("c-{number}")).await.unwrap().unwrap();
    }
    let calls = site.aws.calls("kms");
    let mut classes: Vec<_> = calls.iter().map(|call| call.context["privet:class"].as_str()).collect();
    classes.sort_unstable();
    assert_eq!(classes, ["confidential", "pii", "sensitive"]);
    assert!(calls.iter().all(|call| call.operation == "GenerateDataKey" && call.context["application"] == "shop"));
    // Another process reads: one Decrypt a class, whatever it reads.
    let reader = site.builder().await.context("application", "shop").build().unwrap();
    let customers = reader.table::<Customer>(&site.dynamodb).unwrap();
    site.aws.clear_calls();
    for number in 0..10 {
        customers.get(format!("c-{number}")).await.unwrap().unwrap();
    }
    assert_eq!(site.aws.calls("kms").len(), 3);
    assert_eq!(reader.statistics().cache.hits, 27);
}

#[tokio::test]
async fn a_class_that_kms_refuses_is_withheld_and_the_rest_is_shown() {
    let site = Site::start().await;
    let writer = site.protector().await;
    writer.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap();
    site.aws.deny(Deny::principal("analyst").service("kms").context("privet:class", "confidential"));
    let keyring = site.keyring("analyst").await;
    let analyst = Protector::builder().keyring(keyring).audit(common::Events::default()).build().unwrap();
    let customers = analyst.table::<Customer>(&site.dynamodb).unwrap();

    let opened = customers.open("c-1").await.unwrap().unwrap();
    let [withheld] = opened.withheld() else { panic!("one field should be withheld") };
    assert_eq!((withheld.class, withheld.reason), (Classification::Confidential, WithheldReason::Denied));
    assert_eq!(withheld.path.to_string(), "health_records");

    let error = customers.get("c-1").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("`health_records`"), "{error}");

    let shown = customers.get_as("c-1", &Principal::new("u").role("admin")).await.unwrap().unwrap();
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json["email"], "ada@example.com");
    assert!(json.get("health_records").is_none(), "{json}");
}

#[tokio::test]
async fn a_record_of_which_nothing_can_be_unwrapped_is_denied() {
    let site = Site::start().await;
    site.protector().await.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap();
    site.aws.deny(Deny::principal("stranger").service("kms"));
    let stranger =
        Protector::builder().keyring(site.keyring("stranger").await).audit(common::Events::default()).build().unwrap();
    let customers = stranger.table::<Customer>(&site.dynamodb).unwrap();
    assert_eq!(kind(customers.open("c-1").await), ErrorKind::Denied);
}

#[tokio::test]
async fn kms_down_is_a_retryable_error_and_a_warm_cache_does_not_notice() {
    let site = Site::start().await;
    let privet = site.protector().await;
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    for (fault, expected) in [
        (Fault::on("kms", "*").error("ThrottlingException"), ErrorKind::Throttled),
        (Fault::on("kms", "*").status(500), ErrorKind::KeyUnavailable),
        (Fault::on("kms", "*").reset(), ErrorKind::KeyUnavailable),
        (Fault::on("kms", "*").error("DisabledException"), ErrorKind::KeyUnavailable),
    ] {
        site.aws.clear_faults();
        site.aws.fault(fault);
        assert!(customers.get("c-1").await.unwrap() == Some(ada()), "the keys are cached");
        let cold = site.protector().await;
        let error = cold.table::<Customer>(&site.dynamodb).unwrap().get("c-1").await.err().unwrap();
        assert_eq!(error.kind(), expected, "{error}");
        assert!(error.is_retryable());
    }
    site.aws.clear_faults();
    privet.purge();
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
}

#[tokio::test]
async fn dynamodb_down_is_a_retryable_error() {
    let site = Site::start().await;
    let customers = site.protector().await.table::<Customer>(&site.dynamodb).unwrap();
    site.aws.fault(Fault::on("dynamodb", "*").error("ProvisionedThroughputExceededException"));
    let error = customers.put(&ada()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Throttled, true));
    site.aws.clear_faults();
    site.aws.fault(Fault::on("dynamodb", "*").reset());
    let error = customers.get("c-1").await.err().unwrap();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Io, true));
    site.aws.clear_faults();
    let missing = site.builder().await.policy(Policy::from_toml(ELSEWHERE).unwrap()).build().unwrap();
    let error = missing.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Config, Some("ResourceNotFoundException")));
}

const ELSEWHERE: &str = r#"
    version = 1
    [resources.customers]
    table = "customers-of-another-stage"
"#;

#[tokio::test]
async fn records_that_were_moved_do_not_open() {
    let site = Site::start().await;
    site.create_table("archive").await;
    let privet = site.protector().await;
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let mut stolen = site.stored("customers", "c-1").await.unwrap();

    // To another table: the logical name is bound, not the physical one.
    site.store("archive", stolen.clone()).await;
    let archive = r#"
        version = 1
        [resources.archive]
        key = ["id"]
    "#;
    let other = site.builder().await.policy(Policy::from_toml(archive).unwrap()).build().unwrap();
    let moved = site.dynamodb.get_item().table_name("archive").key("id", text("c-1")).send_protected(&other).await;
    assert_eq!(kind(moved), ErrorKind::Integrity);

    // To another tenant.
    let tenant = privet.for_tenant("acme").unwrap().table::<Customer>(&site.dynamodb).unwrap();
    assert_eq!(kind(tenant.get("c-1").await), ErrorKind::Integrity);

    // To another key.
    stolen.insert("id".into(), text("c-2"));
    site.store("customers", stolen).await;
    assert_eq!(kind(customers.get("c-2").await), ErrorKind::Integrity);
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
}

#[tokio::test]
async fn fields_that_were_changed_dropped_or_added_do_not_open() {
    let site = Site::start().await;
    let customers = site.protector().await.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let stored = site.stored("customers", "c-1").await.unwrap();
    let names: Vec<String> = stored.keys().filter(|name| *name != "id").cloned().collect();
    for name in names {
        let mut without = stored.clone();
        without.remove(&name);
        site.store("customers", without).await;
        assert_eq!(kind(customers.get("c-1").await), ErrorKind::Integrity, "{name} dropped");
    }
    let mut more = stored.clone();
    more.insert("extra".into(), text("new"));
    site.store("customers", more).await;
    assert_eq!(kind(customers.get("c-1").await), ErrorKind::Integrity);
    let mut renamed = stored.clone();
    renamed.insert("name".into(), text("Eve"));
    site.store("customers", renamed).await;
    assert_eq!(kind(customers.get("c-1").await), ErrorKind::Integrity);
    site.store("customers", stored).await;
    assert!(customers.get("c-1").await.unwrap().is_some());
}

#[tokio::test]
async fn names_left_unsigned_may_change() {
    let site = Site::start().await;
    let policy = "version = 1\nunsigned = [\"ttl\"]";
    let privet = site.builder().await.policy(Policy::from_toml(policy).unwrap()).build().unwrap();
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let mut stored = site.stored("customers", "c-1").await.unwrap();
    stored.insert("ttl".into(), AttributeValue::N("1795219199".into()));
    site.store("customers", stored).await;
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
}

#[tokio::test]
async fn plaintext_is_refused_unless_a_migration_says_otherwise() {
    let site = Site::start().await;
    let clear = to_item(privet::value::to_record(&ada()).unwrap());
    site.store("customers", clear).await;
    let reads = |word: &str| format!("version = 1\n[resources.customers]\nplaintext_reads = \"{word}\"");
    for (word, readable, counted) in [("refuse", false, 0), ("count", true, 1), ("allow", true, 0)] {
        let policy = Policy::from_toml(&reads(word)).unwrap();
        let privet = site.builder().await.policy(policy).build().unwrap();
        let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
        match customers.open("c-1").await {
            Ok(opened) => assert!(readable && opened.unwrap().was_plaintext(), "{word}"),
            Err(error) => assert!(!readable && error.kind() == ErrorKind::Integrity, "{word}"),
        }
        assert_eq!(privet.statistics().plaintext_reads, counted, "{word}");
    }
}

#[tokio::test]
async fn a_class_that_changed_since_is_read_by_what_is_stored_and_reported() {
    let site = Site::start().await;
    site.protector().await.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap();
    let stricter = r#"
        version = 1
        [[fields]]
        resource = "customers"
        path = "email"
        class = "confidential"
        [[fields]]
        resource = "customers"
        path = "active"
        class = "pii"
    "#;
    let privet = site.builder().await.policy(Policy::from_toml(stricter).unwrap()).build().unwrap();
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    let opened = customers.open("c-1").await.unwrap().unwrap();
    let drift: Vec<_> =
        opened.drift().iter().map(|drift| (drift.path.to_string(), drift.stored, drift.planned)).collect();
    assert_eq!(
        drift,
        [
            ("email".to_owned(), Some(Classification::Pii), Some(Classification::Confidential)),
            ("active".to_owned(), None, Some(Classification::Pii)),
        ]
    );
    let customer = customers.get("c-1").await.unwrap().unwrap();
    customers.put(&customer).await.unwrap();
    assert!(customers.open("c-1").await.unwrap().unwrap().drift().is_empty());
    assert!(customer == ada());
}

#[tokio::test]
async fn who_holds_one_class_can_forge_under_it_only_where_drift_is_not_refused() {
    let site = Site::start().await;
    // The forger's policy puts everything under pii, the only class whose key he may have.
    let forger = r#"
        version = 1
        allow_loosen = true
        default_class = "pii"
        rules = [{ names = ["email", "api_key", "health_records"], class = "pii" }]
        [resources.customers]
        key = ["id"]
    "#;
    site.aws.deny(Deny::principal("forger").service("kms").context("privet:class", "confidential"));
    let forger = Protector::builder()
        .keyring(site.keyring("forger").await)
        .policy(Policy::from_toml(forger).unwrap())
        .audit(common::Events::default())
        .build()
        .unwrap();
    let resource = forger.resource("customers").unwrap();
    let record = privet::value::to_record(&ada()).unwrap();
    let forged = forger.protect_record(&resource, record).await.unwrap();
    site.store("customers", to_item(forged)).await;
    for (drift, opens) in [("report", true), ("refuse", false)] {
        let policy = format!("version = 1\n[resources.customers]\ndrift = \"{drift}\"");
        let reader = site.builder().await.policy(Policy::from_toml(&policy).unwrap()).build().unwrap();
        let customers = reader.table::<Customer>(&site.dynamodb).unwrap();
        match customers.open("c-1").await {
            Ok(opened) => assert!(opens && !opened.unwrap().drift().is_empty()),
            Err(error) => assert!(!opens && error.kind() == ErrorKind::Integrity),
        }
    }
}

#[tokio::test]
async fn a_key_of_the_wrong_type_or_number_is_refused_and_nothing_is_lost() {
    let site = Site::start().await;
    let customers = site.protector().await.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    assert_eq!(kind(customers.get(("c-1", "extra")).await), ErrorKind::Input);
    assert_eq!(kind(customers.get(7).await), ErrorKind::Input);
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
}

#[tokio::test]
async fn a_header_of_a_newer_version_or_of_another_type_is_refused_and_kept() {
    let site = Site::start().await;
    let customers = site.protector().await.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let stored = site.stored("customers", "c-1").await.unwrap();
    let mut newer = from_item(stored.clone()).unwrap();
    let Some(privet::value::Value::B(header)) = newer.get_mut("privet") else { panic!("no header") };
    header[0] = 2;
    let newer = to_item(newer);
    site.store("customers", newer.clone()).await;
    assert_eq!(kind(customers.get("c-1").await), ErrorKind::Unsupported);
    assert_eq!(site.stored("customers", "c-1").await.unwrap(), newer);
    let mut odd = stored;
    odd.insert("privet".into(), text("not a header"));
    site.store("customers", odd).await;
    assert_eq!(kind(customers.get("c-1").await), ErrorKind::Integrity);
}

#[tokio::test]
async fn a_record_that_does_not_fit_the_model_says_so_without_a_value() {
    let site = Site::start().await;
    let privet = site.protector().await;
    let put =
        site.dynamodb.put_item().table_name("customers").item("id", text("c-1")).item("email", text("me@x.example"));
    put.send_protected(&privet).await.unwrap();
    let error = privet.table::<Customer>(&site.dynamodb).unwrap().get("c-1").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(!format!("{error:?}").contains("me@x.example"));
}

#[tokio::test]
async fn all_types_of_dynamodb_come_back() {
    let site = Site::start().await;
    let policy = "version = 1\n[resources.things]\nkey = [\"id\"]";
    let privet = site.builder().await.policy(Policy::from_toml(policy).unwrap()).build().unwrap();
    site.create_table("things").await;
    let blob = |bytes: &[u8]| aws_sdk_dynamodb::primitives::Blob::new(bytes);
    let things = |prefix: &str| {
        [
            ("s", AttributeValue::S(String::new())),
            ("n", AttributeValue::N("-12345678901234567890123456789012345678".into())),
            ("b", AttributeValue::B(blob(&[0xe1, 2, 3]))),
            ("bool", AttributeValue::Bool(false)),
            ("null", AttributeValue::Null(true)),
            ("ss", AttributeValue::Ss(vec!["a".into(), "ü".into()])),
            ("ns", AttributeValue::Ns(vec!["1.5".into(), "10".into()])),
            ("bs", AttributeValue::Bs(vec![blob(&[0xe1, 0])])),
            ("l", AttributeValue::L(vec![AttributeValue::Null(true), AttributeValue::S("x".into())])),
            ("m", AttributeValue::M([("k".to_owned(), AttributeValue::L(vec![]))].into())),
        ]
        .map(|(name, value)| (format!("{prefix}{name}"), value))
    };
    // `name_...` matches no rule and is sealed; inside `created_at` all is public and stays clear.
    let clear = AttributeValue::M(things("").into_iter().collect());
    let mut item: std::collections::HashMap<_, _> = things("field_").into_iter().collect();
    item.insert("id".into(), text("t-1"));
    item.insert("created_at".into(), clear);
    let put = site.dynamodb.put_item().table_name("things").set_item(Some(item.clone()));
    put.send_protected(&privet).await.unwrap();
    let get = site.dynamodb.get_item().table_name("things").key("id", text("t-1"));
    assert_eq!(get.send_protected(&privet).await.unwrap().item.unwrap(), item);
}
