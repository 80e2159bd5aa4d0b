//! The SDK's HTTP client, replaced: a request goes through faults and denials to an engine, without a socket.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
#[cfg(feature = "s3")]
use aws_smithy_types::body::SdkBody;

use crate::answer::Answer;
use crate::call::Outcome;
use crate::embedded::Services;
use crate::fault::{Failure, injected};
use crate::request::Request;

/// The HTTP client of the configurations handed out.
#[derive(Debug)]
pub(crate) struct EmbeddedHttp(Arc<Services>);

impl EmbeddedHttp {
    pub(crate) fn new(services: Arc<Services>) -> Self {
        Self(services)
    }
}

/// What serves requests without a client around it.
pub(crate) fn connector(services: Arc<Services>, time_source: SharedTimeSource) -> SharedHttpConnector {
    SharedHttpConnector::new(EmbeddedConnector { services, read_timeout: None, time_source })
}

impl HttpClient for EmbeddedHttp {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(EmbeddedConnector {
            services: Arc::clone(&self.0),
            read_timeout: settings.read_timeout(),
            // The client's own clock, so that a test can move time by configuration.
            time_source: components.time_source().unwrap_or_default(),
        })
    }
}

#[derive(Debug)]
struct EmbeddedConnector {
    services: Arc<Services>,
    read_timeout: Option<Duration>,
    time_source: SharedTimeSource,
}

impl HttpConnector for EmbeddedConnector {
    fn call(&self, http: HttpRequest) -> HttpConnectorFuture {
        let request = match Request::read(&http, self.time_source.now()) {
            Ok(request) => request,
            Err(message) => return HttpConnectorFuture::ready(Err(ConnectorError::user(message.into()))),
        };
        let services = Arc::clone(&self.services);
        let read_timeout = self.read_timeout;
        HttpConnectorFuture::new(async move {
            #[cfg(feature = "s3")]
            let (delay, result) = match request.object {
                Some(_) => serve_s3(&services, &request, http).await,
                None => serve(&services, &request),
            };
            #[cfg(not(feature = "s3"))]
            let (delay, result) = serve(&services, &request);
            match (delay, read_timeout) {
                (Some(delay), Some(limit)) if limit < delay => {
                    tokio::time::sleep(limit).await;
                    Err(timed_out())
                }
                (Some(delay), _) => {
                    tokio::time::sleep(delay).await;
                    result
                }
                (None, _) => result,
            }
        })
    }
}

/// Serves one request: what the client gets, and how much later.
fn serve(services: &Services, request: &Request) -> (Option<Duration>, Result<HttpResponse, ConnectorError>) {
    let subject = services.subject(request);
    let fault = services.faults.draw(&request.service, &request.operation);
    let delay = fault.as_ref().and_then(|fault| fault.delay);
    let answered = |answer: Answer| (answer.outcome(), Ok(answer.into_http(&request.service)));
    let (outcome, result) = match fault.map_or(Failure::None, |fault| fault.failure) {
        Failure::None => answered(services.answer(request, &subject, 0)),
        Failure::Unprocessed(entries) => answered(services.answer(request, &subject, entries)),
        Failure::Answer { status, code } => answered(injected(status, code.as_deref())),
        Failure::AnswerLost => {
            services.answer(request, &subject, 0);
            (Outcome::AnswerLost, Err(broken("connection closed before the answer")))
        }
        Failure::Reset => (Outcome::Reset, Err(broken("connection reset by peer"))),
        Failure::Timeout => (Outcome::Timeout, Err(timed_out())),
    };
    services.record(request, subject, outcome);
    (delay, result)
}

/// Serves one request to S3, whose body and answer are streams.
#[cfg(feature = "s3")]
async fn serve_s3(
    services: &Services,
    request: &Request,
    http: HttpRequest,
) -> (Option<Duration>, Result<HttpResponse, ConnectorError>) {
    let subject = services.subject(request);
    let fault = services.faults.draw(&request.service, &request.operation);
    let delay = fault.as_ref().and_then(|fault| fault.delay);
    let answered = |answer: Answer| (answer.outcome(), Ok(answer.into_http(&request.service)));
    let (outcome, result) = match fault.map_or(Failure::None, |fault| fault.failure) {
        Failure::Answer { status, code } => answered(injected(status, code.as_deref())),
        Failure::Reset => (Outcome::Reset, Err(broken("connection reset by peer"))),
        Failure::Timeout => (Outcome::Timeout, Err(timed_out())),
        failure => match services.refusal(request, &subject) {
            Some(refusal) => answered(refusal),
            None => {
                let head = http.method() == "HEAD";
                let mut result = services.s3.call(http).await;
                // What answers `HEAD` has no body, not even for an error.
                if let (true, Ok(response)) = (head, &mut result)
                    && !response.status().is_success()
                {
                    *response.body_mut() = SdkBody::empty();
                    response.headers_mut().remove("content-length");
                }
                if matches!(failure, Failure::AnswerLost) {
                    (Outcome::AnswerLost, Err(broken("connection closed before the answer")))
                } else {
                    (s3_outcome(&result), result)
                }
            }
        },
    };
    services.record(request, subject, outcome);
    (delay, result)
}

/// How the engine's answer looks in the call record. The code of an error is in its body, which is a stream.
#[cfg(feature = "s3")]
fn s3_outcome(result: &Result<HttpResponse, ConnectorError>) -> Outcome {
    match result {
        Ok(response) if response.status().is_success() => Outcome::Success,
        Ok(response) => Outcome::Error(response.status().as_u16().to_string()),
        Err(_) => Outcome::Reset,
    }
}

fn broken(message: &str) -> ConnectorError {
    ConnectorError::io(std::io::Error::new(std::io::ErrorKind::ConnectionReset, message).into())
}

fn timed_out() -> ConnectorError {
    ConnectorError::timeout("no answer within the read timeout".into())
}
