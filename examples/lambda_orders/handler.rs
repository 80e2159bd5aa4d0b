//! Events in, views out: `GET /orders/{id}` shows an order, `POST /orders` stores a new one.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use privet::dynamodb::{Error, Table};
use privet::{ErrorKind, Principal, Protector};
use serde_json::{Value as Json, json};

use crate::model::Order;

pub(crate) struct Orders {
    privet: Protector,
    table: Table<Order>,
}

impl Orders {
    pub(crate) fn new(privet: Protector, table: Table<Order>) -> Self {
        Self { privet, table: table.consistent() }
    }

    pub(crate) async fn answer(&self, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
        // Who asks is what the authorizer has verified, and nothing that the caller sent.
        let principal = match principal(&event) {
            Ok(principal) => principal,
            Err(error) => {
                tracing::warn!(%error, "not authorized");
                return response(401, &json!({"error": "who are you?"}));
            }
        };
        match self.serve(event, &principal).await {
            Ok((status, body)) => response(status, &body),
            Err(error) => {
                tracing::error!(kind = %error.kind(), retryable = error.is_retryable(), %error, "not served");
                let status = match error.kind() {
                    ErrorKind::Input => 400,
                    ErrorKind::Conflict => 409,
                    ErrorKind::Throttled | ErrorKind::KeyUnavailable => 503,
                    _ => 500,
                };
                response(status, &json!({"error": error.kind().to_string()}))
            }
        }
    }

    async fn serve(&self, event: ApiGatewayV2httpRequest, principal: &Principal) -> Result<(i64, Json), Error> {
        match (event.route_key.as_deref(), event.path_parameters.get("id")) {
            (Some("GET /orders/{id}"), Some(id)) => match self.table.get_as(id, principal).await? {
                Some(order) => Ok((200, order.into_json())),
                None => Ok((404, json!({"error": "there is no such order"}))),
            },
            (Some("POST /orders"), _) => {
                let order = match body(event).map(|body| serde_json::from_slice::<Order>(&body)) {
                    Some(Ok(order)) => order,
                    Some(Err(error)) => {
                        // Where, and not what: the message may have a part of the order in it.
                        tracing::warn!(line = error.line(), column = error.column(), "the body is no order");
                        return Ok((400, json!({"error": "the body is no order"})));
                    }
                    None => return Ok((400, json!({"error": "the body is no base64"}))),
                };
                self.table.put_new(&order).await?;
                // Even who has just sent it is shown no more of it than the role may see.
                Ok((201, self.privet.view(&order, principal).await?.into_json()))
            }
            // Events of REST APIs and of payload format 1.0 have none.
            (route, _) => {
                tracing::warn!(route, "there is no such route");
                Ok((404, json!({"error": "there is no such route"})))
            }
        }
    }
}

fn principal(event: &ApiGatewayV2httpRequest) -> privet::Result<Principal> {
    let context = event.request_context.authorizer.as_ref().map(|authorizer| authorizer.fields.clone());
    Principal::from_authorizer(&Json::Object(context.unwrap_or_default().into_iter().collect()))
}

/// API Gateway encodes what it does not take for text.
fn body(event: ApiGatewayV2httpRequest) -> Option<Vec<u8>> {
    let body = event.body.unwrap_or_default();
    if event.is_base64_encoded { BASE64_STANDARD.decode(body).ok() } else { Some(body.into_bytes()) }
}

fn response(status: i64, body: &Json) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response.body = Some(Body::Text(body.to_string()));
    response.headers.insert("content-type", aws_lambda_events::http::HeaderValue::from_static("application/json"));
    response
}
