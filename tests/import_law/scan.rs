//! What a source file names: rooms of its crate, other crates, and what a macro writes. Text alone, no compiler.

/// The code of a source file: no comments, no content of strings, no `#[cfg(test)]` modules.
pub(crate) fn code_of(source: &str) -> String {
    without_tests(&without_text(source))
}

fn without_text(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => end_of_string(rest),
            'r' if is_raw_string(rest) && !out.ends_with(is_word) => end_of_raw_string(rest),
            // A character literal, and no lifetime: a quote follows after one character or an escape.
            '\'' if rest.starts_with("'\\") => 2 + rest[3..].find('\'').map_or(0, |end| end + 2),
            '\'' if rest.chars().nth(2) == Some('\'') => rest.chars().take(3).map(char::len_utf8).sum(),
            _ => 0,
        };
        if skipped == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.push_str(if first == '/' { " " } else { "\"\"" });
            rest = &rest[skipped..];
        }
    }
    out
}

fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let is_end = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        is_end
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

fn is_raw_string(text: &str) -> bool {
    text[1..].trim_start_matches('#').starts_with('"')
}

fn end_of_raw_string(text: &str) -> usize {
    let hashes = text[1..].find('"').unwrap_or(0);
    let close = format!("\"{}", "#".repeat(hashes));
    let start = hashes + 2;
    text[start..].find(&close).map_or(text.len(), |end| start + end + close.len())
}

fn without_tests(code: &str) -> String {
    let mut code = code.to_owned();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(test)]").map(|at| from + at) {
        let item = &code[at..];
        let end = match (item.find('{'), item.find(';')) {
            (Some(open), semicolon) if semicolon.is_none_or(|semicolon| open < semicolon) => {
                open + block(&item[open..]).len()
            }
            (_, Some(semicolon)) => semicolon + 1,
            (_, None) => item.len(),
        };
        code.replace_range(at..at + end, "");
        from = at;
    }
    code
}

/// The bracketed block that the text begins with, its brackets included.
fn block(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..=at];
        }
    }
    text
}

/// Whether the code has this word, alone.
pub(crate) fn names(code: &str, word: &str) -> bool {
    positions(code, word).next().is_some()
}

fn positions<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !code[..*at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The names that the code takes from the root of its crate. `depth` is how many modules the file is below that root.
pub(crate) fn from_root(code: &str, depth: usize) -> Vec<String> {
    let root = "super::".repeat(depth);
    let mut found = Vec::new();
    for (start, length) in positions(code, "crate")
        .map(|at| (at, "crate::".len()))
        .chain(code.match_indices(&root).map(|(at, _)| at).filter(|_| depth > 0).map(|at| (at, root.len())))
    {
        let before = &code[..start];
        if before.ends_with("::") || before.ends_with(is_word) {
            continue;
        }
        let Some(path) = code.get(start + length..).filter(|_| code[start..start + length].ends_with("::")) else {
            continue;
        };
        if path.starts_with('{') {
            found.extend(members(block(path)));
        } else {
            found.push(first_word(path));
        }
    }
    found
}

/// The first name of each member of `{a, b::c, d::{e, f}}`.
fn members(group: &str) -> Vec<String> {
    let mut depth = 0;
    let inside = group[1..group.len() - 1].split(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    inside.map(|member| first_word(member.trim())).filter(|word| !word.is_empty()).collect()
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| is_word(*c)).collect()
}

/// What `quote!` and `quote_spanned!` write in this code.
pub(crate) fn quoted(code: &str) -> Vec<&str> {
    let calls = code.match_indices("quote!").chain(code.match_indices("quote_spanned!"));
    calls
        .filter_map(|(at, call)| {
            let body = code[at + call.len()..].trim_start();
            let body = body.starts_with(['{', '(', '[']).then(|| block(body))?;
            Some(if call == "quote!" { body } else { body.split_once("=>").map_or(body, |(_, written)| written) })
        })
        .collect()
}

/// The paths in a piece of code: `::a::b`, `c::d`, `e`; lifetimes, interpolations, methods, fields and
/// what follows `<A as B>` are none.
pub(crate) fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(|c: char| is_word(c) || c == ':') {
        let path: String = rest[at..].chars().take_while(|c| is_word(*c) || *c == ':').collect();
        let before = &rest[..at];
        let is_associated = path.starts_with("::") && before.ends_with('>') && !before.ends_with("->");
        let no_path = before.ends_with(['\'', '#', '.']) || is_associated || !path.contains(is_word);
        rest = &rest[at + path.len()..];
        if !no_path {
            found.push(path.trim_end_matches(':').to_owned());
        }
    }
    found
}
