//! AWS without a network: a client that keeps what it is asked and gives an answer that was made beforehand.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// Answers each request alike.
#[derive(Clone, Debug, Default)]
pub struct Offline(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    asked: Vec<u8>,
    headers: Vec<(String, String)>,
    answer: Vec<u8>,
}

impl Offline {
    /// What each request is answered from now on: a success with these headers and this body.
    pub fn answer(&self, headers: Vec<(String, String)>, body: &[u8]) {
        let mut state = self.0.lock().unwrap();
        (state.headers, state.answer) = (headers, body.to_vec());
    }

    /// The body of the last request, which must not be a stream.
    pub fn asked(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled())
            .http_client(SharedHttpClient::new(self.clone()));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(aws_sdk_s3::config::Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
            .http_client(SharedHttpClient::new(self.clone()));
        aws_sdk_s3::Client::from_conf(config.build())
    }
}

impl HttpClient for Offline {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Offline {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut state = self.0.lock().unwrap();
        state.asked = request.body().bytes().unwrap_or_default().to_vec();
        let mut response = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(state.answer.clone()));
        for (name, value) in &state.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// Runs a future to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
