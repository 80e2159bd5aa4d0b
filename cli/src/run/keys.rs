//! `keys`: branch keys of a key store, or the keys of a local directory.

use serde_json::json;

use super::encrypt::context;
use super::{print, print_json};
use crate::exit::{Exit, Failure, Outcome};
use crate::local::{self, Local};
use crate::opt::{Go, Keys, KeysCommand};
use crate::output::tell;
use crate::session::Session;
use crate::table::table;

pub(super) async fn run(session: &Session, args: Keys) -> Outcome {
    if let KeysCommand::Stragglers(target) = &args.command {
        return super::reencrypt::stragglers(session, target).await;
    }
    match session.local() {
        Some(local) => of_directory(session, &local, &args.command),
        None => of_store(session, &args).await,
    }
}

fn of_directory(session: &Session, local: &Local, command: &KeysCommand) -> Outcome {
    let place = local.path().display();
    match command {
        KeysCommand::Create { go, .. } => {
            if !local.keys()?.is_empty() {
                return Err(Failure::failed(format!("`{place}` has a key: `privet keys rotate` makes the next one")));
            }
            if !is_go(session, *go, &format!("create the first key of {place}"))? {
                return Ok(Exit::Done);
            }
            said(session, "created", &local.add_key()?)
        }
        KeysCommand::Rotate { id, go } => {
            if id.is_some() {
                return Err(Failure::usage("the keys of a local directory are rotated together: leave out the id"));
            }
            if local.keys()?.is_empty() {
                return Err(Failure::failed(format!("`{place}` has no key: run `privet keys create`")));
            }
            if !is_go(session, *go, &format!("make the next key of {place}, and keep the older ones to read"))? {
                return Ok(Exit::Done);
            }
            said(session, "rotated", &local.add_key()?)
        }
        KeysCommand::List => {
            local.keys()?.into_iter().try_for_each(|number| key(session, &local::name(number)))?;
            Ok(Exit::Done)
        }
        KeysCommand::Describe { .. } | KeysCommand::Stragglers(_) => {
            Err(Failure::usage("the keys of a local directory have nothing but their numbers: `list` them"))
        }
    }
}

async fn of_store(session: &Session, args: &Keys) -> Outcome {
    let (store, place) = session.key_store(args.table.as_deref(), args.logical_name.as_deref()).await?;
    match &args.command {
        KeysCommand::Create { id, create_table, go } => {
            let named = id.as_ref().map_or("a branch key of a random id".to_owned(), |id| format!("`{id}`"));
            let table = if *create_table { ", and the table if it is not there" } else { "" };
            if !is_go(session, *go, &format!("create {named} in {place}{table}"))? {
                return Ok(Exit::Done);
            }
            if *create_table {
                store.create_table().await?;
            }
            let context = context(session);
            match id {
                Some(id) => store.create_with_id(id, &context).await.map(|()| id.clone()),
                None => store.create(&context).await,
            }
            .map_err(Failure::from)
            .and_then(|id| said(session, "created", &id))
        }
        KeysCommand::Rotate { id, go } => {
            let id = id
                .as_ref()
                .ok_or_else(|| Failure::usage("name the branch key to rotate: `privet keys list` lists them"))?;
            let active = store.describe(id).await?.active;
            if !is_go(session, *go, &format!("give `{id}` a new version after {active}; older ones stay to read"))? {
                return Ok(Exit::Done);
            }
            let version = store.rotate(id).await?;
            said(session, "rotated", &version.to_string())
        }
        KeysCommand::List => {
            store.list().await?.iter().try_for_each(|id| key(session, id))?;
            Ok(Exit::Done)
        }
        KeysCommand::Describe { id } => {
            let found = store.describe(id).await?;
            let context: serde_json::Map<_, _> =
                found.context.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
            if session.is_json() {
                let versions: Vec<_> = found
                    .versions
                    .iter()
                    .map(|v| json!({ "version": v.version.to_string(), "created": v.create_time }))
                    .collect();
                print_json(&json!({
                    "id": found.id, "active": found.active.to_string(), "versions": versions, "context": context,
                    "kms_key": found.kms_arn, "beacon_key": found.has_beacon_key,
                }))?;
                return Ok(Exit::Done);
            }
            print(format!("branch key  {}\nKMS key     {}", found.id, found.kms_arn))?;
            print(format!("beacon key  {}", if found.has_beacon_key { "yes" } else { "no" }))?;
            for (name, value) in found.context.iter() {
                print(format!("context     {name}={value}"))?;
            }
            let mut shown = table(&["version", "created", ""]);
            for version in &found.versions {
                let mark = if version.version == found.active { "active" } else { "" };
                shown.add_row([version.version.to_string(), version.create_time.clone(), mark.to_owned()]);
            }
            print(shown)?;
            Ok(Exit::Done)
        }
        KeysCommand::Stragglers(_) => Err(Failure::usage("name what is looked at")),
    }
}

/// Says what would be done; whether to do it.
fn is_go(session: &Session, go: Go, plan: &str) -> Outcome<bool> {
    if go.yes {
        return Ok(true);
    }
    tell(session.is_quiet() && !go.dry_run, format!("would {plan}"));
    if go.dry_run {
        return Ok(false);
    }
    Err(Failure::usage("nothing was done: give `--yes` to do it, or `--dry-run` to only see"))
}

fn said(session: &Session, what: &str, key: &str) -> Outcome {
    if session.is_json() {
        print_json(&json!({ what: key }))?;
    } else {
        print(key)?;
    }
    Ok(Exit::Done)
}

fn key(session: &Session, name: &str) -> Outcome<()> {
    if session.is_json() { print_json(&json!({ "key": name })) } else { print(name) }
}
