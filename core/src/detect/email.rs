//! E-mail addresses, as people write them: a part of RFC 5321, section 4.1.2.

use super::pattern::{Pattern, after, before, pattern};
use super::{Finding, Kind};

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    for span in ADDRESS.spans(text) {
        let Some((local, domain)) = text.get(span.clone()).and_then(|address| address.split_once('@')) else {
            continue;
        };
        let is_local = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
        let mut labels = domain.rsplit('.');
        let last = labels.next().unwrap_or_default();
        let is_domain = !FILES.contains(&last.to_ascii_lowercase().as_str())
            && labels.all(|label| !label.starts_with('-') && !label.ends_with('-'));
        // `user:password@host` of a URL, `git@host:path` of a repository.
        let is_in_url = matches!(before(text, &span), Some(':' | '/')) && !is_after_mailto(text, span.start);
        let mut rest = after(text, &span);
        let next = (rest.next(), rest.next());
        let is_remote = matches!(next, (Some(':'), Some(c)) if c.is_alphanumeric() || c == '~' || c == '/');
        let goes_on = matches!(next, (Some(c), _) if c.is_alphanumeric() || c == '@' || c == '_');
        if is_local && is_domain && !is_in_url && !is_remote && !goes_on {
            found.push(Finding::new(Kind::Email, span, 95));
        }
    }
}

fn is_after_mailto(text: &str, start: usize) -> bool {
    let before = text.get(..start).unwrap_or_default();
    // `Mail:ada@example.com` is an address, `postgres://ada:pw@example.com` is none.
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    !word.contains("://")
}

static ADDRESS: Pattern = pattern!(
    r"[A-Za-z0-9_.+%'&=!#$*?^`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}(?:xn--[A-Za-z0-9-]{1,59}|[A-Za-z]{2,24})"
);

/// Endings of file names that look like domains: `icon@2x.png`.
const FILES: &[&str] =
    &["png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "json", "html", "pdf", "gz"];

#[cfg(test)]
pub(super) fn patterns() -> [&'static Pattern; 1] {
    [&ADDRESS]
}
