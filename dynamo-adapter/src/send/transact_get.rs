//! TransactGetItems.

use aws_sdk_dynamodb::operation::transact_get_items::builders::TransactGetItemsFluentBuilder;
use aws_sdk_dynamodb::operation::transact_get_items::{TransactGetItemsError, TransactGetItemsOutput};
use privet_core::protector::Protector;

use super::{Reading, Scope, SendProtected};
use crate::error::{CancellationReason, Error, Result};
use crate::expression::Placeholders;

impl SendProtected for TransactGetItemsFluentBuilder {
    type Output = TransactGetItemsOutput;

    async fn send_protected(self, privet: &Protector) -> Result<TransactGetItemsOutput> {
        let scope = Scope::new(privet);
        let mut items = self.get_transact_items().clone().unwrap_or_default();
        let mut readings = Vec::with_capacity(items.len());
        for item in &mut items {
            let Some(get) = &mut item.get else { continue };
            let resource = scope.resource(Some(&get.table_name))?;
            let placeholders = Placeholders::new(get.expression_attribute_names.as_ref(), None);
            let mut reading = Reading::new(&resource, get.projection_expression.as_deref(), &[], &placeholders)?;
            if let Some(anew) = reading.anew.take() {
                get.projection_expression = anew.projection;
                get.expression_attribute_names = anew.names;
            }
            readings.push((resource, reading));
        }
        let sent = self.set_transact_items(Some(items)).send().await;
        let mut output = sent.map_err(|error| {
            let known = Error::from_sdk("TransactGetItems", &error);
            match error.as_service_error() {
                Some(TransactGetItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons().iter();
                    let reasons = reasons.map(|reason| CancellationReason {
                        code: reason.code.clone().filter(|code| code != "None"),
                        item: None,
                    });
                    known.with_reasons(reasons.collect())
                }
                _ => known,
            }
        })?;
        for (response, (resource, reading)) in output.responses.iter_mut().flatten().zip(&readings) {
            if let Some(stored) = response.item.take() {
                response.item = Some(reading.open_one(&scope, resource, stored).await?);
            }
        }
        Ok(output)
    }
}
