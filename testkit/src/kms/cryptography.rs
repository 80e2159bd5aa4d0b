//! Encrypting and decrypting under a key, and making data keys and random bytes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::blob::Sealer;
use super::key::{ENCRYPT_DECRYPT, Key, SYMMETRIC_DEFAULT};
use super::params::{Params, base64};
use super::refusal::Refusal;
use super::state::{Place, State};
use crate::random;

pub(crate) fn encrypt(state: &State, sealer: &Sealer, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let plaintext = params.bytes("Plaintext", 1..=4096)?;
    let context = params.context("EncryptionContext")?;
    let key = usable(state, place, params.text("KeyId")?, "Encrypt")?;
    check_algorithm(params, "EncryptionAlgorithm")?;
    let blob = seal(state, sealer, key, &context, &plaintext)?;
    finish(
        params,
        json!({
            "KeyId": key.arn,
            "CiphertextBlob": base64(&blob),
            "EncryptionAlgorithm": SYMMETRIC_DEFAULT,
        }),
    )
}

pub(crate) fn decrypt(state: &State, sealer: &Sealer, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let blob = params.bytes("CiphertextBlob", 1..=6144)?;
    let context = params.context("EncryptionContext")?;
    check_algorithm(params, "EncryptionAlgorithm")?;
    let (key, plaintext) = open(state, sealer, place, params.optional_text("KeyId")?, &blob, &context, "Decrypt")?;
    finish(
        params,
        json!({
            "KeyId": key.arn,
            "Plaintext": base64(&plaintext),
            "EncryptionAlgorithm": SYMMETRIC_DEFAULT,
        }),
    )
}

pub(crate) fn re_encrypt(state: &State, sealer: &Sealer, place: Place<'_>, params: &Params) -> Result<Value, Refusal> {
    let blob = params.bytes("CiphertextBlob", 1..=6144)?;
    let from_context = params.context("SourceEncryptionContext")?;
    let to_context = params.context("DestinationEncryptionContext")?;
    check_algorithm(params, "SourceEncryptionAlgorithm")?;
    check_algorithm(params, "DestinationEncryptionAlgorithm")?;
    let to = usable(state, place, params.text("DestinationKeyId")?, "ReEncryptTo")?;
    let source = params.optional_text("SourceKeyId")?;
    let (from, plaintext) = open(state, sealer, place, source, &blob, &from_context, "ReEncryptFrom")?;
    let blob = seal(state, sealer, to, &to_context, &plaintext)?;
    finish(
        params,
        json!({
            "CiphertextBlob": base64(&blob),
            "SourceKeyId": from.arn,
            "KeyId": to.arn,
            "SourceEncryptionAlgorithm": SYMMETRIC_DEFAULT,
            "DestinationEncryptionAlgorithm": SYMMETRIC_DEFAULT,
        }),
    )
}

pub(crate) fn generate_data_key(
    state: &State,
    sealer: &Sealer,
    place: Place<'_>,
    params: &Params,
    with_plaintext: bool,
) -> Result<Value, Refusal> {
    let context = params.context("EncryptionContext")?;
    let bytes = params.number("NumberOfBytes", 1..=1024)?;
    let length = match (params.optional_text("KeySpec")?, bytes) {
        (Some("AES_256"), None) => 32,
        (Some("AES_128"), None) => 16,
        (None, Some(bytes)) => usize::try_from(bytes).unwrap_or_default(),
        (Some(spec), None) => {
            let constraint = "Member must satisfy enum value set: [AES_256, AES_128]";
            return Err(Refusal::constraint(&format!("'{spec}'"), "KeySpec", constraint));
        }
        _ => return Err(Refusal::validation("Please specify either number of bytes or key spec.")),
    };
    let operation = if with_plaintext { "GenerateDataKey" } else { "GenerateDataKeyWithoutPlaintext" };
    let key = usable(state, place, params.text("KeyId")?, operation)?;
    let plaintext = random::vec(length);
    let blob = seal(state, sealer, key, &context, &plaintext)?;
    let mut answer = json!({ "KeyId": key.arn, "CiphertextBlob": base64(&blob) });
    if let (Some(fields), true) = (answer.as_object_mut(), with_plaintext) {
        fields.insert("Plaintext".to_owned(), base64(&plaintext));
    }
    finish(params, answer)
}

pub(crate) fn generate_random(params: &Params) -> Result<Value, Refusal> {
    let bytes =
        params.number("NumberOfBytes", 1..=1024)?.ok_or_else(|| Refusal::validation("NumberOfBytes is required."))?;
    Ok(json!({ "Plaintext": base64(&random::vec(usize::try_from(bytes).unwrap_or_default())) }))
}

/// The answer, unless it was only asked whether there would be one.
pub(crate) fn finish(params: &Params, answer: Value) -> Result<Value, Refusal> {
    if params.flag("DryRun") { Err(Refusal::dry_run()) } else { Ok(answer) }
}

fn usable<'a>(state: &'a State, place: Place<'_>, name: &str, operation: &str) -> Result<&'a Key, Refusal> {
    let key = state.find(place, name)?;
    key.check_usable(ENCRYPT_DECRYPT, operation)?;
    Ok(key)
}

fn seal(
    state: &State,
    sealer: &Sealer,
    key: &Key,
    context: &BTreeMap<String, String>,
    plaintext: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let (version, material) = state
        .current_material(&key.id)
        .ok_or_else(|| Refusal::new("KMSInternalException", "the key has no material"))?;
    sealer.seal(&key.id, version, material, context, plaintext)
}

/// Opens a blob with the key it names, which must be the key the caller names, if it names one.
fn open<'a>(
    state: &'a State,
    sealer: &Sealer,
    place: Place<'_>,
    name: Option<&str>,
    blob: &[u8],
    context: &BTreeMap<String, String>,
    operation: &str,
) -> Result<(&'a Key, Vec<u8>), Refusal> {
    let named = name.map(|name| usable(state, place, name, operation)).transpose()?;
    let blob = sealer.read(blob)?;
    let key = match named {
        Some(key) if key.id == blob.key_id => key,
        Some(_) => {
            return Err(Refusal::new(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation.",
            ));
        }
        // The service does not tell a key of another region from one the caller may not use.
        None => state.find(place, &blob.key_id).map_err(|_| {
            Refusal::new(
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, \
                 or you are not allowed to access.",
            )
        })?,
    };
    key.check_usable(ENCRYPT_DECRYPT, operation)?;
    let material = state.material(&key.id, blob.version).ok_or_else(Refusal::invalid_ciphertext)?;
    Ok((key, blob.open(material, context)?))
}

/// Symmetric keys know one algorithm.
fn check_algorithm(params: &Params, member: &str) -> Result<(), Refusal> {
    match params.optional_text(member)? {
        None | Some(SYMMETRIC_DEFAULT) => Ok(()),
        Some(other) => Err(Refusal::invalid_usage(format!("Algorithm {other} is not valid for a symmetric key."))),
    }
}
