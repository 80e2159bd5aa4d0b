//! The SDK's own builders, sealed on the way in and opened on the way out.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::ErrorKind;
use privet_core::protector::{Protector, Resource};
use privet_core::value::Map;

use crate::convert::{from_item, to_item};
use crate::error::{Error, Result};
use crate::size::{check_size, item_size};

/// `.send()` becomes `.send_protected(&privet)`.
///
/// The protector must know the table: register the model of its records with
/// [`ProtectorBuilder::model`](privet_core::protector::ProtectorBuilder::model), or name the table under `[resources]`
/// in the policy.
pub trait SendProtected {
    /// What the call answers, with its items opened.
    type Output;

    /// Sends the request with its items sealed.
    ///
    /// # Errors
    ///
    /// `Config` if the protector does not know the table; `Unsupported` if the request asks for what sealed items cannot
    /// give; `Input` if the sealed item is too large; the protector's and DynamoDB's errors.
    fn send_protected(self, privet: &Protector) -> impl Future<Output = Result<Self::Output>> + Send;
}

impl SendProtected for PutItemFluentBuilder {
    type Output = PutItemOutput;

    async fn send_protected(self, privet: &Protector) -> Result<PutItemOutput> {
        let resource = resource(privet, self.get_table_name().as_deref())?;
        let record = from_item(self.get_item().clone().unwrap_or_default())?;
        let sealed = seal(privet, &resource, record).await?;
        let mut output =
            self.set_item(Some(to_item(sealed))).send().await.map_err(|error| Error::from_sdk("PutItem", &error))?;
        if let Some(old) = output.attributes.take() {
            output.attributes = Some(open_item(privet, &resource, old).await?);
        }
        Ok(output)
    }
}

impl SendProtected for GetItemFluentBuilder {
    type Output = GetItemOutput;

    async fn send_protected(self, privet: &Protector) -> Result<GetItemOutput> {
        let resource = resource(privet, self.get_table_name().as_deref())?;
        if self.get_projection_expression().is_some() || self.get_attributes_to_get().is_some() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a projection leaves out what is needed to open the item: read the whole item and take what you need",
            ));
        }
        let mut output = self.send().await.map_err(|error| Error::from_sdk("GetItem", &error))?;
        if let Some(stored) = output.item.take() {
            output.item = Some(open_item(privet, &resource, stored).await?);
        }
        Ok(output)
    }
}

/// Seals a record, and refuses it if it has become too large for an item.
pub(crate) async fn seal(privet: &Protector, resource: &Resource, record: Map) -> Result<Map> {
    let clear = item_size(&record);
    let sealed = privet.protect_record(resource, record).await?;
    check_size(clear, &sealed)?;
    Ok(sealed)
}

async fn open_item(
    privet: &Protector,
    resource: &Resource,
    stored: HashMap<String, AttributeValue>,
) -> Result<HashMap<String, AttributeValue>> {
    Ok(to_item(privet.unprotect_record(resource, from_item(stored)?).await?.complete()?))
}

pub(crate) fn resource(privet: &Protector, table: Option<&str>) -> Result<Arc<Resource>> {
    let table = table.unwrap_or_default();
    // A table may be named by its ARN: `arn:aws:dynamodb:<region>:<account>:table/<name>`.
    let name = table.rsplit_once(":table/").map_or(table, |(_, name)| name);
    let resource = privet.resource_of_table(name).ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format!(
                "no resource is known for the table `{name}`: register its model with `.model::<T>()`, or name it under \
                 `[resources]` in the policy"
            ),
        )
    })?;
    // Without a key, an item would be bound to its table only, and open in the place of any other.
    if resource.key().is_empty() {
        let message =
            format!("the key of `{}` is not known: say it in the model or under `[resources]`", resource.name());
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(resource)
}
