//! Message authentication codes under an HMAC key.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::cryptography::finish;
use super::key::{GENERATE_VERIFY_MAC, Hash, Key, Spec};
use super::params::{Params, base64};
use super::refusal::Refusal;
use super::state::{Place, State};

pub(crate) fn generate(state: &State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let message = params.bytes("Message", 1..=4096)?;
    let (key, algorithm, secret) = usable(state, place, params, "GenerateMac")?;
    let mac = hmac::sign(&secret, &message);
    finish(params, json!({ "KeyId": key.arn, "MacAlgorithm": algorithm, "Mac": base64(mac.as_ref()) }))
}

pub(crate) fn verify(state: &State, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let message = params.bytes("Message", 1..=4096)?;
    let mac = params.bytes("Mac", 1..=6144)?;
    let (key, algorithm, secret) = usable(state, place, params, "VerifyMac")?;
    hmac::verify(&secret, &message, &mac)
        .map_err(|_| Refusal::new("KMSInvalidMacException", "The MAC is not valid for the message."))?;
    finish(params, json!({ "KeyId": key.arn, "MacAlgorithm": algorithm, "MacValid": true }))
}

fn usable<'a>(
    state: &'a State,
    place: Place<'_>,
    params: &'a Params,
    operation: &str,
) -> Result<(&'a Key, &'a str, hmac::Key), Refusal> {
    let algorithm = params.text("MacAlgorithm")?;
    let key = state.find(place, params.text("KeyId")?)?;
    key.check_usable(GENERATE_VERIFY_MAC, operation)?;
    let hash = match key.spec {
        Spec::Hmac(hash) if hash.algorithm() == algorithm => hash,
        _ => {
            let message = format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec.name());
            return Err(Refusal::invalid_usage(message));
        }
    };
    let (_, material) = state
        .current_material(&key.id)
        .ok_or_else(|| Refusal::new("KMSInternalException", "the key has no material"))?;
    let hash = match hash {
        Hash::Sha224 => hmac::HMAC_SHA224,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    Ok((key, algorithm, hmac::Key::new(hash, material)))
}
