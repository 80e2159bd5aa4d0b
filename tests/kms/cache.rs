//! Many at once: requests for the same data key share one call of KMS, and its failure.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use privet::ErrorKind;
use privet::cache::{CacheLimits, DataKeyCache};
use privet::time::SystemTimeSource;
use privet_testkit::{Deny, Fault};

use crate::{Site, refused, request};

async fn cache(site: &Site) -> Arc<DataKeyCache> {
    let time = Arc::new(SystemTimeSource::new());
    let limits = CacheLimits::default().with_refusals(Duration::from_secs(3600));
    Arc::new(DataKeyCache::new(Arc::new(site.keyring().await), limits, time))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_cold_requests_make_one_call() {
    let site = Site::start().await;
    site.aws.fault(Fault::on("kms", "*").delay(Duration::from_millis(30)));
    let sealing = cache(&site).await;
    let tasks = (0..1000).map(|_| {
        let cache = sealing.clone();
        tokio::spawn(async move { cache.for_sealing(&request(), 1).await.unwrap() })
    });
    let data_keys: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    assert!(data_keys.iter().all(|data_key| Arc::ptr_eq(data_key, &data_keys[0])));
    assert_eq!(site.calls(), 1);

    let opening = cache(&site).await;
    site.aws.clear_calls();
    let tasks = (0..1000).map(|_| {
        let (cache, edks) = (opening.clone(), data_keys[0].edks.clone());
        tokio::spawn(async move { cache.for_opening(&edks, &request()).await.unwrap().unwrap() })
    });
    for data_key in join_all(tasks).await {
        assert_eq!(data_key.unwrap().secret.expose(), data_keys[0].secret.expose());
    }
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn a_refusal_is_shared_and_remembered_until_the_cache_is_purged() {
    let site = Site::start().await;
    site.aws.deny(Deny::everyone().service("kms"));
    site.aws.fault(Fault::on("kms", "*").delay(Duration::from_millis(30)));
    let cache = cache(&site).await;
    let request = request();
    for result in join_all((0..1000).map(|_| cache.for_sealing(&request, 1))).await {
        refused(result, ErrorKind::Denied);
    }
    assert_eq!(site.calls(), 1);
    site.aws.clear_denials();
    refused(cache.for_sealing(&request, 1).await, ErrorKind::Denied);
    assert_eq!(site.calls(), 1);
    cache.purge();
    cache.for_sealing(&request, 1).await.unwrap();
    assert_eq!(site.calls(), 2);
}
