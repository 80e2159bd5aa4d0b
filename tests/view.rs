//! What each caller sees of a customer, that it is audited first, and that nothing is shown when auditing fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use common::{Customer, Events, ada};
use privet::keyring::RawAesKeyring;
use privet::{Classification, ErrorKind, Policy, Principal, Protector, Secret, Shown};
use serde_json::{Value as Json, json};

fn builder() -> privet::protector::ProtectorBuilder {
    Protector::builder().keyring(RawAesKeyring::new("tests", "key", &Secret::copy_of(&[5; 32])).unwrap())
}

async fn shown_to(role: &str) -> Json {
    let privet = builder().audit(Events::default()).build().unwrap();
    let view = privet.view(&ada(), &Principal::new("u-1").role(role)).await.unwrap();
    serde_json::to_value(view).unwrap()
}

#[tokio::test]
async fn an_admin_sees_all_but_what_opens_things() {
    let mut expected = serde_json::to_value(ada()).unwrap();
    expected["api_key"] = json!("********");
    assert_eq!(shown_to("admin").await, expected);
}

#[tokio::test]
async fn a_manager_sees_parts_of_personal_data() {
    let shown = shown_to("manager").await;
    assert_eq!(
        shown,
        json!({
            "id": "c-1",
            "name": "Ada Lovelace",
            "email": "a***@e***.com",
            "ssn": shown["ssn"],
            "api_key": "********",
            "health_records": "********",
            "address": {"street": "12****ow", "city": "Lo**on"},
            "active": true,
            "age": "********",
            "created_at": "2026-11-23",
        })
    );
    let ssn = shown["ssn"].as_str().unwrap();
    assert!(ssn.ends_with("3456") && !ssn.contains("900"), "{ssn}");
}

#[tokio::test]
async fn everyone_else_sees_masks() {
    for role in ["viewer", "", "Admin", "root"] {
        let shown = shown_to(role).await;
        assert_eq!(shown["name"], "Ada Lovelace");
        for field in ["email", "ssn", "api_key", "health_records", "age"] {
            assert_eq!(shown[field], "********", "{role} {field}");
        }
        assert_eq!(shown["address"], json!({"street": "********", "city": "******"}));
    }
}

#[tokio::test]
async fn fields_are_typed() {
    let privet = builder().audit(Events::default()).build().unwrap();
    let view = privet.view(&ada(), &Principal::new("u-1").role("manager")).await.unwrap();
    assert!(matches!(view.get(Customer::name()).unwrap(), Shown::Clear(name) if name == "Ada Lovelace"));
    assert!(matches!(view.get(Customer::email()).unwrap(), Shown::Masked(text) if text == "a***@e***.com"));
    let admin = privet.view(&ada(), &Principal::new("u-1").role("admin")).await.unwrap();
    assert!(matches!(admin.get(Customer::health_records()).unwrap(), Shown::Clear(visits) if visits.len() == 1));
    assert!(matches!(admin.get(Customer::age()).unwrap(), Shown::Clear(36)));
}

#[tokio::test]
async fn what_is_revealed_of_an_audited_class_is_audited() {
    let events = Events::default();
    let privet = builder().audit(events.clone()).pseudonym_key(Secret::copy_of(&[9; 32])).build().unwrap();
    let admin = Principal::new("u-7").role("admin").role("on-call").purpose("treatment");
    privet.view(&ada(), &admin).await.unwrap();
    privet.view(&ada(), &Principal::new("u-8").role("manager")).await.unwrap();
    let kept = events.kept.lock().unwrap().clone();
    let [event] = kept.as_slice() else { panic!("one event is due, not {}", kept.len()) };
    assert_eq!((event.principal.as_str(), event.roles.len(), event.purpose.as_deref()), ("u-7", 2, Some("treatment")));
    assert_eq!((event.resource.as_str(), event.path.as_str()), ("customers", "health_records"));
    assert_eq!((event.class, event.decision.as_str()), (Classification::Confidential, "reveal"));
    assert_eq!(event.record.len(), 32);
    assert!(!serde_json::to_string(event).unwrap().contains("private note"));
    assert_eq!(privet.statistics().audit_events, 1);
    // The same record has the same digest in another process with the same key, and another with another.
    for (key, same) in [([9; 32], true), ([8; 32], false)] {
        let again = Events::default();
        let other = builder().audit(again.clone()).pseudonym_key(Secret::copy_of(&key)).build().unwrap();
        other.view(&ada(), &admin).await.unwrap();
        assert_eq!(again.kept.lock().unwrap()[0].record == event.record, same);
    }
}

#[tokio::test]
async fn a_failing_sink_means_that_nothing_is_shown() {
    let privet = builder().audit(Events { failing: true, ..Events::default() }).build().unwrap();
    let admin = Principal::new("u-1").role("admin");
    assert_eq!(privet.view(&ada(), &admin).await.err().unwrap().kind(), ErrorKind::Io);
    let json = serde_json::to_value(ada()).unwrap();
    assert_eq!(privet.view_json("customers", json, &admin).await.unwrap_err().kind(), ErrorKind::Io);
    // Who sees nothing of an audited class is not held up.
    assert!(privet.view(&ada(), &Principal::new("u-1").role("manager")).await.is_ok());
    assert_eq!(privet.statistics().audit_events, 0);
}

#[tokio::test]
async fn an_audited_policy_without_a_sink_does_not_start() {
    let error = builder().build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(".audit("), "{error}");
}

#[tokio::test]
async fn the_audit_file_has_a_line_for_each_event_before_anything_is_shown() {
    let path = std::env::temp_dir().join(format!("privet-audit-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let sink = privet::audit::JsonLinesSink::append(&path).unwrap();
    let privet = builder().audit(sink).build().unwrap();
    let admin = Principal::new("u-1").role("admin");
    for lines in 1..=3 {
        privet.view(&ada(), &admin).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), lines);
        for line in text.lines() {
            let event: Json = serde_json::from_str(line).unwrap();
            assert_eq!((&event["principal"], &event["class"]), (&json!("u-1"), &json!("confidential")));
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    }
    std::fs::remove_file(&path).unwrap();
    // A full disk, as Linux offers one.
    #[cfg(target_os = "linux")]
    {
        let full = privet::audit::JsonLinesSink::append(std::path::Path::new("/dev/full")).unwrap();
        let privet = builder().audit(full).build().unwrap();
        assert_eq!(privet.view(&ada(), &admin).await.err().unwrap().kind(), ErrorKind::Io);
    }
}

#[tokio::test]
async fn json_without_a_model_goes_by_names() {
    let privet = builder().audit(Events::default()).build().unwrap();
    let document = json!({
        "id": 7, "Email": "ada@example.com", "homePhone": null,
        "address": {"city": "Zürich", "geo": [47.4, 8.5]},
        "orders": [{"id": "o-1", "apiKey": "k-123456789"}],
        "unheard_of": "x",
    });
    let sealed = privet.protect_json("people", document.clone()).await.unwrap();
    assert_eq!(sealed["id"], 7);
    assert!(sealed["Email"]["$sealed"].is_string() && sealed["unheard_of"]["$sealed"].is_string(), "{sealed}");
    assert_eq!(privet.unprotect_json("people", sealed.clone()).await.unwrap(), document);
    assert_eq!(privet.unprotect_json("others", sealed).await.unwrap_err().kind(), ErrorKind::Integrity);
    let viewer = privet.view_json("people", document, &Principal::new("u")).await.unwrap();
    assert_eq!(viewer["id"], 7);
    for field in ["Email", "address", "unheard_of"] {
        let text = viewer[field].as_str().unwrap();
        assert!(text.bytes().all(|byte| byte == b'*'), "{field}: {text}");
    }
    assert!(!viewer.to_string().contains("k-123"));
    for wrong in [json!(1), json!("x"), json!([{}]), json!(null)] {
        assert_eq!(privet.protect_json("people", wrong).await.unwrap_err().kind(), ErrorKind::Input);
    }
}

#[tokio::test]
async fn a_policy_that_loosens_a_model_does_not_start() {
    let loose = r#"
        version = 1
        [[fields]]
        resource = "customers"
        path = "email"
        class = "public"
    "#;
    let build = |text: &str| {
        builder().audit(Events::default()).policy(Policy::from_toml(text).unwrap()).model::<Customer>().build()
    };
    let shown = |privet: Protector| async move {
        let view = privet.view(&ada(), &Principal::new("u")).await.unwrap();
        serde_json::to_value(view).unwrap()["email"].clone()
    };
    match build(loose) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Config),
        Ok(_) => panic!("a policy made an e-mail public without saying that it may"),
    }
    let allowed = loose.replace("version = 1", "version = 1\nallow_loosen = true");
    assert_eq!(shown(build(&allowed).unwrap()).await, "ada@example.com");
}

#[tokio::test]
async fn pseudonyms_need_a_key_and_are_the_same_for_the_same_value() {
    let policy = r#"
        version = 1
        [[fields]]
        path = "email"
        mask = "hash"
    "#;
    let policy = || Policy::from_toml(policy).unwrap();
    let without = builder().audit(Events::default()).policy(policy()).build().unwrap();
    let manager = Principal::new("u").role("manager");
    let document = json!({"id": 1, "email": "ada@example.com"});
    let error = without.view_json("people", document.clone(), &manager).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let key = Secret::copy_of(&[1; 32]);
    let with = builder().audit(Events::default()).policy(policy()).pseudonym_key(key).build().unwrap();
    let first = with.view_json("people", document.clone(), &manager).await.unwrap();
    let second = with.view_json("people", json!({"id": 2, "email": "ada@example.com"}), &manager).await.unwrap();
    let third = with.view_json("people", json!({"id": 3, "email": "bob@example.com"}), &manager).await.unwrap();
    assert_eq!(first["email"], second["email"]);
    assert_ne!(first["email"], third["email"]);
    assert!(!first["email"].as_str().unwrap().contains("ada"));
    let of_tenant = with.for_tenant("acme").unwrap().view_json("people", document, &manager).await.unwrap();
    assert_ne!(first["email"], of_tenant["email"], "tenants must not be linked");
}

#[tokio::test]
async fn a_resource_can_be_named_by_the_program() {
    let policy = Policy::default().with_resource(privet::policy::Resource::new("people", ["id"])).unwrap();
    let again = policy.clone().with_resource(privet::policy::Resource::new("people", ["id"]));
    assert_eq!(again.err().map(|error| error.kind()), Some(ErrorKind::Config));
    let privet = builder().audit(Events::default()).policy(policy).build().unwrap();
    let mut sealed = privet.protect_json("people", json!({"id": "p-1", "email": "ada@example.com"})).await.unwrap();
    assert!(privet.unprotect_json("people", sealed.clone()).await.is_ok());
    sealed["id"] = json!("p-2");
    assert_eq!(privet.unprotect_json("people", sealed).await.unwrap_err().kind(), ErrorKind::Integrity);
    // A key that the policy's names classify is found out at first use.
    let secret = Policy::default().with_resource(privet::policy::Resource::new("people", ["email"])).unwrap();
    let privet = builder().audit(Events::default()).policy(secret).build().unwrap();
    assert_eq!(privet.resource("people").unwrap_err().kind(), ErrorKind::Config);
}
