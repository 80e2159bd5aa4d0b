//! The policy, and the table that the records go to if the policy does not name it.

use privet::Policy;
use privet::policy::Resource;

use crate::Result;
use crate::args::Args;

/// Reads the policy. An application needs one line of this, `Policy::from_file(path)`: it names its tables in there.
pub(crate) fn load(args: &Args) -> Result<Policy> {
    let policy = match &args.policy {
        Some(file) => Policy::from_file(file)?,
        None => Policy::from_toml(BUNDLED)?,
    };
    let resource = args.resource();
    let Some(named) = policy.resource(&resource) else {
        let mut records = Resource::new(resource, [args.key.as_deref().unwrap_or("id")]);
        records.table = "records".to_owned();
        return Ok(policy.with_resource(records)?);
    };
    match named.key.as_slice() {
        [key] if args.key.as_ref().is_none_or(|wanted| wanted == key) => Ok(policy),
        [key] => Err(format!("the policy says that the key of `{resource}` is `{key}`: leave out `--key`").into()),
        _ => Err(format!("the quickstart needs one key: write `key = [\"id\"]` under `[resources.{resource}]`").into()),
    }
}

const BUNDLED: &str = include_str!("../data/policy.toml");
