//! Processes of a job that are killed with SIGKILL and paused beyond their leases, while others write the same records.
//!
//! This program is its own worker: it starts itself again, with one test alone, on the embedded AWS of the test that
//! watches.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use privet::audit::TracingSink;
use privet::bulk::{Extent, Job, Reprotect};
use privet::dynamodb::Tables;
use privet::dynamodb::bulk::{TableCheckpoints, TableStore};
use privet::keyring::{KmsKeyring, MultiKeyring};
use privet::s3::Bucket;
use privet::s3::bulk::{BucketCheckpoints, ObjectStore, Reseal};
use privet::{Classification, Policy, Protector};
use privet_testkit::{EmbeddedAws, Fault};

use crate::common::{Customer, REGION, Site, ada};
use crate::{kills, random};

const POLICY: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\n";
const RECORDS: u64 = 200;
/// What a process says before it begins to work.
const BEGUN: &str = "begun";
const LEASE: Duration = Duration::from_millis(200);

/// The clients of a process, and the way that its round goes.
#[derive(Clone)]
struct World {
    kms: aws_sdk_kms::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
    old: String,
    new: String,
    name: String,
}

impl World {
    /// Writes with one key and reads with both, or with that one alone.
    fn privet(&self, writes: &str, reads: Option<&str>) -> Protector {
        let key = |arn: &str| KmsKeyring::new(self.kms.clone(), arn).unwrap();
        let keyring = MultiKeyring::new(key(writes));
        let keyring = match reads {
            Some(reads) => keyring.with_reader(key(reads)),
            None => keyring,
        };
        let builder = Protector::builder().policy(Policy::from_toml(POLICY).unwrap()).keyring(keyring);
        builder.audit(TracingSink).model::<Customer>().build().unwrap()
    }

    fn old(&self) -> Protector {
        self.privet(&self.old, Some(&self.new))
    }

    /// A service in the middle of the move.
    fn service(&self) -> Protector {
        self.privet(&self.new, Some(&self.old))
    }

    fn target(&self) -> Protector {
        self.privet(&self.new, None)
    }

    fn bucket(&self, privet: &Protector) -> Bucket {
        let bucket = Bucket::builder("documents").class(Classification::Pii).resource("documents");
        bucket.build(privet, &self.s3).unwrap()
    }

    fn table_job(&self) -> Job<TableStore, Reprotect> {
        let resource = self.target().resource("customers").unwrap();
        let store = TableStore::new(self.dynamodb.clone(), &resource).unwrap().segments(4).page(10).concurrency(4);
        let reprotect = Reprotect::new(self.old(), self.target(), "customers").unwrap();
        let checkpoints = TableCheckpoints::new(self.dynamodb.clone(), "checkpoints");
        Job::builder(&self.name, store, reprotect).checkpoints(checkpoints).lease(LEASE).build().unwrap()
    }

    fn bucket_job(&self) -> Job<ObjectStore, Reseal> {
        let (from, to) = (self.bucket(&self.old()), self.bucket(&self.target()));
        let store = ObjectStore::of_prefixes(from.clone(), ["data/0", "data/1"]).page(10).concurrency(4);
        let checkpoints = BucketCheckpoints::new(self.s3.clone(), "documents", "jobs/");
        let job = Job::builder(&self.name, store, Reseal::new(from, to).unwrap());
        job.checkpoints(checkpoints).lease(LEASE).build().unwrap()
    }
}

/// One process of a job, which runs until the job is finished.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the tests beside it start it; it needs what they tell it"]
async fn worker() {
    let Ok(name) = std::env::var("PRIVET_TEST_JOB") else { return };
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let world = World {
        kms: aws_sdk_kms::Client::new(&config),
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        s3: aws_sdk_s3::Client::new(&config),
        old: std::env::var("PRIVET_TEST_OLD").unwrap(),
        new: std::env::var("PRIVET_TEST_NEW").unwrap(),
        name,
    };
    println!("{BEGUN}");
    for _ in 0..100 {
        let report = match std::env::var("PRIVET_TEST_STORE").as_deref() {
            Ok("bucket") => world.bucket_job().run().await,
            _ => world.table_job().run().await,
        };
        let report = report.expect("only shards fail");
        assert_eq!(report.total.poison, 0, "{report}");
        if report.finished {
            return;
        }
    }
    panic!("the job does not end");
}

/// Starts processes on an embedded AWS, and stops them as rudely as can be.
struct Processes {
    variables: Vec<(&'static str, String)>,
    running: Vec<Child>,
    seed: u64,
    killed: u64,
    paused: u64,
}

impl Processes {
    fn start(&mut self, world: &World, store: &str) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "killed::worker", "--ignored", "--nocapture"]).envs(self.variables.iter().cloned());
        command.env("PRIVET_TEST_JOB", &world.name).env("PRIVET_TEST_STORE", store);
        command.env("PRIVET_TEST_OLD", &world.old).env("PRIVET_TEST_NEW", &world.new);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        // One that is killed before it works tries nothing, and where starting takes long, nothing would ever be done.
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.trim_end().ends_with(BEGUN) {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "a process ended before it began");
        }
        // What it says at its end goes nowhere, but must not fail.
        child.stdout = Some(said.into_inner());
        self.running.push(child);
    }

    /// Whether a process has finished the job.
    fn is_finished(&mut self) -> bool {
        let mut finished = false;
        self.running.retain_mut(|child| match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "{status}");
                finished = true;
                false
            }
            None => true,
        });
        finished
    }

    /// Kills one, or pauses it until its leases are over.
    async fn disturb(&mut self) {
        let at = usize::try_from(random(&mut self.seed)).unwrap() % self.running.len();
        if random(&mut self.seed).is_multiple_of(5) {
            let signal = |child: &Child, name: &str| {
                let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
                assert!(sent.success());
            };
            signal(&self.running[at], "-STOP");
            tokio::time::sleep(LEASE * 2).await;
            signal(&self.running[at], "-CONT");
            self.paused += 1;
        } else {
            let mut child = self.running.swap_remove(at);
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                self.killed += 1;
            }
            child.wait().unwrap();
        }
    }

    /// Runs a job with two processes until it is finished, whoever is killed meanwhile.
    ///
    /// They are left alone for longer each time, so that the job ends on a slow machine too.
    async fn round(&mut self, world: &World, store: &str) {
        for calm in (400..).step_by(50) {
            if self.is_finished() {
                break;
            }
            while self.running.len() < 2 {
                self.start(world, store);
            }
            tokio::time::sleep(Duration::from_millis(50 + random(&mut self.seed) % calm)).await;
            if self.is_finished() {
                break;
            }
            if !self.running.is_empty() {
                self.disturb().await;
            }
        }
        for mut child in self.running.drain(..) {
            assert!(child.wait().unwrap().success());
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn world(aws: &EmbeddedAws, dynamodb: &aws_sdk_dynamodb::Client) -> World {
    let config = aws.config(REGION).await;
    let (old, new) = (aws.create_key(REGION, "alias/a").await, aws.create_key(REGION, "alias/b").await);
    let (kms, s3) = (aws_sdk_kms::Client::new(&config), aws_sdk_s3::Client::new(&config));
    World { kms, dynamodb: dynamodb.clone(), s3, old, new, name: String::new() }
}

fn customer(index: u64, name: &str) -> Customer {
    Customer { id: format!("c-{index:04}"), name: name.into(), email: format!("ada-{index}@example.com"), ..ada() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_and_paused_lose_nothing_of_a_table_while_others_write() {
    let site = Arc::new(Site::start().await);
    let mut world = world(&site.aws, &site.dynamodb).await;
    TableCheckpoints::new(site.dynamodb.clone(), "checkpoints").create_table().await.unwrap();
    let before = world.privet(&world.old, None).table::<Customer>(&site.dynamodb).unwrap();
    for index in 0..RECORDS {
        before.put(&customer(index, "Ada")).await.unwrap();
    }
    for fault in [
        Fault::on("dynamodb", "UpdateItem").probability(0.03, 1).error("ThrottlingException"),
        Fault::on("dynamodb", "UpdateItem").probability(0.03, 2).answer_lost(),
        Fault::on("dynamodb", "UpdateItem").delay(Duration::from_millis(10)),
    ] {
        site.aws.fault(fault);
    }
    let endpoint = site.aws.listen();
    let variables = endpoint.variables(REGION, EmbeddedAws::DEFAULT_PRINCIPAL);
    let mut processes = Processes { variables, running: Vec::new(), seed: 5, killed: 0, paused: 0 };
    let mut expected: BTreeMap<u64, String> = (0..RECORDS).map(|index| (index, "Ada".to_owned())).collect();
    for round in 0.. {
        world.name = format!("round-{round}");
        site.aws.clear_calls();
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn({
            let (customers, stop) = (world.service().table::<Customer>(&site.dynamodb).unwrap(), Arc::clone(&stop));
            async move {
                let mut written = BTreeMap::new();
                for turn in 0_u64.. {
                    if stop.load(Relaxed) {
                        break;
                    }
                    let (index, name) = (turn * 7919 % RECORDS, format!("round {round}, turn {turn}"));
                    customers.put(&customer(index, &name)).await.unwrap();
                    written.insert(index, name);
                    tokio::time::sleep(Duration::from_millis(40)).await;
                }
                written
            }
        });
        processes.round(&world, "table").await;
        stop.store(true, Relaxed);
        expected.extend(writer.await.unwrap());
        // A record is rewritten once at most: each update that took effect is of another record.
        let calls = site.aws.calls("dynamodb");
        let updates = calls.iter().filter(|call| call.operation == "UpdateItem" && call.succeeded()).count() as u64;
        assert!(updates <= RECORDS, "{updates} updates of {RECORDS} records");
        let verified = world.table_job().verify(Extent::All).await.unwrap();
        assert!(verified.passed() && verified.on_target == RECORDS, "{verified}");
        let customers = world.target().table::<Customer>(&site.dynamodb).unwrap();
        for (index, name) in &expected {
            let found = customers.get(format!("c-{index:04}").as_str()).await.unwrap().unwrap();
            assert!(found == customer(*index, name), "record {index}");
        }
        println!("table: {} kills, {} pauses in {} rounds", processes.killed, processes.paused, round + 1);
        if processes.killed >= kills(6) {
            break;
        }
        // And back.
        std::mem::swap(&mut world.old, &mut world.new);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_and_paused_lose_nothing_of_a_bucket_while_others_write() {
    let site = Arc::new(Site::start().await);
    let mut world = world(&site.aws, &site.dynamodb).await;
    site.aws.create_bucket("documents").await;
    let key = |index: u64| format!("data/{}/{index}", index % 2);
    let body =
        |index: u64, what: &str| format!("object {index}, {what}. ").repeat(1 + index as usize % 7 * 50).into_bytes();
    let before = world.bucket(&world.privet(&world.old, None));
    let objects = RECORDS / 2;
    for index in 0..objects {
        before.put(&key(index), body(index, "first")).await.unwrap();
    }
    for fault in [
        Fault::on("s3", "PutObject").probability(0.03, 1).error("SlowDown"),
        Fault::on("s3", "PutObject").probability(0.03, 2).answer_lost(),
        Fault::on("s3", "HeadObject").delay(Duration::from_millis(20)),
    ] {
        site.aws.fault(fault);
    }
    let endpoint = site.aws.listen();
    let variables = endpoint.variables(REGION, EmbeddedAws::DEFAULT_PRINCIPAL);
    let mut processes = Processes { variables, running: Vec::new(), seed: 6, killed: 0, paused: 0 };
    let mut expected: BTreeMap<u64, String> = (0..objects).map(|index| (index, "first".to_owned())).collect();
    for round in 0.. {
        world.name = format!("round-{round}");
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn({
            let (bucket, stop) = (world.bucket(&world.service()), Arc::clone(&stop));
            async move {
                let mut written = BTreeMap::new();
                for turn in 0_u64.. {
                    if stop.load(Relaxed) {
                        break;
                    }
                    let (index, what) = (turn * 7919 % objects, format!("round {round}, turn {turn}"));
                    // Faults that outlast the client's tries are the writer's to live with.
                    while let Err(error) = bucket.put(&key(index), body(index, &what)).await {
                        assert!(error.is_retryable(), "{error}");
                    }
                    written.insert(index, what);
                    tokio::time::sleep(Duration::from_millis(60)).await;
                }
                written
            }
        });
        processes.round(&world, "bucket").await;
        stop.store(true, Relaxed);
        expected.extend(writer.await.unwrap());
        let verified = world.bucket_job().verify(Extent::All).await.unwrap();
        assert!(verified.passed() && verified.on_target == objects, "{verified}");
        let target = world.bucket(&world.target());
        for (index, what) in &expected {
            let found = target.get(&key(*index)).await.unwrap().unwrap();
            assert!(found.body == body(*index, what), "object {index}");
        }
        println!("bucket: {} kills, {} pauses in {} rounds", processes.killed, processes.paused, round + 1);
        if processes.killed >= kills(6) {
            break;
        }
        std::mem::swap(&mut world.old, &mut world.new);
    }
}
