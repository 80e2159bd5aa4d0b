//! Who saw what: the events, and the sinks they go to before anything is shown.

use std::fmt;
use std::pin::Pin;
use std::time::SystemTime;

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use serde::Serialize;

use crate::classification::Classification;
use crate::error::Result;
use crate::policy::Disclosure;

mod chain;
mod chained;
mod json_lines;
mod log;
mod writer;

pub use chain::{ChainHead, ChainProblem, ChainReport, ChainVerifier};
pub use chained::ChainedSink;
pub use json_lines::JsonLinesSink;
pub use log::TracingSink;

/// One disclosure of one value of an audited class; or such a value that was found in clear where it should be sealed.
///
/// # Security
///
/// The value is not in it, and the record is named by a keyed digest only: a plain hash of an e-mail address used as
/// key could be guessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEvent {
    /// What happened.
    #[serde(skip_serializing_if = "AuditAction::is_disclosed")]
    pub action: AuditAction,
    /// When: UTC, RFC 3339 with milliseconds.
    pub time: String,
    /// Who asked; empty if it was the service itself.
    pub principal: String,
    /// The roles of who asked.
    pub roles: Vec<String>,
    /// What for, if said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The logical table or collection.
    pub resource: String,
    /// HMAC-SHA-256 over the record's context, 16 bytes as hexadecimal text. The same record has the same digest under
    /// the same pseudonym key.
    pub record: String,
    /// Where in the record.
    pub path: String,
    /// The value's class.
    pub class: Classification,
    /// How much was shown: `reveal` or `partial`.
    pub decision: Disclosure,
}

/// What an audit event tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditAction {
    /// Somebody was shown a value.
    #[default]
    Disclosed,
    /// The service read a value that is stored in clear, while a migration lasts.
    ReadInClear,
}

impl AuditAction {
    /// `disclosed` or `read_in_clear`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disclosed => "disclosed",
            Self::ReadInClear => "read_in_clear",
        }
    }

    /// Events of disclosures are written without the word: it is what events were before there were others.
    fn is_disclosed(&self) -> bool {
        *self == Self::Disclosed
    }
}

/// Where audit events go.
///
/// A sink answers when the events are safe; only then is anything shown. If it fails, nothing is.
pub trait AuditSink: fmt::Debug + Send + Sync {
    /// Keeps these events, all or none as far as it can tell.
    ///
    /// # Errors
    ///
    /// Any error stops the disclosure.
    fn write<'a>(&'a self, events: &'a [AuditEvent]) -> AuditFuture<'a>;
}

/// A future of an [`AuditSink`].
pub type AuditFuture<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// RFC 3339, UTC, whole milliseconds.
pub(crate) fn timestamp(now: SystemTime) -> String {
    let now = OffsetDateTime::from(now);
    let now = now.replace_millisecond(now.millisecond()).unwrap_or(now);
    now.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn timestamps_are_utc_to_the_millisecond() {
        let at =
            |milliseconds: u64| timestamp(SystemTime::UNIX_EPOCH + Duration::from_micros(milliseconds * 1000 + 999));
        assert_eq!(at(951_827_696_123), "2000-02-29T12:34:56.123Z");
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
    }
}
