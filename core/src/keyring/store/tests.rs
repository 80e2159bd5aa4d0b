//! The store's own order of things, over a table and a KMS in memory: what is asked for, and what lost answers do.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;
use crate::keyring::{KeyringFuture, store::cache::BranchKeyCache};
use crate::value::Map;

/// Records in memory, and what goes wrong with the next write.
#[derive(Debug, Default)]
struct Table {
    records: Mutex<BTreeMap<(String, String), Map>>,
    trouble: Mutex<Option<Trouble>>,
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// The write happens, the answer does not arrive.
    AnswerLost,
    /// The write does not happen.
    Reset,
    /// The write happens, and the database's client asks again.
    AskedTwice,
}

impl Table {
    fn write(&self, puts: &[ConditionalPut]) -> Result<()> {
        let mut records = self.records.lock().unwrap();
        let key = |put: &ConditionalPut| {
            let text = |name| put.item[name].as_text().unwrap().to_owned();
            (text(record::ID), text(record::TYPE))
        };
        for put in puts {
            let holds = match (records.get(&key(put)), &put.condition) {
                (None, PutCondition::Absent) => true,
                (Some(old), PutCondition::Unchanged { enc }) => old["enc"] == crate::value::Value::B(enc.clone()),
                _ => false,
            };
            if !holds {
                return Err(Error::new(ErrorKind::Conflict, "changed"));
            }
        }
        records.extend(puts.iter().map(|put| (key(put), put.item.clone())));
        Ok(())
    }
}

impl BranchKeyTable for Table {
    fn create(&self) -> KeyringFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn get<'a>(&'a self, id: &'a str, record_type: &'a str) -> KeyringFuture<'a, Option<Map>> {
        Box::pin(async move { Ok(self.records.lock().unwrap().get(&(id.into(), record_type.into())).cloned()) })
    }

    fn query<'a>(&'a self, id: &'a str) -> KeyringFuture<'a, Vec<Map>> {
        let of_id = move |((other, _), record): (&(String, String), &Map)| (other == id).then(|| record.clone());
        Box::pin(async move { Ok(self.records.lock().unwrap().iter().filter_map(of_id).collect()) })
    }

    fn list<'a>(&'a self, record_type: &'a str) -> KeyringFuture<'a, Vec<String>> {
        let of_type = move |(id, other): &(String, String)| (other == record_type).then(|| id.clone());
        Box::pin(async move { Ok(self.records.lock().unwrap().keys().filter_map(of_type).collect()) })
    }

    fn put_all(&self, puts: Vec<ConditionalPut>) -> KeyringFuture<'_, ()> {
        Box::pin(async move {
            let lost = || Err(Error::new(ErrorKind::KeyUnavailable, "no answer"));
            let trouble = self.trouble.lock().unwrap().take();
            match trouble {
                None => self.write(&puts),
                Some(Trouble::Reset) => lost(),
                Some(Trouble::AnswerLost) => self.write(&puts).and_then(|()| lost()),
                Some(Trouble::AskedTwice) => self.write(&puts).and_then(|()| self.write(&puts)),
            }
        })
    }
}

/// A KMS whose ciphertexts are numbers into a list of keys and contexts.
#[derive(Debug)]
struct Kms {
    sealed: Mutex<Vec<(Vec<u8>, EncryptionContext)>>,
    asked: Mutex<Vec<String>>,
    decrypts: AtomicUsize,
    gate: Semaphore,
}

impl Kms {
    fn seal(&self, key: Vec<u8>, context: &EncryptionContext) -> Vec<u8> {
        let mut sealed = self.sealed.lock().unwrap();
        sealed.push((key, context.clone()));
        vec![u8::try_from(sealed.len() - 1).unwrap()]
    }

    fn asked(&self, key: &str) {
        self.asked.lock().unwrap().push(key.to_owned());
    }

    fn open(&self, ciphertext: &[u8], context: &EncryptionContext) -> Result<Vec<u8>> {
        let sealed = self.sealed.lock().unwrap();
        let (key, bound) = &sealed[usize::from(ciphertext[0])];
        if bound == context { Ok(key.clone()) } else { Err(Error::integrity()) }
    }
}

impl BranchKeyKms for Kms {
    fn generate<'a>(&'a self, key: &'a str, context: &'a EncryptionContext) -> KeyringFuture<'a, Vec<u8>> {
        self.asked(key);
        Box::pin(async move { Ok(self.seal(Secret::random(32)?.expose().to_vec(), context)) })
    }

    fn re_encrypt<'a>(
        &'a self,
        key: &'a str,
        ciphertext: &'a [u8],
        from: &'a EncryptionContext,
        to: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Vec<u8>> {
        self.asked(key);
        Box::pin(async move { Ok(self.seal(self.open(ciphertext, from)?, to)) })
    }

    fn decrypt<'a>(
        &'a self,
        key: &'a str,
        ciphertext: &'a [u8],
        context: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Secret> {
        self.asked(key);
        Box::pin(async move {
            self.decrypts.fetch_add(1, Ordering::SeqCst);
            let _pass = self.gate.acquire().await;
            Ok(Secret::copy_of(&self.open(ciphertext, context)?))
        })
    }
}

struct Bench {
    table: Arc<Table>,
    kms: Arc<Kms>,
    store: Arc<KeyStore>,
    clock: Arc<Clock>,
}

#[derive(Debug, Default)]
struct Clock(AtomicUsize);

impl TimeSource for Arc<Clock> {
    fn now(&self) -> std::time::SystemTime {
        std::time::SystemTime::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0.load(Ordering::SeqCst) as u64)
    }
}

impl Bench {
    fn new() -> Self {
        let table = Arc::new(Table::default());
        let kms = Arc::new(Kms {
            sealed: Mutex::default(),
            asked: Mutex::default(),
            decrypts: 0.into(),
            gate: Semaphore::new(1000),
        });
        let protection = BranchKeyProtection::key(ARN).unwrap();
        let clock = Arc::new(Clock::default());
        let store = KeyStore::new("logical", protection, Arc::clone(&table), Arc::clone(&kms)).unwrap();
        Self { table, kms, store: Arc::new(store.with_time_source(Arc::clone(&clock))), clock }
    }

    fn cache(&self, limits: BranchKeyCacheLimits) -> BranchKeyCache {
        let mut cache = BranchKeyCache::new(Arc::clone(&self.store));
        cache.limits = limits;
        cache.time = Arc::new(Arc::clone(&self.clock));
        cache
    }

    fn decrypts(&self) -> usize {
        self.kms.decrypts.load(Ordering::SeqCst)
    }

    fn trouble(&self, trouble: Trouble) {
        *self.table.trouble.lock().unwrap() = Some(trouble);
    }
}

const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";

#[tokio::test]
async fn creation_whose_answer_is_lost_is_found_to_have_happened() {
    let bench = Bench::new();
    for trouble in [Trouble::AnswerLost, Trouble::AskedTwice] {
        bench.trouble(trouble);
        let id = bench.store.create(&EncryptionContext::new()).await.unwrap();
        bench.store.active(&id).await.unwrap();
    }
    bench.trouble(Trouble::Reset);
    let error = bench.store.create(&EncryptionContext::new()).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(bench.store.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn rotation_whose_answer_is_lost_is_found_to_have_happened_even_if_another_followed() {
    let bench = Bench::new();
    let id = bench.store.create(&EncryptionContext::new()).await.unwrap();
    for trouble in [Trouble::AnswerLost, Trouble::AskedTwice] {
        bench.trouble(trouble);
        let version = bench.store.rotate(&id).await.unwrap();
        assert_eq!(bench.store.active(&id).await.unwrap().version, version);
    }
    bench.trouble(Trouble::Reset);
    assert!(bench.store.rotate(&id).await.unwrap_err().is_retryable());
    assert_eq!(bench.store.describe(&id).await.unwrap().versions.len(), 3);
}

#[tokio::test]
async fn ids_of_ones_own_need_a_context_and_a_sane_length() {
    let bench = Bench::new();
    let custom = EncryptionContext::new().with("team", "blue");
    let kind = async |id: &str, custom: &EncryptionContext| {
        bench.store.create_with_id(id, custom).await.err().map(|error| error.kind())
    };
    assert_eq!(kind("t", &EncryptionContext::new()).await, Some(ErrorKind::Input));
    assert_eq!(kind("", &custom).await, Some(ErrorKind::Input));
    assert_eq!(kind(&"x".repeat(1025), &custom).await, Some(ErrorKind::Input));
    assert_eq!(kind(&"x".repeat(1024), &custom).await, None);
    assert_eq!(kind(&"x".repeat(1024), &custom).await, Some(ErrorKind::Conflict));
}

#[tokio::test]
async fn a_table_that_answers_with_another_key_s_record_is_refused() {
    let bench = Bench::new();
    let ids = [
        bench.store.create(&EncryptionContext::new()).await.unwrap(),
        bench.store.create(&EncryptionContext::new()).await.unwrap(),
    ];
    let active = |id: &str| (id.to_owned(), record::ACTIVE_TYPE.to_owned());
    {
        let mut records = bench.table.records.lock().unwrap();
        let other = records[&active(&ids[1])].clone();
        records.insert(active(&ids[0]), other);
    }
    assert_eq!(bench.store.active(&ids[0]).await.unwrap_err().kind(), ErrorKind::Integrity);
    assert_eq!(bench.store.rotate(&ids[0]).await.unwrap_err().kind(), ErrorKind::Integrity);
    assert_eq!(bench.decrypts(), 0);
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_call() {
    let bench = Bench::new();
    let id = bench.store.create(&EncryptionContext::new()).await.unwrap();
    bench.kms.gate.forget_permits(1000);
    let cache = bench.cache(BranchKeyCacheLimits::default());
    let asked = futures_util::future::join_all((0..50).map(|_| cache.active(&id)));
    let open = async {
        tokio::task::yield_now().await;
        bench.kms.gate.add_permits(1000);
    };
    let (keys, ()) = tokio::join!(asked, open);
    let version = keys[0].as_ref().unwrap().as_ref().unwrap().version;
    assert!(keys.into_iter().all(|key| key.unwrap().is_some()));
    // The active key serves readers of its version too.
    cache.version(&id, version).await.unwrap().unwrap();
    assert_eq!(bench.decrypts(), 1);
}

#[tokio::test]
async fn keys_age_are_evicted_and_purged() {
    let bench = Bench::new();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(bench.store.create(&EncryptionContext::new()).await.unwrap());
    }
    let limits = BranchKeyCacheLimits::default().with_max_age(std::time::Duration::from_secs(10)).with_capacity(4);
    let cache = bench.cache(limits);
    let asks = async |id: &String| {
        let before = bench.decrypts();
        cache.active(id).await.unwrap().unwrap();
        bench.decrypts() - before
    };
    assert_eq!((asks(&ids[0]).await, asks(&ids[0]).await), (1, 0));
    bench.clock.0.store(9, Ordering::SeqCst);
    assert_eq!(asks(&ids[0]).await, 0);
    bench.clock.0.store(10, Ordering::SeqCst);
    assert_eq!((asks(&ids[0]).await, asks(&ids[0]).await), (1, 0));
    for id in &ids {
        bench.clock.0.fetch_add(1, Ordering::SeqCst);
        asks(id).await;
    }
    assert_eq!((asks(&ids[3]).await, asks(&ids[0]).await), (0, 1), "the oldest made room");
    cache.purge();
    assert_eq!((asks(&ids[0]).await, asks(&ids[0]).await), (1, 0));
    let none = bench.cache(BranchKeyCacheLimits::default().with_max_age(std::time::Duration::ZERO));
    let before = bench.decrypts();
    for _ in 0..3 {
        none.active(&ids[0]).await.unwrap().unwrap();
    }
    assert_eq!(bench.decrypts() - before, 3);
}

#[tokio::test]
async fn what_is_missing_or_failed_is_asked_for_again() {
    let bench = Bench::new();
    let custom = EncryptionContext::new().with("team", "blue");
    let cache = bench.cache(BranchKeyCacheLimits::default());
    assert!(cache.active("late").await.unwrap().is_none());
    bench.store.create_with_id("late", &custom).await.unwrap();
    assert!(cache.active("late").await.unwrap().is_some());
    assert!(cache.version("late", BranchKeyVersion::from_bytes([0; 16])).await.unwrap().is_none());
}

#[tokio::test]
async fn a_replica_reads_and_rotates_what_another_region_has_made() {
    let bench = Bench::new();
    let store =
        |protection| KeyStore::new("logical", protection, Arc::clone(&bench.table), Arc::clone(&bench.kms)).unwrap();
    let [first, second] =
        ["eu-west-1", "us-east-1"].map(|region| format!("arn:aws:kms:{region}:111122223333:key/mrk-1"));
    let made = store(BranchKeyProtection::key(&first).unwrap());
    let id = made.create(&EncryptionContext::new()).await.unwrap();
    bench.kms.asked.lock().unwrap().clear();
    let exact = store(BranchKeyProtection::key(&second).unwrap());
    assert_eq!(exact.active(&id).await.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(exact.rotate(&id).await.unwrap_err().kind(), ErrorKind::Config);
    assert!(bench.kms.asked.lock().unwrap().is_empty());
    let replica = store(BranchKeyProtection::multi_region_key(&second).unwrap());
    let version = replica.rotate(&id).await.unwrap();
    assert_eq!(replica.active(&id).await.unwrap().version, version);
    assert!(bench.kms.asked.lock().unwrap().iter().all(|asked| *asked == second), "the own region is asked");
    // The stored ARN stays, so the region that made the key reads on.
    assert_eq!(replica.describe(&id).await.unwrap().kms_arn, first);
    assert_eq!(made.active(&id).await.unwrap().version, version);
}

#[tokio::test]
async fn a_call_that_is_purged_or_whose_first_asker_gives_up_still_serves_the_others() {
    let bench = Bench::new();
    let id = bench.store.create(&EncryptionContext::new()).await.unwrap();
    bench.kms.gate.forget_permits(1000);
    let cache = bench.cache(BranchKeyCacheLimits::default());
    let first = async {
        let give_up = tokio::time::timeout(std::time::Duration::from_millis(10), cache.active(&id)).await;
        assert!(give_up.is_err());
        cache.purge();
        bench.kms.gate.add_permits(1000);
    };
    let (key, ()) = tokio::join!(
        async {
            tokio::task::yield_now().await;
            cache.active(&id).await
        },
        first
    );
    assert!(key.unwrap().is_some());
    assert_eq!(bench.decrypts(), 1);
    cache.active(&id).await.unwrap();
    assert_eq!(bench.decrypts(), 2, "what was purged on its way is not kept");
}
