//! Walks what serde really writes along the schema: a name that serde writes and the schema does not know is a failure.

use std::collections::BTreeMap;

use privet::__private::{ClassifiedSpec, FieldRule, FieldSpec, Schema, Shape, Tagging, VariantContent, VariantSpec};
use privet::Protect;
use serde::Serialize;
use serde_json::Value;

/// The class of each path of the value as serialised, as `path: class`.
pub(crate) fn classes<T: Protect + Serialize>(value: &T) -> Vec<String> {
    let mut out = Vec::new();
    schema(T::schema(), &serde_json::to_value(value).unwrap(), "", &mut out);
    out.sort();
    out
}

/// The paths and classes of the data inventory, as `path: class`.
pub(crate) fn inventory<T: Protect>() -> Vec<String> {
    T::schema().inventory().iter().map(|entry| format!("{}: {}", entry.path, entry.class)).collect()
}

fn schema(known: &Schema, value: &Value, path: &str, out: &mut Vec<String>) {
    match (&known.shape, value) {
        (Shape::Value(spec), _) => class(spec, path, out),
        (_, Value::Null) => {}
        (Shape::Same(inner), _) => schema(inner(), value, path, out),
        (Shape::Struct(fields), Value::Object(members)) => {
            struct_members(fields, members.iter().collect(), path, out);
        }
        (Shape::Tuple(fields), Value::Array(values)) => tuple(fields, values, path, out),
        (Shape::List(inner), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                schema(inner(), value, &format!("{path}[{index}]"), out);
            }
        }
        (Shape::Map(inner), Value::Object(members)) => {
            for (name, value) in members {
                schema(inner(), value, &join(path, name), out);
            }
        }
        (Shape::Enum(tagging, variants), value) => variant(*tagging, variants, value, path, out),
        (shape, value) => panic!("`{path}`: serde wrote {value}, the schema says {shape:?}"),
    }
}

fn variant(tagging: Tagging, variants: &[VariantSpec], value: &Value, path: &str, out: &mut Vec<String>) {
    let find = |name: &str| {
        let found = variants.iter().find(|variant| variant.name == name);
        &found.unwrap_or_else(|| panic!("`{path}`: serde wrote the variant {name}")).content
    };
    match (tagging, value) {
        (Tagging::External, Value::String(name)) => assert!(matches!(find(name), VariantContent::Unit)),
        (Tagging::External, Value::Object(members)) => {
            let (name, value) = members.iter().next().unwrap();
            content(find(name), value, &join(path, name), out);
        }
        (Tagging::Internal { tag }, Value::Object(members)) => {
            let found = find(members[tag].as_str().unwrap());
            let others = members.iter().filter(|(name, _)| *name != tag).collect();
            match found {
                VariantContent::Unit => {}
                VariantContent::Struct(fields) => struct_members(fields, others, path, out),
                VariantContent::Newtype(field) => {
                    assert!(field.flatten);
                    struct_members(std::slice::from_ref(field), others, path, out);
                }
                VariantContent::Tuple(_) => panic!("serde refuses tuples beside an internal tag"),
            }
        }
        (Tagging::Adjacent { tag, content: name }, Value::Object(members)) => {
            let found = find(members[tag].as_str().unwrap());
            match members.get(name) {
                Some(value) => content(found, value, &join(path, name), out),
                None => assert!(matches!(found, VariantContent::Unit)),
            }
        }
        (_, value) => panic!("`{path}`: serde wrote {value}, the schema says {tagging:?}"),
    }
}

fn content(known: &VariantContent, value: &Value, path: &str, out: &mut Vec<String>) {
    match (known, value) {
        (VariantContent::Newtype(field), value) => rule(field, value, path, out),
        (VariantContent::Tuple(fields), Value::Array(values)) => tuple(fields, values, path, out),
        (VariantContent::Struct(fields), Value::Object(members)) => {
            struct_members(fields, members.iter().collect(), path, out);
        }
        (known, value) => panic!("`{path}`: serde wrote {value}, the schema says {known:?}"),
    }
}

fn tuple(fields: &[FieldSpec], values: &[Value], path: &str, out: &mut Vec<String>) {
    assert_eq!(fields.len(), values.len(), "{path}");
    for (index, (field, value)) in fields.iter().zip(values).enumerate() {
        assert_eq!(field.name, index.to_string());
        rule(field, value, &join(path, field.name), out);
    }
}

fn struct_members(fields: &[FieldSpec], mut members: BTreeMap<&String, &Value>, path: &str, out: &mut Vec<String>) {
    for field in fields.iter().filter(|field| !field.flatten) {
        if let Some(value) = members.remove(&field.name.to_owned()) {
            rule(field, value, &join(path, field.name), out);
        }
    }
    for field in fields.iter().filter(|field| field.flatten) {
        match &field.rule {
            FieldRule::Nested(inner) => flattened(inner(), &mut members, path, out),
            FieldRule::Classified(spec) => {
                for name in std::mem::take(&mut members).keys() {
                    class(spec, &join(path, name), out);
                }
            }
        }
    }
    assert!(members.is_empty(), "`{path}`: serde wrote {members:?}, which the schema does not know");
}

fn flattened(known: &Schema, members: &mut BTreeMap<&String, &Value>, path: &str, out: &mut Vec<String>) {
    match &known.shape {
        Shape::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            let own: BTreeMap<_, _> = members.extract_if(.., |name, _| names.contains(&name.as_str())).collect();
            struct_members(fields, own, path, out);
        }
        Shape::Same(inner) => flattened(inner(), members, path, out),
        shape => panic!("`{path}`: {shape:?} is not walked when flattened"),
    }
}

fn rule(field: &FieldSpec, value: &Value, path: &str, out: &mut Vec<String>) {
    match &field.rule {
        FieldRule::Classified(spec) => class(spec, path, out),
        FieldRule::Nested(inner) => schema(inner(), value, path, out),
    }
}

fn class(spec: &ClassifiedSpec, path: &str, out: &mut Vec<String>) {
    out.push(format!("{path}: {}", spec.class));
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
