//! Jobs over files of JSON lines: what they rewrite, what they leave, and what they refuse.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use privet_bulk::{Budget, Extent, FileCheckpoints, Job, JobBuilder, LinesStore, Outcome, Plan, Prices, Reprotect};
use privet_core::audit::TracingSink;
use privet_core::keyring::{MultiKeyring, RawAesKeyring};
use privet_core::{ErrorKind, Policy, Protector, Secret};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const POLICY: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\n";
const MIGRATION: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\nplaintext_reads = \"allow\"\n";

fn key(name: &str, byte: u8) -> RawAesKeyring {
    RawAesKeyring::new("tests", name, &Secret::copy_of(&[byte; 32])).unwrap()
}

fn protector(keyring: MultiKeyring, policy: &str) -> Protector {
    let policy = Policy::from_toml(policy).unwrap();
    Protector::builder().policy(policy).keyring(keyring).audit(TracingSink).build().unwrap()
}

fn old() -> Protector {
    protector(MultiKeyring::new(key("old", 1)), POLICY)
}

fn new() -> Protector {
    protector(MultiKeyring::new(key("new", 2)), POLICY)
}

fn third() -> Protector {
    protector(MultiKeyring::new(key("third", 3)), POLICY)
}

fn document(index: u32) -> Json {
    json!({"id": format!("c-{index}"), "email": format!("ada-{index}@example.com"), "name": "Ada", "address": {"zip": index}})
}

struct File {
    folder: TempDir,
}

impl File {
    async fn sealed_with(privet: &Protector, records: u32) -> Self {
        let mut lines = Vec::new();
        for index in 0..records {
            lines.push(privet.protect_json("customers", document(index)).await.unwrap().to_string());
        }
        Self::of(&(lines.join("\n") + "\n"))
    }

    fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("records.jsonl"), text).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("records.jsonl")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn job(&self, rewrite: Reprotect) -> JobBuilder<LinesStore, Reprotect> {
        job(&self.path(), rewrite)
    }

    async fn opens_with(&self, privet: &Protector, records: u32) {
        let text = self.text();
        assert_eq!(text.lines().count(), records as usize);
        for (index, line) in (0..).zip(text.lines()) {
            let opened = privet.unprotect_json("customers", serde_json::from_str(line).unwrap()).await.unwrap();
            assert_eq!(opened, document(index));
        }
    }
}

fn job(path: &Path, rewrite: Reprotect) -> JobBuilder<LinesStore, Reprotect> {
    let store = LinesStore::new(path).unwrap().shards(3).page(2000);
    let checkpoints = FileCheckpoints::new(store.work_folder());
    Job::builder("test", store, rewrite).checkpoints(checkpoints).lease(Duration::from_millis(200))
}

fn to_new_key() -> Reprotect {
    Reprotect::new(old(), new(), "customers").unwrap()
}

#[tokio::test]
async fn a_file_is_moved_to_a_new_key_and_verified() {
    let file = File::sealed_with(&old(), 100).await;
    let job = file.job(to_new_key()).build().unwrap();
    assert_eq!(job.verify(Extent::All).await.unwrap().stragglers, 100);
    let report = job.run().await.unwrap();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.read, report.total.rewritten, report.total.current), (100, 100, 0));
    assert_eq!(report.total.reasons.iter().next(), Some((&"key tests old".to_owned(), &100)));
    file.opens_with(&new(), 100).await;
    // The old key alone opens nothing any more.
    let line = file.text().lines().next().unwrap().to_owned();
    assert!(old().unprotect_json("customers", serde_json::from_str(&line).unwrap()).await.is_err());
    let after = file.job(to_new_key()).build().unwrap();
    assert!(after.verify(Extent::All).await.unwrap().passed());
    assert!(after.stragglers().await.unwrap().passed());
    // Running the finished job again does nothing.
    assert_eq!(after.run().await.unwrap().this_run.read, 0);
    file.opens_with(&new(), 100).await;
}

#[tokio::test]
async fn what_is_on_target_stays_byte_for_byte() {
    let file = File::sealed_with(&new(), 50).await;
    let before = file.text();
    let report = file.job(to_new_key()).build().unwrap().run().await.unwrap();
    assert_eq!((report.total.current, report.total.rewritten), (50, 0));
    assert_eq!(file.text(), before);
}

#[tokio::test]
async fn a_job_goes_on_where_another_process_stopped() {
    let file = File::sealed_with(&old(), 60).await;
    let mut pages = 0;
    for shard in 0..3 {
        loop {
            // Each page by a process of its own.
            let job = file.job(to_new_key()).build().unwrap();
            match job.process_shard(shard, Budget { pages: Some(1) }, None).await {
                Outcome::Done(_) => break,
                Outcome::Continue(_) => pages += 1,
                Outcome::Failed(failure) => panic!("{failure:?}"),
            }
        }
    }
    assert!(pages > 3);
    let report = file.job(to_new_key()).build().unwrap().run().await.unwrap();
    assert!(report.finished);
    assert_eq!((report.this_run.read, report.total.rewritten), (0, 60));
    file.opens_with(&new(), 60).await;
}

#[tokio::test]
async fn two_processes_do_no_work_twice_and_one_that_was_lost_is_taken_over() {
    let file = File::sealed_with(&old(), 200).await;
    // Neither is slow enough to lose a lease.
    let job = || file.job(to_new_key()).lease(Duration::from_secs(3)).build().unwrap();
    let jobs = [job(), job()];
    let [one, other] = jobs.each_ref().map(|job| {
        tokio::spawn({
            let job = job.clone();
            async move { job.run().await }
        })
    });
    let (one, other) = (one.await.unwrap().unwrap(), other.await.unwrap().unwrap());
    assert!(one.finished && other.finished, "{one}{other}");
    assert_eq!(one.this_run.read + other.this_run.read, 200);
    file.opens_with(&new(), 200).await;
}

#[tokio::test]
async fn a_worker_that_slept_past_its_lease_writes_nothing_any_more() {
    let file = File::sealed_with(&old(), 60).await;
    let sleeper = file.job(to_new_key()).lease(Duration::ZERO).build().unwrap();
    // Holds a lease that ended at once, as one who has slept; in between, another takes over.
    let asleep = sleeper.process_shard(0, Budget { pages: Some(1) }, None).await;
    assert!(matches!(asleep, Outcome::Continue(_)));
    let report = file.job(to_new_key()).build().unwrap().run().await.unwrap();
    assert!(report.finished);
    file.opens_with(&new(), 60).await;
    assert_eq!(report.total.rewritten, 60);
}

#[tokio::test]
async fn poison_is_reported_and_kept_and_never_stops_the_job() {
    let file = File::sealed_with(&old(), 20).await;
    let mut lines: Vec<String> = file.text().lines().map(str::to_owned).collect();
    let mut damaged: Json = serde_json::from_str(&lines[3]).unwrap();
    damaged["name"] = json!("Mallory");
    lines[3] = damaged.to_string();
    lines[7] = "no json, and secret".into();
    lines[11] = json!({"id": "c-11", "email": "in@clear.example"}).to_string();
    let file = File::of(&lines.join("\r\n"));
    let report = file.job(to_new_key()).build().unwrap().run().await.unwrap();
    assert!(report.finished);
    assert_eq!((report.total.poison, report.total.rewritten), (3, 17));
    let kinds: Vec<&str> = report.poison.iter().map(|poison| poison.kind.as_str()).collect();
    assert_eq!(kinds, ["integrity", "input", "integrity"]);
    assert!(!report.poison[0].digest.is_empty() && report.poison[1].digest.is_empty());
    let shown = format!("{report} {}", serde_json::to_string(&report).unwrap());
    for secret in ["Mallory", "secret", "c-11", "in@clear"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let after: Vec<String> = file.text().lines().map(str::to_owned).collect();
    for place in [3, 7, 11] {
        assert_eq!(after[place], lines[place]);
    }
    let report = File::of(&lines.join("\n")).job(to_new_key()).max_poison(1).build().unwrap().run().await.unwrap();
    assert!(!report.finished && !report.failures.is_empty());
}

#[tokio::test]
async fn plaintext_is_sealed_and_sealed_goes_back_to_plaintext_by_name_only() {
    let lines: Vec<String> = (0..30).map(|index| document(index).to_string()).collect();
    let file = File::of(&(lines.join("\n") + "\n"));
    let from = protector(MultiKeyring::new(key("old", 1)), MIGRATION);
    let seal = Reprotect::new(from, new(), "customers").unwrap();
    let job = file.job(seal).build().unwrap();
    let report = job.run().await.unwrap();
    assert_eq!(report.total.reasons["in clear"], 30);
    // What is sealed is longer: all of it is read back, by the same job and by another one.
    for job in [job, file.job(to_new_key()).build().unwrap()] {
        assert_eq!(job.verify(Extent::All).await.unwrap().on_target, 30);
    }
    assert!(!file.text().contains("ada-1@example.com"));
    file.opens_with(&new(), 30).await;
    std::fs::remove_dir_all(LinesStore::new(file.path()).unwrap().work_folder()).unwrap();
    let open = Reprotect::dangerous_to_plaintext(new(), "customers").unwrap();
    let report = file.job(open).build().unwrap().run().await.unwrap();
    assert_eq!(report.total.reasons["sealed"], 30);
    let clear: Vec<Json> = file.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(clear, (0..30).map(document).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_new_policy_rewrites_what_it_changes_even_inside_of_maps_sealed_whole() {
    // `address` is sealed whole as pii; the new policy has one confidential field in it.
    let file = File::sealed_with(&old(), 20).await;
    let policy =
        format!("{POLICY}[[fields]]\nresource = \"customers\"\npath = \"address.zip\"\nclass = \"confidential\"\n");
    let to = || protector(MultiKeyring::new(key("old", 1)), &policy);
    let rewrite = || Reprotect::new(old(), to(), "customers").unwrap();
    let report = file.job(rewrite()).build().unwrap().run().await.unwrap();
    assert_eq!((report.total.rewritten, report.total.current), (20, 0), "{report}");
    file.opens_with(&to(), 20).await;
    std::fs::remove_dir_all(LinesStore::new(file.path()).unwrap().work_folder()).unwrap();
    let report = file.job(rewrite()).build().unwrap().run().await.unwrap();
    assert_eq!((report.total.rewritten, report.total.current), (0, 20), "{report}");
}

#[tokio::test]
async fn a_plan_says_what_would_be_done_writes_nothing_and_is_refused_when_the_world_has_moved() {
    let file = File::sealed_with(&old(), 40).await;
    let before = file.text();
    let plan = file.job(to_new_key()).build().unwrap().plan(20, Some(Prices::US_EAST_1)).await.unwrap();
    assert_eq!((plan.sample.read, plan.sample.rewritten), (20, 20));
    let records = plan.estimate.records.unwrap();
    assert!((30.0..50.0).contains(&records), "{records}");
    assert_eq!(file.text(), before);
    assert!(!LinesStore::new(file.path()).unwrap().work_folder().exists());
    let saved: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(saved, plan);
    let other_key = || protector(MultiKeyring::new(key("other", 3)), POLICY);
    let other = Reprotect::new(old(), other_key(), "customers").unwrap();
    let refused = file.job(other).build().unwrap().run_planned(&saved).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains("the target's keys"), "{refused}");
    let report = file.job(to_new_key()).build().unwrap().run_planned(&saved).await.unwrap();
    assert!(report.finished);
    std::fs::remove_dir_all(LinesStore::new(file.path()).unwrap().work_folder()).unwrap();
    let refused = file.job(to_new_key()).build().unwrap().run_planned(&saved).await.unwrap_err();
    assert!(refused.to_string().contains("the store has changed"), "{refused}");
}

#[tokio::test]
async fn a_file_that_was_changed_meanwhile_is_left_as_it_is() {
    let file = File::sealed_with(&old(), 40).await;
    let job = Arc::new(file.job(to_new_key()).build().unwrap());
    for shard in 0..3 {
        assert!(matches!(job.process_shard(shard, Budget::default(), None).await, Outcome::Done(_)));
    }
    let changed = file.text() + "{\"id\":\"late\"}\n";
    std::fs::write(file.path(), &changed).unwrap();
    let refused = job.finish().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(file.text(), changed);
    // Nor is it gone on with as if it were the same.
    let refused = file.job(to_new_key()).build().unwrap().process_shard(0, Budget::default(), None).await;
    assert!(matches!(refused, Outcome::Failed(failure) if failure.kind == ErrorKind::Conflict));
}

#[tokio::test]
async fn a_job_stops_when_it_is_asked_to_and_before_its_deadline() {
    let file = File::sealed_with(&old(), 40).await;
    let job = file.job(to_new_key()).build().unwrap();
    assert!(matches!(job.process_shard(0, Budget::default(), Some(Duration::ZERO)).await, Outcome::Continue(_)));
    job.stop();
    let report = job.run().await.unwrap();
    assert!(!report.finished && report.total.read == 0);
}

#[tokio::test]
async fn a_new_key_leaves_the_classes_of_fields_as_they_are() {
    // Sealed by a model or policy that calls the name pii; to the job's own policy it is public.
    let stricter = format!("{POLICY}[[fields]]\nresource = \"customers\"\npath = \"name\"\nclass = \"pii\"\n");
    let file = File::sealed_with(&protector(MultiKeyring::new(key("old", 1)), &stricter), 10).await;
    let report = file.job(to_new_key()).build().unwrap().run().await.unwrap();
    assert_eq!((report.total.rewritten, report.total.poison), (10, 0));
    assert!(!file.text().contains("Ada"));
    file.opens_with(&new(), 10).await;
    assert!(file.job(to_new_key()).build().unwrap().verify(Extent::All).await.unwrap().passed());
}

#[tokio::test]
async fn what_a_finished_job_left_is_not_taken_for_the_work_of_another() {
    let file = File::sealed_with(&old(), 40).await;
    assert!(file.job(to_new_key()).build().unwrap().run().await.unwrap().finished);
    let moved = file.text();
    let next = || Reprotect::new(new(), third(), "customers").unwrap();
    for name in ["test", "other"] {
        let store = LinesStore::new(file.path()).unwrap().shards(3);
        let folder = tempfile::tempdir().unwrap();
        let job = Job::builder(name, store, next()).checkpoints(FileCheckpoints::new(folder.path())).build().unwrap();
        let report = job.run().await.unwrap();
        assert!(!report.finished && report.failures.iter().all(|failure| failure.kind == "conflict"), "{report}");
        assert!(report.failures[0].reason.contains("remove it to begin another"), "{report}");
        assert_eq!(file.text(), moved);
    }
    std::fs::remove_dir_all(LinesStore::new(file.path()).unwrap().work_folder()).unwrap();
    assert!(file.job(next()).build().unwrap().run().await.unwrap().finished);
    file.opens_with(&third(), 40).await;
}

#[tokio::test]
async fn two_jobs_over_one_file_write_pieces_of_their_own_and_the_second_to_end_is_refused() {
    let file = File::sealed_with(&old(), 60).await;
    let other = || {
        let store = LinesStore::new(file.path()).unwrap().shards(3).page(2000);
        let checkpoints = FileCheckpoints::new(store.work_folder());
        let rewrite = Reprotect::new(old(), third(), "customers").unwrap();
        Job::builder("other", store, rewrite).checkpoints(checkpoints).build().unwrap()
    };
    let (mine, other) = (file.job(to_new_key()).build().unwrap(), other());
    for job in [&mine, &other] {
        let begun = job.process_shard(0, Budget { pages: Some(1) }, None).await;
        assert!(matches!(begun, Outcome::Continue(_)), "{begun:?}");
    }
    for shard in 0..3 {
        assert!(matches!(other.process_shard(shard, Budget::default(), None).await, Outcome::Done(_)));
    }
    assert!(mine.run().await.unwrap().finished);
    file.opens_with(&new(), 60).await;
    let refused = other.run().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    file.opens_with(&new(), 60).await;
}

#[cfg(unix)]
#[tokio::test]
async fn what_jobs_write_is_for_its_owner_only_and_a_new_file_has_the_permissions_of_the_old_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = File::sealed_with(&old(), 20).await;
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let job = file.job(to_new_key()).build().unwrap();
    for shard in 0..3 {
        job.process_shard(shard, Budget::default(), None).await;
    }
    let work = job.store().work_folder().to_owned();
    let content =
        |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let written = content(&work);
    assert!(written.len() >= 6 && written.iter().all(|path| mode(path) == 0o600), "{written:?}");
    assert!(job.run().await.unwrap().finished);
    assert_eq!((mode(&file.path()), mode(&work.join("assembled.json"))), (0o640, 0o600));
    std::fs::remove_dir_all(&work).unwrap();
    // What is left over of a writer that died may be open to others.
    let beside = file.path().with_file_name("records.jsonl.privet-new");
    std::fs::write(&beside, "left over").unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o666)).unwrap();
    let store = LinesStore::new(file.path()).unwrap().owner_only();
    let open = Reprotect::dangerous_to_plaintext(new(), "customers").unwrap();
    assert!(Job::builder("clear", store, open).build().unwrap().run().await.unwrap().finished);
    assert!(file.text().contains("ada-1@example.com"));
    assert_eq!(mode(&file.path()), 0o600);
}

#[tokio::test]
async fn key_providers_are_asked_for_the_key_of_a_line_that_cannot_be_opened_once() {
    // Each line has data keys of its own.
    let mut lines = Vec::new();
    for index in 0..20 {
        lines.push(third().protect_json("customers", document(index)).await.unwrap().to_string());
    }
    let file = File::of(&(lines.join("\n") + "\n"));
    let (from, to) = (old(), new());
    let report =
        file.job(Reprotect::new(from.clone(), to.clone(), "customers").unwrap()).build().unwrap().run().await.unwrap();
    assert!(report.finished && report.poison.iter().all(|poison| poison.kind == "integrity"), "{report}");
    assert_eq!((report.total.poison, report.poison.len()), (20, 20));
    // By each of the two protectors, since it is not remembered that a wrapped key is nobody's; and one to seal under for each
    // of four shards.
    assert_eq!(from.statistics().cache.misses, 20);
    assert!(to.statistics().cache.misses <= 20 + 4, "{:?}", to.statistics());
    assert_eq!(file.text().lines().collect::<Vec<_>>(), lines);
}
