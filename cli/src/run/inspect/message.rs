//! ESDK messages, as they are or as base64.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use privet::message::{CommitmentPolicy, Header, Limits, ReadOptions};
use serde_json::{Value as Json, json};

use super::keys;
use crate::exit::{Failure, Outcome};

/// An ESDK message, as it is or as base64.
pub(super) fn message(bytes: &[u8]) -> Outcome<Json> {
    // Only to look at it: nothing is opened, so any suite may be shown.
    let limits = Limits::default().with_max_encrypted_data_keys(u16::MAX).with_max_header(384 * 1024);
    let options = ReadOptions::new().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt).with_limits(limits);
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let whole = text.get(..text.len() / 4 * 4).unwrap_or_default();
    let decoded = BASE64_STANDARD.decode(whole).ok();
    let header = [Some(bytes), decoded.as_deref()]
        .into_iter()
        .flatten()
        .find_map(|bytes| Header::peek(bytes, &options).ok().flatten());
    let Some(header) = header else {
        return Err(Failure::failed(
            "this is neither JSON nor an ESDK message: `inspect` looks at privet documents, DynamoDB's JSON and ESDK messages",
        ));
    };
    let suite = header.suite();
    let context: Vec<&str> = header.stored_context().iter().map(|(name, _)| name).collect();
    Ok(json!({
        "format": "ESDK message",
        "suite": format!("{:#06x}", suite.id()), "commitment": suite.commits(), "signed": suite.signs(),
        "message_id": header.message_id().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "header_bytes": header.length(), "frame_length": header.frame_length(),
        "context_names": context, "keys": keys(header.encrypted_data_keys()),
    }))
}
