//! The life of a key: created, described, enabled and disabled, rotated, replicated, deleted.

use std::time::Duration;

use serde_json::{Value, json};

use super::key::{Key, KeyState, SYMMETRIC_DEFAULT, Spec, arn};
use super::params::Params;
use super::refusal::Refusal;
use super::state::{Place, State};
use crate::embedded::epoch_seconds;
use crate::random;

pub(crate) fn create_key(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let name = match params.optional_text("KeySpec")? {
        Some(name) => name,
        None => params.optional_text("CustomerMasterKeySpec")?.unwrap_or(SYMMETRIC_DEFAULT),
    };
    let spec = Spec::named(name)
        .ok_or_else(|| Refusal::unsupported(format!("KeySpec {name} is not part of the embedded KMS")))?;
    // The default usage is the one of a symmetric key, for any key.
    let usage = params.optional_text("KeyUsage")?.unwrap_or(Spec::Symmetric.usage());
    if usage != spec.usage() {
        return Err(Refusal::validation(format!("KeyUsage {usage} is not compatible with KeySpec {name}")));
    }
    if let Some(origin) = params.optional_text("Origin")?.filter(|origin| *origin != "AWS_KMS") {
        return Err(Refusal::unsupported(format!("Origin {origin} is not part of the embedded KMS")));
    }
    let multi_region = params.flag("MultiRegion");
    let id = match multi_region {
        true => format!("mrk-{}", random::hex(&random::uuid())),
        false => random::uuid_text(random::uuid()),
    };
    let key = Key {
        arn: arn(place.region, &format!("key/{id}")),
        spec,
        state: KeyState::Enabled,
        created: place.now,
        description: params.optional_text("Description")?.unwrap_or_default().to_owned(),
        primary: multi_region.then(|| place.region.to_owned()),
        rotation: false,
        id,
    };
    let metadata = key.metadata(place.region, &[]);
    state.add_material(&key.id, random::vec(spec.length()));
    state.insert(place.region, key);
    Ok(json!({ "KeyMetadata": metadata }))
}

pub(crate) fn describe_key(state: &State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let key = state.find(place, params.text("KeyId")?)?;
    Ok(json!({ "KeyMetadata": metadata(state, place.region, key) }))
}

pub(crate) fn list_keys(state: &State, place: Place<'_>) -> Value {
    let keys: Vec<_> = state.keys(place).map(|key| json!({ "KeyId": key.id, "KeyArn": key.arn })).collect();
    json!({ "Keys": keys, "Truncated": false })
}

pub(crate) fn set_enabled(
    state: &mut State,
    place: Place<'_>,
    params: &Params,
    enabled: bool,
) -> Result<Value, Refusal> {
    let key = state.find_mut(place, params.text("KeyId")?)?;
    key.check_not_pending()?;
    key.state = if enabled { KeyState::Enabled } else { KeyState::Disabled };
    Ok(json!({}))
}

pub(crate) fn schedule_deletion(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let days = params.number("PendingWindowInDays", 7..=30)?.unwrap_or(30);
    let key = state.find_mut(place, params.text("KeyId")?)?;
    key.check_not_pending()?;
    let date = place.now + Duration::from_secs(u64::try_from(days).unwrap_or_default() * DAY);
    key.state = KeyState::PendingDeletion(date);
    Ok(json!({
        "KeyId": key.arn,
        "DeletionDate": epoch_seconds(date),
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }))
}

/// The key is disabled afterwards, as with the service.
pub(crate) fn cancel_deletion(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let key = state.find_mut(place, params.text("KeyId")?)?;
    if !matches!(key.state, KeyState::PendingDeletion(_)) {
        return Err(Refusal::invalid_state(format!("{} is not pending deletion.", key.arn)));
    }
    key.state = KeyState::Disabled;
    Ok(json!({ "KeyId": key.arn }))
}

pub(crate) fn set_rotation(
    state: &mut State,
    place: Place<'_>,
    params: &Params,
    rotation: bool,
) -> Result<Value, Refusal> {
    let key = rotatable(state, place, params)?;
    key.rotation = rotation;
    Ok(json!({}))
}

pub(crate) fn rotation_status(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let key = state.find_mut(place, params.text("KeyId")?)?;
    Ok(json!({ "KeyId": key.arn, "KeyRotationEnabled": key.rotation }))
}

/// Adds key material. What was sealed with the older ones stays readable.
pub(crate) fn rotate(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let key = rotatable(state, place, params)?;
    if key.primary.as_ref().is_some_and(|primary| primary != place.region) {
        return Err(Refusal::unsupported(format!("{} is a replica; rotate its primary key.", key.arn)));
    }
    let (id, arn, length) = (key.id.clone(), key.arn.clone(), key.spec.length());
    state.add_material(&id, random::vec(length));
    Ok(json!({ "KeyId": arn }))
}

pub(crate) fn replicate(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let region = params.text("ReplicaRegion")?;
    let key = state.find_mut(place, params.text("KeyId")?)?.clone();
    key.check_enabled()?;
    if key.primary.as_deref() != Some(place.region) {
        return Err(Refusal::unsupported(format!("{} is not a multi-Region primary key.", key.arn)));
    }
    let replica_arn = arn(region, &format!("key/{}", key.id));
    if state.find(Place { region, now: place.now }, &key.id).is_ok() {
        return Err(Refusal::new("AlreadyExistsException", format!("{replica_arn} already exists.")));
    }
    let replica = Key {
        arn: replica_arn,
        description: params.optional_text("Description")?.unwrap_or_default().to_owned(),
        created: place.now,
        ..key
    };
    state.insert(region, replica.clone());
    Ok(json!({ "ReplicaKeyMetadata": metadata(state, region, &replica) }))
}

fn rotatable<'a>(state: &'a mut State, place: Place<'_>, params: &Params) -> Result<&'a mut Key, Refusal> {
    let key = state.find_mut(place, params.text("KeyId")?)?;
    key.check_enabled()?;
    if key.spec != Spec::Symmetric {
        return Err(Refusal::unsupported(format!("{} cannot be rotated.", key.arn)));
    }
    Ok(key)
}

fn metadata(state: &State, region: &str, key: &Key) -> Value {
    let replicas = key.primary.as_ref().map(|primary| state.replicas(&key.id, primary)).unwrap_or_default();
    key.metadata(region, &replicas)
}

const DAY: u64 = 24 * 60 * 60;
