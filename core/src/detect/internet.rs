//! Addresses of hosts, and passwords in URLs.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::pattern::{Pattern, after, before, introduction, pattern};
use super::{Finding, Kind};

/// IPv4 addresses that can be somebody's: not of the host itself, no broadcast, multicast or network masks.
pub(super) fn find_v4(text: &str, found: &mut Vec<Finding>) {
    for span in V4.spans(text) {
        let Some(address) = text.get(span.clone()).and_then(|text| text.parse::<Ipv4Addr>().ok()) else { continue };
        let mut rest = after(text, &span);
        let next = (rest.next(), rest.next());
        let goes_on = match next {
            (Some('.' | '-' | '_'), Some(c)) => c.is_alphanumeric(),
            // A network; what follows the host in a URL is a path.
            (Some('/'), Some(c)) => c.is_ascii_digit() && !is_whole_prefix(text, &span),
            (Some(c), _) => c.is_alphanumeric() || c == '_',
            (None, _) => false,
        };
        let is_part = before(text, &span).is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
            || is_version_of_product(text, &span);
        let [first, ..] = address.octets();
        if goes_on || is_part || matches!(first, 0 | 127 | 224..) {
            continue;
        }
        let introduced = introduction(text, &span);
        let mut words = introduced.split_whitespace().rev().take(2);
        let is_version = words.any(|word| VERSIONS.contains(&word));
        // Small numbers are rather versions; private addresses say little about anybody.
        let is_small = address.octets().iter().all(|octet| *octet < 20) && first != 10;
        let percent = match (is_version, is_small, address.is_private()) {
            (true, ..) => 20,
            (_, true, _) => 45,
            (_, _, true) => 60,
            _ => 85,
        };
        found.push(Finding::new(Kind::Ipv4, span, percent));
    }
}

/// `Chrome/120.0.0.1`, as user agents say it.
fn is_version_of_product(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).and_then(|before| before.strip_suffix('/'));
    before.is_some_and(|before| before.ends_with(char::is_alphanumeric))
}

/// Whether `/32` follows: a host, written as a network.
fn is_whole_prefix(text: &str, span: &Range<usize>) -> bool {
    let rest = text.get(span.end..).unwrap_or_default();
    rest.strip_prefix("/32").is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// IPv6 addresses of hosts: global, unique local and link local ones, and IPv4 within.
pub(super) fn find_v6(text: &str, found: &mut Vec<Finding>) {
    for span in V6.spans(text) {
        let Some(address) = text.get(span.clone()).and_then(|text| text.parse::<Ipv6Addr>().ok()) else { continue };
        let touches = |c: char| c.is_alphanumeric() || matches!(c, ':' | '.' | '_');
        let mut rest = after(text, &span);
        let goes_on = match rest.next() {
            Some('.') => rest.next().is_some_and(char::is_alphanumeric),
            Some('/') => rest.next().is_some_and(|c| c.is_ascii_digit()),
            Some(c) => touches(c),
            None => false,
        };
        let [first, ..] = address.segments();
        let is_v4 = address.to_ipv4_mapped().is_some_and(|v4| !matches!(v4.octets(), [0 | 127 | 224.., ..]));
        let is_host = is_v4 || matches!(first, 0x2000..=0x3fff | 0xfc00..=0xfdff | 0xfe80..=0xfebf);
        if is_host && !goes_on && !before(text, &span).is_some_and(touches) {
            found.push(Finding::new(Kind::Ipv6, span, 92));
        }
    }
}

/// `scheme://user:password@host`: what a connection string gives away.
pub(super) fn find_url_password(text: &str, found: &mut Vec<Finding>) {
    for span in URL.spans(text) {
        let Some(url) = text.get(span.clone()) else { continue };
        let password = url.split_once("://").and_then(|(_, rest)| rest.split_once(':')).map(|(_, rest)| rest);
        let password = password.and_then(|rest| rest.rsplit_once('@')).map_or("", |(password, _)| password);
        if !is_blank(password) {
            found.push(Finding::new(Kind::UrlPassword, span, 92));
        }
    }
    for span in QUERY.spans(text) {
        let password =
            text.get(span.clone()).and_then(|pair| pair.split_once('=')).map_or("", |(_, password)| password);
        if !is_blank(password) {
            found.push(Finding::new(Kind::UrlPassword, span, 85));
        }
    }
}

/// Whether this is what a template or a reader's eye has to fill in.
fn is_blank(password: &str) -> bool {
    password.starts_with(['$', '<', '{', '%'])
        || password.bytes().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.'))
        || matches!(password.to_ascii_lowercase().as_str(), "password" | "pass" | "pwd" | "secret" | "redacted")
}

static V4: Pattern = pattern!(r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b");
static V6: Pattern = pattern!(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?");
static URL: Pattern = pattern!(
    r"\b[a-z][a-z0-9+.-]{1,20}://[A-Za-z0-9._~%+!$&*();=-]{0,64}:[A-Za-z0-9._~%+!$&*();:,=<>{}\[\]^|-]{1,128}@[A-Za-z0-9.-]{1,253}"
);
/// A secret among the parameters of a URL.
static QUERY: Pattern = pattern!(
    r"[?&](?:password|passwd|pwd|secret|client_secret|access_token|api_key|apikey)=[A-Za-z0-9._~%+!$*();:,@/<>{}-]{6,512}"
);

/// Words that introduce the number of a version.
const VERSIONS: &[&str] = &["v", "version", "ver", "release", "build", "firmware", "oid", "section", "rev", "upgrade"];

#[cfg(test)]
pub(super) fn patterns() -> [&'static Pattern; 4] {
    [&V4, &V6, &URL, &QUERY]
}
