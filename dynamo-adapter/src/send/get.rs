//! GetItem.

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use privet_core::protector::Protector;

use super::{Reading, Scope, SendProtected};
use crate::check;
use crate::error::{Error, Result};
use crate::expression::Placeholders;

impl SendProtected for GetItemFluentBuilder {
    type Output = GetItemOutput;

    async fn send_protected(mut self, privet: &Protector) -> Result<GetItemOutput> {
        let scope = Scope::new(privet);
        let resource = scope.resource(self.get_table_name().as_deref())?;
        check::no_legacy("AttributesToGet", self.get_attributes_to_get().is_some(), "ProjectionExpression")?;
        let placeholders = Placeholders::new(self.get_expression_attribute_names().as_ref(), None);
        let mut reading = Reading::new(&resource, self.get_projection_expression().as_deref(), &[], &placeholders)?;
        if let Some(anew) = reading.anew.take() {
            self = self.set_projection_expression(anew.projection).set_expression_attribute_names(anew.names);
        }
        let mut output = self.send().await.map_err(|error| Error::from_sdk("GetItem", &error))?;
        if let Some(stored) = output.item.take() {
            output.item = Some(reading.open(&scope, &resource, stored).await?);
        }
        Ok(output)
    }
}
