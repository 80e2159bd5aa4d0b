//! Limits, single flight, purge, and what a failing keyring does.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, ErrorKind};
use crate::keyring::KeyringFuture;
use crate::{Classification, Secret};

/// A keyring that counts, waits for the gate, and fails when told.
#[derive(Debug)]
struct Counting {
    calls: AtomicUsize,
    gate: Semaphore,
    failing: AtomicUsize,
    failure: ErrorKind,
}

impl Counting {
    fn open() -> Arc<Self> {
        Self::failing_with(ErrorKind::Throttled)
    }

    fn failing_with(failure: ErrorKind) -> Arc<Self> {
        Arc::new(Self { calls: 0.into(), gate: Semaphore::new(1_000_000), failing: 0.into(), failure })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn call(&self) -> Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let _pass = self.gate.acquire().await;
        let failing = self.failing.load(Ordering::SeqCst);
        if failing > 0 {
            self.failing.store(failing - 1, Ordering::SeqCst);
            return Err(Error::new(self.failure, "not now"));
        }
        Ok(())
    }
}

impl Keyring for Counting {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async move {
            self.call().await?;
            let secret = Secret::random(request.length())?;
            let ciphertext = secret.expose().to_vec();
            let edk = EncryptedDataKey { provider_id: "test".into(), provider_info: vec![], ciphertext };
            Ok(DataKey { secret, edks: vec![edk] })
        })
    }

    fn wrap_data_key<'a>(&'a self, _: &'a Secret, _: &'a DataKeyRequest) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async { Err(Error::config("not asked for")) })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        _: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move {
            self.call().await?;
            Ok(edks.iter().find(|edk| edk.provider_id == "test").map(|edk| Secret::copy_of(&edk.ciphertext)))
        })
    }
}

#[derive(Debug, Default)]
struct TestTime {
    wall: AtomicU64,
    monotonic: AtomicU64,
}

impl TimeSource for TestTime {
    fn now(&self) -> std::time::SystemTime {
        std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.monotonic.load(Ordering::SeqCst))
    }
}

fn request(class: Classification) -> DataKeyRequest {
    DataKeyRequest::new(EncryptionContext::new().with("privet:class", class.as_str()))
}

fn cache(keyring: &Arc<Counting>, limits: CacheLimits) -> (DataKeyCache, Arc<TestTime>) {
    let time = Arc::new(TestTime::default());
    (DataKeyCache::new(Arc::clone(keyring) as _, limits, Arc::clone(&time) as _), time)
}

#[tokio::test]
async fn one_key_serves_until_a_limit_is_reached() {
    let limits = [(CacheLimits::default().with_max_records(3), 1), (CacheLimits::default().with_max_bytes(30), 10)];
    for (limits, bytes) in limits {
        let keyring = Counting::open();
        let (cache, _) = cache(&keyring, limits);
        for _ in 0..7 {
            cache.for_sealing(&request(Classification::Pii), bytes).await.unwrap();
        }
        assert_eq!(keyring.calls(), 3, "{limits:?}");
        assert_eq!(cache.statistics().hits, 4);
    }
}

#[tokio::test]
async fn age_counts_by_either_clock() {
    let keyring = Counting::open();
    let (cache, time) = cache(&keyring, CacheLimits::default().with_max_age(Duration::from_secs(10)));
    let pii = request(Classification::Pii);
    cache.for_sealing(&pii, 1).await.unwrap();
    time.monotonic.store(9, Ordering::SeqCst);
    cache.for_sealing(&pii, 1).await.unwrap();
    assert_eq!(keyring.calls(), 1);
    time.monotonic.store(10, Ordering::SeqCst);
    cache.for_sealing(&pii, 1).await.unwrap();
    assert_eq!(keyring.calls(), 2);
    // A frozen environment: the monotonic clock stood still.
    time.wall.store(1000, Ordering::SeqCst);
    let data_key = cache.for_sealing(&pii, 1).await.unwrap();
    assert_eq!(keyring.calls(), 3);
    // Clocks set back do no harm.
    time.wall.store(0, Ordering::SeqCst);
    cache.for_opening(&data_key.edks, &pii).await.unwrap().unwrap();
    assert_eq!(keyring.calls(), 3);
}

#[tokio::test]
async fn what_was_written_is_read_without_a_call_and_under_its_context_only() {
    let keyring = Counting::open();
    let (cache, _) = cache(&keyring, CacheLimits::default());
    let written = cache.for_sealing(&request(Classification::Pii), 1).await.unwrap();
    let read = cache.for_opening(&written.edks, &request(Classification::Pii)).await.unwrap().unwrap();
    assert_eq!(read.secret.expose(), written.secret.expose());
    assert_eq!(keyring.calls(), 1);
    cache.for_opening(&written.edks, &request(Classification::Public)).await.unwrap();
    assert_eq!(keyring.calls(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cold_requests_make_one_call() {
    let keyring = Counting::open();
    let (cache, _) = cache(&keyring, CacheLimits::default());
    let cache = Arc::new(cache);
    let held = keyring.gate.acquire_many(1_000_000).await.unwrap();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move { cache.for_sealing(&request(Classification::Pii), 1).await.unwrap() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(keyring.calls(), 1);
}

#[tokio::test]
async fn a_shared_failure_reaches_all_who_wait_and_is_then_forgotten() {
    let keyring = Counting::open();
    keyring.failing.store(1, Ordering::SeqCst);
    let (cache, _) = cache(&keyring, CacheLimits::default());
    let pii = request(Classification::Pii);
    let held = keyring.gate.acquire_many(1_000_000).await.unwrap();
    let both = async { tokio::join!(cache.for_sealing(&pii, 1), cache.for_sealing(&pii, 1)) };
    let release = async {
        tokio::task::yield_now().await;
        drop(held);
    };
    let ((first, second), ()) = tokio::join!(both, release);
    assert_eq!(first.unwrap_err().kind(), ErrorKind::Throttled);
    assert_eq!(second.unwrap_err().kind(), ErrorKind::Throttled);
    assert_eq!((keyring.calls(), cache.statistics().failures), (1, 1));
    assert!(cache.for_sealing(&pii, 1).await.is_ok());
}

#[tokio::test]
async fn a_leader_that_gives_up_does_not_strand_the_others() {
    let keyring = Counting::open();
    let (cache, _) = cache(&keyring, CacheLimits::default());
    let pii = request(Classification::Pii);
    let held = keyring.gate.acquire_many(1_000_000).await.unwrap();
    let leader = tokio::time::timeout(Duration::from_millis(5), cache.for_sealing(&pii, 1)).await;
    assert!(leader.is_err());
    drop(held);
    assert!(cache.for_sealing(&pii, 1).await.is_ok());
    assert_eq!(keyring.calls(), 1);
}

#[tokio::test]
async fn purge_lets_go_and_what_is_under_way_is_not_kept() {
    let keyring = Counting::open();
    let (cache, _) = cache(&keyring, CacheLimits::default());
    let pii = request(Classification::Pii);
    cache.for_sealing(&pii, 1).await.unwrap();
    assert_eq!(cache.statistics().entries, 2);
    cache.purge();
    assert_eq!(cache.statistics().entries, 0);
    let held = keyring.gate.acquire_many(1_000_000).await.unwrap();
    let release = async {
        tokio::task::yield_now().await;
        cache.purge();
        drop(held);
    };
    let (sealed, ()) = tokio::join!(cache.for_sealing(&pii, 1), release);
    sealed.unwrap();
    assert_eq!(cache.statistics().entries, 0);
}

#[tokio::test]
async fn capacity_lets_go_of_the_oldest_and_zero_age_keeps_nothing() {
    let keyring = Counting::open();
    let (small, time) = cache(&keyring, CacheLimits::default().with_capacity(4));
    for (second, class) in (0..).zip(Classification::ALL) {
        time.monotonic.store(second, Ordering::SeqCst);
        small.for_sealing(&request(class), 1).await.unwrap();
    }
    assert_eq!(small.statistics().entries, 4);
    small.for_sealing(&request(Classification::Confidential), 1).await.unwrap();
    assert_eq!(keyring.calls(), 4);
    small.for_sealing(&request(Classification::Public), 1).await.unwrap();
    assert_eq!(keyring.calls(), 5);

    let keyring = Counting::open();
    let (off, _) = cache(&keyring, CacheLimits::default().with_max_age(Duration::ZERO));
    off.for_sealing(&request(Classification::Pii), 1).await.unwrap();
    off.for_sealing(&request(Classification::Pii), 1).await.unwrap();
    assert_eq!((keyring.calls(), off.statistics().entries), (2, 0));
}

#[tokio::test]
async fn keys_of_others_are_not_remembered() {
    let keyring = Counting::open();
    let (cache, _) = cache(&keyring, CacheLimits::default());
    let foreign = EncryptedDataKey { provider_id: "other".into(), provider_info: vec![], ciphertext: vec![1] };
    assert!(cache.for_opening(&[foreign], &request(Classification::Pii)).await.unwrap().is_none());
    assert_eq!(cache.statistics().entries, 0);
}

/// A keyring that panics.
#[derive(Debug)]
struct Panicking;

impl Keyring for Panicking {
    fn generate_data_key<'a>(&'a self, _: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async { panic!("a defect") })
    }

    fn wrap_data_key<'a>(&'a self, _: &'a Secret, _: &'a DataKeyRequest) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async { panic!("a defect") })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        _: &'a [EncryptedDataKey],
        _: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async { panic!("a defect") })
    }
}

#[tokio::test]
async fn a_keyring_that_panics_has_failed_and_nothing_else() {
    let cache = DataKeyCache::new(Arc::new(Panicking), CacheLimits::default(), Arc::new(TestTime::default()));
    for _ in 0..2 {
        let error = cache.for_sealing(&request(Classification::Pii), 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::KeyUnavailable);
    }
}

#[tokio::test]
async fn keys_in_use_are_fetched_ahead_of_their_end_and_nobody_waits() {
    let keyring = Counting::open();
    let limits =
        CacheLimits::default().with_max_age(Duration::from_secs(100)).with_refresh_ahead(Duration::from_secs(20));
    let (cache, time) = cache(&keyring, limits);
    let pii = request(Classification::Pii);
    let first = cache.for_sealing(&pii, 1).await.unwrap();
    time.monotonic.store(79, Ordering::SeqCst);
    cache.for_sealing(&pii, 1).await.unwrap();
    assert_eq!(keyring.calls(), 1);

    // Ten requests find it due: one call goes out, and all are served by the old key meanwhile.
    time.monotonic.store(80, Ordering::SeqCst);
    let held = keyring.gate.acquire_many(1_000_000).await.unwrap();
    for _ in 0..10 {
        let served = cache.for_sealing(&pii, 1).await.unwrap();
        assert!(Arc::ptr_eq(&served, &first));
        tokio::task::yield_now().await;
    }
    assert_eq!(keyring.calls(), 2);
    drop(held);
    while cache.statistics().refreshes == 0 {
        tokio::task::yield_now().await;
    }
    time.monotonic.store(170, Ordering::SeqCst);
    assert!(!Arc::ptr_eq(&cache.for_sealing(&pii, 1).await.unwrap(), &first));
    assert_eq!(keyring.calls(), 2);
}

#[tokio::test]
async fn a_purge_is_not_undone_by_a_fetch_that_was_under_way() {
    let keyring = Counting::open();
    let limits =
        CacheLimits::default().with_max_age(Duration::from_secs(100)).with_refresh_ahead(Duration::from_secs(100));
    let (cache, _) = cache(&keyring, limits);
    let pii = request(Classification::Pii);
    cache.for_sealing(&pii, 1).await.unwrap();
    let held = keyring.gate.acquire_many(1_000_000).await.unwrap();
    cache.for_sealing(&pii, 1).await.unwrap();
    tokio::task::yield_now().await;
    cache.purge();
    drop(held);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!((keyring.calls(), cache.statistics().entries, cache.statistics().refreshes), (2, 0, 0));
}

#[tokio::test]
async fn a_key_past_its_age_serves_only_within_the_grace_and_only_while_the_provider_is_out_of_reach() {
    for (failure, grace, second, served) in [
        (ErrorKind::KeyUnavailable, 60, 130, true),
        (ErrorKind::Throttled, 60, 159, true),
        (ErrorKind::KeyUnavailable, 60, 160, false),
        (ErrorKind::KeyUnavailable, 0, 100, false),
        (ErrorKind::Denied, 60, 130, false),
        (ErrorKind::Integrity, 60, 130, false),
    ] {
        let keyring = Counting::failing_with(failure);
        let limits =
            CacheLimits::default().with_max_age(Duration::from_secs(100)).with_grace(Duration::from_secs(grace));
        let (cache, time) = cache(&keyring, limits.with_max_records(3));
        let pii = request(Classification::Pii);
        let data_key = cache.for_sealing(&pii, 1).await.unwrap();
        time.monotonic.store(second, Ordering::SeqCst);
        keyring.failing.store(10, Ordering::SeqCst);
        let sealing = cache.for_sealing(&pii, 1).await;
        let opening = cache.for_opening(&data_key.edks, &pii).await;
        assert_eq!((sealing.is_ok(), opening.is_ok()), (served, served), "{failure:?} {grace} {second}");
        assert_eq!(cache.statistics().grace_uses, if served { 2 } else { 0 });
        if served {
            // The limits of use go on counting: one of three was left.
            assert!(cache.for_sealing(&pii, 1).await.is_ok());
            assert!(cache.for_sealing(&pii, 1).await.is_err());
            // And the provider's return ends the grace.
            keyring.failing.store(0, Ordering::SeqCst);
            assert!(!Arc::ptr_eq(&cache.for_sealing(&pii, 1).await.unwrap(), &data_key));
        }
    }
}

#[tokio::test]
async fn refusals_are_remembered_for_a_moment() {
    let keyring = Counting::failing_with(ErrorKind::Denied);
    let (cache, time) = cache(&keyring, CacheLimits::default().with_refusals(Duration::from_secs(2)));
    let pii = request(Classification::Pii);
    keyring.failing.store(1, Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(cache.for_sealing(&pii, 1).await.unwrap_err().kind(), ErrorKind::Denied);
    }
    assert_eq!((keyring.calls(), cache.statistics().remembered_refusals), (1, 4));
    // Another class is another matter.
    assert!(cache.for_sealing(&request(Classification::Public), 1).await.is_ok());
    time.monotonic.store(2, Ordering::SeqCst);
    assert!(cache.for_sealing(&pii, 1).await.is_ok());
}

/// Polls three requests in every order there is, with a provider that answers or fails at any point between, and holds
/// the cache to its promises in each of them.
#[test]
fn every_order_of_three_requests_keeps_the_promises() {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    const STEPS: u32 = 7;
    // A step polls request 0, 1 or 2, lets the provider go on (3), or purges (4).
    for (schedule, fails) in (0..5u32.pow(STEPS)).flat_map(|schedule| [(schedule, false), (schedule, true)]) {
        let keyring = Counting::failing_with(ErrorKind::Throttled);
        keyring.failing.store(usize::from(fails), Ordering::SeqCst);
        let (cache, _) = cache(&keyring, CacheLimits::default().with_max_records(2));
        let pii = request(Classification::Pii);
        let mut held = Some(keyring.gate.try_acquire_many(1_000_000).unwrap());
        type Request<'a> = Pin<Box<dyn Future<Output = Result<Arc<DataKey>>> + 'a>>;
        let mut requests: Vec<Option<Request<'_>>> =
            (0..3).map(|_| Some(Box::pin(cache.for_sealing(&pii, 1)) as Request<'_>)).collect();
        let mut keys: Vec<Arc<DataKey>> = Vec::new();
        let (mut failed, mut purges) = (0, 0);
        let mut poll = |requests: &mut Vec<Option<Request<'_>>>, which: usize| {
            let Some(request) = requests[which].as_mut() else { return };
            if let Poll::Ready(result) = request.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                requests[which] = None;
                match result {
                    Ok(data_key) => keys.push(data_key),
                    Err(_) => failed += 1,
                }
            }
        };
        let mut rest = schedule;
        for _ in 0..STEPS {
            match rest % 5 {
                3 => drop(held.take()),
                4 => {
                    cache.purge();
                    purges += 1;
                }
                which => poll(&mut requests, which as usize),
            }
            rest /= 5;
        }
        drop(held.take());
        for _ in 0..8 {
            (0..3).for_each(|which| poll(&mut requests, which));
        }
        assert!(requests.iter().all(Option::is_none), "{schedule}: a request never ended");
        for data_key in &keys {
            let uses = keys.iter().filter(|other| Arc::ptr_eq(other, data_key)).count();
            assert!(uses <= 2 + purges, "{schedule}: a key served {uses} times");
            assert!(purges > 0 || uses <= 2, "{schedule}: a key served {uses} times");
        }
        // Without a purge: one call, one more if the first failed, one more if two uses were not enough.
        assert!(keyring.calls() <= 3 + purges, "{schedule}: {} calls", keyring.calls());
        assert_eq!(keys.len() + failed, 3);
    }
}
