//! Several keyrings as one: a generator and others that wrap the same data key, so that each alone can read.

use super::failures::Failures;
use super::{DataKey, DataKeyRequest, Keyring, KeyringFuture};
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::Error;

/// Writes for its generator and children, reads with any one of its keyrings.
#[derive(Debug)]
pub struct MultiKeyring {
    generator: Box<dyn Keyring>,
    children: Vec<Box<dyn Keyring>>,
    readers: Vec<Box<dyn Keyring>>,
}

impl MultiKeyring {
    /// A keyring whose data keys come from `generator`.
    pub fn new(generator: impl Keyring + 'static) -> Self {
        Self { generator: Box::new(generator), children: Vec::new(), readers: Vec::new() }
    }

    /// One more keyring that can read what is written.
    #[must_use]
    pub fn with(mut self, child: impl Keyring + 'static) -> Self {
        self.children.push(Box::new(child));
        self
    }

    /// One more keyring that is only asked to read: for keys that nothing is written for any more, and for keyrings that
    /// cannot write.
    #[must_use]
    pub fn with_reader(mut self, reader: impl Keyring + 'static) -> Self {
        self.readers.push(Box::new(reader));
        self
    }

    fn all(&self) -> impl Iterator<Item = &dyn Keyring> {
        std::iter::once(&self.generator).chain(&self.children).chain(&self.readers).map(AsRef::as_ref)
    }
}

impl Keyring for MultiKeyring {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async move {
            let mut data_key = self.generator.generate_data_key(request).await?;
            for child in &self.children {
                let edk = child.wrap_data_key(&data_key.secret, request).await?;
                data_key.edks.push(edk);
            }
            Ok(data_key)
        })
    }

    fn generate_for_each<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, Vec<DataKey>> {
        Box::pin(async move {
            let mut keys = Vec::with_capacity(1 + self.children.len());
            for writer in std::iter::once(&self.generator).chain(&self.children) {
                keys.extend(writer.generate_for_each(request).await?);
            }
            Ok(keys)
        })
    }

    fn wrap_data_key<'a>(
        &'a self,
        _data_key: &'a Secret,
        _request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async {
            Err(Error::config("a multi keyring cannot be inside another one: add its keyrings to the outer one"))
        })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let mut failures = Failures::default();
            for keyring in self.all() {
                match keyring.unwrap_data_key(edks, request).await {
                    Ok(Some(secret)) => return Ok(Some(secret)),
                    Ok(None) => {}
                    Err(error) => failures.note(error),
                }
            }
            failures.into_result()
        })
    }

    fn purge(&self) {
        self.all().for_each(Keyring::purge);
    }
}
