//! Which resource a table holds, and what every operation does with whole items.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::ErrorKind;
use privet_core::protector::{Protector, Resource};
use privet_core::value::Map;

use crate::convert::{from_item, to_item};
use crate::error::{Error, Item, Result};
use crate::size::{check_size, item_size};

/// The protector of a request, and the resources of typed tables, which it need not have been told of.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) privet: &'a Protector,
    pub(crate) own: Vec<Arc<Resource>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(privet: &'a Protector) -> Self {
        Self { privet, own: Vec::new() }
    }

    pub(crate) fn of(privet: &'a Protector, resource: &Arc<Resource>) -> Self {
        Self { privet, own: vec![Arc::clone(resource)] }
    }

    /// The resource whose records the table holds.
    pub(crate) fn resource(&self, table: Option<&str>) -> Result<Arc<Resource>> {
        let table = table.unwrap_or_default();
        // A table may be named by its ARN: `arn:aws:dynamodb:<region>:<account>:table/<name>`.
        let name = table.rsplit_once(":table/").map_or(table, |(_, name)| name);
        let own = self.own.iter().find(|resource| resource.table() == name).cloned();
        let resource = own.or_else(|| self.privet.resource_of_table(name)).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!(
                    "no resource is known for the table `{name}`: register its model with `.model::<T>()`, or name it \
                     under `[resources]` in the policy"
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

    /// The item opened as a whole.
    pub(crate) async fn open(&self, resource: &Resource, stored: Item) -> Result<Map> {
        Ok(self.privet.unprotect_record(resource, from_item(stored)?).await?.complete()?)
    }

    pub(crate) async fn open_item(&self, resource: &Resource, stored: Item) -> Result<Item> {
        Ok(to_item(self.open(resource, stored).await?))
    }

    pub(crate) async fn open_some(&self, resource: &Resource, stored: Option<Item>) -> Result<Option<Item>> {
        match stored {
            Some(stored) => Ok(Some(self.open_item(resource, stored).await?)),
            None => Ok(None),
        }
    }
}

/// Seals a record as the one after that with this header, and refuses it if it has become too large for an item.
pub(crate) async fn seal(
    privet: &Protector,
    resource: &Resource,
    record: Map,
    header: Option<&[u8]>,
) -> Result<HashMap<String, AttributeValue>> {
    let clear = item_size(&record);
    let sealed = privet.protect_next(resource, record, header).await?;
    check_size(clear, &sealed)?;
    Ok(to_item(sealed))
}
