//! `audit`: who saw what.

use std::io::{BufRead as _, Read as _};

use serde_json::Value as Json;

use super::{print, print_json};
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::opt::AuditCommand;
use crate::output::tell;
use crate::session::Session;
use crate::table::{list, table};
use crate::uri::Source;

pub(super) fn run(session: &Session, command: &AuditCommand) -> Outcome {
    let AuditCommand::Show { file, principal, path, since } = command;
    let file = file.clone().unwrap_or_else(|| session.audit_path());
    let (mut input, bar) = input::open(&Source::File(file), true)?;
    bar.finish_and_clear();
    let mut shown = table(&["time", "principal", "roles", "resource", "record", "field", "class", "shown"]);
    let (mut line, mut strange) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = (&mut input).take(MOST).read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::io("the audit log cannot be read", &error))? == 0 {
            break;
        }
        let Ok(event) = serde_json::from_slice::<Json>(&line) else {
            // The last line of a writer that died, or somebody else's.
            strange += 1;
            continue;
        };
        let text = |name: &str| event.get(name).and_then(Json::as_str).unwrap_or_default();
        let is = |wanted: &Option<String>, name| wanted.as_ref().is_none_or(|wanted| wanted == text(name));
        if !is(principal, "principal")
            || !is(path, "path")
            || since.as_ref().is_some_and(|since| text("time") < since.as_str())
        {
            continue;
        }
        if session.is_json() {
            print_json(&event)?;
        } else {
            let roles = event.get("roles").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
            let record = text("record").get(..8).unwrap_or(text("record"));
            shown.add_row([
                text("time"),
                text("principal"),
                &list(roles),
                text("resource"),
                record,
                text("path"),
                text("class"),
                text("decision"),
            ]);
        }
    }
    if !session.is_json() {
        print(shown)?;
    }
    if strange > 0 {
        tell(session.is_quiet(), format!("{strange} lines are no events and were passed over"));
    }
    Ok(super::ended(strange))
}

/// The longest line that is looked at whole, in bytes.
const MOST: u64 = 1 << 20;
