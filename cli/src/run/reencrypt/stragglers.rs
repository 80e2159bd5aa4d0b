//! `keys stragglers`: what is still on an old key. Reads headers and opens nothing.

use std::collections::BTreeMap;

use privet::bulk::{Job, Limits, Verification};
use privet::dynamodb::bulk::TableStore;
use privet::s3::bulk::ObjectStore;
use serde_json::json;

use super::super::{print, print_json};
use super::{Move, lines};
use crate::exit::{Exit, Outcome};
use crate::opt::Target;
use crate::session::Session;
use crate::uri::Source;

pub(crate) async fn run(session: &Session, target: &Target) -> Outcome {
    let moved = Move::new(session, target, Limits::default()).await?;
    let found = match &target.source {
        Source::Table(_) if session.local().is_none() => {
            let client = aws_sdk_dynamodb::Client::new(&session.aws().await?);
            let store = TableStore::new(client, moved.resource())?.segments(target.segments);
            Job::builder(NAME, store, moved.transformation()?).build()?.stragglers().await?
        }
        Source::Objects { bucket, prefix } => {
            let (reseal, to) = moved.objects(session, target, bucket).await?;
            Job::builder(NAME, ObjectStore::new(to, prefix), reseal).build()?.stragglers().await?
        }
        source => {
            let store = lines(session, source, target)?;
            Job::builder(NAME, store, moved.transformation()?).build()?.stragglers().await?
        }
    };
    show(session, &found)?;
    // What is not known is not known to be on target.
    Ok(if found.passed() && found.unclear == 0 { Exit::Done } else { Exit::Items })
}

fn show(session: &Session, found: &Verification) -> Outcome<()> {
    if session.is_json() {
        return print_json(&json!({ "stragglers": found }));
    }
    print(format!(
        "{} records: {} on target, {} stragglers, {} that cannot be read",
        found.read, found.on_target, found.stragglers, found.failed
    ))?;
    if found.unclear > 0 {
        print(format!("{} that only opening tells: `privet reencrypt ... --verify` opens them", found.unclear))?;
    }
    let mut by_reason: BTreeMap<String, u64> = BTreeMap::new();
    for straggler in &found.first_stragglers {
        straggler.reasons.iter().for_each(|reason| *by_reason.entry(reason.to_string()).or_default() += 1);
    }
    by_reason.iter().try_for_each(|(reason, count)| print(format!("  {count} for {reason}")))?;
    for straggler in &found.first_stragglers {
        print(format!("straggler: record {} in shard {}", straggler.digest, straggler.shard))?;
    }
    for failure in &found.first_failures {
        print(format!("cannot be read: record {} in shard {}: {}", failure.digest, failure.shard, failure.reason))?;
    }
    Ok(())
}

/// Nothing is written under it.
const NAME: &str = "stragglers";
