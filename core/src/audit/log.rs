//! Audit events as `tracing` events, for processes whose log is kept.

use super::{AuditEvent, AuditFuture, AuditSink};

/// Writes each event to `tracing` at level info, target `privet::audit`.
///
/// A subscriber may drop or sample events without anyone noticing; where that must not happen, use a sink that answers
/// for what it was given.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

impl AuditSink for TracingSink {
    fn write<'a>(&'a self, events: &'a [AuditEvent]) -> AuditFuture<'a> {
        for event in events {
            tracing::info!(
                target: "privet::audit",
                time = event.time,
                principal = event.principal,
                roles = event.roles.join(","),
                purpose = event.purpose,
                resource = event.resource,
                record = event.record,
                path = event.path,
                class = event.class.as_str(),
                decision = event.decision.as_str(),
                action = event.action.as_str(),
                "audit event"
            );
        }
        Box::pin(std::future::ready(Ok(())))
    }
}
