//! A Lambda function behind an HTTP API of API Gateway: orders are stored sealed, and each caller sees what its role may.
//!
//! `cargo run --example lambda_orders -- examples/lambda_orders/event.json` answers one event with an embedded AWS. In
//! Lambda, where `AWS_LAMBDA_RUNTIME_API` is set, it serves `PRIVET_KMS_KEY` (an ARN) and the table `orders`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the example prints its answer, or why there is none")]

mod handler;
mod model;

use std::process::ExitCode;
use std::sync::Arc;

use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use aws_sdk_dynamodb::Client as DynamoDb;
use handler::Orders;
use lambda_runtime::{BoxFuture, Error, LambdaEvent, Runtime, SnapStartResource, service_fn};
use model::{KEY_OF_TABLE, Order};
use privet::audit::TracingSink;
use privet::dynamodb::{TableDefinition, Tables, ensure_table};
use privet::keyring::KmsKeyring;
use privet::{Keyring, Protector};
use privet_testkit::EmbeddedAws;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let done = if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() { in_lambda().await } else { here().await };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lambda_orders: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Clients and protector are made once; each event borrows them.
async fn in_lambda() -> Result<(), Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let key = std::env::var("PRIVET_KMS_KEY")
        .map_err(|_| "set `PRIVET_KMS_KEY` to the ARN of the key that wraps data keys")?;
    let privet = protector(KmsKeyring::new(aws_sdk_kms::Client::new(&config), key)?)?;
    let orders = Orders::new(privet.clone(), privet.table::<Order>(&DynamoDb::new(&config))?);
    let serve = service_fn(async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        Ok::<_, Error>(orders.answer(event.payload).await)
    });
    Runtime::new(serve).register_snapstart_resource(Arc::new(Keys(privet))).run().await
}

/// One event, with KMS and DynamoDB inside the process and one order in the table.
async fn here() -> Result<(), Error> {
    let file = std::env::args().nth(1).ok_or("name a file with an event: `examples/lambda_orders/event.json`")?;
    let text = std::fs::read(&file).map_err(|error| format!("`{file}` cannot be read: {error}"))?;
    let event = serde_json::from_slice(&text)
        .map_err(|error| format!("`{file}` is no event of an HTTP API (payload format 2.0): {error}"))?;

    let aws = EmbeddedAws::start().await;
    let key = aws.create_key("eu-west-1", "alias/orders").await;
    let config = aws.config("eu-west-1").await;
    let dynamodb = DynamoDb::new(&config);
    let privet = protector(KmsKeyring::new(aws_sdk_kms::Client::new(&config), key)?)?;
    ensure_table(&dynamodb, &TableDefinition::of_model::<Order>(&privet, KEY_OF_TABLE)?).await?;
    let table = privet.table::<Order>(&dynamodb)?;
    table.put(&model::sample()).await?;

    let answer = Orders::new(privet, table).answer(event).await;
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

fn protector(keyring: impl Keyring + 'static) -> privet::Result<Protector> {
    Protector::builder().keyring(keyring).context("application", "shop").audit(TracingSink).model::<Order>().build()
}

/// Data keys must not be in a snapshot of this process's memory, from which many will start.
struct Keys(Protector);

impl SnapStartResource for Keys {
    fn before_snapshot(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            self.0.purge();
            tracing::info!("data keys purged before the snapshot");
            Ok(())
        })
    }
}
