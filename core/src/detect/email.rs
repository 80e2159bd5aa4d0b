//! E-mail addresses, as people write them: a part of RFC 5321, section 4.1.2.

use std::ops::Range;

use super::pattern::{Pattern, after, before, is_alone, pattern};
use super::{Finding, Kind};

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    for span in ADDRESS.spans(text) {
        let Some((local, domain)) = text.get(span.clone()).and_then(|address| address.split_once('@')) else {
            continue;
        };
        let is_local = !local.ends_with('.') && !local.contains("..") && before(text, &span) != Some('.');
        let mut labels = domain.rsplit('.');
        let last = labels.next().unwrap_or_default();
        let is_domain = !FILES.contains(&last.to_ascii_lowercase().as_str())
            && labels.all(|label| !label.starts_with('-') && !label.ends_with('-'));
        let is_written = local.chars().chain(domain.chars()).all(|c| c.is_ascii() || c.is_alphanumeric());
        let mut rest = after(text, &span);
        let next = (rest.next(), rest.next());
        // `git@host:path` of a repository.
        let is_remote = matches!(next, (Some(':'), Some(c)) if c.is_alphanumeric() || c == '~' || c == '/');
        let goes_on = matches!(next, (Some(c), _) if c.is_alphanumeric() || c == '@' || c == '_');
        if is_local && is_domain && is_written && !is_user_of_host(text, span.start) && !is_remote && !goes_on {
            let is_identifier = is_of_message(text, &span, local);
            found.push(Finding::new(Kind::Email, span, if is_identifier { 40 } else { 95 }));
        }
    }
    for span in SPELT_OUT.spans(text).filter(|span| is_alone(text, span, &['_', '@'])) {
        found.push(Finding::new(Kind::Email, span, 70));
    }
}

/// Whether this identifies a message (RFC 5322, section 3.6.4): `<20240115.073210@mail.example.com>`.
fn is_of_message(text: &str, span: &Range<usize>, local: &str) -> bool {
    before(text, span) == Some('<') && local.len() >= 12 && !local.contains(char::is_alphabetic)
}

/// Whether a URL has come no further than its host: `postgres://ada:pw@example.com`, not `?mail=ada@example.com`.
fn is_user_of_host(text: &str, start: usize) -> bool {
    let near = text.floor_char_boundary(start.saturating_sub(256));
    let before = text.get(near..start).unwrap_or_default();
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    word.rsplit_once("://").is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']))
}

/// Letters of all languages, as RFC 6531 and RFC 5890 have them, among what people use of the signs.
static ADDRESS: Pattern = pattern!(concat!(
    r"(?u:[A-Za-z0-9_\u{C0}-\u{1FFF}\u{2C00}-\u{D7FF}][A-Za-z0-9_.+'\u{C0}-\u{1FFF}\u{2C00}-\u{D7FF}-]{0,63}",
    r"@(?:[A-Za-z0-9\u{C0}-\u{1FFF}\u{2C00}-\u{D7FF}-]{1,63}\.){1,8}",
    r"(?:xn--[A-Za-z0-9-]{1,59}|[A-Za-z\u{C0}-\u{1FFF}\u{2C00}-\u{D7FF}]{2,24}))"
));
/// `ada at example dot com`, `ada [at] example.com`.
static SPELT_OUT: Pattern = pattern!(concat!(
    r"\b[A-Za-z0-9_.+-]{2,64} ?(?:[(\[]at[)\]] ?[A-Za-z0-9-]{1,63}(?: ?[(\[]dot[)\]] ?|\.)",
    r"| at [A-Za-z0-9-]{1,63} dot )[A-Za-z]{2,6}\b"
));

/// Endings of file names that look like domains: `icon@2x.png`.
const FILES: &[&str] =
    &["png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "json", "html", "pdf", "gz"];

#[cfg(test)]
pub(super) fn patterns() -> [&'static Pattern; 2] {
    [&ADDRESS, &SPELT_OUT]
}
