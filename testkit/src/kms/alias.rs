//! Aliases: names for keys.

use serde_json::{Value, json};

use super::key::arn;
use super::params::Params;
use super::refusal::Refusal;
use super::state::{Place, State};

pub(crate) fn create(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let alias = params.text("AliasName")?;
    check_new(state, place, alias)?;
    let id = target(state, place, params)?;
    state.set_alias(place, alias, id);
    Ok(json!({}))
}

pub(crate) fn update(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let alias = params.text("AliasName")?;
    if !exists(state, place, alias) {
        return Err(unknown(place, alias));
    }
    let id = target(state, place, params)?;
    state.set_alias(place, alias, id);
    Ok(json!({}))
}

pub(crate) fn delete(state: &mut State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let alias = params.text("AliasName")?;
    match state.remove_alias(place, alias) {
        true => Ok(json!({})),
        false => Err(unknown(place, alias)),
    }
}

pub(crate) fn list(state: &State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let of_key = match params.optional_text("KeyId")? {
        Some(name) => Some(state.find(place, name)?.id.as_str()),
        None => None,
    };
    let aliases: Vec<_> = state
        .aliases(place)
        .filter(|(_, id)| of_key.is_none_or(|wanted| wanted == *id))
        .map(|(alias, id)| json!({ "AliasName": alias, "AliasArn": arn(place.region, alias), "TargetKeyId": id }))
        .collect();
    Ok(json!({ "Aliases": aliases, "Truncated": false }))
}

/// Fails unless an alias of this name can be made.
pub(crate) fn check_new(state: &State, place: Place<'_>, alias: &str) -> Result<(), Refusal> {
    let name = alias.strip_prefix("alias/").unwrap_or_default();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ':' | '/' | '_' | '-');
    if name.is_empty() || name.len() > 250 || !name.chars().all(allowed) {
        return Err(Refusal::validation("Invalid identifier"));
    }
    if name.starts_with("aws/") {
        return Err(Refusal::new("InvalidAliasNameException", "The prefix alias/aws/ is reserved"));
    }
    if exists(state, place, alias) {
        let message = format!("An alias with the name {} already exists", arn(place.region, alias));
        return Err(Refusal::new("AlreadyExistsException", message));
    }
    Ok(())
}

fn target(state: &mut State, place: Place<'_>, params: &Params) -> Result<String, Refusal> {
    let key = state.find_mut(place, params.text("TargetKeyId")?)?;
    key.check_not_pending()?;
    Ok(key.id.clone())
}

fn exists(state: &State, place: Place<'_>, alias: &str) -> bool {
    state.aliases(place).any(|(name, _)| name == alias)
}

fn unknown(place: Place<'_>, alias: &str) -> Refusal {
    Refusal::not_found(format!("Alias {} is not found.", arn(place.region, alias)))
}
