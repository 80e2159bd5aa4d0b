//! `audit`: who saw what, and whether the log of it is whole.

use std::io::{BufRead, Read as _};
use std::path::{Path, PathBuf};

use privet::audit::{ChainHead, ChainVerifier};
use serde_json::Value as Json;

use super::{print, print_json};
use crate::exit::{Exit, Failure, Outcome};
use crate::input;
use crate::opt::AuditCommand;
use crate::output::tell;
use crate::session::Session;
use crate::table::{list, table};
use crate::uri::Source;

pub(super) fn run(session: &Session, command: &AuditCommand) -> Outcome {
    match command {
        AuditCommand::Verify { files, head } => verify(session, files, head.as_deref()),
        AuditCommand::Show { file, principal, path, since } => {
            let file = file.clone().unwrap_or_else(|| session.audit_path());
            let wanted = Wanted { principal: principal.as_deref(), path: path.as_deref(), since: since.as_deref() };
            show(session, &file, &wanted)
        }
    }
}

fn verify(session: &Session, files: &[PathBuf], head: Option<&str>) -> Outcome {
    let noted = head.map(ChainHead::parse).transpose()?;
    let mut verifier = ChainVerifier::new(session.audit_key()?.as_ref(), noted)?;
    let files = if files.is_empty() { vec![session.audit_path()] } else { files.to_vec() };
    let wrong = |place: String, problem| Failure::new(Exit::Mismatch, format!("{place}: {problem}"));
    for file in &files {
        verifier.file();
        each_line(file, |number, line| {
            verifier.line(line).map_err(|problem| wrong(format!("{}, line {number}", file.display()), problem))
        })?;
    }
    let last = files.last().map(|file| file.display().to_string()).unwrap_or_default();
    let found = verifier.finish().map_err(|problem| wrong(last, problem))?;
    if session.is_json() {
        print_json(&found)?;
        return Ok(Exit::Done);
    }
    print(format!(
        "verified: {} events in {} files, chained {}",
        found.events,
        found.files,
        if found.keyed { "with a key" } else { "without a key" }
    ))?;
    print(format!("head: {}", if found.head.is_empty() { "none, the log is empty" } else { &found.head }))?;
    let quiet = session.is_quiet();
    if found.first > 1 {
        tell(quiet, format!("the log begins with number {}: give the files before it too", found.first));
    }
    if found.torn > 0 {
        tell(quiet, format!("{} unfinished lines of writers that died were passed over", found.torn));
    }
    if !found.keyed {
        tell(quiet, "without a key, who can write the log can make all of it anew: give one with `--audit-key`");
    }
    Ok(Exit::Done)
}

/// Which events are shown.
struct Wanted<'a> {
    principal: Option<&'a str>,
    path: Option<&'a str>,
    since: Option<&'a str>,
}

impl Wanted<'_> {
    fn is(&self, event: &Json) -> bool {
        let text = |name: &str| event.get(name).and_then(Json::as_str).unwrap_or_default();
        let is = |wanted: Option<&str>, name| wanted.is_none_or(|wanted| wanted == text(name));
        is(self.principal, "principal") && is(self.path, "path") && self.since.is_none_or(|since| text("time") >= since)
    }
}

fn show(session: &Session, file: &Path, wanted: &Wanted<'_>) -> Outcome {
    let mut shown = table(&["time", "principal", "roles", "resource", "record", "field", "class", "shown"]);
    let mut strange = 0;
    each_line(file, |_, line| {
        let Ok(event) = serde_json::from_slice::<Json>(line) else {
            // The last line of a writer that died, or somebody else's.
            strange += u64::from(!line.is_empty());
            return Ok(());
        };
        if event.get("privet_audit").is_some() || !wanted.is(&event) {
            return Ok(());
        }
        if session.is_json() {
            return print_json(&event);
        }
        let text = |name: &str| event.get(name).and_then(Json::as_str).unwrap_or_default();
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
        Ok(())
    })?;
    if !session.is_json() {
        print(shown)?;
    }
    if strange > 0 {
        tell(session.is_quiet(), format!("{strange} lines are no events and were passed over"));
    }
    Ok(super::ended(strange))
}

/// Goes through the lines of a file, without their ends.
fn each_line(file: &Path, mut each: impl FnMut(u64, &[u8]) -> Outcome<()>) -> Outcome<()> {
    let (mut input, bar) = input::open(&Source::File(file.to_owned()), true)?;
    bar.finish_and_clear();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = (&mut input).take(MOST).read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::io("the audit log cannot be read", &error))? == 0 {
            break;
        }
        if line.len() as u64 == MOST && !line.ends_with(b"\n") {
            // In parts it would pass for what writers that died have left.
            let place = format!("{}, line {number}", file.display());
            return Err(Failure::new(Exit::Mismatch, format!("{place}: it is longer than any event")));
        }
        each(number, line.strip_suffix(b"\n").unwrap_or(&line))?;
    }
    Ok(())
}

/// The longest line there may be, in bytes: as far back as the log's writer looks for one.
const MOST: u64 = 16 << 20;
