//! What opens something: tokens, keys of clouds and services, private keys.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::pattern::{Pattern, introduction, is_alone, pattern};
use super::{Finding, Kind};

/// JSON Web Tokens (RFC 7519): three or five parts, the first of them a JOSE header.
pub(super) fn find_jwt(text: &str, found: &mut Vec<Finding>) {
    for span in JWT.spans(text) {
        let header = text.get(span.clone()).and_then(|token| token.split('.').next()).unwrap_or_default();
        let header = BASE64_URL_SAFE_NO_PAD.decode(header).ok();
        let header: Option<serde_json::Value> = header.and_then(|json| serde_json::from_slice(&json).ok());
        if header.is_some_and(|header| header.get("alg").is_some_and(serde_json::Value::is_string)) {
            found.push(Finding::new(Kind::Jwt, span, 99));
        }
    }
}

/// Private keys: PEM (RFC 7468), OpenSSH, PGP, PuTTY, age.
pub(super) fn find_private_key(text: &str, found: &mut Vec<Finding>) {
    for span in PRIVATE_KEY.spans(text) {
        let start = span.start;
        // To the end mark, if it is there; what is cut off before is a key all the same.
        let rest = text.get(span.end..).unwrap_or_default();
        let end = rest.find("PRIVATE KEY").and_then(|at| Some(at + rest.get(at..)?.find("-----")? + 5));
        let end = end.map_or(text.len(), |end| span.end + end);
        found.push(Finding::new(Kind::PrivateKey, start..end, 99));
    }
    for span in OTHER_PRIVATE_KEY.spans(text) {
        found.push(Finding::new(Kind::PrivateKey, span, 97));
    }
    // RFC 7517: `d` is the private part of all kinds.
    let is_jwk = text.contains("\"kty\"");
    for span in JWK_PRIVATE.spans(text).filter(|_| is_jwk) {
        let start = text.get(..span.start).and_then(|before| before.rfind('{')).unwrap_or(span.start);
        let end = text.get(span.end..).and_then(|after| after.find('}')).map_or(span.end, |end| span.end + end + 1);
        found.push(Finding::new(Kind::PrivateKey, start..end, 97));
    }
}

/// AWS access keys: ids by their prefix (IAM user guide, "IAM identifiers"), secrets by their shape.
pub(super) fn find_aws(text: &str, found: &mut Vec<Finding>) {
    for span in AWS_ID.spans(text).filter(|span| is_alone(text, span, &['_'])) {
        found.push(Finding::new(Kind::AwsAccessKey, span, 95));
    }
    for span in AWS_SECRET.spans(text) {
        let Some(secret) = text.get(span.clone()) else { continue };
        if !is_alone(text, &span, &['+', '/', '_', '-', '.']) || !is_random(secret) {
            continue;
        }
        let introduced = introduction(text, &span);
        let says = introduced.split_whitespace().any(|word| matches!(word, "secret" | "aws" | "secretaccesskey"));
        // Thirty bytes of anything look like this in base64.
        found.push(Finding::new(Kind::AwsSecretKey, span, if says { 92 } else { 40 }));
    }
}

/// Keys that services mark as theirs.
pub(super) fn find_api_key(text: &str, found: &mut Vec<Finding>) {
    for span in API_KEY.spans(text) {
        let Some(key) = text.get(span.clone()) else { continue };
        let secret = key.rsplit(['_', '-', '.', ':']).next().unwrap_or_default();
        // `sk-your-key-goes-here-please` is nobody's key, and `sk-bratislava-old-town-2024` neither.
        let is_word = |piece: &str| {
            [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit]
                .iter()
                .any(|is: &fn(&u8) -> bool| piece.bytes().all(|byte| is(&byte)))
        };
        let is_placeholder = key.split(['-', '_']).all(is_word) || is_monotonous(secret);
        if is_alone(text, &span, &['_']) && !is_placeholder {
            found.push(Finding::new(Kind::ApiKey, span, 95));
        }
    }
}

/// What may be a key that nobody marks: one long word of many letters and digits. It takes a name to make it one.
pub(super) fn find_opaque(text: &str, found: &mut Vec<Finding>) {
    let is_long = (20..=512).contains(&text.len());
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(&byte));
    if !is_long || !is_word(text) {
        return;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let distinct = text.bytes().collect::<std::collections::BTreeSet<_>>().len();
    if digits >= 3 && digits < text.len() && distinct >= 10 {
        found.push(Finding::new(Kind::ApiKey, 0..text.len(), 10));
    }
}

/// Upper case, lower case and digits, and many different characters: no word, no hexadecimal digest, no path.
fn is_random(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has = |is: fn(&u8) -> bool| bytes.iter().any(is);
    let distinct = bytes.iter().collect::<std::collections::BTreeSet<_>>().len();
    has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && distinct >= 20
        && !bytes.iter().all(u8::is_ascii_hexdigit)
        && text.matches('/').count() <= 4
}

fn is_monotonous(text: &str) -> bool {
    text.len() >= 8 && text.bytes().collect::<std::collections::BTreeSet<_>>().len() <= 3
}

static JWT: Pattern = pattern!(r"\be[wy][A-Za-z0-9_-]{10,4096}(?:\.[A-Za-z0-9_-]{0,16384}){2,4}");
static PRIVATE_KEY: Pattern = pattern!(
    r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----[\sA-Za-z0-9+/=\\:,.-]{0,512}?[A-Za-z0-9+/]{16}"
);
static OTHER_PRIVATE_KEY: Pattern =
    pattern!(r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b|\bPuTTY-User-Key-File-[23]: [a-z0-9-]{3,32}");
static JWK_PRIVATE: Pattern = pattern!(r#""d"\s{0,4}:\s{0,4}"[A-Za-z0-9_-]{22,1024}""#);
static AWS_ID: Pattern = pattern!(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b");
static AWS_SECRET: Pattern = pattern!(r"[A-Za-z0-9/+]{40}");
/// What services say their keys begin with, in their own documentation.
static API_KEY: Pattern = pattern!(concat!(
    r"\b(?:",
    r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,64}",
    r"|xox[abeprs]-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{10,250}",
    r"|(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,247}|whsec_[A-Za-z0-9]{24,64}",
    r"|AIza[0-9A-Za-z_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}",
    r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
    r"|sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,200}",
    r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250}|dop_v1_[a-f0-9]{64}|hvs\.[A-Za-z0-9_-]{24,200}",
    r"|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|dapi[a-f0-9]{32}|hf_[A-Za-z0-9]{30,64}|AC[a-f0-9]{32}|SK[a-f0-9]{32}",
    r"|\d{8,10}:AA[A-Za-z0-9_-]{33}",
    r")"
));

#[cfg(test)]
pub(super) fn patterns() -> [&'static Pattern; 7] {
    [&JWT, &PRIVATE_KEY, &OTHER_PRIVATE_KEY, &JWK_PRIVATE, &AWS_ID, &AWS_SECRET, &API_KEY]
}
