//! `privet-worker`: the function that Step Functions calls for the segments of a table.

// The layout of the SDK calls inside of the handler nests deep.
#![recursion_limit = "256"]

use std::time::{Duration, UNIX_EPOCH};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use privet_bulk::Failure;
use privet_core::time::{SystemTimeSource, TimeSource};
use privet_lambda::distributed_map::{Event, Reply, handle};
use privet_lambda::{Settings, worker::table_job};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let (kms, dynamodb) = (aws_sdk_kms::Client::new(&config), aws_sdk_dynamodb::Client::new(&config));
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let (settings, kms, dynamodb) = (&settings, &kms, &dynamodb);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        // A job for each call: its clock and its worker's name begin with it, and so does what it knows of keys.
        let time = SystemTimeSource::new();
        let deadline = UNIX_EPOCH + Duration::from_millis(event.context.deadline);
        let left = deadline.duration_since(time.now()).unwrap_or_default();
        let job = table_job(settings, kms, dynamodb).map_err(|error| diagnostic(&error.into()))?;
        let reply: Result<Reply, Diagnostic> =
            handle(&job, &event.payload, left.saturating_sub(MARGIN)).await.map_err(|failure| diagnostic(&failure));
        reply
    }))
    .await
}

/// State machines tell errors apart by type: `Retryable` is tried again.
fn diagnostic(failure: &Failure) -> Diagnostic {
    let error_type = if failure.retryable { "Retryable" } else { "Failed" };
    Diagnostic { error_type: error_type.to_owned(), error_message: format!("{} ({})", failure.message, failure.kind) }
}

/// What is left for the last checkpoint and the answer.
const MARGIN: Duration = Duration::from_secs(5);
