//! Objects come back as they were, sealed in between, and open where they belong only.

use privet::audit::TracingSink;
use privet::keyring::S3ecKeyring;
use privet::policy::PlaintextReads;
use privet::s3::{Bucket, ObjectFormat};
use privet::{Classification, ErrorKind, Policy, Protector};
use privet_testkit::{Deny, Fault};

use crate::site::{Site, Stored, bytes, collect, kind, pieces};

#[tokio::test]
async fn what_is_put_is_sealed_at_rest_and_comes_back_as_it_was() {
    let site = Site::start().await;
    for bucket in [site.bucket().await, site.mixed().await] {
        for length in [0, 1, 16, 65_535, 65_536, 65_537, 200_000, (1 << 20) + 1] {
            let content = bytes(length);
            bucket.put("reports/a b+c", content.clone()).await.unwrap();
            let stored = site.stored("reports/a b+c").await;
            assert!(length < 16 || !stored.body.windows(16).any(|window| content.starts_with(window)));
            assert_eq!(bucket.get("reports/a b+c").await.unwrap().unwrap().body, content);
            assert_eq!(collect(bucket.get_stream("reports/a b+c").await.unwrap().unwrap()).await.unwrap(), content);
            assert_eq!(collect(bucket.get_parallel("reports/a b+c").await.unwrap().unwrap()).await.unwrap(), content);
            let head = bucket.head("reports/a b+c").await.unwrap().unwrap();
            assert_eq!((head.plaintext_length, head.is_sealed), (Some(length as u64), true));
            assert_eq!(head.stored_length, stored.body.len() as u64);
        }
        assert!(bucket.get("none").await.unwrap().is_none());
        assert!(bucket.get_stream("none").await.unwrap().is_none());
        assert!(bucket.get_range("none", 0..1).await.unwrap().is_none());
        assert!(bucket.head("none").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn small_objects_are_s3ec_and_large_ones_and_streams_framed() {
    let site = Site::start().await;
    let bucket = site.mixed().await;
    let is_framed = async |key: &str| site.stored(key).await.metadata.contains_key("privet-object");
    bucket.put("small", bytes(1 << 20)).await.unwrap();
    bucket.put("large", bytes((1 << 20) + 1)).await.unwrap();
    bucket.put_stream("stream", pieces(&bytes(10), 3)).await.unwrap();
    assert!(!is_framed("small").await && is_framed("large").await && is_framed("stream").await);
    for (format, framed) in [(ObjectFormat::Framed, true), (ObjectFormat::S3ec, false)] {
        let keyring = S3ecKeyring::kms(site.kms().await);
        let bucket = site.builder().s3ec(keyring).format(format).build(&site.privet().await, &site.s3).unwrap();
        bucket.put("one", bytes(10)).await.unwrap();
        bucket.put_stream("other", pieces(&bytes(10), 3)).await.unwrap();
        assert_eq!((is_framed("one").await, is_framed("other").await), (framed, framed));
    }
    let without = site.builder().format(ObjectFormat::S3ec).build(&site.privet().await, &site.s3);
    assert_eq!(kind(without), ErrorKind::Config);
}

#[tokio::test]
async fn class_tenant_and_resource_are_in_the_context_and_the_place_is_bound() {
    let site = Site::start().await;
    let privet = site.privet().await.for_tenant("acme").unwrap();
    let bucket = site.builder().build(&privet, &site.s3).unwrap();
    bucket.put("k", "x").await.unwrap();
    let contexts: Vec<_> = site.aws.calls("kms").into_iter().map(|call| call.context).collect();
    let pair = |name: &str| contexts[0].get(name).map(String::as_str);
    assert_eq!(pair("privet:class"), Some("pii"));
    assert_eq!(pair("privet:tenant"), Some("acme"));
    assert_eq!(pair("privet:resource"), Some("documents"));
    assert_eq!(pair("application"), Some("tests"));
    assert_eq!((pair("privet:bucket"), pair("privet:key")), (Some(&site.name[..]), Some("k")));
    // Where it is, is not stored with it.
    let stored = site.stored("k").await;
    let text = String::from_utf8_lossy(&stored.body).into_owned();
    assert!(text.contains("documents") && !text.contains(&site.name) && !text.contains("privet:key="));

    for other in [
        site.bucket().await,
        site.builder().class(Classification::Sensitive).build(&privet, &site.s3).unwrap(),
        site.builder().resource("invoices").build(&privet, &site.s3).unwrap(),
        site.builder().renamable().build(&privet, &site.s3).unwrap(),
    ] {
        assert_eq!(kind(other.get("k").await), ErrorKind::Integrity);
        assert_eq!(kind(other.get_range("k", 0..1).await), ErrorKind::Integrity);
    }
    site.store("moved", stored).await;
    assert_eq!(kind(bucket.get("moved").await), ErrorKind::Integrity);
    assert_eq!(kind(bucket.open("moved").await), ErrorKind::Integrity);
    assert!(collect(bucket.get_stream("moved").await.unwrap().unwrap()).await.is_err());
    assert_eq!(bucket.get("k").await.unwrap().unwrap().body, b"x");
}

#[tokio::test]
async fn objects_of_buckets_that_rename_open_wherever_they_are() {
    let site = Site::start().await;
    let bucket = site.builder().renamable().build(&site.privet().await, &site.s3).unwrap();
    bucket.put("k", "x").await.unwrap();
    site.store("moved", site.stored("k").await).await;
    assert_eq!(bucket.get("moved").await.unwrap().unwrap().body, b"x");
}

#[tokio::test]
async fn a_class_that_kms_refuses_is_denied() {
    let site = Site::start().await;
    for bucket in [site.bucket().await, site.mixed().await] {
        bucket.put("k", "x").await.unwrap();
        let analyst = site.kms_as("analyst").await;
        let privet = Protector::builder().keyring(site.kms_as("analyst").await).context("application", "tests");
        let privet = privet.audit(TracingSink).build().unwrap();
        let reader = site.builder().s3ec(S3ecKeyring::kms(analyst)).build(&privet, &site.s3).unwrap();
        site.aws.deny(Deny::principal("analyst").operation("Decrypt").context("privet:class", "pii"));
        assert_eq!(kind(reader.get("k").await), ErrorKind::Denied);
        site.aws.clear_denials();
    }
}

#[tokio::test]
async fn every_changed_byte_of_an_object_is_noticed() {
    let site = Site::start().await;
    let framed = site.builder().frame_length(40).build(&site.privet().await, &site.s3).unwrap();
    for bucket in [framed, site.mixed().await] {
        bucket.put("k", bytes(100)).await.unwrap();
        let good = site.stored("k").await;
        for at in (0..good.body.len()).step_by(if good.body.len() > 200 { 5 } else { 3 }) {
            let mut damaged = good.clone();
            damaged.body[at] ^= 1;
            site.store("k", damaged).await;
            assert!(bucket.get("k").await.is_err(), "byte {at}");
            let streamed = match bucket.get_stream("k").await {
                Ok(stream) => collect(stream.unwrap()).await.map(drop),
                Err(error) => Err(error),
            };
            assert!(streamed.is_err(), "byte {at}");
        }
        for length in [0, 1, 50, good.body.len() - 1] {
            let mut damaged = good.clone();
            damaged.body.truncate(length);
            site.store("k", damaged).await;
            assert!(bucket.get("k").await.is_err(), "{length} bytes");
            assert!(bucket.get_range("k", 0..1).await.is_err() || length == good.body.len() - 1, "{length} bytes");
        }
        // Without its metadata it looks as if it were in clear.
        site.store("k", Stored { metadata: Default::default(), ..good }).await;
        assert_eq!(kind(bucket.get("k").await), ErrorKind::Integrity);
    }
}

#[tokio::test]
async fn plaintext_is_refused_unless_a_migration_says_otherwise() {
    let site = Site::start().await;
    site.store("k", Stored { body: b"clear".to_vec(), metadata: Default::default() }).await;
    let bucket = site.bucket().await;
    assert_eq!(kind(bucket.get("k").await), ErrorKind::Integrity);
    assert_eq!(kind(bucket.get_stream("k").await), ErrorKind::Integrity);
    assert_eq!(kind(bucket.get_range("k", 0..1).await), ErrorKind::Integrity);
    assert!(!bucket.head("k").await.unwrap().unwrap().is_sealed);
    for reads in [PlaintextReads::Count, PlaintextReads::Allow] {
        let bucket = site.builder().plaintext_reads(reads).build(&site.privet().await, &site.s3).unwrap();
        assert_eq!(bucket.get("k").await.unwrap().unwrap().body, b"clear");
        assert_eq!(collect(bucket.get_stream("k").await.unwrap().unwrap()).await.unwrap(), b"clear");
        assert_eq!(bucket.get_range("k", 1..3).await.unwrap().unwrap(), b"le");
    }
}

#[tokio::test]
async fn the_policy_says_what_a_bucket_is_of() {
    let site = Site::start().await;
    let toml = format!("version = 1\n[resources.reports]\ntable = \"{}\"\nclass = \"sensitive\"\n", site.name);
    let policy = Policy::from_toml(&toml).unwrap();
    let privet = Protector::builder().policy(policy).keyring(site.kms().await).audit(TracingSink).build().unwrap();
    let bucket = Bucket::builder(&site.name).build(&privet, &site.s3).unwrap();
    assert_eq!((bucket.class(), bucket.resource()), (Classification::Sensitive, "reports"));
    // Where nobody says, it is the default class, and a resource of the bucket's own name.
    let bucket = Bucket::builder("other").build(&privet, &site.s3).unwrap();
    assert_eq!((bucket.class(), bucket.resource()), (Classification::Confidential, "other"));
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let site = Site::start().await;
    let privet = site.privet().await;
    for wrong in [
        site.builder().frame_length(0),
        site.builder().frame_length(17 << 20),
        site.builder().part_size(1 << 20),
        site.builder().parallel(0),
        site.builder().format(ObjectFormat::BySize),
    ] {
        assert_eq!(kind(wrong.build(&privet, &site.s3)), ErrorKind::Config);
    }
}

#[tokio::test]
async fn what_is_too_large_for_memory_is_streamed() {
    let site = Site::start().await;
    let bucket = site.builder().most_in_memory(1000).build(&site.privet().await, &site.s3).unwrap();
    let content = bytes(5000);
    bucket.put("k", content.clone()).await.unwrap();
    assert_eq!(kind(bucket.get("k").await), ErrorKind::Input);
    assert_eq!(kind(bucket.get_range("k", 0..1001).await), ErrorKind::Input);
    assert_eq!(bucket.get_range("k", 0..1000).await.unwrap().unwrap(), content[..1000]);
    assert_eq!(collect(bucket.get_stream("k").await.unwrap().unwrap()).await.unwrap(), content);
    assert_eq!(collect(bucket.get_parallel("k").await.unwrap().unwrap()).await.unwrap(), content);
}

#[tokio::test]
async fn errors_of_the_service_are_told_apart_and_say_nothing() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let bucket = site.bucket().await;
    bucket.put("secret-name", "x").await.unwrap();
    for (code, expected, retryable) in [
        ("AccessDenied", ErrorKind::Denied, false),
        ("SlowDown", ErrorKind::Throttled, true),
        ("InternalError", ErrorKind::Io, true),
        ("PreconditionFailed", ErrorKind::Conflict, false),
    ] {
        site.aws.fault(Fault::on("s3", "GetObject").error(code));
        let error = bucket.get("secret-name").await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable(), error.code()), (expected, retryable, Some(code)));
        assert!(!format!("{error} {error:?}").contains("secret-name"));
        site.aws.clear_faults();
    }
    site.aws.fault(Fault::on("s3", "GetObject").reset());
    assert_eq!(kind(bucket.get("secret-name").await), ErrorKind::Io);
}
