//! What a table must be like to hold the records of a resource, and the request that creates it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, SseSpecification, SseType,
    StreamSpecification, StreamViewType, Tag,
};
use privet_core::protector::{Protector, Resource};
use privet_core::schema::Protect;
use privet_core::{Classification, ErrorKind};
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::search::{BeaconIndex, beacon_indexes};

mod difference;
mod ensure;
mod index;
mod key_type;
mod tags;

pub use difference::TableDifference;
pub use ensure::{EnsuredTable, ensure_table};
pub use index::{IndexDefinition, IndexProjection};
pub use tags::Tenancy;

/// What the table of a resource must be like.
///
/// Billed by request, encrypted under a KMS key of the customer's, with point-in-time recovery, protected against
/// deletion, and tagged with what it holds; without stream and indexes unless they are asked for.
///
/// ```
/// # use privet_core::{Protector, Result};
/// # use privet_core::schema::Protect;
/// # use privet_dynamodb::{Error, TableDefinition, ensure_table};
/// # use aws_sdk_dynamodb::types::StreamViewType;
/// # async fn example<Customer: Protect + serde::de::DeserializeOwned + 'static>(
/// #     privet: Protector, dynamodb: aws_sdk_dynamodb::Client,
/// # ) -> Result<(), Error> {
/// const TABLE_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
///
/// let definition = TableDefinition::of_model::<Customer>(&privet, TABLE_KEY)?
///     .stream(StreamViewType::NewAndOldImages)
///     .tag("team", "billing");
/// let ensured = ensure_table(&dynamodb, &definition).await?;
/// for difference in &ensured.differences {
///     println!("{difference}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Security
///
/// DynamoDB's own encryption under `kms_key` is a second lock in front of what privet seals: who may not use that key reads
/// nothing of the table, public attributes included. It may be another key than the one that wraps data keys.
#[derive(Clone, Debug)]
pub struct TableDefinition {
    table: String,
    key: Vec<KeyAttribute>,
    indexes: Vec<IndexDefinition>,
    /// Top-level attributes that are sealed: no index can be on them.
    sealed: Vec<String>,
    kms_key: Option<String>,
    stream: Option<StreamViewType>,
    recovery: bool,
    deletion_protection: bool,
    tags: BTreeMap<String, String>,
    patience: Duration,
}

impl TableDefinition {
    /// The table of a model's resource, with the indexes of its beacons. The types of its key attributes are those that serde reads the model's key fields
    /// as.
    ///
    /// # Errors
    ///
    /// `Config` if the model names no resource or key, contradicts the policy, or has a key field whose type serde does not
    /// tell: then use [`of_resource`](Self::of_resource); or if `kms_key` is not the ARN of a key.
    pub fn of_model<T: Protect + DeserializeOwned + 'static>(
        privet: &Protector,
        kms_key: impl Into<String>,
    ) -> Result<Self> {
        let resource = privet.model::<T>()?;
        let types = T::schema().key.iter().map(|&name| {
            key_type::of_field::<T>(name).ok_or_else(|| {
                config(format!(
                    "the key field `{name}` of `{}` does not say whether it is text, a number or bytes: use \
                     `TableDefinition::of_resource` and say it",
                    T::schema().name
                ))
            })
        });
        let mut definition = Self::of_resource(&resource, &types.collect::<Result<Vec<_>>>()?, kms_key)?;
        definition.set_classes(resource.plan().inventory().into_iter().flat_map(|entry| entry.classes));
        Ok(definition)
    }

    /// The table of a resource, with the indexes of its beacons, and with the types of its key attributes, partition key first.
    ///
    /// # Errors
    ///
    /// `Config` if the resource has no key, another number of key attributes than there are types, or `kms_key` is not the
    /// ARN of a key.
    pub fn of_resource(
        resource: &Resource,
        key_types: &[ScalarAttributeType],
        kms_key: impl Into<String>,
    ) -> Result<Self> {
        let names = resource.key();
        if names.is_empty() || names.len() > 2 || names.len() != key_types.len() {
            return Err(config(format!(
                "the key of `{}` is [{}], and {} types were given: a table has one or two key attributes, each with a type",
                resource.name(),
                names.join(", "),
                key_types.len()
            )));
        }
        let kms_key = kms_key.into();
        if !is_key_arn(&kms_key) {
            return Err(config(
                "the table's KMS key must be the ARN of a key, `arn:aws:kms:<region>:<account>:key/<id>`: DynamoDB reports \
                 nothing else, so that nothing else could be compared",
            ));
        }
        let inventory = resource.plan().inventory();
        let sealed = inventory.iter().filter(|entry| entry.at_rest == "encrypt").map(|entry| entry.path.clone());
        let mut definition = Self {
            table: resource.table().to_owned(),
            key: names.iter().zip(key_types).map(|(name, kind)| KeyAttribute::new(name, kind.clone())).collect(),
            indexes: beacon_indexes(resource).into_iter().map(of_beacons).collect(),
            sealed: sealed.collect(),
            kms_key: Some(kms_key),
            stream: None,
            recovery: true,
            deletion_protection: true,
            tags: tags::of_resource(resource, &inventory),
            patience: PATIENCE,
        };
        // Without a model, any name may come, and with it any class.
        definition.set_classes(Classification::ALL);
        Ok(definition)
    }

    /// A global secondary index.
    #[must_use]
    pub fn index(mut self, index: IndexDefinition) -> Self {
        self.indexes.push(index);
        self
    }

    /// Several global secondary indexes.
    #[must_use]
    pub fn indexes(mut self, indexes: impl IntoIterator<Item = IndexDefinition>) -> Self {
        self.indexes.extend(indexes);
        self
    }

    /// A stream of changes. Its images are sealed as the table's items are.
    #[must_use]
    pub fn stream(mut self, images: StreamViewType) -> Self {
        self.stream = Some(images);
        self
    }

    /// A tag beside those that say what the table holds (`privet:...`).
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }

    /// How tenants share the table, as a tag.
    #[must_use]
    pub fn tenancy(mut self, tenancy: Tenancy) -> Self {
        self.tags.insert(tags::TENANCY.to_owned(), tenancy.as_str().to_owned());
        self
    }

    /// Leaves DynamoDB's own encryption to the key `aws/dynamodb`, which AWS manages: for tables whose customer has no key.
    #[must_use]
    pub fn with_aws_managed_key(mut self) -> Self {
        self.kms_key = None;
        self
    }

    /// Leaves out point-in-time recovery: for tables that can be made again.
    #[must_use]
    pub fn without_recovery(mut self) -> Self {
        self.recovery = false;
        self
    }

    /// Leaves out deletion protection: for tables of tests.
    #[must_use]
    pub fn without_deletion_protection(mut self) -> Self {
        self.deletion_protection = false;
        self
    }

    /// How long [`ensure_table`] waits for a table. Default: three minutes.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The physical name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The request that creates the table, for whoever wants to change or look at it. Point-in-time recovery takes a
    /// request of its own: [`ensure_table`] makes both.
    ///
    /// # Errors
    ///
    /// `Config` if an index is on a sealed attribute, two indexes have one name, or an attribute has two types.
    pub fn create_table(&self, client: &Client) -> Result<CreateTableFluentBuilder> {
        let mut request = client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(self.deletion_protection)
            .set_key_schema(Some(key_schema(&self.key)?))
            .sse_specification(
                SseSpecification::builder()
                    .enabled(true)
                    .sse_type(SseType::Kms)
                    .set_kms_master_key_id(self.kms_key.clone())
                    .build(),
            );
        for (name, kind) in self.attribute_types()? {
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind.clone()).build();
            request = request.attribute_definitions(attribute.map_err(unbuilt)?);
        }
        for index in &self.indexes {
            request = request.global_secondary_indexes(index.build()?);
        }
        if let Some(images) = &self.stream {
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(images.clone());
            request = request.stream_specification(stream.build().map_err(unbuilt)?);
        }
        for (name, value) in &self.tags {
            request = request.tags(Tag::builder().key(name).value(value).build().map_err(unbuilt)?);
        }
        Ok(request)
    }

    /// Every attribute of the table's key and its indexes, once.
    fn attribute_types(&self) -> Result<BTreeMap<&str, &ScalarAttributeType>> {
        let mut types = BTreeMap::new();
        let mut names = Vec::new();
        for index in &self.indexes {
            if names.contains(&index.name()) {
                return Err(config(format!("two indexes are called `{}`", index.name())));
            }
            names.push(index.name());
            if let Some(sealed) = index.key().find(|attribute| self.sealed.contains(&attribute.name)) {
                return Err(config(format!(
                    "the index `{}` is on `{}`, which is sealed: no two sealed values are alike. Put the index on its beacon",
                    index.name(),
                    sealed.name
                )));
            }
        }
        for attribute in self.key.iter().chain(self.indexes.iter().flat_map(IndexDefinition::key)) {
            match types.insert(attribute.name.as_str(), &attribute.kind) {
                Some(other) if *other != attribute.kind => {
                    return Err(config(format!(
                        "the attribute `{}` is of type `{other}` in one key and `{}` in another",
                        attribute.name, attribute.kind
                    )));
                }
                _ => {}
            }
        }
        Ok(types)
    }

    fn set_classes(&mut self, classes: impl IntoIterator<Item = Classification>) {
        self.tags.insert(tags::CLASSES.to_owned(), tags::of_classes(classes));
    }
}

/// An attribute of a key, and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    /// The attribute's name.
    pub name: String,
    /// `S`, `N` or `B`.
    pub kind: ScalarAttributeType,
}

impl KeyAttribute {
    /// An attribute of this type.
    pub fn new(name: impl Into<String>, kind: ScalarAttributeType) -> Self {
        Self { name: name.into(), kind }
    }
}

impl fmt::Display for KeyAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.kind)
    }
}

/// The elements of a key schema, partition key first.
/// Whole items: a record with record integrity opens only whole.
fn of_beacons(index: BeaconIndex) -> IndexDefinition {
    let text = |name: String| KeyAttribute::new(name, ScalarAttributeType::S);
    let definition = IndexDefinition::new(index.name, text(index.partition));
    match index.sort {
        Some(sort) => definition.sort(text(sort)),
        None => definition,
    }
}

fn key_schema<'a>(key: impl IntoIterator<Item = &'a KeyAttribute>) -> Result<Vec<KeySchemaElement>> {
    let elements = key.into_iter().zip([KeyType::Hash, KeyType::Range]).map(|(attribute, role)| {
        KeySchemaElement::builder().attribute_name(&attribute.name).key_type(role).build().map_err(unbuilt)
    });
    elements.collect()
}

fn is_key_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let (prefix, partition, service) = (parts.next(), parts.next(), parts.next());
    let (region, account, resource) = (parts.next(), parts.next(), parts.next());
    let is_named = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
    let is_key = resource.and_then(|resource| resource.strip_prefix("key/")).is_some_and(|id| !id.is_empty());
    (prefix, service) == (Some("arn"), Some("kms")) && [partition, region, account].into_iter().all(is_named) && is_key
}

fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

fn unbuilt(_: impl std::error::Error) -> Error {
    config("the definition of the table has an attribute, index or tag without a name")
}

/// A new table takes seconds, one with indexes a little longer.
const PATIENCE: Duration = Duration::from_secs(180);
