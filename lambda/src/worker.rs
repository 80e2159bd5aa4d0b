//! The worker behind the handlers: a job over a table, made of settings and the SDK's clients.

use privet_bulk::{Job, Limits, Reprotect, Result};
use privet_core::audit::TracingSink;
use privet_core::keyring::{KmsKeyring, MultiKeyring};
use privet_core::{Policy, Protector};
use privet_dynamodb::bulk::{TableCheckpoints, TableStore};

use crate::Settings;

/// A job that moves a table from one KMS key to another.
///
/// # Errors
///
/// `Config` if keys, policy or resource are wrong.
pub fn table_job(
    settings: &Settings,
    kms: &aws_sdk_kms::Client,
    dynamodb: &aws_sdk_dynamodb::Client,
) -> Result<Job<TableStore, Reprotect>> {
    let key = |arn: &str| KmsKeyring::new(kms.clone(), arn);
    let from = MultiKeyring::new(key(&settings.old_key)?).with_reader(key(&settings.new_key)?);
    let from = protector(settings, from, &settings.old_policy)?;
    let to = protector(settings, MultiKeyring::new(key(&settings.new_key)?), &settings.new_policy)?;
    let resource = to.resource(&settings.resource)?;
    let store = TableStore::new(dynamodb.clone(), &resource)?.segments(settings.segments);
    let job = Job::builder(&settings.job, store, Reprotect::new(from, to, &settings.resource)?)
        .checkpoints(TableCheckpoints::new(dynamodb.clone(), &settings.checkpoints))
        .limits(Limits { write_units: settings.write_units, ..Limits::default() });
    match settings.max_poison {
        Some(records) => job.max_poison(records),
        None => job,
    }
    .build()
}

fn protector(settings: &Settings, keyring: MultiKeyring, policy: &Policy) -> Result<Protector> {
    let builder = Protector::builder().policy(policy.clone()).keyring(keyring).audit(TracingSink);
    let pairs = settings.context.iter();
    Ok(pairs.fold(builder, |builder, (name, value)| builder.context(name, value)).build()?)
}
