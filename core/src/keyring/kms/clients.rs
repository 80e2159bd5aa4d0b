//! Which client a KMS request goes through: one for each region, made when it is first needed.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_kms::Client;
use aws_sdk_kms::config::{Builder, Region};
use aws_types::SdkConfig;

use crate::error::{Error, Result};

/// The clients of a KMS keyring: one for one region, or one for each region that is needed.
///
/// A keyring over one key needs no more than a [`Client`], which converts into this.
#[derive(Clone)]
pub struct KmsClients(Source);

impl KmsClients {
    /// A client for each region that is needed, which differ from this configuration by their region alone. They are
    /// made when first needed, and kept.
    #[must_use]
    pub fn from_config(config: &SdkConfig) -> Self {
        let config = config.clone();
        Self::per_region(move |region| {
            Client::from_conf(Builder::from(&config).region(Region::new(region.to_owned())).build())
        })
    }

    /// The clients that `make` makes, asked once for each region that is needed.
    pub fn per_region(make: impl Fn(&str) -> Client + Send + Sync + 'static) -> Self {
        Self(Source::PerRegion(Arc::new(PerRegion { make: Box::new(make), made: Mutex::default() })))
    }

    /// The client of this region.
    pub(super) fn in_region(&self, region: &str) -> Result<Client> {
        match &self.0 {
            Source::One(client) if own_region(client).is_none_or(|own| own == region) => Ok(client.clone()),
            Source::One(_) => Err(Error::config(
                "the key is in another region than the KMS client: make the client for the key's region, or give \
                 `KmsClients::from_config`",
            )),
            Source::PerRegion(clients) => Ok(clients.client(region)),
        }
    }

    /// The one client, for keys whose names say no region.
    pub(super) fn one(&self) -> Result<Client> {
        match &self.0 {
            Source::One(client) => Ok(client.clone()),
            Source::PerRegion(_) => Err(Error::config(
                "an alias or a bare key id says no region: give the KMS client of the key's region, or the ARN",
            )),
        }
    }

    /// The region of the one client.
    pub(super) fn own_region(&self) -> Option<&str> {
        match &self.0 {
            Source::One(client) => own_region(client),
            Source::PerRegion(_) => None,
        }
    }
}

impl From<Client> for KmsClients {
    fn from(client: Client) -> Self {
        Self(Source::One(client))
    }
}

impl From<&SdkConfig> for KmsClients {
    fn from(config: &SdkConfig) -> Self {
        Self::from_config(config)
    }
}

impl fmt::Debug for KmsClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KmsClients(..)")
    }
}

#[derive(Clone)]
enum Source {
    One(Client),
    PerRegion(Arc<PerRegion>),
}

struct PerRegion {
    make: Box<dyn Fn(&str) -> Client + Send + Sync>,
    made: Mutex<HashMap<String, Client>>,
}

impl PerRegion {
    fn client(&self, region: &str) -> Client {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(region) {
            return client.clone();
        }
        let client = (self.make)(region);
        // Regions can come out of stored data: names that are none must not fill the memory.
        if made.len() < MOST_REGIONS {
            made.insert(region.to_owned(), client.clone());
        }
        client
    }
}

fn own_region(client: &Client) -> Option<&str> {
    client.config().region().map(AsRef::as_ref)
}

/// More than AWS has.
const MOST_REGIONS: usize = 100;
