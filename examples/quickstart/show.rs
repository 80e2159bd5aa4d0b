//! What the quickstart prints: one record side by side as each role sees it, and what it all cost.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{ContentArrangement, Row, Table};
use privet::protector::{Resource, Statistics};
use privet::value::{Map, to_dynamodb_json};
use privet::view::View;
use serde::Serialize;
use serde_json::json;

use crate::Result;
use crate::records::Record;
use crate::table::Pass;

mod cells;

use cells::{Part, label, places, printable};

/// All that there is to show.
pub(crate) struct Report<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) record: &'a Record,
    pub(crate) stored: &'a Map,
    pub(crate) views: &'a [(String, View<()>)],
    pub(crate) model: Option<String>,
    pub(crate) summary: Summary,
}

/// What it cost.
#[derive(Serialize)]
pub(crate) struct Summary {
    records: usize,
    write_seconds: f64,
    write_records_per_second: f64,
    read_seconds: f64,
    read_records_per_second: f64,
    bytes_clear: usize,
    bytes_stored: usize,
    bytes_added_per_record: usize,
    kms_calls: usize,
    cache_hits: u64,
    audit_events: u64,
    audit_log: PathBuf,
}

impl Summary {
    pub(crate) fn new(written: Pass, read: Pass, kms_calls: usize, done: &Statistics, audit_log: PathBuf) -> Self {
        Self {
            records: written.records,
            write_seconds: seconds(written.time),
            write_records_per_second: per_second(&written),
            read_seconds: seconds(read.time),
            read_records_per_second: per_second(&read),
            bytes_clear: written.bytes,
            bytes_stored: read.bytes,
            bytes_added_per_record: read.bytes.saturating_sub(written.bytes) / written.records.max(1),
            kms_calls,
            cache_hits: done.cache.hits,
            audit_events: done.audit_events,
            audit_log,
        }
    }

    fn text(&self) -> String {
        // Most runs are made from the directory that the log is below of.
        let here = std::env::current_dir().unwrap_or_default();
        let log = self.audit_log.strip_prefix(here).unwrap_or(&self.audit_log);
        let lines = [
            ("records", format!("{}, each read back and equal to its original", thousands(self.records))),
            ("sealed, written", time(self.write_seconds, self.write_records_per_second)),
            ("read, opened", time(self.read_seconds, self.read_records_per_second)),
            (
                "bytes added",
                format!(
                    "{} per record ({} in clear, {} stored)",
                    thousands(self.bytes_added_per_record),
                    thousands(self.bytes_clear / self.records.max(1)),
                    thousands(self.bytes_stored / self.records.max(1)),
                ),
            ),
            ("KMS calls", thousands(self.kms_calls)),
            ("cache hits", thousands(usize::try_from(self.cache_hits).unwrap_or(usize::MAX))),
            ("audit events", format!("{}, appended to {}", self.audit_events, log.display())),
        ];
        lines.iter().map(|(name, value)| format!("{name:<16} {value}\n")).collect()
    }
}

impl Report<'_> {
    /// The report as one JSON object.
    pub(crate) fn json(self) -> Result<String> {
        let views: serde_json::Map<_, _> = self
            .views
            .iter()
            .map(|(role, view)| Ok((role.clone(), serde_json::to_value(view)?)))
            .collect::<Result<_>>()?;
        let report = json!({
            "resource": self.resource.name(),
            "key": self.record.key_text(),
            "stored": to_dynamodb_json(self.stored),
            "views": views,
            "summary": self.summary,
        });
        Ok(format!("{report}\n"))
    }

    /// The report as people read it.
    pub(crate) fn text(self, quiet: bool) -> String {
        let mut text = String::new();
        if !quiet {
            let name = printable(&format!("{} {}", self.resource.name(), self.record.key_text()));
            let _ = writeln!(text, "{name}: as it is stored, and as each role sees it\n");
        }
        let _ = writeln!(text, "{}\n", self.table());
        let _ = write!(text, "{}", self.summary.text());
        if let Some(model) = self.model.filter(|_| !quiet) {
            let _ = writeln!(text, "\n{}", paragraphs(&model));
        }
        text
    }

    fn table(&self) -> Table {
        let mut columns = vec![Part::stored(self.stored)];
        columns.extend(self.views.iter().map(|(_, view)| Part::shown(view.tree())));

        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
        let titles = ["", "stored"].into_iter().map(str::to_owned);
        table.set_header(titles.chain(self.views.iter().map(|(role, _)| printable(role))));
        let places = places(&self.record.members, self.resource.item_layout());
        for place in places.iter().take(MOST_ROWS) {
            let cells = columns.iter().map(|column| column.cell(place).to_owned());
            let mut row = Row::from(std::iter::once(label(place)).chain(cells));
            row.max_height(MOST_LINES);
            table.add_row(row);
        }
        let left_out = places.len().saturating_sub(MOST_ROWS);
        if left_out > 0 {
            table.add_row([format!("and {left_out} more values")]);
        }
        table
    }
}

/// The columns of the terminal, if there is one.
fn width() -> u16 {
    let terminal = console::Term::stdout();
    let columns = terminal.size_checked().filter(|_| terminal.is_term()).map(|(_, columns)| columns);
    columns.unwrap_or(100).clamp(60, 160)
}

/// Text broken between words.
fn paragraphs(text: &str) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    for line in text.lines() {
        table.add_row([printable(line)]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    table.trim_fmt()
}

fn time(seconds: f64, per_second: f64) -> String {
    format!("{seconds:.2} s ({} records/s)", thousands(per_second as usize))
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

fn per_second(pass: &Pass) -> f64 {
    (pass.records as f64 / pass.time.as_secs_f64().max(1e-6)).round()
}

/// `12,345`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let comma = |index: usize| if index > 0 && (digits.len() - index).is_multiple_of(3) { "," } else { "" };
    digits.chars().enumerate().map(|(index, digit)| format!("{}{digit}", comma(index))).collect()
}

const MOST_ROWS: usize = 60;
const MOST_LINES: usize = 3;
