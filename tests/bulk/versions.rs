//! Jobs over buckets with versions. The embedded S3 has none: these run against another one (`tests/interop/run-s3.sh`).

use aws_sdk_s3::types::{BucketVersioningStatus, ObjectVersion, VersioningConfiguration};
use privet::s3::bulk::Moved;
use privet::s3::{BucketBuilder, ObjectFormat, SendProtected as _};

use crate::objects::Move;
use crate::site::bytes;

async fn set_versions(this: &Move, status: BucketVersioningStatus) {
    let versioning = VersioningConfiguration::builder().status(status).build();
    let put = this.site.s3.put_bucket_versioning().bucket(&this.site.name).versioning_configuration(versioning);
    put.send().await.unwrap();
}

async fn versioned() -> Option<Move> {
    let this = Move::start().await;
    if this.site.is_embedded {
        return None;
    }
    set_versions(&this, BucketVersioningStatus::Enabled).await;
    Some(this)
}

/// What is not current any more.
async fn older(this: &Move) -> Vec<ObjectVersion> {
    let list = this.site.s3.list_object_versions().bucket(&this.site.name).prefix("data/").send().await.unwrap();
    list.versions().iter().filter(|version| version.is_latest() == Some(false)).cloned().collect()
}

#[tokio::test]
async fn older_versions_that_a_job_leaves_are_counted_and_open_with_the_old_key_alone() {
    let Some(this) = versioned().await else { return };
    let (old_key, new_key) = (this.site.key_arn.clone(), this.new_key.clone());
    let files = |builder: BucketBuilder| builder.instruction_files().format(ObjectFormat::S3ec);
    let before = this.bucket(&old_key, None, |builder| builder).await;
    this.bucket(&old_key, None, files).await.put("data/file", bytes(70)).await.unwrap();
    before.put("data/s3ec", bytes(80)).await.unwrap();
    before.put("data/framed", bytes(9000)).await.unwrap();
    before.put("data/parts", bytes(9 << 20)).await.unwrap();
    this.put_plain("data/plain", &bytes(90)).await;
    this.bucket(&new_key, None, |builder| builder).await.put("data/current", bytes(100)).await.unwrap();
    assert!(older(&this).await.is_empty());
    let report = this.job("new-key").await.build().unwrap().run().await.unwrap();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.rewritten, report.total.current, report.total.poison), (5, 1, 0), "{report}");
    let left = older(&this).await;
    assert_eq!((report.total.older_versions, left.len()), (5, 5), "{report}");
    let mut keys: Vec<_> = left.iter().map(|version| version.key().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["data/file.instruction", "data/framed", "data/parts", "data/plain", "data/s3ec"]);
    let after = this.after().await;
    for version in left.iter().filter(|version| version.key() == Some("data/s3ec")) {
        let get = this.site.s3.get_object().bucket(&this.site.name).key("data/s3ec");
        let get = get.version_id(version.version_id().unwrap());
        let found = get.clone().send_protected(&before).await.unwrap().body.collect().await.unwrap().to_vec();
        assert_eq!(found, bytes(80));
        assert!(get.send_protected(&after).await.is_err());
    }
    assert_eq!(after.get("data/s3ec").await.unwrap().unwrap().body, bytes(80));
    // What is on target leaves none.
    let again = this.job("again").await.build().unwrap().run().await.unwrap();
    assert_eq!((again.total.current, again.total.older_versions), (6, 0), "{again}");
}

#[tokio::test]
async fn a_version_that_is_overwritten_is_not_counted() {
    let Some(this) = versioned().await else { return };
    let before = this.bucket(&this.site.key_arn, None, |builder| builder).await;
    before.put("data/kept", bytes(9000)).await.unwrap();
    set_versions(&this, BucketVersioningStatus::Suspended).await;
    before.put("data/overwritten", bytes(9000)).await.unwrap();
    let report = this.job("new-key").await.build().unwrap().run().await.unwrap();
    // moto overwrites the first too, where S3 keeps it.
    assert_eq!((report.total.rewritten, report.total.older_versions), (2, 1), "{report}");
}

#[tokio::test]
async fn a_version_that_is_not_the_current_one_is_not_moved() {
    let Some(this) = versioned().await else { return };
    let before = this.bucket(&this.site.key_arn, None, |builder| builder).await;
    let reseal = this.reseal().await;
    for length in [80, 9000] {
        let first = before.put("data/k", bytes(length)).await.unwrap().version_id.unwrap();
        let second = before.put("data/k", bytes(length)).await.unwrap().version_id.unwrap();
        assert_eq!(reseal.move_version("data/k", Some(&first)).await.unwrap(), Moved::Outdated);
        assert_eq!(reseal.move_version("data/k", Some("null")).await.unwrap(), Moved::Outdated);
        assert!(before.get("data/k").await.is_ok(), "it is as it was");
        assert_eq!(reseal.move_version("data/k", Some(&second)).await.unwrap(), Moved::Rewritten);
        assert_eq!(this.after().await.get("data/k").await.unwrap().unwrap().body, bytes(length));
        // By now it is an older one itself.
        assert_eq!(reseal.move_version("data/k", Some(&second)).await.unwrap(), Moved::Outdated);
        assert_eq!(reseal.move_version("data/k", None).await.unwrap(), Moved::Current);
        before.delete("data/k").await.unwrap();
        assert_eq!(reseal.move_version("data/k", Some(&first)).await.unwrap(), Moved::Outdated);
        assert_eq!(reseal.move_version("data/k", None).await.unwrap(), Moved::Absent);
    }
}
