//! `inventory`: from schema files, models and data, as each kind of sheet.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::Home;
use serde_json::{Value as Json, json};

/// A schema, and the inventory of a model as `Schema::inventory` gives it.
fn home() -> Home {
    let home = Home::local();
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {
        "id": {"type": "string"},
        "email": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "visits": {"type": "array", "items": {"properties": {"note": {"type": "string"}}}},
    }, "$defs": {"address": {"properties": {"city": {"type": "string"}}}}});
    home.write("schema.json", schema.to_string());
    let model =
        json!([{"path": "nickname", "class": "pii", "categories": ["contact"]}, {"path": "plan", "class": "public"}]);
    home.write("model.json", model.to_string());
    home
}

fn row<'a>(rows: &'a [Json], field: &str) -> &'a Json {
    rows.iter().find(|row| row["field"] == field).unwrap_or_else(|| panic!("no `{field}` in {rows:?}"))
}

#[test]
fn schema_files_and_models_are_listed_with_what_the_policy_makes_of_them() {
    let home = home();
    let rows = home.run(&["inventory", "--schema", "schema.json", "--schema", "model.json", "--json"], 0).json();
    let email = row(&rows, "email");
    assert_eq!(
        (&email["classes"], &email["at_rest"], &email["mask"]),
        (&json!(["pii"]), &json!("encrypt"), &json!("email"))
    );
    assert_eq!(email["roles"]["admin"], "reveal");
    assert_eq!(email["sources"], json!(["policy", "schema.json"]));
    assert_eq!(row(&rows, "address.city")["classes"], json!(["pii"]));
    assert_eq!(row(&rows, "visits[].note")["classes"], json!(["confidential"]));
    let nickname = row(&rows, "nickname");
    assert_eq!((&nickname["classes"], &nickname["categories"]), (&json!(["pii"]), &json!(["contact"])));
    assert_eq!(row(&rows, "plan")["at_rest"], "sign");
    for (text, says) in [("[1]", "no inventory of a model"), ("{}", "neither a JSON Schema"), ("{", "is no JSON")] {
        home.write("wrong.json", text);
        let error = home.run(&["inventory", "--schema", "wrong.json"], 1).error;
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_csv_sheet_has_a_row_for_each_field_and_no_formulas() {
    let home = home();
    home.write("data.csv", "id,=cmd(),\"\n=1\"\nc-1,x,y\n");
    home.run(&["inventory", "data.csv", "--schema", "schema.json", "-o", "inventory.csv"], 0);
    let text = home.read("inventory.csv");
    let mut sheet = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(sheet.headers().unwrap().iter().take(3).collect::<Vec<_>>(), ["resource", "field", "class"]);
    let rows: Vec<csv::StringRecord> = sheet.records().map(Result::unwrap).collect();
    let of = |field: &str| rows.iter().find(|row| &row[1] == field).unwrap_or_else(|| panic!("no {field:?} in {text}"));
    assert_eq!((&of("email")[0], &of("email")[2], &of("email")[4]), ("customers", "pii", "encrypt"));
    assert_eq!((&of("'=cmd()")[5], &of("'\n=1")[5]), ("in clear", "in clear"));
}

#[test]
fn a_sheet_in_markdown_is_one_table() {
    let home = home();
    home.write("data.jsonl", "{\"id\":\"c-1\",\"a|b\\n<i>\":\"x\"}\n");
    let sheet = home.run(&["inventory", "data.jsonl", "--schema", "schema.json", "--as", "markdown"], 0).out;
    let lines: Vec<&str> = sheet.lines().collect();
    assert!(lines[0].starts_with("| resource | field | class |") && lines[1].starts_with("| --- | --- |"), "{sheet}");
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(lines.iter().all(|line| cells(line) == cells(lines[0])), "{sheet}");
    assert!(sheet.contains("| customers | email | pii |") && sheet.contains("a\\|b \\<i\\>"), "{sheet}");
}

#[test]
fn a_sheet_in_html_is_a_page_and_nothing_of_a_name_is_a_part_of_it() {
    let home = home();
    home.write("data.jsonl", "{\"id\":\"c-1\",\"<script>alert(1)</script>\":\"x\"}\n");
    home.run(&["inventory", "data.jsonl", "--schema", "schema.json", "-o", "inventory.html"], 0);
    let page = home.read("inventory.html");
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "{page}");
    assert!(page.contains("<td>email</td><td>pii</td>"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script"), "{page}");
}
