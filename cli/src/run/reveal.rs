//! `reveal`: opens records, and shows what a caller may see of them.

use privet::Principal;
use privet::record::JSON_HEADER;
use privet::value::Value;
use serde_json::{Map as JsonMap, Value as Json};

use super::protect::{each, object, protector};
use crate::exit::Outcome;
use crate::opt::Reveal;
use crate::session::Session;

pub(super) async fn run(session: &Session, args: Reveal) -> Outcome {
    let protector = protector(session, &args.records).await?;
    let resource = session.resource(args.records.resource.as_deref(), protector.policy())?;
    let resource = protector.resource(&resource)?;
    let principal = (!args.in_clear).then(|| {
        let principal = Principal::new(args.principal.unwrap_or_else(|| "unknown".to_owned()));
        let principal = args.roles.iter().fold(principal, Principal::role);
        let principal = principal.security_level(args.security_level);
        args.purpose.into_iter().fold(principal, Principal::purpose)
    });
    let columns = |columns: &[String]| columns.iter().filter(|name| *name != JSON_HEADER).cloned().collect();
    each(session, &args.records, columns, async |record: JsonMap<String, Json>| {
        let opened = protector.open_json(&resource, Json::Object(record)).await?;
        object(match &principal {
            Some(principal) => protector.view_record(&resource, opened, principal).await?.into_json(),
            None => Value::M(opened.complete()?).into_json(),
        })
    })
    .await
}
