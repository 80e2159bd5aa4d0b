//! An AWS that says what the test tells it to.

use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use privet_testkit::EmbeddedAws;

/// Gives one answer to every request, and keeps what was asked.
#[derive(Clone, Debug)]
pub struct Scripted {
    status: u16,
    body: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub fn answering(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), asked: Arc::default() }
    }

    /// For the client of any service.
    pub async fn config(&self) -> SdkConfig {
        let config = EmbeddedAws::start().await.config("eu-west-1").await;
        config.into_builder().http_client(SharedHttpClient::new(self.clone())).build()
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl HttpClient for Scripted {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        self.asked.lock().unwrap().push(String::from_utf8_lossy(body).into_owned());
        let status = self.status.try_into().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(self.body.clone()))))
    }
}
