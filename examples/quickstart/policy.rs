//! The policy, and the table that the records go to if the policy does not name it.

use privet::Policy;

use crate::Result;
use crate::args::Args;

/// Reads the policy. An application needs one line of this, `Policy::from_file(path)`: it names its tables in there.
pub(crate) fn load(args: &Args) -> Result<Policy> {
    let (policy, text) = match &args.policy {
        Some(file) => (Policy::from_file(file)?, std::fs::read_to_string(file)?),
        None => (Policy::from_toml(BUNDLED)?, BUNDLED.to_owned()),
    };
    let resource = args.resource();
    let Some(named) = policy.resource(&resource) else {
        let key = args.key.as_deref().unwrap_or("id");
        // JSON writes text as TOML does.
        let (name, attribute) = (serde_json::to_string(&resource)?, serde_json::to_string(key)?);
        let named = format!("{text}\n[resources.{name}]\ntable = \"records\"\nkey = [{attribute}]\n");
        return Ok(Policy::from_toml(&named).map_err(|error| format!("the key `{key}`: {error}"))?);
    };
    match named.key.as_slice() {
        [key] if args.key.as_ref().is_none_or(|wanted| wanted == key) => Ok(policy),
        [key] => Err(format!("the policy says that the key of `{resource}` is `{key}`: leave out `--key`").into()),
        _ => Err(format!("the quickstart needs one key: write `key = [\"id\"]` under `[resources.{resource}]`").into()),
    }
}

const BUNDLED: &str = include_str!("../data/policy.toml");
