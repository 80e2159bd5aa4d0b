//! The embedded AWS as a test holds it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;

use crate::answer::Answer;
use crate::call::{Call, Outcome};
use crate::connector::{EmbeddedHttp, connector};
use crate::deny::{Denials, Deny};
use crate::dynamodb::DynamoDb;
use crate::fault::{Fault, Faults};
use crate::kms::Kms;
use crate::request::{Request, Subject};
#[cfg(feature = "s3")]
use crate::s3::S3;
use crate::server::Endpoint;
use crate::target::Target;

/// KMS, DynamoDB and S3 inside the process. A clone is the same AWS; the last one dropped, with its clients, takes all with it.
#[derive(Debug, Clone)]
pub struct EmbeddedAws {
    services: Arc<Services>,
    time_source: SharedTimeSource,
}

impl EmbeddedAws {
    /// Starts an AWS of its own: no keys, no tables, no buckets.
    #[allow(clippy::unused_async, reason = "an engine with a start of its own can join without changing every caller")]
    pub async fn start() -> Self {
        Self { services: Arc::default(), time_source: SharedTimeSource::default() }
    }

    /// The configuration of SDK clients in `region`, as the principal [`Self::DEFAULT_PRINCIPAL`].
    ///
    /// Nothing of the environment or of profile files takes part. Retries are the SDK's standard ones, three attempts,
    /// with a backoff of milliseconds. As everywhere, the clients of one service and region in a process share a budget
    /// of retries: a test that fails hundreds of requests for good should give its client a `retry_partition` of its own.
    pub async fn config(&self, region: &str) -> SdkConfig {
        self.config_as(region, Self::DEFAULT_PRINCIPAL).await
    }

    /// The same, as `principal`: its name is the access key id the requests are signed with.
    #[allow(clippy::unused_async, reason = "as `start`")]
    pub async fn config_as(&self, region: &str, principal: &str) -> SdkConfig {
        let credentials = Credentials::new(principal, SECRET, None, None, "privet-testkit");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(EmbeddedHttp::new(Arc::clone(&self.services)))
            .retry_config(
                RetryConfig::standard()
                    .with_initial_backoff(Duration::from_millis(1))
                    .with_max_backoff(Duration::from_millis(5)),
            )
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(self.time_source.clone())
            .build()
    }

    /// Serves this AWS over HTTP on a loopback port, for processes of their own.
    ///
    /// # Panics
    ///
    /// If no port or thread is to be had.
    #[must_use]
    pub fn listen(&self) -> Endpoint {
        Endpoint::start(self)
    }

    pub(crate) fn connector(&self) -> SharedHttpConnector {
        connector(Arc::clone(&self.services), self.time_source.clone())
    }

    /// Creates a symmetric KMS key with an alias and gives its ARN. Neither faults nor denials apply; no call is recorded.
    ///
    /// # Panics
    ///
    /// If the alias exists already or does not start with `alias/`.
    #[allow(clippy::unused_async, reason = "as `start`")]
    pub async fn create_key(&self, region: &str, alias: &str) -> String {
        self.services
            .kms
            .create_key(region, alias, self.time_source.now())
            .unwrap_or_else(|refusal| panic!("cannot create a key as `{alias}`: {refusal}"))
    }

    /// Creates an S3 bucket. Neither faults nor denials apply; no call is recorded.
    ///
    /// # Panics
    ///
    /// If there is a bucket of that name.
    #[cfg(feature = "s3")]
    #[allow(clippy::unused_async, reason = "as `start`")]
    pub async fn create_bucket(&self, bucket: &str) {
        self.services.s3.create_bucket(bucket);
    }

    /// Sets a fault.
    pub fn fault(&self, fault: Fault) {
        self.services.faults.add(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.services.faults.clear();
    }

    /// Sets a denial.
    pub fn deny(&self, deny: Deny) {
        self.services.denials.add(deny);
    }

    /// Removes all denials.
    pub fn clear_denials(&self) {
        self.services.denials.clear();
    }

    /// The calls of `kms`, `dynamodb` or `s3`, oldest first; `*` gives those of all.
    #[must_use]
    pub fn calls(&self, service: &str) -> Vec<Call> {
        let calls = self.services.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| service == "*" || call.service == service).cloned().collect()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.services.calls.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The principal of [`Self::config`].
    pub const DEFAULT_PRINCIPAL: &'static str = "developer";
}

/// The engines and what stands in front of them.
#[derive(Default)]
pub(crate) struct Services {
    kms: Kms,
    dynamodb: DynamoDb,
    #[cfg(feature = "s3")]
    pub(crate) s3: S3,
    pub(crate) faults: Faults,
    denials: Denials,
    calls: Mutex<Vec<Call>>,
}

/// The SDK prints its HTTP client when it logs at trace level: what was recorded and stored stays out of it.
impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services(..)")
    }
}

impl Services {
    /// What the request touches; a service that is not built touches nothing.
    pub(crate) fn subject(&self, request: &Request) -> Subject {
        match request.service.as_str() {
            "kms" => self.kms.subject(request),
            "dynamodb" => self.dynamodb.subject(request),
            "s3" => request.object.as_ref().map(Target::subject).unwrap_or_default(),
            _ => Subject::default(),
        }
    }

    /// What the principal gets if it may not do what it asks.
    pub(crate) fn refusal(&self, request: &Request, subject: &Subject) -> Option<Answer> {
        let message = self.denials.check(request, subject)?;
        Some(match request.service.as_str() {
            "s3" => Answer::error(403, "AccessDenied", Some(&message)),
            _ => Answer::error(400, "AccessDeniedException", Some(&message)),
        })
    }

    /// Does what is asked, if the principal may; of a batch, all but the last `unprocessed` entries.
    pub(crate) fn answer(&self, request: &Request, subject: &Subject, unprocessed: usize) -> Answer {
        if let Some(refusal) = self.refusal(request, subject) {
            return refusal;
        }
        match request.service.as_str() {
            "kms" => self.kms.answer(request),
            "dynamodb" => self.dynamodb.answer(request, unprocessed),
            other => panic!("the service `{other}` is not embedded, or its feature is off"),
        }
    }

    pub(crate) fn record(&self, request: &Request, subject: Subject, outcome: Outcome) {
        let call = Call {
            service: request.service.clone(),
            operation: request.operation.clone(),
            principal: request.principal.clone(),
            region: request.region.clone(),
            key_id: subject.key_id,
            key_arn: subject.key_arn,
            context: subject.context,
            destination_context: subject.destination_context,
            tables: subject.tables,
            bucket: subject.bucket,
            object_key: subject.object_key,
            outcome,
        };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}

/// Seconds since 1970 as the JSON protocols write a time.
pub(crate) fn epoch_seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Milliseconds, as the services give them.
    since.as_millis() as f64 / 1000.0
}

/// The secret of every principal.
pub(crate) const SECRET: &str = "an embedded secret";
