//! What a million records cost in calls of KMS, for each keyring with default limits; `docs/PERFORMANCE.md` has the table.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_kms::Client;
use common::{REGION, Site};
use privet::cache::{CacheLimits, DataKeyCache};
use privet::dynamodb::KeyStoreTable;
use privet::keyring::store::{BranchKeyProtection, KeyStore};
use privet::keyring::{
    BranchKeyIds, BranchKeyring, DataKeyRequest, HierarchicalKeyring, KmsBranchKeys, KmsKeyring, MultiKeyring,
    RawAesKeyring,
};
use privet::time::TimeSource;
use privet::{Classification, EncryptedDataKey, EncryptionContext, Keyring, Secret};

/// One class, one tenant, one process, evenly over the hour: more of any of them multiplies the calls, a slower pace too.
/// All requests of a second meet the same keys, so one stands for them.
#[tokio::test]
async fn a_million_records_in_an_hour_cost_what_the_documentation_says() {
    let documented = include_str!("../docs/PERFORMANCE.md");
    let mut missing = Vec::new();
    for name in ["raw", "KMS", "multi, of two KMS keyrings", "hierarchical", "branch"] {
        let place = Place::start().await;
        let written = place.hour(name, None).await;
        let wrote = place.take_calls();
        place.hour(name, Some(&written)).await;
        let row = format!("| {name} | {wrote} | {} |", place.take_calls());
        if !documented.contains(&row) {
            missing.push(row);
        }
    }
    assert!(missing.is_empty(), "not documented: {missing:#?}");
}

struct Place {
    site: Site,
    second: AwsKey,
    store: Arc<KeyStore>,
}

type AwsKey = String;

impl Place {
    async fn start() -> Self {
        let site = Site::start().await;
        let second = site.aws.create_key(REGION, "alias/second").await;
        let config = site.aws.config(REGION).await;
        let table = KeyStoreTable::new(DynamoDb::new(&config), "keys");
        let protection = BranchKeyProtection::key(&site.key_arn).unwrap();
        let store = KeyStore::new("keys", protection, table, KmsBranchKeys::new(Client::new(&config))).unwrap();
        store.create_table().await.unwrap();
        store.create_with_id("pii", &pii()).await.unwrap();
        site.aws.clear_calls();
        Self { site, second, store: Arc::new(store) }
    }

    fn take_calls(&self) -> usize {
        let calls = self.site.aws.calls("kms").len();
        self.site.aws.clear_calls();
        calls
    }

    async fn keyring(&self, name: &str, clock: &Clock) -> Arc<dyn Keyring> {
        let config = self.site.aws.config(REGION).await;
        let kms = |arn: &str| KmsKeyring::new(Client::new(&config), arn).unwrap();
        match name {
            "raw" => Arc::new(RawAesKeyring::new("tests", "a", &Secret::copy_of(&[7; 32])).unwrap()),
            "KMS" => Arc::new(kms(&self.site.key_arn)),
            "multi, of two KMS keyrings" => {
                Arc::new(MultiKeyring::new(kms(&self.site.key_arn)).with(kms(&self.second)))
            }
            "hierarchical" => {
                Arc::new(HierarchicalKeyring::new(Arc::clone(&self.store), "pii").time_source(clock.clone()))
            }
            "branch" => {
                let ids = BranchKeyIds::new().class(Classification::Pii, "pii");
                Arc::new(BranchKeyring::new(Arc::clone(&self.store), ids).time_source(clock.clone()))
            }
            other => panic!("no such keyring: {other}"),
        }
    }

    /// An hour of a process of its own that writes, or reads in order what another has written. Gives the wrapped keys,
    /// second by second.
    async fn hour(&self, name: &str, read: Option<&[Vec<EncryptedDataKey>]>) -> Vec<Vec<EncryptedDataKey>> {
        let clock = Clock::default();
        let keyring = self.keyring(name, &clock).await;
        let cache = DataKeyCache::new(keyring, CacheLimits::default(), Arc::new(clock.clone()));
        let request = DataKeyRequest::new(pii());
        let mut written = Vec::new();
        for second in 0..3600 {
            match read {
                Some(written) => {
                    cache.for_opening(&written[second], &request).await.unwrap().unwrap();
                }
                None => written.push(cache.for_sealing(&request, BYTES_A_SECOND).await.unwrap().edks.clone()),
            }
            // What is fetched ahead of its end is there within the second.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            clock.0.fetch_add(1, Ordering::Relaxed);
        }
        written
    }
}

fn pii() -> EncryptionContext {
    EncryptionContext::new().with("privet:class", "pii")
}

/// Seconds.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<AtomicU64>);

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// 278 records of 1 KiB.
const BYTES_A_SECOND: u64 = 278 * 1024;
