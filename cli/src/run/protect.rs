//! `protect`: seals records as they stream by.

use std::io::Write;

use privet::Protector;
use privet::record::JSON_HEADER;
use serde_json::{Map as JsonMap, Value as Json};

use super::ended;
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::opt::{Protect, Records};
use crate::output::{Output, tell};
use crate::records::{Format, Reader, Writer};
use crate::session::Session;

pub(super) async fn run(session: &Session, args: &Protect) -> Outcome {
    let protector = protector(session, &args.records).await?;
    let resource = session.resource(args.records.resource.as_deref(), protector.policy())?;
    let columns = |columns: &[String]| columns.iter().cloned().chain([JSON_HEADER.to_owned()]).collect();
    each(session, &args.records, columns, async |record: JsonMap<String, Json>| {
        if record.contains_key(JSON_HEADER) {
            return Err(Failure::failed("the record is sealed already: `reveal` opens it"));
        }
        object(protector.protect_json(&resource, Json::Object(record)).await?)
    })
    .await
}

/// The protector for the records' tenant.
pub(super) async fn protector(session: &Session, records: &Records) -> Outcome<Protector> {
    let protector = session.protector().await?;
    Ok(match &records.tenant {
        Some(tenant) => protector.for_tenant(tenant)?,
        None => protector,
    })
}

/// Makes another record of each, one at a time. `columns` makes the columns of CSV.
pub(super) async fn each(
    session: &Session,
    args: &Records,
    columns: impl FnOnce(&[String]) -> Vec<String>,
    make: impl AsyncFn(JsonMap<String, Json>) -> Outcome<JsonMap<String, Json>>,
) -> Outcome {
    let format = Format::of(args.format, &args.file);
    let (input, bar) = input::open(&args.file, session.is_quiet())?;
    let mut reader = Reader::new(input, format)?;
    let columns = reader.columns().map(columns);
    let mut writer = Writer::new(Output::to(args.output.as_deref())?, format, columns)?;
    let (mut done, mut failed) = (0_u64, 0_u64);
    while let Some(record) = reader.next()? {
        match make(record).await {
            Ok(made) => writer.write(&made, reader.is_array())?,
            Err(failure) if args.keep_going => {
                failed += 1;
                bar.suspend(|| tell(false, failure.at(format!("record {}", done + failed))));
                continue;
            }
            Err(failure) => return Err(failure.at(format!("record {}", done + 1))),
        }
        done += 1;
    }
    let mut output = writer.finish(reader.is_array())?;
    output.flush().map_err(|error| Failure::io("the output cannot be written", &error))?;
    output.finish()?;
    bar.finish_and_clear();
    if failed > 0 {
        tell(session.is_quiet(), format!("{done} records, and {failed} that failed"));
    }
    Ok(if failed == 0 { Exit::Done } else { ended(failed) })
}

pub(super) fn object(json: Json) -> Outcome<JsonMap<String, Json>> {
    match json {
        Json::Object(members) => Ok(members),
        _ => Err(Failure::failed("the record is no object")),
    }
}
