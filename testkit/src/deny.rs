//! Denials: which principal may not do what, stated by the test instead of a policy document.

use std::sync::{Mutex, PoisonError};

use crate::ACCOUNT;
use crate::request::{Access, Request, Subject};

/// A rule that makes the requests it matches fail with `AccessDeniedException`, or with S3's `AccessDenied`. What is not stated matches everything.
#[derive(Debug, Clone, Default)]
pub struct Deny {
    principal: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    resource: Option<String>,
    context: Vec<(String, String)>,
}

impl Deny {
    /// Denies one principal.
    #[must_use]
    pub fn principal(principal: &str) -> Self {
        Self { principal: Some(principal.to_owned()), ..Self::default() }
    }

    /// Denies everyone.
    #[must_use]
    pub fn everyone() -> Self {
        Self::default()
    }

    /// Only requests to this service, such as `kms`.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// Only this operation, such as `Decrypt`. `ReEncrypt` also goes by its IAM actions `ReEncryptFrom` and `ReEncryptTo`.
    #[must_use]
    pub fn operation(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Only this KMS key, by ARN, id, alias or alias ARN.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.resource = Some(key.to_owned());
        self
    }

    /// Only this DynamoDB table, by name or ARN.
    #[must_use]
    pub fn table(mut self, table: &str) -> Self {
        self.resource = Some(table.to_owned());
        self
    }

    /// Only this S3 bucket and what is in it, by name or ARN.
    #[must_use]
    pub fn bucket(mut self, bucket: &str) -> Self {
        self.resource = Some(bucket.to_owned());
        self
    }

    /// Only this S3 object, by `<bucket>/<key>` or ARN.
    #[must_use]
    pub fn object(mut self, object: &str) -> Self {
        self.resource = Some(object.to_owned());
        self
    }

    /// Only requests whose encryption context has this pair; several pairs must all be there.
    #[must_use]
    pub fn context(mut self, name: &str, value: &str) -> Self {
        self.context.push((name.to_owned(), value.to_owned()));
        self
    }

    fn matches(&self, request: &Request, access: &Access) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        is(&self.principal, &request.principal)
            && is(&self.service, &request.service)
            && (is(&self.operation, &request.operation) || is(&self.operation, &access.action))
            && self.resource.as_ref().is_none_or(|wanted| access.names.contains(wanted))
            && self.context.iter().all(|(name, value)| access.context.get(name) == Some(value))
    }
}

/// The denials that are set.
#[derive(Debug, Default)]
pub(crate) struct Denials(Mutex<Vec<Deny>>);

impl Denials {
    pub(crate) fn add(&self, deny: Deny) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(deny);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The message of the refusal, if the request is denied.
    pub(crate) fn check(&self, request: &Request, subject: &Subject) -> Option<String> {
        let denials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let denied = subject.accesses.iter().find(|access| denials.iter().any(|deny| deny.matches(request, access)))?;
        Some(format!(
            "User: arn:aws:iam::{ACCOUNT}:user/{} is not authorized to perform: {}:{} on resource: {} \
             with an explicit deny in an identity-based policy",
            request.principal,
            request.service,
            denied.action,
            denied.resource.as_deref().unwrap_or("*"),
        ))
    }
}
