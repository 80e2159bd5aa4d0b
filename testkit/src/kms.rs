//! KMS: an engine of our own, because the embeddable ones accept damaged ciphertexts or wrong keys.

mod administration;
mod alias;
mod blob;
mod context;
mod cryptography;
mod key;
mod mac;
mod params;
mod refusal;
mod state;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::request::{Access, Request, Subject};
use blob::Sealer;
use params::Params;
use refusal::Refusal;
use state::{Place, State};

/// The KMS of every region.
#[derive(Debug, Default)]
pub(crate) struct Kms {
    state: Mutex<State>,
    sealer: Sealer,
}

impl Kms {
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        match self.run(request) {
            Ok(answer) => Answer::success(answer.to_string()),
            Err(refusal) => refusal.into_answer(),
        }
    }

    /// What a request touches. Where it names no key that exists, there is no ARN to tell.
    pub(crate) fn subject(&self, request: &Request) -> Subject {
        let Ok(params) = Params::read(&request.body) else { return Subject::default() };
        let place = Place { region: &request.region, now: request.now };
        let state = self.lock();
        let access = |action: &str, key: Option<&str>, blob: &str, context: &str| {
            let named = key.and_then(|name| state.find(place, name).ok());
            let written = || {
                let blob = params.optional_bytes(blob).ok()??;
                let key_id = self.sealer.read(&blob).ok()?.key_id;
                state.find(place, &key_id).ok()
            };
            let key_found = if key.is_some() { named } else { written() };
            let mut names: Vec<String> = key.map(str::to_owned).into_iter().collect();
            names.extend(key_found.iter().flat_map(|key| state.names(place, key)));
            Access {
                action: action.to_owned(),
                resource: key_found.map(|key| key.arn.clone()),
                names,
                context: params.context(context).unwrap_or_default(),
            }
        };
        let text = |name| params.optional_text(name).ok().flatten();
        let (key_id, accesses) = match request.operation.as_str() {
            "ReEncrypt" => {
                let source = text("SourceKeyId");
                let from = access("ReEncryptFrom", source, "CiphertextBlob", "SourceEncryptionContext");
                let to = access("ReEncryptTo", text("DestinationKeyId"), "", "DestinationEncryptionContext");
                (source, vec![from, to])
            }
            operation => {
                let key = text("KeyId").or_else(|| text("TargetKeyId"));
                (key, vec![access(operation, key, "CiphertextBlob", "EncryptionContext")])
            }
        };
        let mut contexts = accesses.iter().map(|access| access.context.clone());
        Subject {
            key_id: key_id.map(str::to_owned),
            key_arn: accesses.first().and_then(|access| access.resource.clone()),
            context: contexts.next().unwrap_or_default(),
            destination_context: contexts.next().unwrap_or_default(),
            accesses,
            ..Subject::default()
        }
    }

    /// Creates a symmetric key with an alias; gives its ARN.
    pub(crate) fn create_key(&self, region: &str, alias: &str, now: SystemTime) -> Result<String, Refusal> {
        let place = Place { region, now };
        let state = &mut *self.lock();
        // The alias first: a refused one must not leave a key behind.
        alias::check_new(state, place, alias)?;
        let created = administration::create_key(state, place, &Params::from(json!({})))?;
        let arn = created.pointer("/KeyMetadata/Arn").and_then(Value::as_str).unwrap_or_default().to_owned();
        alias::create(state, place, &Params::from(json!({ "AliasName": alias, "TargetKeyId": arn })))?;
        Ok(arn)
    }

    fn run(&self, request: &Request) -> Result<Value, Refusal> {
        let params = &Params::read(&request.body)?;
        if params.is_present("Recipient") {
            // To ignore it would hand out a plaintext that the caller wanted sealed for an enclave.
            return Err(Refusal::unsupported("`Recipient` is not part of the embedded KMS"));
        }
        let place = Place { region: &request.region, now: request.now };
        let state = &mut *self.lock();
        let sealer = &self.sealer;
        match request.operation.as_str() {
            "CreateKey" => administration::create_key(state, place, params),
            "DescribeKey" => administration::describe_key(state, place, params),
            "ListKeys" => Ok(administration::list_keys(state, place)),
            "EnableKey" => administration::set_enabled(state, place, params, true),
            "DisableKey" => administration::set_enabled(state, place, params, false),
            "ScheduleKeyDeletion" => administration::schedule_deletion(state, place, params),
            "CancelKeyDeletion" => administration::cancel_deletion(state, place, params),
            "EnableKeyRotation" => administration::set_rotation(state, place, params, true),
            "DisableKeyRotation" => administration::set_rotation(state, place, params, false),
            "GetKeyRotationStatus" => administration::rotation_status(state, place, params),
            "RotateKeyOnDemand" => administration::rotate(state, place, params),
            "ReplicateKey" => administration::replicate(state, place, params),
            "CreateAlias" => alias::create(state, place, params),
            "UpdateAlias" => alias::update(state, place, params),
            "DeleteAlias" => alias::delete(state, place, params),
            "ListAliases" => alias::list(state, place, params),
            "Encrypt" => cryptography::encrypt(state, sealer, place, params),
            "Decrypt" => cryptography::decrypt(state, sealer, place, params),
            "ReEncrypt" => cryptography::re_encrypt(state, sealer, place, params),
            "GenerateDataKey" => cryptography::generate_data_key(state, sealer, place, params, true),
            "GenerateDataKeyWithoutPlaintext" => cryptography::generate_data_key(state, sealer, place, params, false),
            "GenerateRandom" => cryptography::generate_random(params),
            "GenerateMac" => mac::generate(state, place, params),
            "VerifyMac" => mac::verify(state, place, params),
            other => {
                Err(Refusal::new("UnknownOperationException", format!("`{other}` is not part of the embedded KMS")))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
