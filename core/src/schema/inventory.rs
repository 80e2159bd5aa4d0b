//! The data inventory of a model: every path it can have, with class, categories, mask and action at rest.

use serde::Serialize;

use super::{ClassifiedSpec, FieldRule, FieldSpec, Schema, SchemaFn, Shape, Tagging, VariantContent};
use crate::classification::Classification;

/// One line of the data inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InventoryEntry {
    /// Where the field is: names joined by dots, `[]` for any element of a list, `*` for any key of a map.
    pub path: String,
    /// Its class.
    pub class: Classification,
    /// Its category tags.
    pub categories: Vec<&'static str>,
    /// The mask of a partial disclosure, if the model names one.
    pub mask: Option<&'static str>,
    /// Whether it can be searched for by equality.
    pub searchable: bool,
    /// Whether it may hold names that the model does not know.
    #[serde(skip)]
    pub holds_names: bool,
    /// Whether the field is part of the record's key.
    pub key: bool,
    /// What happens to it at rest when no policy says otherwise: `encrypt` or `sign`.
    pub at_rest: &'static str,
}

impl Schema {
    /// The data inventory: one entry for each classified path. A type that contains itself is listed once.
    #[must_use]
    pub fn inventory(&self) -> Vec<InventoryEntry> {
        let mut walk = Walk { entries: Vec::new(), open: Vec::new(), key: self.key };
        walk.schema(self, "");
        walk.entries
    }
}

struct Walk {
    entries: Vec<InventoryEntry>,
    open: Vec<*const Schema>,
    key: &'static [&'static str],
}

impl Walk {
    fn schema(&mut self, schema: &Schema, path: &str) {
        if self.open.iter().any(|open| std::ptr::eq(*open, schema)) {
            return;
        }
        self.open.push(schema);
        match &schema.shape {
            Shape::Struct(fields) => self.fields(fields, path),
            Shape::Tuple(fields) => self.fields(fields, path),
            Shape::Same(inner) => self.behind(*inner, path),
            Shape::Value(spec) => self.value(spec, path.to_owned()),
            Shape::List(inner) => self.behind(*inner, &format!("{path}[]")),
            Shape::Map(inner) => self.behind(*inner, &join(path, "*")),
            Shape::Enum(tagging, variants) => {
                for variant in *variants {
                    let path = match tagging {
                        Tagging::External => join(path, variant.name),
                        Tagging::Internal { .. } => path.to_owned(),
                        Tagging::Adjacent { content, .. } => join(path, content),
                    };
                    match &variant.content {
                        VariantContent::Unit => {}
                        VariantContent::Newtype(field) if field.flatten => {
                            self.fields(std::slice::from_ref(field), &path);
                        }
                        VariantContent::Newtype(field) => self.rule(field, path),
                        VariantContent::Tuple(fields) | VariantContent::Struct(fields) => self.fields(fields, &path),
                    }
                }
            }
        }
        self.open.pop();
    }

    fn behind(&mut self, inner: SchemaFn, path: &str) {
        self.schema(inner(), path);
    }

    fn fields(&mut self, fields: &[FieldSpec], path: &str) {
        for field in fields {
            let path = match (&field.rule, field.flatten) {
                (FieldRule::Nested(_), true) => path.to_owned(),
                (FieldRule::Classified(_), true) => join(path, "*"),
                (_, false) => join(path, field.name),
            };
            self.rule(field, path);
        }
    }

    fn rule(&mut self, field: &FieldSpec, path: String) {
        match &field.rule {
            FieldRule::Nested(inner) => self.behind(*inner, &path),
            FieldRule::Classified(spec) => self.value(spec, path),
        }
    }

    fn value(&mut self, spec: &ClassifiedSpec, path: String) {
        self.entries.push(InventoryEntry {
            key: self.key.contains(&path.as_str()),
            path,
            class: spec.class,
            categories: spec.categories.to_vec(),
            mask: spec.mask,
            searchable: spec.searchable,
            holds_names: spec.holds_names,
            at_rest: if spec.class == Classification::Public { "sign" } else { "encrypt" },
        });
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
