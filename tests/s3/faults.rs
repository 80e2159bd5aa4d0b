//! Whatever call to S3 fails, and however: what was there opens or what is new does, and nothing is half there.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use privet::keyring::S3ecKeyring;
use privet::s3::{Bucket, BucketBuilder, ObjectFormat, Result};
use privet::s3ec::CommitmentPolicy;
use privet::{Protector, Secret};
use privet_testkit::Fault;

use crate::site::{Site, bytes, pieces};

const OLD: usize = 1000;
const NEW: usize = 2000;
/// Two parts.
const LARGE: usize = (5 << 20) + 1;

/// A way in which a call fails.
struct Failure {
    name: &'static str,
    fault: fn(Fault) -> Fault,
    /// From then on every call does.
    for_good: bool,
    /// The client tries again, and meets what its first try has left.
    tries_again: bool,
}

/// One of each sort: whether it may help to try again, whether the client does, whether S3 had done what it was asked.
const FAILURES: [Failure; 6] = [
    Failure { name: "denied", fault: |fault| fault.error("AccessDenied"), for_good: false, tries_again: false },
    Failure { name: "timeout", fault: Fault::timeout, for_good: false, tries_again: false },
    Failure { name: "throttled", fault: |fault| fault.error("SlowDown"), for_good: false, tries_again: true },
    Failure { name: "away", fault: |fault| fault.status(503), for_good: true, tries_again: false },
    Failure { name: "answer lost", fault: Fault::answer_lost, for_good: false, tries_again: false },
    Failure { name: "answer lost, tried again", fault: Fault::answer_lost, for_good: false, tries_again: true },
];

/// What is done to the object `k`, of which `old` is the content where there is one; others are sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Put,
    Upload,
    CopyHere,
    Rewrap,
    Rewrite,
    Delete,
}

struct Place {
    site: Site,
    privet: Protector,
}

impl Place {
    async fn start() -> Self {
        let site = Site::start().await;
        let privet = site.privet().await;
        Self { site, privet }
    }

    /// A client that tries once, or again.
    async fn client(&self, tries_again: bool) -> Client {
        let config = self.site.aws.config(crate::site::REGION).await;
        let retries = if tries_again { config.retry_config().unwrap().clone() } else { RetryConfig::disabled() };
        Client::from_conf(Builder::from(&config).retry_config(retries).build())
    }

    fn build(&self, builder: BucketBuilder, client: &Client) -> Bucket {
        builder.part_size(5 << 20).build(&self.privet, client).unwrap()
    }

    fn framed(&self) -> BucketBuilder {
        self.site.builder()
    }

    fn s3ec(&self) -> BucketBuilder {
        let keyring = S3ecKeyring::aes(&Secret::copy_of(&[2; 32])).unwrap();
        let old = S3ecKeyring::aes(&Secret::copy_of(&[1; 32])).unwrap();
        self.site.builder().s3ec(keyring.with_reader(old)).format(ObjectFormat::S3ec)
    }

    /// As it was before keys were changed.
    fn s3ec_before(&self) -> BucketBuilder {
        let keyring = S3ecKeyring::aes(&Secret::copy_of(&[1; 32])).unwrap();
        self.site.builder().s3ec(keyring).format(ObjectFormat::S3ec)
    }
}

async fn act(bucket: &Bucket, act: Act) -> Result<()> {
    // On the heap: the futures of all of these in one are too much for a test's stack.
    match act {
        Act::Put => Box::pin(bucket.put("k", bytes(NEW))).await.map(drop),
        Act::Upload => Box::pin(bucket.put_stream("k", pieces(&bytes(LARGE), 1 << 20))).await.map(drop),
        Act::CopyHere => Box::pin(bucket.copy("from", "k")).await.map(drop),
        Act::Rewrap => Box::pin(bucket.rewrap("k")).await,
        Act::Rewrite => Box::pin(bucket.rewrite("k")).await.map(drop),
        Act::Delete => Box::pin(bucket.delete("k")).await,
    }
}

/// Has every call of what is done fail in every way.
async fn try_all(
    place: &Place,
    before: impl Fn() -> BucketBuilder,
    now: impl Fn() -> BucketBuilder,
    what: Act,
    is_there: bool,
) {
    let sure = place.client(true).await;
    let (before, reader) = (place.build(before(), &sure), place.build(now(), &sure));
    let changed = match what {
        Act::Put | Act::CopyHere => Some(bytes(NEW)),
        Act::Upload => Some(bytes(LARGE)),
        Act::Rewrap | Act::Rewrite => Some(bytes(OLD)),
        Act::Delete => None,
    };
    let old = is_there.then(|| bytes(OLD));
    before.put("from", bytes(NEW)).await.unwrap();
    let mut cases = 0;
    // Uploads are large, so that only what matters most to them is tried: what else can happen is in `uploads.rs`.
    for failure in &FAILURES[if what == Act::Upload { 4..5 } else { 0..6 }] {
        let bucket = place.build(now(), &place.client(failure.tries_again).await);
        for call in 0.. {
            Box::pin(reader.delete("k")).await.unwrap();
            if is_there {
                Box::pin(before.put("k", bytes(OLD))).await.unwrap();
            }
            place.site.aws.clear_calls();
            let fault = (failure.fault)(Fault::on("s3", "*").after(call));
            place.site.aws.fault(if failure.for_good { fault } else { fault.times(1) });
            let result = act(&bucket, what).await;
            let calls = place.site.aws.calls("s3").len() as u64;
            place.site.aws.clear_faults();
            let case = format!("{what:?}, {} at call {call}, was there: {is_there}", failure.name);
            let found = reader.get("k").await.unwrap_or_else(|error| panic!("{case}: {error}"));
            let found = found.map(|object| object.body);
            assert!(found == changed || result.is_err() && found == old, "{case}: {:?}", result.err());
            // What was left half-way can be done again.
            act(&reader, what).await.unwrap_or_else(|error| panic!("{case}, done again: {error}"));
            assert!(reader.get("k").await.unwrap().map(|object| object.body) == changed, "{case}, done again");
            cases += 1;
            if calls <= call {
                break;
            }
        }
    }
    assert!(reader.get("from").await.unwrap().unwrap().body == bytes(NEW));
    assert!(cases > 4, "{cases} cases");
}

/// Another S3 has no faults to order.
async fn place() -> Option<Place> {
    let place = Place::start().await;
    place.site.is_embedded.then_some(place)
}

#[tokio::test]
async fn framed_objects() {
    let Some(place) = place().await else { return };
    let framed = || place.framed();
    for is_there in [false, true] {
        Box::pin(try_all(&place, framed, framed, Act::Put, is_there)).await;
        Box::pin(try_all(&place, framed, framed, Act::CopyHere, is_there)).await;
    }
    Box::pin(try_all(&place, framed, framed, Act::Rewrite, true)).await;
    Box::pin(try_all(&place, framed, framed, Act::Delete, true)).await;
}

#[tokio::test]
async fn uploads_in_parts() {
    let Some(place) = place().await else { return };
    let framed = || place.framed();
    Box::pin(try_all(&place, framed, framed, Act::Upload, true)).await;
}

#[tokio::test]
async fn s3ec_objects() {
    let Some(place) = place().await else { return };
    let (before, now) = (|| place.s3ec_before(), || place.s3ec());
    Box::pin(try_all(&place, before, now, Act::Put, true)).await;
    Box::pin(try_all(&place, before, now, Act::CopyHere, true)).await;
    Box::pin(try_all(&place, before, now, Act::Rewrap, true)).await;
    Box::pin(try_all(&place, before, now, Act::Rewrite, true)).await;
}

/// One of the things that are done to S3EC objects with instruction files: each takes seconds.
async fn with_instruction_files(what: Act, is_there: bool) {
    let Some(place) = place().await else { return };
    let (before, now) = (|| place.s3ec_before().instruction_files(), || place.s3ec().instruction_files());
    Box::pin(try_all(&place, before, now, what, is_there)).await;
}

#[tokio::test]
async fn first_s3ec_objects_with_instruction_files() {
    with_instruction_files(Act::Put, false).await;
}

#[tokio::test]
async fn s3ec_objects_with_instruction_files() {
    with_instruction_files(Act::Put, true).await;
}

#[tokio::test]
async fn first_copies_with_instruction_files() {
    with_instruction_files(Act::CopyHere, false).await;
}

#[tokio::test]
async fn copies_with_instruction_files() {
    with_instruction_files(Act::CopyHere, true).await;
}

#[tokio::test]
async fn keys_in_instruction_files_that_are_wrapped_anew() {
    with_instruction_files(Act::Rewrap, true).await;
}

#[tokio::test]
async fn rewrites_with_instruction_files() {
    with_instruction_files(Act::Rewrite, true).await;
}

#[tokio::test]
async fn removals_with_instruction_files() {
    with_instruction_files(Act::Delete, true).await;
}

#[tokio::test]
async fn instruction_files_beside_an_object_that_had_its_key_in_its_metadata() {
    let Some(place) = place().await else { return };
    let now = || place.s3ec().instruction_files();
    Box::pin(try_all(&place, || place.s3ec_before(), now, Act::Put, true)).await;
}

/// The same for those whose metadata say nothing of their files.
async fn older_with_instruction_files(acts: &[(Act, bool)]) {
    let Some(place) = place().await else { return };
    let policy = CommitmentPolicy::ForbidEncryptAllowDecrypt;
    let (before, now) = (
        || place.s3ec_before().commitment_policy(policy).instruction_files(),
        || place.s3ec().commitment_policy(policy).instruction_files(),
    );
    for (what, is_there) in acts {
        Box::pin(try_all(&place, before, now, *what, *is_there)).await;
    }
}

#[tokio::test]
async fn older_s3ec_objects_with_instruction_files() {
    older_with_instruction_files(&[(Act::Put, false), (Act::Put, true)]).await;
}

#[tokio::test]
async fn older_s3ec_objects_with_instruction_files_that_are_copied_or_wrapped_anew() {
    older_with_instruction_files(&[(Act::CopyHere, true), (Act::Rewrap, true)]).await;
}
