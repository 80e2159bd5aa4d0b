//! How an inventory is written: a table for the terminal, JSON lines, CSV, Markdown, HTML.

use std::fmt::Write as _;
use std::io::Write;

use super::Row;
use crate::exit::{Failure, Outcome};
use crate::opt::{Inventory, Sheet};
use crate::output::printable;
use crate::session::Session;
use crate::table::{list, table};

/// The form that was asked for; by the file's name if none was.
pub(super) fn of(session: &Session, args: &Inventory) -> Sheet {
    let by_name = || match args.output.as_ref()?.extension()?.to_str()? {
        "json" | "jsonl" => Some(Sheet::Json),
        "csv" => Some(Sheet::Csv),
        "md" => Some(Sheet::Markdown),
        "html" => Some(Sheet::Html),
        _ => None,
    };
    match args.sheet {
        Sheet::Table if session.is_json() => Sheet::Json,
        Sheet::Table => by_name().unwrap_or(Sheet::Table),
        asked => asked,
    }
}

pub(super) fn write(rows: &[Row], sheet: Sheet, out: &mut impl Write) -> Outcome<()> {
    let failed = |error: std::io::Error| Failure::io("the inventory cannot be written", &error);
    let text = match sheet {
        Sheet::Table => {
            let mut shown = table(&["resource", "field", "class", "at rest", "found", "looks like", "seen by"]);
            for row in rows {
                let roles = row.roles.iter().map(|(role, seen)| format!("{role}: {seen}"));
                let (classes, stored) = (list(&row.classes), list(&row.stored));
                shown.add_row([
                    row.resource.clone(),
                    row.field.clone(),
                    classes,
                    row.at_rest.to_owned(),
                    stored,
                    list(&row.looks_like),
                    list(roles),
                ]);
            }
            printable(&format!("{shown}\n")).into_owned()
        }
        Sheet::Json => {
            for row in rows {
                serde_json::to_writer(&mut *out, row).map_err(|error| failed(error.into()))?;
                out.write_all(b"\n").map_err(failed)?;
            }
            return Ok(());
        }
        Sheet::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            let write = |csv: &mut csv::Writer<_>, cells: &[String]| {
                csv.write_record(cells.iter().map(|cell| not_a_formula(cell))).map_err(|error| failed(error.into()))
            };
            write(&mut csv, &HEAD.map(str::to_owned))?;
            rows.iter().try_for_each(|row| write(&mut csv, &cells(row)))?;
            return csv.flush().map_err(failed);
        }
        Sheet::Markdown => {
            let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
            let mut text = line(&HEAD.map(str::to_owned)) + &line(&HEAD.map(|_| "---".to_owned()));
            for row in rows {
                text += &line(&cells(row).map(|cell| in_markdown(&cell)));
            }
            text
        }
        Sheet::Html => page(rows),
    };
    out.write_all(text.as_bytes()).map_err(failed)
}

fn cells(row: &Row) -> [String; 11] {
    let joined = |words: &[String]| words.join(", ");
    let classes: Vec<String> = row.classes.iter().map(ToString::to_string).collect();
    let roles: Vec<String> = row.roles.iter().map(|(role, seen)| format!("{role}: {seen}")).collect();
    [
        row.resource.clone(),
        row.field.clone(),
        joined(&classes),
        joined(&row.categories),
        row.at_rest.to_owned(),
        joined(&row.stored),
        joined(&row.looks_like),
        row.mask.clone(),
        if row.audited { "yes" } else { "no" }.to_owned(),
        joined(&roles),
        joined(&row.sources),
    ]
}

fn page(rows: &[Row]) -> String {
    let mut text = String::from(PAGE);
    for name in HEAD {
        let _ = write!(text, "<th scope=\"col\">{name}</th>");
    }
    text += "</tr></thead>\n<tbody>\n";
    for row in rows {
        text += "<tr>";
        for cell in cells(row) {
            let _ = write!(text, "<td>{}</td>", in_html(&cell));
        }
        text += "</tr>\n";
    }
    text + "</tbody></table>\n</body></html>\n"
}

/// Names of fields come out of data: nothing of them may become a part of the page.
fn in_html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            other => safe.push(other),
        }
    }
    safe
}

fn in_markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => safe.push(' '),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&' => safe.extend(['\\', character]),
            other => safe.push(other),
        }
    }
    safe
}

/// Spreadsheets take what begins like this for a formula, some whatever white space is in front. Those of East Asia take the
/// wide forms of these signs too.
fn not_a_formula(text: &str) -> String {
    let signs = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    if text.starts_with(['\t', '\r', '\n']) || text.trim_start().starts_with(signs) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

const HEAD: [&str; 11] = [
    "resource",
    "field",
    "class",
    "categories",
    "at rest",
    "found",
    "looks like",
    "mask",
    "audited",
    "seen by",
    "known from",
];

const PAGE: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Data inventory</title>\n\
    <style>body{font:14px system-ui,sans-serif;margin:2em}table{border-collapse:collapse}th,td{border:1px solid #ccc;\
    padding:.3em .6em;text-align:left;vertical-align:top}th{background:#f4f4f4}</style></head><body>\n<h1>Data inventory</h1>\n\
    <table><thead><tr>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_name_becomes_a_part_of_the_page() {
        assert_eq!(in_html("<script>'a'&\"b\""), "&lt;script&gt;&#39;a&#39;&amp;&quot;b&quot;");
        assert_eq!(in_markdown("a|b\n[x](y)<i>"), "a\\|b \\[x\\](y)\\<i\\>");
        for formula in [
            "=cmd()",
            "+1",
            "-1",
            "@a",
            "\t=1",
            "\r=1",
            "\n=1",
            "\ttext",
            " =1",
            "\u{3000}=1",
            "＝1",
            "＋1",
            "－1",
            "＠a",
        ] {
            assert_eq!(not_a_formula(formula), format!("'{formula}"));
        }
        for text in ["", "a=1", "email", " a", "'=1"] {
            assert_eq!(not_a_formula(text), text);
        }
    }
}
