//! Jobs over buckets: every format to its target, by prefix and manifest, while others write and the service fails.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use privet::audit::TracingSink;
use privet::bulk::checkpoint::{CheckpointFuture, Checkpoints, MemoryCheckpoints};
use privet::bulk::{Checkpoint, Extent, FileCheckpoints, Job, JobBuilder, Outcome, Prices, Reprotect};
use privet::keyring::{KmsKeyring, MultiKeyring, S3ecKeyring};
use privet::policy::PlaintextReads;
use privet::s3::bulk::{BucketCheckpoints, ObjectStore, Reseal};
use privet::s3::{Bucket, BucketBuilder, DocumentFormat, ObjectFormat};
use privet::s3ec::CommitmentPolicy;
use privet::{Classification, ErrorKind, Policy, Protector};
use privet_testkit::{Deny, EmbeddedAws, Fault};

use crate::site::{REGION, Site, Stored, bytes, pieces};
use crate::{kills, random};

const POLICY: &str = "version = 1\n[resources.documents]\nkey = [\"id\"]\n";

/// A bucket with an old key and a new one.
pub(crate) struct Move {
    pub(crate) site: Site,
    pub(crate) new_key: String,
}

impl Move {
    pub(crate) async fn start() -> Self {
        let site = Site::start().await;
        let new_key = site.aws.create_key(REGION, "alias/new").await;
        Self { site, new_key }
    }

    async fn kms(&self, key: &str) -> KmsKeyring {
        let config = self.site.aws.config_as(REGION, EmbeddedAws::DEFAULT_PRINCIPAL).await;
        KmsKeyring::new(aws_sdk_kms::Client::new(&config), key).unwrap()
    }

    /// Writes with one key, and reads with both if another is named.
    async fn privet(&self, writes: &str, reads: Option<&str>, policy: &str) -> Protector {
        let mut keyring = MultiKeyring::new(self.kms(writes).await);
        if let Some(reads) = reads {
            keyring = keyring.with_reader(self.kms(reads).await);
        }
        let builder = Protector::builder().policy(Policy::from_toml(policy).unwrap()).keyring(keyring);
        builder.audit(TracingSink).build().unwrap()
    }

    async fn s3ec(&self, writes: &str, reads: Option<&str>) -> S3ecKeyring {
        let keyring = S3ecKeyring::kms(self.kms(writes).await);
        match reads {
            Some(reads) => keyring.with_reader(S3ecKeyring::kms(self.kms(reads).await)),
            None => keyring,
        }
    }

    pub(crate) async fn bucket(
        &self,
        writes: &str,
        reads: Option<&str>,
        build: impl FnOnce(BucketBuilder) -> BucketBuilder,
    ) -> Bucket {
        let builder = Bucket::builder(&self.site.name).class(Classification::Pii).resource("documents");
        let builder = build(builder.s3ec(self.s3ec(writes, reads).await).threshold(1000));
        builder.build(&self.privet(writes, reads, POLICY).await, &self.site.s3).unwrap()
    }

    async fn old(&self) -> Bucket {
        self.bucket(&self.site.key_arn, None, |builder| {
            builder.commitment_policy(CommitmentPolicy::ForbidEncryptAllowDecrypt)
        })
        .await
    }

    /// Reads whatever there is.
    pub(crate) async fn before(&self) -> Bucket {
        let old = |builder: BucketBuilder| {
            let builder = builder.plaintext_reads(PlaintextReads::Allow);
            builder.commitment_policy(CommitmentPolicy::RequireEncryptAllowDecrypt)
        };
        self.bucket(&self.site.key_arn, Some(&self.new_key), old).await
    }

    /// Reads what is on target, and nothing else.
    pub(crate) async fn after(&self) -> Bucket {
        self.bucket(&self.new_key, None, |builder| builder).await
    }

    async fn records(&self) -> Reprotect {
        let from = format!("{POLICY}plaintext_reads = \"allow\"\n");
        let from = self.privet(&self.site.key_arn, Some(&self.new_key), &from).await;
        let to = self.privet(&self.new_key, None, &from_clear()).await;
        Reprotect::new(from, to, "documents").unwrap()
    }

    pub(crate) async fn reseal(&self) -> Reseal {
        Reseal::new(self.before().await, self.after().await).unwrap().documents(self.records().await)
    }

    pub(crate) async fn job(&self, name: &str) -> JobBuilder<ObjectStore, Reseal> {
        let store = ObjectStore::new(self.before().await, "data/").page(7);
        Job::builder(name, store, self.reseal().await)
    }

    pub(crate) async fn put_plain(&self, key: &str, body: &[u8]) {
        let put = self.site.s3.put_object().bucket(&self.site.name).key(key).body(ByteStream::from(body.to_vec()));
        put.send().await.unwrap();
    }

    /// An object of every kind; returns what each holds.
    async fn fill(&self) -> BTreeMap<String, Vec<u8>> {
        let old = self.old().await;
        let v3 = self.bucket(&self.site.key_arn, None, |builder| builder).await;
        let mut contents = BTreeMap::new();
        for (index, length) in [0, 1, 999, 1001, 200_000, 9 << 20].into_iter().enumerate() {
            let key = format!("data/{index}-framed or v2");
            old.put(&key, bytes(length)).await.unwrap();
            contents.insert(key, bytes(length));
        }
        for length in [0, 500] {
            let key = format!("data/v3/{length}.bin");
            v3.put(&key, bytes(length)).await.unwrap();
            contents.insert(key, bytes(length));
            let key = format!("data/plain/{length}.bin");
            self.put_plain(&key, &bytes(length)).await;
            contents.insert(key, bytes(length));
        }
        let files = |builder: BucketBuilder| builder.instruction_files().format(ObjectFormat::S3ec);
        let files = self.bucket(&self.site.key_arn, None, files).await;
        files.put("data/v3/with a file", bytes(77)).await.unwrap();
        contents.insert("data/v3/with a file".into(), bytes(77));
        contents
    }

    async fn opens(&self, contents: &BTreeMap<String, Vec<u8>>) {
        let new = self.after().await;
        for (key, content) in contents {
            assert!(new.get(key).await.unwrap().unwrap().body == *content, "{key}");
        }
    }

    async fn documents(&self, bucket: &Bucket) {
        for (key, format, text) in DOCUMENTS {
            let documents = bucket.documents(format).unwrap();
            documents.put_stream(key, pieces(text.as_bytes(), 10)).await.unwrap();
        }
    }
}

fn from_clear() -> String {
    POLICY.to_owned()
}

const DOCUMENTS: [(&str, DocumentFormat, &str); 3] = [
    ("data/docs/a.json", DocumentFormat::Json, r#"{"email":"ada@example.com","id":"1"}"#),
    (
        "data/docs/b.jsonl",
        DocumentFormat::JsonLines,
        "{\"id\":\"1\",\"ssn\":\"900-12-3456\"}\n{\"id\":\"2\",\"name\":\"Ada\"}\n",
    ),
    ("data/docs/c.csv", DocumentFormat::Csv, "id,email\n1,ada@example.com\n2,\"x,y\"\n"),
];

#[tokio::test]
async fn objects_of_every_kind_are_moved_to_a_new_key_planned_and_verified() {
    let this = Move::start().await;
    let mut contents = this.fill().await;
    this.documents(&this.old().await).await;
    this.put_plain("data/folder/", b"").await;
    this.put_plain("elsewhere/x", b"not of the job").await;
    let from = this.before().await;
    let tags = this.site.s3.put_object_tagging().bucket(&this.site.name).key("data/3-framed or v2");
    let tag = aws_sdk_s3::types::Tag::builder().key("a b").value("c/d&e").build().unwrap();
    tags.tagging(aws_sdk_s3::types::Tagging::builder().tag_set(tag).build().unwrap()).send().await.unwrap();

    let job = this.job("new-key").await.build().unwrap();
    let plan = job.plan(1000, Some(Prices::S3_US_EAST_1)).await.unwrap();
    let all = contents.len() as u64 + 3;
    assert_eq!((plan.sample.read, plan.sample.rewritten, plan.sample.poison), (all, all, 0), "{plan}");
    assert!(plan.estimate.bytes.unwrap() > 9e6 && plan.estimate.dollars.unwrap() > 0.0, "{plan}");
    assert_eq!(
        this.site.calls("s3", "PutObject") + this.site.calls("s3", "CopyObject"),
        this.site.calls("s3", "PutObject")
    );
    let before = job.stragglers().await.unwrap();
    assert!(before.stragglers + before.unclear == all && before.on_target == 0, "{before}");
    assert!(!job.verify(Extent::All).await.unwrap().passed());
    this.site.aws.clear_calls();

    let report = job.run_planned(&plan).await.unwrap();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.rewritten, report.total.poison, report.total.conflicts), (all, 0, 0), "{report}");
    // What is V3 already is not read.
    assert_eq!(this.site.calls("s3", "CopyObject"), 2);
    this.opens(&contents).await;
    let new = this.after().await;
    for (key, format, text) in DOCUMENTS {
        let read = new.documents(format).unwrap().get_stream(key).await.unwrap().unwrap();
        let read = String::from_utf8(crate::site::collect(read).await.unwrap()).unwrap();
        let (read, text) = (read.trim_end().to_owned(), text.trim_end());
        assert_eq!(read, text, "{key}");
    }
    let tags =
        this.site.s3.get_object_tagging().bucket(&this.site.name).key("data/3-framed or v2").send().await.unwrap();
    assert_eq!((tags.tag_set[0].key.as_str(), tags.tag_set[0].value.as_str()), ("a b", "c/d&e"));
    assert_eq!(this.site.stored("elsewhere/x").await.body, b"not of the job");

    let after = this.job("again").await.build().unwrap();
    let verified = after.verify(Extent::All).await.unwrap();
    assert!(verified.passed() && verified.on_target == all, "{verified}");
    let stragglers = after.stragglers().await.unwrap();
    assert!(stragglers.passed(), "{stragglers}");
    let again = after.run().await.unwrap();
    assert_eq!((again.total.rewritten, again.total.current), (0, all), "{again}");
    // A plan of before is refused now that its manifest of the world, here the key, is another.
    let other = Reseal::new(from.clone(), this.old().await).unwrap();
    let other = Job::builder("new-key", ObjectStore::new(from, "data/"), other).build().unwrap();
    assert_eq!(other.run_planned(&plan).await.unwrap_err().kind(), ErrorKind::Conflict);
    contents.clear();
}

#[tokio::test]
async fn formats_change_only_where_the_target_names_one_and_plaintext_is_asked_for() {
    let this = Move::start().await;
    let contents = this.fill().await;
    for format in [ObjectFormat::Framed, ObjectFormat::S3ec, ObjectFormat::BySize] {
        let to = this.bucket(&this.new_key, None, |builder| builder.format(format)).await;
        let reseal = Reseal::new(this.before().await, to).unwrap().with_new_data_keys();
        let store = ObjectStore::new(this.before().await, "data/");
        let job = Job::builder("format", store, reseal).build().unwrap();
        let report = job.run().await.unwrap();
        assert!(report.finished && report.total.poison == 0, "{report}");
        this.opens(&contents).await;
        for (key, content) in &contents {
            let metadata = this.site.stored(key).await.metadata;
            let is_framed = match format {
                ObjectFormat::Framed => true,
                ObjectFormat::S3ec => false,
                _ => content.len() > 1000,
            };
            assert_eq!(metadata.contains_key("privet-object"), is_framed, "{key} {metadata:?}");
            assert!(!metadata.contains_key("x-amz-key-v2"), "{key}");
            assert!(!this.site.exists(&format!("{key}.instruction")).await);
        }
        assert!(job.verify(Extent::All).await.unwrap().passed());
    }
    this.documents(&this.after().await).await;
    let open = Reseal::dangerous_to_plaintext(this.before().await);
    let to_clear =
        Reprotect::dangerous_to_plaintext(this.privet(&this.new_key, None, POLICY).await, "documents").unwrap();
    let job =
        Job::builder("open", ObjectStore::new(this.before().await, "data/"), open.documents(to_clear)).build().unwrap();
    let report = job.run().await.unwrap();
    assert!(report.finished && report.total.poison == 0, "{report}");
    for (key, content) in &contents {
        let stored = this.site.stored(key).await;
        assert!(stored.body == *content && stored.metadata.is_empty(), "{key}");
    }
    assert_eq!(this.site.stored("data/docs/c.csv").await.body, DOCUMENTS[2].2.as_bytes());
    assert!(job.verify(Extent::All).await.unwrap().passed());
}

#[tokio::test]
async fn what_is_written_meanwhile_is_read_again_and_never_overwritten() {
    let this = Move::start().await;
    let old = this.old().await;
    let service = this.bucket(&this.new_key, Some(&this.site.key_arn), |builder| builder).await;
    for (key, length) in [("data/framed", 5000), ("data/gone", 5000), ("data/stays", 5000)] {
        old.put(key, bytes(length)).await.unwrap();
    }
    let v3 = this.bucket(&this.site.key_arn, None, |builder| builder).await;
    v3.put("data/v3", bytes(100)).await.unwrap();
    // Requests that write wait; meanwhile others write. Theirs wait likewise, so they are sent by a client of the engine.
    let job = this.job("new-key").await.build().unwrap();
    this.site.aws.fault(Fault::on("s3", "HeadObject").delay(Duration::from_millis(300)));
    let running = tokio::spawn(async move { job.run().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    service.put("data/framed", b"newer".to_vec()).await.unwrap();
    service.put("data/v3", b"newer as well".to_vec()).await.unwrap();
    this.site.s3.delete_object().bucket(&this.site.name).key("data/gone").send().await.unwrap();
    let report = running.await.unwrap().unwrap();
    assert!(report.finished && report.total.poison == 0, "{report}");
    assert_eq!((report.total.conflicts, report.total.vanished, report.total.rewritten), (3, 1, 1), "{report}");
    let contents =
        [("data/framed", b"newer".to_vec()), ("data/v3", b"newer as well".to_vec()), ("data/stays", bytes(5000))];
    this.opens(&contents.into_iter().map(|(key, content)| (key.to_owned(), content)).collect()).await;
    assert!(!this.site.exists("data/gone").await);
}

#[tokio::test]
async fn a_service_that_fails_is_asked_again() {
    let this = Move::start().await;
    let contents = this.fill().await;
    for fault in [
        Fault::on("s3", "ListObjectsV2").probability(0.3, 1).error("SlowDown"),
        Fault::on("s3", "GetObject").probability(0.1, 2).reset(),
        Fault::on("s3", "PutObject").probability(0.3, 3).answer_lost(),
        Fault::on("s3", "PutObject").probability(0.1, 4).status(503),
        Fault::on("s3", "CopyObject").times(1).answer_lost(),
        Fault::on("s3", "UploadPart").probability(0.3, 5).status(500),
        Fault::on("s3", "CompleteMultipartUpload").times(1).answer_lost(),
        Fault::on("kms", "Decrypt").probability(0.1, 6).error("ThrottlingException"),
    ] {
        this.site.aws.fault(fault);
    }
    let mut finished = false;
    for round in 0..20 {
        let report = this.job(&format!("round-{round}")).await.build().unwrap().run().await.unwrap();
        assert_eq!(report.total.poison, 0, "{report}");
        finished = report.finished;
        if finished {
            break;
        }
    }
    this.site.aws.clear_faults();
    assert!(finished);
    this.opens(&contents).await;
    assert!(this.job("check").await.build().unwrap().verify(Extent::All).await.unwrap().passed());
    let uploads = this.site.s3.list_multipart_uploads().bucket(&this.site.name).send().await.unwrap();
    assert!(uploads.uploads().is_empty());
}

/// What the target's key is asked for by new objects, by data keys that are wrapped anew, and what S3 may refuse.
#[tokio::test]
async fn a_job_that_is_denied_the_target_fails_and_takes_no_object_for_poison() {
    let this = Move::start().await;
    let old = this.bucket(&this.site.key_arn, None, |builder| builder.format(ObjectFormat::S3ec)).await;
    for index in 0..3 {
        old.put(&format!("data/{index}"), bytes(500)).await.unwrap();
    }
    let on = |service: &str, operation: &str| Deny::everyone().service(service).operation(operation);
    for (name, deny, anew) in [
        ("wrapped", on("kms", "Encrypt"), false),
        ("copied", on("s3", "CopyObject"), false),
        ("put", on("s3", "PutObject"), true),
    ] {
        let reseal = this.reseal().await;
        let reseal = if anew { reseal.with_new_data_keys() } else { reseal };
        let job = Job::builder(name, ObjectStore::new(this.before().await, "data/"), reseal).build().unwrap();
        this.site.aws.deny(deny);
        let report = job.run().await.unwrap();
        this.site.aws.clear_denials();
        assert!(!report.finished && !report.failures.is_empty(), "{name}: {report}");
        assert!(
            report.failures.iter().all(|failure| failure.kind == "denied" && !failure.retryable),
            "{name}: {report}"
        );
        assert_eq!((report.total.poison, report.total.rewritten), (0, 0), "{name}: {report}");
    }
    // A document is refused the key of a class that it has, and is right itself.
    let documents = this.old().await.documents(DocumentFormat::Json).unwrap();
    documents.put_stream("data/z", pieces(br#"{"id":"1","note":"between us"}"#, 10)).await.unwrap();
    this.site.aws.deny(on("kms", "GenerateDataKey").context("privet:class", "confidential"));
    let report = this.job("documents").await.build().unwrap().run().await.unwrap();
    this.site.aws.clear_denials();
    assert_eq!((report.finished, report.total.poison, report.failures.len()), (false, 0, 1), "{report}");
    assert_eq!(report.failures[0].kind, "denied", "{report}");
    assert_eq!(report.total.rewritten, 3, "{report}");
    // The job asks for the first of them itself.
    this.site.aws.deny(on("kms", "GenerateDataKey"));
    let refused = this.job("asked").await.build().unwrap().run().await.unwrap_err();
    this.site.aws.clear_denials();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    // What one object was sealed with is its own.
    this.site.aws.deny(on("kms", "Decrypt"));
    let report = this.job("old-key").await.build().unwrap().run().await.unwrap();
    this.site.aws.clear_denials();
    assert_eq!((report.finished, report.total.poison), (true, 4), "{report}");
    let report = this.job("last").await.build().unwrap().run().await.unwrap();
    assert_eq!((report.finished, report.total.rewritten, report.total.current), (true, 1, 3), "{report}");
}

#[tokio::test]
async fn a_manifest_is_worked_off_line_by_line_and_misleads_nobody() {
    let this = Move::start().await;
    let mut contents = BTreeMap::new();
    let (old, name) = (this.old().await, this.site.name.clone());
    let mut manifest = String::new();
    for index in 0..60 {
        let key = format!("any/{index} é+.txt");
        old.put(&key, bytes(2000 + index)).await.unwrap();
        manifest.push_str(&format!("{name},any/{index}+%C3%A9%2B.txt,version-{index}\r\n"));
        contents.insert(key, bytes(2000 + index));
    }
    old.put("any/not listed", b"x".to_vec()).await.unwrap();
    // The same object again, one that is not there, another bucket's, and no lines at all.
    manifest
        .push_str(&format!("{name},any/0+%C3%A9%2B.txt\n\n{name},any/absent\nother-bucket,any/1\n{name},%ff\n\"\n"));
    this.put_plain("manifest.csv", manifest.as_bytes()).await;
    let store = async || ObjectStore::of_manifest(this.before().await, &name, "manifest.csv", 5).await.unwrap();
    let job = Job::builder("by-manifest", store().await, this.reseal().await).build().unwrap();
    let plan = job.plan(1000, None).await.unwrap();
    let report = job.run_planned(&plan).await.unwrap();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.rewritten, report.total.current, report.total.poison), (60, 1, 3), "{report}");
    assert!(report.poison.iter().all(|poison| !format!("{poison:?}").contains("any/1")));
    this.opens(&contents).await;
    // A manifest that changes is another job.
    this.put_plain("manifest.csv", format!("{name},any/not+listed\n").as_bytes()).await;
    let job = Job::builder("by-manifest", store().await, this.reseal().await).build().unwrap();
    assert_eq!(job.run_planned(&plan).await.unwrap_err().kind(), ErrorKind::Conflict);
    let gone = ObjectStore::of_manifest(this.before().await, &name, "no.csv", 1).await;
    assert!(gone.is_err());
    // A line longer than any key ends the shard, not the memory.
    this.put_plain("manifest.csv", &vec![b'a'; 1 << 20]).await;
    let job = Job::builder("endless", store().await, this.reseal().await).build().unwrap();
    let report = job.run().await.unwrap();
    assert!(!report.finished && report.failures.iter().all(|failure| !failure.retryable), "{report}");
}

#[tokio::test]
async fn instruction_files_go_with_their_objects_and_nothing_else_hides_behind_their_name() {
    let this = Move::start().await;
    let files = |builder: BucketBuilder| builder.instruction_files().format(ObjectFormat::S3ec);
    let files = this.bucket(&this.site.key_arn, None, files).await;
    let name = this.site.name.clone();
    for key in ["data/a", "data/unmarked"] {
        files.put(key, bytes(77)).await.unwrap();
    }
    // Not all clients mark the file.
    let file = this.site.stored("data/unmarked.instruction").await;
    this.put_plain("data/unmarked.instruction", &file.body).await;
    this.put_plain("data/manual.instruction", b"first open the box").await;
    // An inventory of the bucket lists all there is.
    let keys = ["a", "a.instruction", "unmarked", "unmarked.instruction", "manual.instruction"];
    let manifest: String = keys.iter().map(|key| format!("{name},data/{key}\n")).collect();
    this.put_plain("manifest.csv", manifest.as_bytes()).await;
    assert_eq!(this.reseal().await.move_one("data/a.instruction").await.unwrap(), privet::s3::bulk::Moved::Absent);
    let store = ObjectStore::of_manifest(this.before().await, &name, "manifest.csv", 1).await.unwrap();
    let report = Job::builder("manifest", store, this.reseal().await).build().unwrap().run().await.unwrap();
    assert_eq!((report.total.rewritten, report.total.poison), (3, 0), "{report}");
    let contents = [
        ("data/a", bytes(77)),
        ("data/unmarked", bytes(77)),
        ("data/manual.instruction", b"first open the box".to_vec()),
    ];
    let contents = contents.map(|(key, content)| (key.to_owned(), content)).into();
    this.opens(&contents).await;
    let verified = this.job("list").await.build().unwrap().verify(Extent::All).await.unwrap();
    assert!(verified.passed() && verified.read == 3, "{verified}");
}

#[tokio::test]
async fn a_new_class_under_the_same_key_is_seen_wherever_the_key_is() {
    let this = Move::start().await;
    let key = &this.site.key_arn;
    let s3ec = |builder: BucketBuilder| builder.format(ObjectFormat::S3ec);
    let files = |builder: BucketBuilder| s3ec(builder).instruction_files();
    let before = this.bucket(key, None, |builder| builder).await;
    let after = this.bucket(key, None, |builder| builder.class(Classification::Confidential)).await;
    this.bucket(key, None, s3ec).await.put("data/metadata", bytes(70)).await.unwrap();
    this.bucket(key, None, files).await.put("data/file", bytes(80)).await.unwrap();
    this.bucket(key, None, |builder| builder).await.put("data/framed", bytes(9000)).await.unwrap();
    let job = |name: &str| {
        let store = ObjectStore::new(before.clone(), "data/");
        Job::builder(name, store, Reseal::new(before.clone(), after.clone()).unwrap()).build().unwrap()
    };
    let found = job("look").stragglers().await.unwrap();
    assert_eq!((found.stragglers, found.unclear, found.on_target), (3, 0, 0), "{found}");
    let report = job("class").run().await.unwrap();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.rewritten, report.total.poison), (3, 0), "{report}");
    for (name, length) in [("data/metadata", 70), ("data/file", 80), ("data/framed", 9000)] {
        assert_eq!(after.get(name).await.unwrap().unwrap().body, bytes(length), "{name}");
        assert!(before.get(name).await.is_err(), "{name}");
    }
    // What is on target is told from what was before, too.
    let again = job("again").run().await.unwrap();
    assert_eq!((again.total.current, again.total.poison), (3, 0), "{again}");
    assert!(job("check").verify(Extent::All).await.unwrap().passed());
}

#[tokio::test]
async fn an_instruction_file_that_was_written_meanwhile_is_not_removed() {
    let this = Move::start().await;
    let files = |builder: BucketBuilder| builder.instruction_files().format(ObjectFormat::S3ec);
    this.bucket(&this.site.key_arn, None, files).await.put("data/a", bytes(77)).await.unwrap();
    let reseal = this.reseal().await.with_new_data_keys();
    this.site.aws.fault(Fault::on("s3", "DeleteObject").delay(Duration::from_millis(500)));
    let running = tokio::spawn(async move { reseal.move_one("data/a").await });
    while !this.site.stored("data/a").await.metadata.contains_key("x-amz-3") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The job's object is there, and its file is about to go; a writer has put another one.
    this.put_plain("data/a.instruction", b"{\"x-amz-3\":\"of another\"}").await;
    running.await.unwrap().unwrap();
    assert_eq!(this.site.stored("data/a.instruction").await.body, b"{\"x-amz-3\":\"of another\"}");
    assert!(this.after().await.get("data/a").await.unwrap().unwrap().body == bytes(77));
}

#[tokio::test]
async fn objects_that_somebody_poisoned_are_reported_and_hold_up_nobody() {
    let this = Move::start().await;
    let (old, site) = (this.old().await, &this.site);
    let names = ["good-1", "good-2", "frame", "header", "mark", "moved", "v2", "wrapped", "mixed", "newer", "row"];
    for name in names {
        let length = if matches!(name, "v2" | "wrapped" | "mixed") { 100 } else { 200_000 };
        old.put(&format!("data/{name}"), bytes(length)).await.unwrap();
    }
    let change = async |name: &str, change: &dyn Fn(&mut Stored)| {
        let mut stored = site.stored(&format!("data/{name}")).await;
        change(&mut stored);
        site.store(&format!("data/{name}"), stored).await;
    };
    let set =
        |stored: &mut Stored, name: &str, value: &str| drop(stored.metadata.insert(name.to_owned(), value.to_owned()));
    // The header is right, so it only shows once the new object is half written.
    change("frame", &|stored| *stored.body.last_mut().unwrap() ^= 1).await;
    change("header", &|stored| stored.body[2] ^= 0xff).await;
    change("mark", &|stored| set(stored, "privet-header", "99999999999999999999")).await;
    let moved = site.stored("data/good-1").await;
    site.store("data/moved", moved).await;
    change("v2", &|stored| set(stored, "x-amz-iv", "AAAAAAAAAAAAAAAA")).await;
    change("wrapped", &|stored| set(stored, "x-amz-key-v2", "AAAA")).await;
    change("mixed", &|stored| set(stored, "x-amz-c", "115")).await;
    change("newer", &|stored| set(stored, "privet-object", "framed-9")).await;
    this.documents(&old).await;
    let row = site.stored("data/docs/b.jsonl").await;
    let text = String::from_utf8(row.body).unwrap().replacen("$sealed", "$saeled", 1);
    site.store("data/row", Stored { body: text.into_bytes(), metadata: row.metadata }).await;
    let metadata = HashMap::from([("privet-object".to_owned(), "document-json-lines-1".to_owned())]);
    site.store("data/endless", Stored { body: vec![b'x'; 17 << 20], metadata }).await;
    // A bucket without a keyring for S3EC objects meets one.
    let bad = names.len() as u64 - 2 + 1;
    let job = this.job("new-key").await.build().unwrap();
    let plan = job.plan(1000, None).await.unwrap();
    assert!(plan.sample.poison > 0);
    let report = job.run().await.unwrap();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.poison, report.total.rewritten), (bad, 2 + 3), "{report}");
    assert_eq!(report.total.retries, 0, "{report}");
    assert!(report.poison.iter().all(|poison| poison.digest.len() == 32 && !poison.reason.contains("data/")));
    let verified = this.job("check").await.build().unwrap().verify(Extent::All).await.unwrap();
    assert_eq!((verified.failed + verified.stragglers, verified.on_target), (bad, 5), "{verified}");
    let strict =
        Job::builder("strict", ObjectStore::new(this.before().await, "data/"), this.reseal().await.name_objects());
    let report = strict.max_poison(3).build().unwrap().run().await.unwrap();
    assert!(!report.finished, "{report}");
    let without = site.builder().build(&this.privet(&site.key_arn, None, POLICY).await, &site.s3).unwrap();
    let reseal = Reseal::new(without.clone(), without.clone()).unwrap();
    let report =
        Job::builder("without", ObjectStore::new(without, "data/"), reseal).build().unwrap().run().await.unwrap();
    assert!(report.finished, "{report}");
}

#[tokio::test]
async fn checkpoints_in_a_bucket_are_written_on_the_one_before_alone() {
    let this = Move::start().await;
    for index in 0..30 {
        this.old().await.put(&format!("data/{index:02}"), bytes(1500)).await.unwrap();
    }
    let checkpoints = || BucketCheckpoints::new(this.site.s3.clone(), &this.site.name, "jobs/");
    let job =
        async || this.job("new-key").await.checkpoints(checkpoints()).lease(Duration::from_millis(50)).build().unwrap();
    let budget = privet::bulk::Budget { pages: Some(1) };
    let Outcome::Continue(first) = job().await.process_shard(0, budget, None).await else { panic!("not one page") };
    assert_eq!(first.counts.rewritten, 7);
    assert_eq!(checkpoints().load("new-key", 0).await.unwrap().as_ref(), Some(&first));
    assert!(!checkpoints().swap(&first).await.unwrap());
    let mut next = first.clone();
    next.revision += 1;
    let (one, other) = (checkpoints(), checkpoints());
    let (a, b) = tokio::join!(one.swap(&next), other.swap(&next));
    assert_ne!(a.unwrap(), b.unwrap(), "exactly one of the two");
    // Answers that are lost, and the last page by another worker.
    this.site.aws.fault(Fault::on("s3", "PutObject").probability(0.3, 9).answer_lost());
    let report = job().await.run().await.unwrap();
    this.site.aws.clear_faults();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.read, report.total.rewritten + report.total.current), (30, 30), "{report}");
    // Somebody else's object in its place, and one that is none.
    for text in
        [serde_json::to_string(&first).unwrap().replace("\"shard\":0", "\"shard\":1"), "{}".into(), "x".repeat(2 << 20)]
    {
        this.put_plain("jobs/new-key.000000.json", text.as_bytes()).await;
        assert!(checkpoints().load("new-key", 0).await.is_err());
        assert!(!job().await.run().await.is_ok_and(|report| report.finished));
    }
}

/// Checkpoints of which the second is refused: the first renewal.
#[derive(Debug, Default)]
struct OnceRefused {
    inner: MemoryCheckpoints,
    swaps: AtomicU64,
}

impl Checkpoints for OnceRefused {
    fn load<'a>(&'a self, job: &'a str, shard: u32) -> CheckpointFuture<'a, Option<Checkpoint>> {
        self.inner.load(job, shard)
    }

    fn swap<'a>(&'a self, checkpoint: &'a Checkpoint) -> CheckpointFuture<'a, bool> {
        if self.swaps.fetch_add(1, Relaxed) == 1 {
            return Box::pin(async { Err(privet::bulk::Error::new(ErrorKind::Denied, "refused once")) });
        }
        self.inner.swap(checkpoint)
    }
}

/// All objects of the first page are under way when the renewal fails, and its checkpoint is written: the shard is still the
/// worker's, who goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_fails_ends_no_job_unseen() {
    let this = Move::start().await;
    for index in 0..9 {
        this.old().await.put(&format!("data/{index}"), bytes(1500)).await.unwrap();
    }
    let job = this.job("new-key").await.checkpoints(OnceRefused::default()).lease(Duration::from_millis(300));
    this.site.aws.fault(Fault::on("s3", "PutObject").delay(Duration::from_millis(600)));
    let report = job.build().unwrap().run().await.unwrap();
    assert!(report.finished && report.failures.is_empty(), "{report}");
    assert_eq!((report.total.read, report.total.rewritten), (9, 9), "{report}");
}

/// One object alone may take longer than the lease: its worker keeps it, and the other one waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_takes_longer_than_the_lease_is_rewritten_once() {
    let this = Move::start().await;
    for index in 0..4 {
        this.old().await.put(&format!("data/{index}"), bytes(1500)).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let job = async || {
        let job = this.job("new-key").await.checkpoints(FileCheckpoints::new(folder.path()));
        job.lease(Duration::from_millis(300)).build().unwrap()
    };
    this.site.aws.clear_calls();
    this.site.aws.fault(Fault::on("s3", "PutObject").delay(Duration::from_millis(1200)));
    let (one, other) = (job().await, job().await);
    let (one, other) = tokio::join!(one.run(), other.run());
    for report in [one.unwrap(), other.unwrap()] {
        assert!(report.finished && report.failures.is_empty(), "{report}");
        assert_eq!((report.total.rewritten, report.total.conflicts, report.total.current), (4, 0, 0), "{report}");
    }
    let puts = this.site.aws.calls("s3").into_iter().filter(|call| call.operation == "PutObject").count();
    assert_eq!(puts, 4);
}

#[tokio::test]
async fn a_checkpoint_that_somebody_made_up_neither_stops_nor_misleads_for_ever() {
    let this = Move::start().await;
    this.old().await.put("data/x", bytes(1500)).await.unwrap();
    let job =
        async |checkpoints: MemoryCheckpoints| this.job("new-key").await.checkpoints(checkpoints).build().unwrap();
    let Outcome::Continue(start) =
        job(MemoryCheckpoints::default()).await.process_shard(0, Default::default(), Some(Duration::ZERO)).await
    else {
        panic!("not at the beginning")
    };
    let made = async |change: &dyn Fn(&mut Checkpoint)| {
        let checkpoints = MemoryCheckpoints::default();
        // Memory takes revision 1 first.
        let mut checkpoint = start.clone();
        checkpoint.revision = 1;
        change(&mut checkpoint);
        assert!(checkpoints.swap(&checkpoint).await.unwrap());
        job(checkpoints).await.run().await.unwrap()
    };
    let far = |until| Some(serde_json::from_value(serde_json::json!({ "owner": "nobody", "until": until })).unwrap());
    let report = made(&|checkpoint| checkpoint.lease = far(u64::MAX)).await;
    assert!(report.finished && report.total.rewritten == 1, "{report}");
    let report = made(&|checkpoint| (checkpoint.fence, checkpoint.counts.read) = (u64::MAX, u64::MAX)).await;
    assert!(report.finished, "{report}");
    // One that says that all is done is believed; verifying does not ask it.
    let report = made(&|checkpoint| checkpoint.done = true).await;
    assert!(report.finished && report.this_run.read == 0);
    let other = Move::start().await;
    other.old().await.put("data/x", bytes(1500)).await.unwrap();
    assert!(!other.job("check").await.build().unwrap().verify(Extent::All).await.unwrap().passed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_killed_again_and_again_loses_nothing_while_others_write() {
    const OBJECTS: u64 = 60;
    let this = Arc::new(Move::start().await);
    let old = this.old().await;
    let body = |index: u64, turn: u64| {
        format!("object {index}, turn {turn}. ").repeat(1 + 40 * (index as usize % 5)).into_bytes()
    };
    for index in 0..OBJECTS {
        old.put(&format!("data/{index}"), body(index, 0)).await.unwrap();
    }
    this.site.aws.fault(Fault::on("s3", "PutObject").probability(0.05, 1).answer_lost());
    this.site.aws.fault(Fault::on("s3", "PutObject").probability(0.05, 2).error("SlowDown"));
    this.site.aws.fault(Fault::on("s3", "PutObject").delay(Duration::from_millis(2)));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (this, stop) = (Arc::clone(&this), Arc::clone(&stop));
        async move {
            let service = this.bucket(&this.new_key, Some(&this.site.key_arn), |builder| builder).await;
            let mut written = BTreeMap::new();
            let mut turn = 1;
            while !stop.load(Relaxed) {
                let index = turn * 7919 % OBJECTS;
                // Faults that outlast the client's tries are the writer's to live with.
                while let Err(error) = service.put(&format!("data/{index}"), body(index, turn)).await {
                    assert!(error.is_retryable(), "{error}");
                }
                written.insert(index, turn);
                turn += 1;
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            written
        }
    });
    let checkpoints = || BucketCheckpoints::new(this.site.s3.clone(), &this.site.name, "jobs/");
    let (mut seed, mut killed) = (11, 0);
    for kill in 0..kills(20) {
        // One that is finished is followed by another.
        let name = format!("job-{}", kill / 10);
        let job = this.job(&name).await.checkpoints(checkpoints()).lease(Duration::from_millis(20)).build().unwrap();
        let running = tokio::spawn(async move { job.run().await });
        tokio::time::sleep(Duration::from_millis(random(&mut seed) % 80)).await;
        killed += u64::from(!running.is_finished());
        running.abort();
        let _ = running.await;
        let readable = this.bucket(&this.new_key, Some(&this.site.key_arn), |builder| {
            builder.commitment_policy(CommitmentPolicy::RequireEncryptAllowDecrypt)
        });
        assert!(readable.await.get(&format!("data/{}", kill % OBJECTS)).await.unwrap().is_some());
    }
    assert!(killed > 3, "{killed}");
    stop.store(true, Relaxed);
    let written = writer.await.unwrap();
    this.site.aws.clear_faults();
    let report = this.job("last").await.build().unwrap().run().await.unwrap();
    assert!(report.finished && report.total.poison == 0, "{report}");
    let expected =
        (0..OBJECTS).map(|index| (format!("data/{index}"), body(index, written.get(&index).copied().unwrap_or(0))));
    this.opens(&expected.collect()).await;
}
