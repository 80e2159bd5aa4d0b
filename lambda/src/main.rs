//! `privet-worker`: the function that Step Functions calls for the segments of a table, and S3 Batch Operations for objects.

// The layout of the SDK calls inside of the handler nests deep.
#![recursion_limit = "256"]

use std::time::{Duration, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use privet_bulk::Failure;
use privet_core::time::{SystemTimeSource, TimeSource};
use privet_lambda::objects::{KeyChange, ObjectSettings};
use privet_lambda::{Settings, distributed_map, s3_batch, worker::table_job};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let (kms, dynamodb) = (aws_sdk_kms::Client::new(&config), aws_sdk_dynamodb::Client::new(&config));
    let s3 = aws_sdk_s3::Client::new(&config);
    let (kms, dynamodb, s3) = (&kms, &dynamodb, &s3);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        let deadline = UNIX_EPOCH + Duration::from_millis(event.context.deadline);
        let left = deadline.duration_since(SystemTimeSource::new().now()).unwrap_or_default().saturating_sub(MARGIN);
        match &event.payload {
            Event::Objects(event) => objects(event, kms, s3, left).await,
            Event::Segments(event) => segments(event, kms, dynamodb, left).await,
        }
    }))
    .await
}

/// What the function is called with.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    Objects(s3_batch::Event),
    Segments(distributed_map::Event),
}

/// A job for each call: its clock and its worker's name begin with it, and so does what it knows of keys.
async fn segments(
    event: &distributed_map::Event,
    kms: &aws_sdk_kms::Client,
    dynamodb: &aws_sdk_dynamodb::Client,
    left: Duration,
) -> Result<Json, Diagnostic> {
    let job = Settings::read(variable).and_then(|settings| table_job(&settings, kms, dynamodb));
    let job = job.map_err(|error| diagnostic(&error.into()))?;
    let reply = distributed_map::handle(&job, event, left).await.map_err(|failure| diagnostic(&failure))?;
    json(&reply)
}

async fn objects(
    event: &s3_batch::Event,
    kms: &aws_sdk_kms::Client,
    s3: &aws_sdk_s3::Client,
    left: Duration,
) -> Result<Json, Diagnostic> {
    let worker = ObjectSettings::read(variable).and_then(|settings| KeyChange::new(settings, kms, s3));
    let worker = worker.map_err(|error| diagnostic(&error.into()))?;
    json(&s3_batch::handle(&worker, event, worker.now() + left).await)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn json(reply: &impl Serialize) -> Result<Json, Diagnostic> {
    let failed = |_| Diagnostic { error_type: "Failed".to_owned(), error_message: "a reply is no JSON".to_owned() };
    serde_json::to_value(reply).map_err(failed)
}

fn diagnostic(failure: &Failure) -> Diagnostic {
    let error_message = format!("{} ({})", failure.message, failure.kind);
    Diagnostic { error_type: distributed_map::error_type(failure).to_owned(), error_message }
}

/// What is left for the last checkpoint and the answer.
const MARGIN: Duration = Duration::from_secs(5);
