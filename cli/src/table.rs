//! Tables for people.

use std::io::{self, IsTerminal as _};

use comfy_table::{ContentArrangement, LineStyle, Table, presets};

/// A table with these columns: as wide as the terminal, or as wide as its content where there is none.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_header(columns.iter().copied());
    if io::stdout().is_terminal() {
        let (_, width) = console::Term::stdout().size();
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table
}

/// Words with commas between them; a dash if there are none.
pub(crate) fn list<T: ToString>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| word.to_string()).collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}
