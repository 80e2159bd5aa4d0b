//! Exports of tables: read as they are, written as another export.

use std::fs::{self, File};
use std::io::{BufReader, Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use privet::audit::TracingSink;
use privet::bulk::{Budget, Extent, FileCheckpoints, Job, JobBuilder, Outcome, Reprotect};
use privet::dynamodb::ExportLines;
use privet::dynamodb::bulk::ExportStore;
use privet::keyring::RawAesKeyring;
use privet::value::{Map, Value, to_dynamodb_json};
use privet::{ErrorKind, Policy, Protector, Secret};

fn privet(byte: u8) -> Protector {
    let keyring = RawAesKeyring::new("team", format!("key-{byte}"), &Secret::copy_of(&[byte; 32])).unwrap();
    let policy = "version = 1\n[resources.customers]\nkey = [\"id\"]\n";
    let builder = Protector::builder().policy(Policy::from_toml(policy).unwrap()).keyring(keyring);
    builder.audit(TracingSink).build().unwrap()
}

fn record(index: u32) -> Map {
    let text = |text: String| Value::S(text);
    let note = "n".repeat(20_000);
    Map::from([
        ("id".to_owned(), text(format!("c-{index}"))),
        ("email".to_owned(), text(format!("ada-{index}@example.com"))),
        ("health_records".to_owned(), text(note)),
    ])
}

fn compress(path: &Path, text: &[u8]) {
    let mut file = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    file.write_all(text).unwrap();
    file.finish().unwrap();
}

/// Two data files of so many items each.
async fn export(folder: &Path, items: u32, extra: &str) {
    let (old, data) = (privet(1), folder.join("data"));
    fs::create_dir_all(&data).unwrap();
    let resource = old.resource("customers").unwrap();
    let mut manifest = String::new();
    for (file, name) in ["a.json.gz", "b.json.gz"].into_iter().enumerate() {
        let mut text = extra.to_owned();
        for index in 0..items {
            let sealed = old.protect_record(&resource, record(file as u32 * items + index)).await.unwrap();
            text.push_str(&format!("{}\n", serde_json::json!({ "Item": to_dynamodb_json(&sealed) })));
        }
        compress(&data.join(name), text.as_bytes());
        let items = items as usize + extra.lines().count();
        let line = serde_json::json!({"itemCount": items, "md5Checksum": "", "etag": "", "dataFileS3Key": format!("AWSDynamoDB/1/data/{name}")});
        manifest.push_str(&format!("{line}\n"));
    }
    fs::write(folder.join("manifest-files.json"), manifest).unwrap();
}

fn job(folder: &Path) -> JobBuilder<ExportStore, Reprotect> {
    let store = ExportStore::new(folder.join("export"), folder.join("out")).unwrap();
    let checkpoints = FileCheckpoints::new(store.work_folder());
    Job::builder("new-key", store, Reprotect::new(privet(1), privet(2), "customers").unwrap()).checkpoints(checkpoints)
}

fn lines(path: &Path) -> Vec<String> {
    let mut text = String::new();
    // One member: what reads only the first must find all.
    GzDecoder::new(BufReader::new(File::open(path).unwrap())).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn an_export_becomes_another_one_and_stays_as_it_is() {
    const ITEMS: u32 = 400;
    let folder = tempfile::tempdir().unwrap();
    let (folder, poison) =
        (folder.path(), "no json\n{\"Item\":{\"id\":{\"S\":\"x\"},\"email\":{\"S\":\"in clear\"}}}\n");
    export(&folder.join("export"), ITEMS, poison).await;
    let before = fs::read(folder.join("export/data/a.json.gz")).unwrap();
    let plan = job(folder).build().unwrap().plan(50, None).await.unwrap();
    assert_eq!(plan.estimate.records, Some(2.0 * f64::from(ITEMS) + 4.0));
    // A worker stops after a page, another goes on, and one that is late writes nothing.
    let first = job(folder).build().unwrap();
    let outcome = first.process_shard(0, Budget { pages: Some(1) }, None).await;
    assert!(matches!(&outcome, Outcome::Continue(checkpoint) if checkpoint.counts.read < 402), "{outcome:?}");
    let report = job(folder).build().unwrap().run_planned(&plan).await.unwrap();
    assert!(report.finished, "{report}");
    let total = &report.total;
    assert_eq!((total.read, total.rewritten, total.poison), (804, 800, 4), "{report}");
    assert!(job(folder).build().unwrap().run().await.unwrap().finished, "it may be ended again");
    assert_eq!(fs::read(folder.join("export/data/a.json.gz")).unwrap(), before);
    let (new, mut index) = (privet(2), 0);
    let resource = new.resource("customers").unwrap();
    for name in ["a.json.gz", "b.json.gz"] {
        let path = folder.join("out/data").join(name);
        assert_eq!(lines(&path)[..2].join("\n") + "\n", poison);
        for line in ExportLines::gzip(File::open(path).unwrap()).skip(2) {
            let opened = new.unprotect_record(&resource, line.item.unwrap()).await.unwrap().complete().unwrap();
            assert_eq!(opened, record(index));
            index += 1;
        }
    }
    assert_eq!(index, 2 * ITEMS);
    let again = ExportStore::new(folder.join("out"), folder.join("again")).unwrap();
    let again =
        Job::builder("check", again, Reprotect::new(privet(1), privet(2), "customers").unwrap()).build().unwrap();
    let verified = again.verify(Extent::All).await.unwrap();
    assert_eq!((verified.on_target, verified.failed, verified.stragglers), (800, 2, 2), "{verified}");
}

#[tokio::test]
async fn an_export_that_is_damaged_or_made_up_ends_in_an_error_and_nothing_is_put_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = async || job(folder).build().unwrap().run().await.unwrap();
    export(&folder.join("export"), 20, "").await;
    let (a, manifest) = (folder.join("export/data/a.json.gz"), folder.join("export/manifest-files.json"));
    let (whole, named) = (fs::read(&a).unwrap(), fs::read_to_string(&manifest).unwrap());
    let damaged: [&dyn Fn(); 4] = [
        &|| fs::write(&a, &whole[..whole.len() / 2]).unwrap(),
        &|| compress(&a, &lines(&a)[..0].join("\n").into_bytes()),
        &|| compress(&a, &vec![b'x'; 5 << 20]),
        &|| fs::write(&manifest, named.replace(":20", ":21")).unwrap(),
    ];
    for damage in damaged {
        damage();
        let report = run().await;
        assert!(!report.finished && report.failures.iter().all(|failure| !failure.retryable), "{report}");
        assert!(!folder.join("out/data/a.json.gz").exists());
        fs::write(&a, &whole).unwrap();
        fs::write(&manifest, &named).unwrap();
        fs::remove_dir_all(folder.join("out")).unwrap();
    }
    // No name leads out of the folder.
    for name in ["..", "../../../etc/passwd", ""] {
        fs::write(&manifest, named.replace("a.json.gz", name)).unwrap();
        let refused = ExportStore::new(folder.join("export"), folder.join("out")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Input);
    }
    let same = ExportStore::new(folder.join("export"), folder.join("export"));
    assert_eq!(same.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn the_output_of_one_job_is_not_taken_for_that_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    export(&folder.join("export"), 20, "").await;
    let report = job(folder).build().unwrap().run().await.unwrap();
    assert!(report.finished, "{report}");
    let file = folder.join("out/data/a.json.gz");
    let first = fs::read(&file).unwrap();
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
    // Of the second one only the checkpoints are left: what it made is gone.
    let other = || {
        let store = ExportStore::new(folder.join("export"), folder.join("out")).unwrap();
        let rewrite = Reprotect::new(privet(1), privet(3), "customers").unwrap();
        Job::builder("other", store, rewrite).checkpoints(FileCheckpoints::new(folder.join("jobs"))).build().unwrap()
    };
    for shard in 0..2 {
        let done = other().process_shard(shard, Budget::default(), None).await;
        assert!(matches!(done, Outcome::Done(_)), "{done:?}");
    }
    let work = other().store().work_folder();
    for entry in fs::read_dir(&work).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("piece.") {
            fs::remove_file(path).unwrap();
        }
    }
    let refused = other().run().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(fs::read(&file).unwrap(), first);
    // The first one still is what it was, as long as its files are.
    assert!(job(folder).build().unwrap().run().await.unwrap().finished);
    fs::write(&file, "something else").unwrap();
    assert_eq!(job(folder).build().unwrap().run().await.unwrap_err().kind(), ErrorKind::Conflict);
}
