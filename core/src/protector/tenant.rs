//! A tenant's requests for data keys: the encryption context of each class.

use crate::classification::Classification;
use crate::encryption_context::{CLASS, EncryptionContext, TENANT};
use crate::keyring::DataKeyRequest;

/// A tenant's requests for data keys, one a class.
pub(super) struct Tenant {
    pub(super) name: String,
    requests: [DataKeyRequest; 4],
}

impl Tenant {
    pub(super) fn new(name: String, application: &[(String, String)]) -> Self {
        let requests = Classification::ALL.map(|class| {
            let mut context = EncryptionContext::new().with(CLASS, class.as_str());
            if !name.is_empty() {
                context = context.with(TENANT, &name);
            }
            DataKeyRequest::new(application.iter().fold(context, |context, (name, value)| context.with(name, value)))
        });
        Self { name, requests }
    }

    pub(super) fn request(&self, class: Classification) -> &DataKeyRequest {
        let [public, pii, sensitive, confidential] = &self.requests;
        match class {
            Classification::Public => public,
            Classification::Pii => pii,
            Classification::Sensitive => sensitive,
            Classification::Confidential => confidential,
        }
    }
}
