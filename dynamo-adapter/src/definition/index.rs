//! The global secondary indexes of a table.

use aws_sdk_dynamodb::types::{GlobalSecondaryIndex, Projection, ProjectionType};

use super::{KeyAttribute, key_schema, unbuilt};
use crate::error::Result;

/// A global secondary index: on clear attributes, such as beacons.
///
/// ```
/// use aws_sdk_dynamodb::types::ScalarAttributeType;
/// use privet_dynamodb::{IndexDefinition, KeyAttribute};
///
/// let by_status = IndexDefinition::new("by-status", KeyAttribute::new("status", ScalarAttributeType::S))
///     .sort(KeyAttribute::new("created_at", ScalarAttributeType::S));
/// assert_eq!(by_status.name(), "by-status");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    name: String,
    partition: KeyAttribute,
    sort: Option<KeyAttribute>,
    projection: IndexProjection,
}

impl IndexDefinition {
    /// An index by this attribute that holds whole items.
    pub fn new(name: impl Into<String>, partition: KeyAttribute) -> Self {
        Self { name: name.into(), partition, sort: None, projection: IndexProjection::All }
    }

    /// Sorts items of one partition by this attribute.
    #[must_use]
    pub fn sort(mut self, attribute: KeyAttribute) -> Self {
        self.sort = Some(attribute);
        self
    }

    /// What of an item the index holds.
    #[must_use]
    pub fn projection(mut self, projection: IndexProjection) -> Self {
        self.projection = projection;
        self
    }

    /// The name of the index.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its key attributes, partition key first.
    pub fn key(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    /// What of an item it holds.
    pub(super) fn held(&self) -> &IndexProjection {
        &self.projection
    }

    pub(super) fn build(&self) -> Result<GlobalSecondaryIndex> {
        let projection = Projection::builder();
        let projection = match &self.projection {
            IndexProjection::All => projection.projection_type(ProjectionType::All),
            IndexProjection::Keys => projection.projection_type(ProjectionType::KeysOnly),
            IndexProjection::Attributes(names) => {
                projection.projection_type(ProjectionType::Include).set_non_key_attributes(Some(names.clone()))
            }
        };
        GlobalSecondaryIndex::builder()
            .index_name(&self.name)
            .set_key_schema(Some(key_schema(self.key())?))
            .projection(projection.build())
            .build()
            .map_err(unbuilt)
    }
}

/// What of an item an index holds.
///
/// A record with record integrity opens only whole: what an index with less gives is the key, to get the record by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexProjection {
    /// All of it.
    All,
    /// The keys of table and index.
    Keys,
    /// The keys and these attributes.
    Attributes(Vec<String>),
}
