//! DeleteItem.

use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemOutput};
use privet_core::protector::Protector;

use super::{Scope, SendProtected};
use crate::check;
use crate::error::{Error, Result};
use crate::expression::{Placeholders, Writer};

impl SendProtected for DeleteItemFluentBuilder {
    type Output = DeleteItemOutput;

    async fn send_protected(mut self, privet: &Protector) -> Result<DeleteItemOutput> {
        let scope = Scope::new(privet);
        let resource = scope.resource(self.get_table_name().as_deref())?;
        check::legacy(&resource, "Expected", check::expected(self.get_expected().as_ref()))?;
        if let Some(text) = self.get_condition_expression() {
            let placeholders = Placeholders::new(
                self.get_expression_attribute_names().as_ref(),
                self.get_expression_attribute_values().as_ref(),
            );
            let checked = check::condition(&resource, text, &placeholders)?;
            if checked.changed {
                placeholders.check_all_used()?;
                let mut writer = Writer::default();
                self = self.condition_expression(writer.condition(checked.condition));
                let (names, values) = writer.into_placeholders();
                self = self.set_expression_attribute_names(names).set_expression_attribute_values(values);
            }
        }
        let mut output = match self.send().await {
            Ok(output) => output,
            Err(error) => {
                let item = match error.as_service_error() {
                    Some(DeleteItemError::ConditionalCheckFailedException(failed)) => failed.item.clone(),
                    _ => None,
                };
                let item = scope.open_some(&resource, item).await?;
                return Err(Error::from_sdk("DeleteItem", &error).with_item(item));
            }
        };
        output.attributes = scope.open_some(&resource, output.attributes.take()).await?;
        Ok(output)
    }
}
