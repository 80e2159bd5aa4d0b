//! Events in, views out: `GET /orders/{id}` shows an order, `POST /orders` stores a new one.

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
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
        let Some(principal) = principal(&event) else { return response(401, &json!({"error": "who are you?"})) };
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
                let Ok(order) = serde_json::from_str::<Order>(event.body.as_deref().unwrap_or_default()) else {
                    return Ok((400, json!({"error": "the body is no order"})));
                };
                self.table.put_new(&order).await?;
                // Even who has just sent it is shown no more of it than the role may see.
                Ok((201, self.privet.view(&order, principal).await?.into_json()))
            }
            _ => Ok((404, json!({"error": "there is no such route"}))),
        }
    }
}

fn principal(event: &ApiGatewayV2httpRequest) -> Option<Principal> {
    let context = event.request_context.authorizer.as_ref()?.fields.clone();
    Principal::from_authorizer(&Json::Object(context.into_iter().collect())).ok()
}

fn response(status: i64, body: &Json) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = status;
    response.body = Some(Body::Text(body.to_string()));
    response.headers.insert("content-type", aws_lambda_events::http::HeaderValue::from_static("application/json"));
    response
}
