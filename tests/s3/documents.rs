//! Objects that are JSON, JSON lines or CSV, protected field by field.

use futures_util::TryStreamExt as _;
use privet::audit::TracingSink;
use privet::s3::{Bucket, DocumentFormat, Documents};
use privet::{ErrorKind, Policy, Principal, Protector};
use privet_testkit::{Deny, EmbeddedAws};
use serde_json::{Value as Json, json};

use crate::site::{Site, collect, kind, pieces};

const POLICY: &str = r#"
version = 1
[[rules]]
class = "public"
names = ["id", "country"]
[[rules]]
class = "pii"
names = ["email"]
[[rules]]
class = "confidential"
names = ["salary"]
[classes.confidential]
audit = false
[roles.analyst]
pii = "reveal"
confidential = "reveal"
[resources.people]
key = ["id"]
"#;

const LINES: &str = r#"{"country":"FR","email":"ada@example.com","id":"1","salary":51000}
{"country":"DE","email":"grace@example.com","id":"2","salary":62000}
"#;
const CSV: &str = "id,email,salary,country\n1,ada@example.com,51000,FR\n2,\"grace, \"\"the\ngreat\"\"\",,$sealed:x\n";

async fn documents(site: &Site, principal: &str, format: DocumentFormat) -> Documents {
    let privet = Protector::builder()
        .policy(Policy::from_toml(POLICY).unwrap())
        .keyring(site.kms_as(principal).await)
        .audit(TracingSink)
        .build()
        .unwrap();
    let bucket = Bucket::builder(&site.name).resource("people").build(&privet, &site.s3).unwrap();
    bucket.documents(format).unwrap()
}

async fn ours(site: &Site, format: DocumentFormat) -> Documents {
    documents(site, EmbeddedAws::DEFAULT_PRINCIPAL, format).await
}

async fn text(documents: &Documents, key: &str) -> String {
    String::from_utf8(collect(documents.get_stream(key).await.unwrap().unwrap()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn documents_are_sealed_field_by_field_and_come_back() {
    let site = Site::start().await;
    let json = r#"{"country":"FR","email":"ada@example.com","id":"1","salary":51000}"#;
    for (format, content) in
        [(DocumentFormat::JsonLines, LINES), (DocumentFormat::Csv, CSV), (DocumentFormat::Json, json)]
    {
        let documents = ours(&site, format).await;
        for piece in [1, 7, 1000] {
            documents.put_stream("people", pieces(content.as_bytes(), piece)).await.unwrap();
            assert_eq!(text(&documents, "people").await.trim_end(), content.trim_end());
        }
        let stored = String::from_utf8(site.stored("people").await.body).unwrap();
        for secret in ["ada@example.com", "grace", "51000", "62000"] {
            assert!(!stored.contains(secret), "{stored}");
        }
        // What is public can be worked with as it is; there is a header for each record.
        assert!(stored.contains("FR") && stored.contains("$sealed"));
        if format == DocumentFormat::JsonLines {
            assert_eq!(stored.lines().filter(|line| line.contains("\"$privet\":")).count(), 2);
        }
        assert!(documents.get_stream("none").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn who_holds_the_key_of_one_class_reads_its_fields() {
    let site = Site::start().await;
    ours(&site, DocumentFormat::JsonLines).await.put_stream("people", pieces(LINES.as_bytes(), 100)).await.unwrap();
    site.aws.deny(Deny::principal("analyst").operation("Decrypt").context("privet:class", "confidential"));
    let documents = documents(&site, "analyst", DocumentFormat::JsonLines).await;
    let records: Vec<_> = documents.records("people").await.unwrap().unwrap().try_collect().await.unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].withheld().len(), 1);
    let analyst = Principal::new("u-1").role("analyst");
    let shown: Vec<Json> = documents.view("people", &analyst).await.unwrap().unwrap().try_collect().await.unwrap();
    assert_eq!((&shown[0]["email"], &shown[1]["country"]), (&json!("ada@example.com"), &json!("DE")));
    assert!(!shown.iter().any(|row| row.to_string().contains("51000")));
    // All of it in clear there is only for who may read all of it.
    let refused = collect(documents.get_stream("people").await.unwrap().unwrap()).await;
    assert_eq!(kind(refused), ErrorKind::Denied);
}

#[tokio::test]
async fn views_are_masked_for_whoever_has_no_role() {
    let site = Site::start().await;
    let documents = ours(&site, DocumentFormat::Csv).await;
    documents.put_stream("people", pieces(CSV.as_bytes(), 10)).await.unwrap();
    let nobody = Principal::new("u-2");
    let shown: Vec<Json> = documents.view("people", &nobody).await.unwrap().unwrap().try_collect().await.unwrap();
    assert_eq!((&shown[0]["id"], &shown[0]["country"]), (&json!("1"), &json!("FR")));
    assert_eq!((&shown[0]["email"], &shown[1]["country"]), (&json!("********"), &json!("$sealed:x")));
}

#[tokio::test]
async fn changed_fields_headers_and_names_are_noticed() {
    let site = Site::start().await;
    for (format, content) in [(DocumentFormat::JsonLines, LINES), (DocumentFormat::Csv, CSV)] {
        let documents = ours(&site, format).await;
        documents.put_stream("people", pieces(content.as_bytes(), 100)).await.unwrap();
        let good = site.stored("people").await;
        let stored = String::from_utf8(good.body.clone()).unwrap();
        let start = stored.find("$sealed").unwrap() + 20;
        for damaged in [
            stored.replace("FR", "DE"),
            stored.replacen("country", "county", if format == DocumentFormat::Csv { 1 } else { 2 }),
            format!(
                "{}{}{}",
                &stored[..start],
                if &stored[start..=start] == "A" { "B" } else { "A" },
                &stored[start + 1..]
            ),
            stored.replacen("$privet", "privet", 1),
            content.to_owned(),
        ] {
            let mut object = good.clone();
            object.body = damaged.into_bytes();
            site.store("people", object).await;
            assert!(collect(documents.get_stream("people").await.unwrap().unwrap()).await.is_err());
        }
    }
}

#[tokio::test]
async fn documents_are_told_from_other_objects() {
    let site = Site::start().await;
    let lines = ours(&site, DocumentFormat::JsonLines).await;
    lines.put_stream("people", pieces(LINES.as_bytes(), 100)).await.unwrap();
    let csv = ours(&site, DocumentFormat::Csv).await;
    assert_eq!(kind(csv.records("people").await), ErrorKind::Unsupported);
    let bucket = site.bucket().await;
    assert_eq!(kind(bucket.get("people").await), ErrorKind::Unsupported);
    let head = bucket.head("people").await.unwrap().unwrap();
    assert_eq!((head.plaintext_length, head.is_sealed), (None, true));
    assert_eq!(bucket.list_with_lengths("", None).await.unwrap().entries.len(), 1);
    bucket.copy("people", "copy").await.unwrap();
    assert_eq!(text(&lines, "copy").await, LINES);
    bucket.put("whole", "x").await.unwrap();
    assert_eq!(kind(lines.records("whole").await), ErrorKind::Unsupported);
}

#[tokio::test]
async fn what_is_not_of_the_format_is_refused_and_not_written() {
    let site = Site::start().await;
    for (format, content) in [
        (DocumentFormat::JsonLines, "{\"id\":\"1\"}\nnot JSON\n"),
        (DocumentFormat::JsonLines, "[1]\n"),
        (DocumentFormat::Json, "{\"id\":\"1\"}{}"),
        (DocumentFormat::Csv, "id,email\n1\n"),
        (DocumentFormat::Csv, "id,id\n1,2\n"),
        (DocumentFormat::Csv, "id,$privet\n1,2\n"),
    ] {
        let documents = ours(&site, format).await;
        assert!(documents.put_stream("people", pieces(content.as_bytes(), 100)).await.is_err(), "{content}");
        assert!(!site.exists("people").await);
    }
}
