//! Which branch key serves a request: fixed, by class and tenant, or as the application says.

use std::collections::HashMap;
use std::fmt;

use crate::classification::Classification;
use crate::encryption_context::{CLASS, EncryptionContext, TENANT};

/// Chooses the branch key for a request by its encryption context, in which class and tenant are `privet:class` and
/// `privet:tenant`. Closures do.
///
/// # Security
///
/// Whoever can unwrap a branch key can read all that it protects. A key for each class, and for each tenant that must
/// be kept apart, is what lets an IAM policy decide who reads what. Writers and readers must choose alike.
pub trait BranchKeySupplier: Send + Sync {
    /// The id of the branch key; `None` if there is none for such a request: nothing is written then, and what was
    /// written by others is withheld.
    fn branch_key_id(&self, context: &EncryptionContext) -> Option<String>;
}

impl<F: Fn(&EncryptionContext) -> Option<String> + Send + Sync> BranchKeySupplier for F {
    fn branch_key_id(&self, context: &EncryptionContext) -> Option<String> {
        self(context)
    }
}

/// Branch key ids by class and tenant.
///
/// ```
/// # use privet_core::{Classification, EncryptionContext, keyring::{BranchKeyIds, BranchKeySupplier}};
/// let ids = BranchKeyIds::new()
///     .class(Classification::Pii, "pii")
///     .tenant("acme", Classification::Pii, "acme-pii");
/// let context = EncryptionContext::new().with("privet:class", "pii");
/// assert_eq!(ids.branch_key_id(&context).as_deref(), Some("pii"));
/// assert_eq!(ids.branch_key_id(&context.with("privet:tenant", "acme")).as_deref(), Some("acme-pii"));
/// ```
#[derive(Clone, Default)]
pub struct BranchKeyIds {
    classes: HashMap<Classification, String>,
    tenants: HashMap<String, HashMap<Classification, String>>,
}

impl BranchKeyIds {
    /// No ids yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The branch key of a class, for requests without a tenant and for tenants that have none of their own.
    #[must_use]
    pub fn class(mut self, class: Classification, id: impl Into<String>) -> Self {
        self.classes.insert(class, id.into());
        self
    }

    /// The branch key of a class for one tenant. A tenant with a key for one class needs keys for all: its other
    /// classes do not fall back to those of everyone.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>, class: Classification, id: impl Into<String>) -> Self {
        self.tenants.entry(tenant.into()).or_default().insert(class, id.into());
        self
    }
}

impl BranchKeySupplier for BranchKeyIds {
    fn branch_key_id(&self, context: &EncryptionContext) -> Option<String> {
        let class = context.value(CLASS)?.parse().ok()?;
        let own = context.value(TENANT).and_then(|tenant| self.tenants.get(tenant));
        own.unwrap_or(&self.classes).get(&class).cloned()
    }
}

impl fmt::Debug for BranchKeyIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BranchKeyIds").field("classes", &self.classes).field("tenants", &self.tenants.len()).finish()
    }
}

/// One branch key for everything.
pub(super) struct FixedId(pub(super) String);

impl BranchKeySupplier for FixedId {
    fn branch_key_id(&self, _: &EncryptionContext) -> Option<String> {
        Some(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ids: &BranchKeyIds, class: &str, tenant: Option<&str>) -> Option<String> {
        let context = EncryptionContext::new().with(CLASS, class);
        ids.branch_key_id(&tenant.into_iter().fold(context, |context, tenant| context.with(TENANT, tenant)))
    }

    #[test]
    fn a_tenant_with_keys_of_its_own_uses_no_others() {
        let ids = BranchKeyIds::new()
            .class(Classification::Pii, "pii")
            .class(Classification::Sensitive, "sensitive")
            .tenant("acme", Classification::Pii, "acme-pii");
        assert_eq!(id(&ids, "pii", None).as_deref(), Some("pii"));
        assert_eq!(id(&ids, "pii", Some("other")).as_deref(), Some("pii"));
        assert_eq!(id(&ids, "pii", Some("acme")).as_deref(), Some("acme-pii"));
        assert_eq!(id(&ids, "sensitive", Some("acme")), None);
        assert_eq!(id(&ids, "confidential", None), None);
        assert_eq!(id(&ids, "secret", None), None);
        assert_eq!(ids.branch_key_id(&EncryptionContext::new()), None);
    }
}
