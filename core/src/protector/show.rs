//! What a caller may see of a record, and the audit events that come before it.

use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;
use serde_json::Value as Json;

use super::{Protector, Resource, Unprotected, json_record};
use crate::audit::{AuditAction, AuditEvent, timestamp};
use crate::error::{Error, Result};
use crate::policy::plan::{Reveal, Viewed};
use crate::principal::Principal;
use crate::record::RecordContext;
use crate::schema::Protect;
use crate::value::{Map, Path, to_record};
use crate::view::View;

impl Protector {
    /// What this caller may see of a model.
    ///
    /// # Errors
    ///
    /// The audit sink's: if it fails, nothing is shown. `Config`, `Input` as [`protect`](Self::protect).
    pub async fn view<T: Protect + Serialize + 'static>(&self, model: &T, principal: &Principal) -> Result<View<T>> {
        let resource = self.model::<T>()?;
        self.show(&resource, to_record(model)?, &[], principal).await
    }

    /// What this caller may see of a record that was opened as far as this process's keys go.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view).
    pub async fn view_record(
        &self,
        resource: &Resource,
        opened: Unprotected,
        principal: &Principal,
    ) -> Result<View<()>> {
        let (record, withheld) = opened.into_parts();
        self.show(resource, record, &withheld, principal).await
    }

    /// What this caller may see of a model's record that was opened as far as this process's keys go.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view).
    pub async fn view_opened<T: Protect + 'static>(
        &self,
        opened: Unprotected,
        principal: &Principal,
    ) -> Result<View<T>> {
        let resource = self.model::<T>()?;
        let (record, withheld) = opened.into_parts();
        self.show(&resource, record, &withheld, principal).await
    }

    /// What this caller may see of a JSON value.
    ///
    /// # Errors
    ///
    /// `Input` if the value is no object; as [`view`](Self::view).
    pub async fn view_json(&self, resource: &str, value: Json, principal: &Principal) -> Result<Json> {
        let resource = self.resource(resource)?;
        Ok(self.show::<()>(&resource, json_record(value)?, &[], principal).await?.into_json())
    }

    async fn show<M>(
        &self,
        resource: &Resource,
        record: Map,
        withheld: &[Path],
        principal: &Principal,
    ) -> Result<View<M>> {
        let digest = self.digest(resource, &record);
        let Viewed { tree, revealed } = resource.plan().view(record, principal, withheld, &self.tenant.name);
        if !revealed.is_empty() {
            self.audit(resource, AuditAction::Disclosed, digest, &revealed, principal).await?;
        }
        Ok(View::new(tree))
    }

    pub(super) async fn audit(
        &self,
        resource: &Resource,
        action: AuditAction,
        record: String,
        revealed: &[Reveal],
        principal: &Principal,
    ) -> Result<()> {
        let time = timestamp(self.shared.time.now());
        let events: Vec<AuditEvent> = revealed
            .iter()
            .map(|reveal| AuditEvent {
                action,
                time: time.clone(),
                principal: principal.id().to_owned(),
                roles: principal.roles().map(str::to_owned).collect(),
                purpose: principal.stated_purpose().map(str::to_owned),
                resource: resource.name().to_owned(),
                record: record.clone(),
                path: reveal.path.to_string(),
                class: reveal.class,
                decision: reveal.disclosure,
            })
            .collect();
        let sink = self.shared.audit.as_ref().ok_or_else(|| {
            Error::config("the policy audits what is shown, but there is no audit sink: give the builder `.audit(...)`")
        })?;
        sink.write(&events).await?;
        self.shared.audit_events.fetch_add(events.len() as u64, Relaxed);
        Ok(())
    }

    /// The record's name in audit events and reports: a keyed digest of its key attributes, which says nothing of them;
    /// empty if it lacks them. Comparable between processes if the protector has a pseudonym key.
    #[must_use]
    pub fn digest(&self, resource: &Resource, record: &Map) -> String {
        let key = &resource.item_layout().key;
        RecordContext::new(resource.name(), &self.tenant.name, record, key)
            .map(|context| self.shared.pseudonyms.record(context.as_bytes()))
            .unwrap_or_default()
    }

    /// The same for what has a name and no record: an object of a bucket.
    #[must_use]
    pub fn digest_of(&self, parts: &[&str]) -> String {
        let mut message = Vec::new();
        // The lengths keep the parts apart.
        for part in [self.tenant.name.as_str()].iter().chain(parts) {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        self.shared.pseudonyms.record(&message)
    }
}
