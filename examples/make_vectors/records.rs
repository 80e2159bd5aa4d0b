//! The good records: what is sealed, how, and with which keyring.

use std::error::Error;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use privet::keyring::DataKeyRequest;
use privet::record::{Form, Integrity, Layout, RecordContext, SectionKey, seal, to_json};
use privet::value::{Map, Path, Step, Value, from_dynamodb_json, to_dynamodb_json};
use privet::{Classification, EncryptionContext};
use serde_json::{Value as Json, json};

use super::keys::Keys;

mod cases;

pub(super) use cases::all;

/// A record in clear and how it is sealed.
pub(super) struct Record {
    pub(super) name: &'static str,
    keyring: &'static str,
    /// Keyrings that read what `keyring` wrote.
    readers: &'static [&'static str],
    resource: &'static str,
    tenant: &'static str,
    application: Json,
    version: Option<u64>,
    /// Classes with a section but without a sealed value.
    idle: Vec<Classification>,
    layout: Layout,
    /// An attribute that others write after the record was sealed.
    later: Option<(&'static str, Json)>,
    /// `[[steps, class], ...]`
    sealed: Json,
    /// DynamoDB JSON, or a document.
    content: Json,
}

impl Record {
    fn item(name: &'static str, content: Json, sealed: Json) -> Self {
        Self {
            name,
            keyring: "raw-256",
            readers: &[],
            resource: "customers",
            tenant: "",
            application: json!({}),
            version: None,
            idle: Vec::new(),
            layout: Layout::item(["id"]),
            later: None,
            sealed,
            content,
        }
    }

    fn document(name: &'static str, content: Json, sealed: Json) -> Self {
        Self { layout: Layout::json(["id"]), ..Self::item(name, content, sealed) }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn field_integrity(self) -> Self {
        self.with(|record| record.layout.integrity = Integrity::Field)
    }

    fn keyring(self, keyring: &'static str, readers: &'static [&'static str]) -> Self {
        self.with(|record| (record.keyring, record.readers) = (keyring, readers))
    }

    fn key<const N: usize>(self, key: [&str; N]) -> Self {
        self.with(|record| record.layout.key = key.map(str::to_owned).to_vec())
    }

    /// The vector: this record sealed with new keys, salt and nonces.
    pub(super) async fn seal(&self, keys: &Keys) -> Result<Json, Box<dyn Error>> {
        let clear = self.clear()?;
        let sealings = self.sealings()?;
        let mut vector = self.describe();
        let mut classes: Vec<_> = sealings.iter().map(|(_, class)| *class).chain(self.idle.clone()).collect();
        if classes.is_empty() {
            classes.push(Classification::Public);
        }
        classes.sort_unstable();
        classes.dedup();
        let keyring = keys.keyring(self.keyring)?;
        let mut data_keys = Vec::new();
        for class in classes {
            let request = DataKeyRequest::new(encryption_context(&vector, class));
            data_keys.push((class, keyring.generate_data_key(&request).await?));
        }
        let sections: Vec<SectionKey<'_>> = data_keys
            .iter()
            .map(|(class, key)| SectionKey { class: *class, data_key: &key.secret, edks: &key.edks })
            .collect();
        let context = RecordContext::new(self.resource, self.tenant, &clear, &self.layout.key)?;
        let stored = seal(clear, &sealings, &sections, self.version, &self.layout, &context)?;
        let (place, stored) = match self.layout.form {
            Form::Item => ("item", to_dynamodb_json(&stored)),
            Form::Json => ("document", Json::Object(to_json(stored)?)),
        };
        set(&mut vector, place, stored);
        if let Some((name, value)) = &self.later {
            set(&mut vector[place], name, value.clone());
            set(&mut vector["expected"], name, value.clone());
        }
        Ok(vector)
    }

    /// The same vector for each other keyring that must be able to read it.
    pub(super) fn others_read(&self, vector: &Json) -> Vec<Json> {
        let other = |reader: &&str| {
            let mut vector = vector.clone();
            set(&mut vector, "name", json!(format!("{}-read-with-{reader}", self.name)));
            set(&mut vector, "keyring", json!(reader));
            vector
        };
        self.readers.iter().map(other).collect()
    }

    fn clear(&self) -> Result<Map, Box<dyn Error>> {
        let Json::Object(content) = self.content.clone() else { return Err("the content is no object".into()) };
        Ok(match self.layout.form {
            Form::Item => from_dynamodb_json(content)?,
            Form::Json => content.into_iter().map(|(name, json)| (name, Value::from(json))).collect(),
        })
    }

    fn sealings(&self) -> Result<Vec<(Path, Classification)>, Box<dyn Error>> {
        let pairs: Vec<(Vec<Json>, String)> = serde_json::from_value(self.sealed.clone())?;
        let mut sealings = Vec::new();
        for (steps, class) in pairs {
            let step = |step: Json| match (step.as_str(), step.as_u64()) {
                (Some(name), _) => Ok(Step::Key(name.to_owned())),
                (_, Some(index)) => Ok(Step::Index(u32::try_from(index)?)),
                _ => Err("a step is a name or an index".into()),
            };
            let steps = steps.into_iter().map(step).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
            sealings.push((Path::from(steps), class.parse().map_err(|_| "no such class")?));
        }
        Ok(sealings)
    }

    /// The vector without what is stored.
    fn describe(&self) -> Json {
        json!({
            "name": self.name,
            "form": if self.layout.form == Form::Json { "json" } else { "item" },
            "keyring": self.keyring,
            "integrity": self.layout.integrity == Integrity::Record,
            "version": self.version,
            "sealed": self.sealed,
            "resource": self.resource,
            "tenant": self.tenant,
            "key_attributes": self.layout.key,
            "application_context": self.application,
            "unsigned": self.layout.unsigned,
            "header_name": self.layout.header,
            "expected": self.content,
        })
    }
}

/// The pairs that a data key of this class of this vector is wrapped with.
pub(super) fn encryption_context(vector: &Json, class: Classification) -> EncryptionContext {
    let mut context = EncryptionContext::new().with("privet:class", class.as_str());
    if let Some(tenant) = vector["tenant"].as_str().filter(|tenant| !tenant.is_empty()) {
        context = context.with("privet:tenant", tenant);
    }
    let pairs = vector["application_context"].as_object().into_iter().flatten();
    pairs.fold(context, |context, (name, value)| context.with(name, value.as_str().unwrap_or_default()))
}

/// The stored header of a vector.
pub(super) fn header_bytes(vector: &Json) -> Result<Vec<u8>, Box<dyn Error>> {
    let name = vector["header_name"].as_str().ok_or("no header name")?;
    if vector["form"] == "json" {
        let text = vector["document"][name].as_str().ok_or("no header in the document")?;
        return Ok(BASE64_URL_SAFE_NO_PAD.decode(text)?);
    }
    Ok(BASE64_STANDARD.decode(vector["item"][name]["B"].as_str().ok_or("no header in the item")?)?)
}

pub(super) fn set(object: &mut Json, name: &str, value: Json) {
    if let Json::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}
