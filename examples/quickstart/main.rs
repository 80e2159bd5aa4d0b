//! The quickstart: records go into a table sealed, come back whole, and each role is shown what the policy lets it see.
//!
//! `cargo run --example quickstart` needs neither an account nor a network: KMS and DynamoDB run inside the process,
//! behind the real SDK clients.

mod args;
mod model;
mod policy;
mod records;
mod show;
mod table;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use privet::audit::JsonLinesSink;
use privet::keyring::KmsKeyring;
use privet::{Principal, Protector};
use privet_testkit::EmbeddedAws;

use args::Args;
use show::{Report, Summary};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await.and_then(|report| print(&report)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Should nobody listen there is nothing left to do about it.
            let _ = writeln!(io::stderr(), "error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<String> {
    let policy = policy::load(args)?;

    // The embedded AWS. In production: `aws_config::load_from_env().await`, and the ARN of a key that is there already.
    let aws = EmbeddedAws::start().await;
    let config = aws.config("eu-west-1").await;
    let key_arn = aws.create_key("eu-west-1", "alias/quickstart").await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let kms = aws_sdk_kms::Client::new(&config);

    // One protector for the whole process: it knows the policy and keeps data keys for a few minutes.
    let privet = Protector::builder()
        .policy(policy)
        .keyring(KmsKeyring::new(kms, key_arn)?)
        .context("application", "quickstart") // ends up in the encryption context of every data key
        .audit(JsonLinesSink::append(&args.audit()?)?)
        .build()?;

    // Into the table and back. What the table holds is sealed; what comes back is compared with what went in.
    let resource = privet.resource(&args.resource())?;
    let records = records::read(&args.data(), resource.key())?;
    let shown = args.pick(&records)?;
    table::create(&dynamodb, &resource, &records).await?;
    let written = table::write_all(&dynamodb, &privet, &resource, &records, args).await?;
    let read = table::read_all(&dynamodb, &privet, &resource, &records, args).await?;

    // One record, as it is stored and as each role may see it.
    let stored = table::read(&dynamodb, &resource, shown).await?;
    let mut views = Vec::new();
    for role in args.roles() {
        let principal = Principal::new(format!("some-{role}")).role(&role);
        let opened = privet.unprotect_record(&resource, stored.clone()).await?;
        let view = privet.view_record(&resource, opened, &principal).await?;
        views.push((role, view));
    }

    // The same with a model in place of names and rules.
    let model =
        if args.is_bundled() { Some(model::try_out(&dynamodb, &privet, &shown.key_text()).await?) } else { None };

    let summary = Summary::new(written, read, aws.calls("kms").len(), &privet.statistics(), args.audit()?);
    let report = Report { resource: &resource, record: shown, stored: &stored, views: &views, model, summary };
    Ok(if args.json { report.json()? } else { report.text(args.quiet) })
}

fn print(report: &str) -> Result<()> {
    match io::stdout().lock().write_all(report.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// The error and what caused it, in one line.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    let mut messages: Vec<_> = chain.map(ToString::to_string).collect();
    messages.dedup();
    messages.join(": ")
}
