//! How a table that exists differs from what it should be.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndexDescription, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TableDescription,
};

use super::{IndexDefinition, IndexProjection, KeyAttribute, TableDefinition};

/// One way in which a table differs from its definition. `Display` says it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableDifference {
    /// It has other key attributes: it can only be replaced.
    Key {
        /// What the definition says.
        wanted: Vec<KeyAttribute>,
        /// What the table has.
        found: Vec<KeyAttribute>,
    },
    /// It is billed by provisioned capacity.
    Billing,
    /// DynamoDB encrypts it under another key.
    Encryption {
        /// The ARN of the key that the definition names; `None` for the one that AWS manages.
        wanted: Option<String>,
        /// The ARN of the key that is used; `None` for the one that DynamoDB owns.
        found: Option<String>,
    },
    /// Point-in-time recovery is off.
    Recovery,
    /// Its stream carries other images, or there is one too many or too few.
    Stream {
        /// The images that the definition names; `None` for no stream.
        wanted: Option<String>,
        /// The images that the stream carries; `None` if there is no stream.
        found: Option<String>,
    },
    /// It is not protected against deletion.
    DeletionProtection,
    /// A tag is missing or says something else.
    Tag {
        /// Its name.
        name: String,
        /// What the definition says.
        wanted: String,
        /// What the table's tag says, if it has one.
        found: Option<String>,
    },
    /// It lacks an index.
    IndexMissing {
        /// The name of the index.
        name: String,
    },
    /// An index has another key or holds something else.
    Index {
        /// The name of the index.
        name: String,
    },
    /// It has an index that the definition does not know.
    IndexUnknown {
        /// The name of the index.
        name: String,
    },
}

impl TableDifference {
    /// Whether it takes another table: keys cannot be changed.
    #[must_use]
    pub fn needs_another_table(&self) -> bool {
        matches!(self, Self::Key { .. })
    }
}

impl fmt::Display for TableDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &Option<String>, none: &str| text.as_ref().map_or(none.to_owned(), |text| format!("`{text}`"));
        match self {
            Self::Key { wanted, found } => {
                write!(f, "the key is {}, and should be {}: it takes another table", key(found), key(wanted))
            }
            Self::Billing => f.write_str("it is billed by provisioned capacity, and should be by request"),
            Self::Encryption { wanted, found } => write!(
                f,
                "DynamoDB encrypts it under {}, and should under {}",
                or(found, "a key that DynamoDB owns"),
                or(wanted, "the key `aws/dynamodb`")
            ),
            Self::Recovery => f.write_str("point-in-time recovery is off"),
            Self::Stream { wanted, found } => {
                write!(f, "its stream is {}, and should be {}", or(found, "off"), or(wanted, "off"))
            }
            Self::DeletionProtection => f.write_str("it is not protected against deletion"),
            Self::Tag { name, wanted, found } => {
                write!(f, "the tag `{name}` is {}, and should be `{wanted}`", or(found, "missing"))
            }
            Self::IndexMissing { name } => write!(f, "the index `{name}` is missing"),
            Self::Index { name } => write!(f, "the index `{name}` has another key or holds other attributes"),
            Self::IndexUnknown { name } => write!(f, "the index `{name}` is in no definition"),
        }
    }
}

/// What is to be known of a table to compare it.
pub(super) struct Found<'a> {
    pub(super) table: &'a TableDescription,
    pub(super) recovery: bool,
    pub(super) tags: &'a BTreeMap<String, String>,
}

impl TableDefinition {
    /// Every way in which the table differs.
    pub(super) fn differences_of(&self, found: &Found<'_>) -> Vec<TableDifference> {
        let mut differences = Vec::new();
        self.key_and_settings(found, &mut differences);
        self.stream_and_tags(found, &mut differences);
        self.index_differences(found.table, &mut differences);
        differences
    }

    fn key_and_settings(&self, found: &Found<'_>, differences: &mut Vec<TableDifference>) {
        let Found { table, recovery, .. } = *found;
        let key = key_of(table.key_schema(), table.attribute_definitions());
        if key != self.key {
            differences.push(TableDifference::Key { wanted: self.key.clone(), found: key });
        }
        let by_request = table
            .billing_mode_summary()
            .is_some_and(|summary| summary.billing_mode() == Some(&BillingMode::PayPerRequest));
        if !by_request {
            differences.push(TableDifference::Billing);
        }
        let key_in_use = table.sse_description().map(|sse| sse.kms_master_key_arn().map(str::to_owned));
        let is_right = match (&self.kms_key, &key_in_use) {
            (Some(wanted), Some(Some(found))) => wanted == found,
            (Some(_), _) | (None, None) => false,
            // Whichever key it is, it is one of KMS.
            (None, Some(_)) => true,
        };
        if !is_right {
            differences.push(TableDifference::Encryption { wanted: self.kms_key.clone(), found: key_in_use.flatten() });
        }
        if self.recovery && !recovery {
            differences.push(TableDifference::Recovery);
        }
        if self.deletion_protection && table.deletion_protection_enabled() != Some(true) {
            differences.push(TableDifference::DeletionProtection);
        }
    }

    fn stream_and_tags(&self, found: &Found<'_>, differences: &mut Vec<TableDifference>) {
        let stream = found.table.stream_specification().filter(|stream| stream.stream_enabled());
        let images = stream.and_then(|stream| stream.stream_view_type());
        if images != self.stream.as_ref() {
            let name = |images: &aws_sdk_dynamodb::types::StreamViewType| images.as_str().to_owned();
            differences
                .push(TableDifference::Stream { wanted: self.stream.as_ref().map(name), found: images.map(name) });
        }
        for (name, wanted) in &self.tags {
            let found = found.tags.get(name);
            if found != Some(wanted) {
                let (name, wanted, found) = (name.clone(), wanted.clone(), found.cloned());
                differences.push(TableDifference::Tag { name, wanted, found });
            }
        }
    }

    fn index_differences(&self, table: &TableDescription, differences: &mut Vec<TableDifference>) {
        let indexes = table.global_secondary_indexes();
        let attributes = table.attribute_definitions();
        for wanted in &self.indexes {
            let name = wanted.name().to_owned();
            match indexes.iter().find(|index| index.index_name() == Some(wanted.name())) {
                None => differences.push(TableDifference::IndexMissing { name }),
                Some(found) if !is_alike(wanted, found, attributes) => {
                    differences.push(TableDifference::Index { name });
                }
                Some(_) => {}
            }
        }
        for name in indexes.iter().filter_map(GlobalSecondaryIndexDescription::index_name) {
            if !self.indexes.iter().any(|index| index.name() == name) {
                differences.push(TableDifference::IndexUnknown { name: name.to_owned() });
            }
        }
    }
}

fn is_alike(
    wanted: &IndexDefinition,
    found: &GlobalSecondaryIndexDescription,
    attributes: &[AttributeDefinition],
) -> bool {
    let key = key_of(found.key_schema(), attributes);
    wanted.key().eq(&key) && found.projection().is_some_and(|projection| holds(wanted.held(), projection))
}

fn holds(wanted: &IndexProjection, found: &Projection) -> bool {
    match (wanted, found.projection_type()) {
        (IndexProjection::All, Some(ProjectionType::All)) | (IndexProjection::Keys, Some(ProjectionType::KeysOnly)) => {
            true
        }
        (IndexProjection::Attributes(names), Some(ProjectionType::Include)) => {
            let sorted = |names: &[String]| names.iter().cloned().collect::<std::collections::BTreeSet<_>>();
            sorted(names) == sorted(found.non_key_attributes())
        }
        _ => false,
    }
}

/// The attributes of a key schema with their types, partition key first.
fn key_of(schema: &[KeySchemaElement], attributes: &[AttributeDefinition]) -> Vec<KeyAttribute> {
    let in_role = |role: KeyType| schema.iter().filter(move |element| *element.key_type() == role);
    let with_type = |element: &KeySchemaElement| {
        let name = element.attribute_name();
        let definition = attributes.iter().find(|definition| definition.attribute_name() == name);
        // DynamoDB always names the type.
        let kind = definition.map_or(ScalarAttributeType::from("?"), |definition| definition.attribute_type().clone());
        KeyAttribute::new(name, kind)
    };
    in_role(KeyType::Hash).chain(in_role(KeyType::Range)).map(with_type).collect()
}

fn key(attributes: &[KeyAttribute]) -> String {
    attributes.iter().map(KeyAttribute::to_string).collect::<Vec<_>>().join(", ")
}
