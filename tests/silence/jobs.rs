//! Bulk jobs: reports, plans, checkpoints and what they say of records that they cannot rewrite.

use std::time::Duration;

use privet::bulk::checkpoint::MemoryCheckpoints;
use privet::bulk::{Checkpoints, Extent, FileCheckpoints, Job, LinesStore, Prices, Reprotect, Store, Transformation};
use privet::dynamodb::Tables;
use privet::dynamodb::bulk::{TableCheckpoints, TableStore};
use privet::keyring::{MultiKeyring, RawAesKeyring};
use privet::{Policy, Protector, Secret};
use privet_testkit::{Deny, Fault};
use serde_json::json;

use crate::common::{Customer, SECRETS, Site, ada};
use crate::{PAIR, Said, TENANT, raw};

const POLICY: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\n";
/// A key that nobody would put into a report.
const ID: &str = "grace@example.org";

fn protector(keyring: MultiKeyring) -> Protector {
    let builder = Protector::builder().policy(Policy::from_toml(POLICY).unwrap()).keyring(keyring);
    let builder = builder.context("department", PAIR).audit(privet::audit::TracingSink).model::<Customer>();
    builder.build().unwrap().for_tenant(TENANT).unwrap()
}

fn before() -> Protector {
    protector(MultiKeyring::new(raw()))
}

fn after() -> Protector {
    protector(MultiKeyring::new(RawAesKeyring::new("tests", "new", &Secret::copy_of(&[9; 32])).unwrap()))
}

/// All that a job can do and say.
async fn everything<S, C>(said: &mut Said, job: &Job<S, Reprotect>, checkpoints: &C)
where
    S: Store,
    C: Checkpoints,
    Reprotect: Transformation<S::Record, Rewritten = S::Rewritten>,
{
    said.shows(job);
    match job.plan(100, Some(Prices::US_EAST_1)).await {
        Ok(plan) => {
            said.shows(&plan);
            said.text(serde_json::to_string(&plan).unwrap());
        }
        Err(error) => said.error(&error),
    }
    match job.run().await {
        Ok(report) => {
            said.shows(&report);
            said.text(format!("{report} {}", serde_json::to_string(&report).unwrap()));
        }
        Err(error) => said.error(&error),
    }
    for verified in [job.verify(Extent::All).await, job.stragglers().await] {
        match verified {
            Ok(verification) => {
                said.shows(&verification);
                said.text(format!("{verification} {}", serde_json::to_string(&verification).unwrap()));
            }
            Err(error) => said.error(&error),
        }
    }
    for shard in 0..4 {
        if let Ok(Some(checkpoint)) = checkpoints.load("silence", shard).await {
            said.shows(&checkpoint);
        }
    }
}

#[tokio::test]
async fn jobs_over_files_say_nothing() {
    let mut said = Said::listen();
    let mut lines = Vec::new();
    for index in 0..8 {
        let document = json!({"id": format!("{ID}-{index}"), "email": SECRETS[0], "name": "Ada"});
        lines.push(before().protect_json("customers", document).await.unwrap().to_string());
    }
    // Changed, in clear, no record, not even JSON.
    lines.push(lines[0].replace("\"Ada\"", "\"Eve\""));
    lines.push(json!({"id": ID, "email": SECRETS[0]}).to_string());
    lines.push(json!([SECRETS[0]]).to_string());
    lines.push(SECRETS[3].to_owned());
    lines.push(format!("{{\"id\": \"{ID}\", \"email\": {}", SECRETS[1]));
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("silence-jobs");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("records.jsonl");
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();

    let rewrite = Reprotect::new(before(), after(), "customers").unwrap();
    said.shows(&rewrite);
    let store = LinesStore::new(&file).unwrap().shards(2).page(3);
    said.shows(&store);
    let checkpoints = FileCheckpoints::new(store.work_folder());
    said.shows(&checkpoints);
    let builder = Job::builder("silence", store, rewrite).checkpoints(FileCheckpoints::new(folder.join("kept")));
    said.shows(&builder);
    let job = builder.lease(Duration::from_millis(200)).build().unwrap();
    everything(&mut said, &job, &FileCheckpoints::new(folder.join("kept"))).await;
    for entry in std::fs::read_dir(folder.join("kept")).into_iter().flatten() {
        said.text(std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default());
    }
    said.holds_none_of(&[ID.as_bytes()], 0);
}

#[tokio::test]
async fn jobs_over_tables_say_nothing() {
    let mut said = Said::listen_to_own();
    let site = Site::start().await;
    let customers = before().table::<Customer>(&site.dynamodb).unwrap();
    for index in 0..8 {
        customers.put(&Customer { id: format!("{ID}-{index}"), ..ada() }).await.unwrap();
    }
    let mut changed = site.stored("customers", &format!("{ID}-3")).await.unwrap();
    changed.insert("name".into(), aws_sdk_dynamodb::types::AttributeValue::S(SECRETS[3].into()));
    site.store("customers", changed).await;
    let clear = privet::dynamodb::to_item(privet::value::to_record(&Customer { id: ID.into(), ..ada() }).unwrap());
    site.store("customers", clear).await;

    let resource = after().resource("customers").unwrap();
    let table = TableCheckpoints::new(site.dynamodb.clone(), "checkpoints");
    table.create_table().await.unwrap();
    said.shows(&table);
    let job = |name: &str| {
        let store = TableStore::new(site.dynamodb.clone(), &resource).unwrap().segments(2).page(3);
        let rewrite = Reprotect::new(before(), after(), "customers").unwrap();
        Job::builder(name, store, rewrite).lease(Duration::from_millis(50))
    };
    let build = |name: &str| job(name).checkpoints(TableCheckpoints::new(site.dynamodb.clone(), "checkpoints"));
    for fault in [
        Fault::on("dynamodb", "UpdateItem").error("ThrottlingException"),
        Fault::on("dynamodb", "Scan").error("ValidationException"),
        Fault::on("dynamodb", "*").reset(),
    ] {
        site.aws.clear_faults();
        site.aws.fault(fault.times(30));
        let job = build("silence").build().unwrap();
        match job.run().await {
            Ok(report) => said.text(format!("{report} {report:?}")),
            Err(error) => said.error(&error),
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    site.aws.clear_faults();
    everything(&mut said, &build("silence").build().unwrap(), &table).await;
    said.shows(&MemoryCheckpoints::default());
    site.aws.deny(Deny::everyone());
    everything(&mut said, &build("denied").build().unwrap(), &table).await;
    said.holds_none_of(&[ID.as_bytes()], 1);
}
