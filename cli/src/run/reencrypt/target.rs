//! From where to where records are moved: the protectors on both sides.

use std::sync::Arc;

use privet::bulk::keyring::PacedKeyring;
use privet::bulk::pace::Pace;
use privet::bulk::{Classes, Limits, Reprotect};
use privet::keyring::{KmsKeyring, MultiKeyring, S3ecKeyring};
use privet::policy::{PlaintextReads, TableFormat};
use privet::protector::Resource;
use privet::s3::Bucket;
use privet::s3::bulk::Reseal;
use privet::s3ec::CommitmentPolicy;
use privet::time::{SystemTimeSource, TimeSource};
use privet::{EncryptionContext, Keyring, Policy, Protector};

use crate::exit::{Failure, Outcome};
use crate::opt::Target;
use crate::session::Session;
use crate::uri::Source;

/// The protectors of what is stored, and of the target.
struct Sides {
    from: Protector,
    to: Protector,
}

/// The move from what is stored to the target.
pub(crate) struct Move {
    records: Sides,
    /// Those of objects that are no documents.
    objects: Option<Sides>,
    resource: Arc<Resource>,
    pace: Pace,
    /// Whether fields get the classes of a new policy.
    is_new_policy: bool,
    is_to_plaintext: bool,
}

impl Move {
    /// As the arguments say.
    pub(crate) async fn new(session: &Session, target: &Target, limits: Limits) -> Outcome<Self> {
        let time: Arc<dyn TimeSource> = Arc::new(SystemTimeSource::new());
        let pace = Pace::new(limits, &time);
        let policy = session.policy()?;
        let name = resource(session, target, &policy)?;
        let old_policy = match &target.old_policy {
            Some(path) => Policy::from_file(path)?,
            None => policy.clone(),
        };
        let old_policy = if target.from_plaintext {
            old_policy.with_plaintext_reads(&name, PlaintextReads::Allow)?
        } else {
            old_policy
        };
        let protector = |policy: Policy, keyring: Box<dyn Keyring>| {
            let keyring = PacedKeyring::new(keyring, pace.keys.clone());
            let protector = session.protector_of(policy, Box::new(keyring))?;
            Ok::<_, Failure>(match &target.tenant {
                Some(tenant) => protector.for_tenant(tenant)?,
                None => protector,
            })
        };
        let sides = async |sealed| {
            let Keys { old, new } = Keys::of(session, target, sealed).await?;
            Ok::<_, Failure>(Sides { from: protector(old_policy.clone(), old)?, to: protector(policy.clone(), new)? })
        };
        let objects = match &target.source {
            Source::Objects { .. } => Some(sides(Sealed::Whole).await?),
            _ => None,
        };
        let is_db_esdk = policy.resource(&name).is_some_and(|resource| resource.format == TableFormat::DbEsdk);
        // Lines and documents are records, whatever the format of the table is.
        let is_table = matches!(target.source, Source::Table(_));
        let records = sides(if is_table && is_db_esdk { Sealed::Items } else { Sealed::ByClass }).await?;
        let resource = records.to.resource(&name)?;
        let is_new_policy = target.old_policy.is_some();
        Ok(Self { records, objects, resource, pace, is_new_policy, is_to_plaintext: target.to_plaintext })
    }

    /// The resource that the records are of.
    pub(crate) fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The pace that jobs and key providers share.
    pub(crate) fn pace(&self) -> Pace {
        self.pace.clone()
    }

    /// What becomes of each object of a bucket, and the bucket as the target has it. Documents are rewritten record by
    /// record. Objects of S3EC are read in format V2 too, and written in V3.
    pub(crate) async fn objects(&self, session: &Session, target: &Target, name: &str) -> Outcome<(Reseal, Bucket)> {
        let aws = session.aws().await?;
        let (s3, kms) = (aws_sdk_s3::Client::new(&aws), aws_sdk_kms::Client::new(&aws));
        let arn =
            session.kms_key().ok_or_else(|| Failure::usage("name the KMS key of the bucket with `--kms-key ARN`"))?;
        let s3ec = || Ok::<_, Failure>(S3ecKeyring::kms(KmsKeyring::new(kms.clone(), arn)?));
        let mut old = s3ec()?;
        for arn in &target.old_key {
            old = old.with_reader(S3ecKeyring::kms(KmsKeyring::new(kms.clone(), arn)?));
        }
        let pairs = session.context().into_iter();
        let context = pairs.fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value));
        let builder = || Bucket::builder(name).resource(self.resource.name()).s3ec_context(context.clone());
        let reads = if target.from_plaintext { PlaintextReads::Allow } else { PlaintextReads::Refuse };
        let from = builder().s3ec(old).plaintext_reads(reads);
        let sides = self.objects.as_ref().unwrap_or(&self.records);
        let from = from.commitment_policy(CommitmentPolicy::RequireEncryptAllowDecrypt).build(&sides.from, &s3)?;
        let to = builder().s3ec(s3ec()?).build(&sides.to, &s3)?;
        let reseal =
            if self.is_to_plaintext { Reseal::dangerous_to_plaintext(from) } else { Reseal::new(from, to.clone())? };
        Ok((reseal.documents(self.transformation()?), to))
    }

    /// What becomes of each record.
    pub(crate) fn transformation(&self) -> Outcome<Reprotect> {
        let name = self.resource.name();
        let Sides { from, to } = &self.records;
        if self.is_to_plaintext {
            return Ok(Reprotect::dangerous_to_plaintext(from.clone(), name)?);
        }
        let moved = Reprotect::new(from.clone(), to.clone(), name)?;
        // That plaintext may be read is no other policy: what is sealed keeps its classes.
        Ok(if self.is_new_policy { moved } else { moved.classes(Classes::AsStored) })
    }
}

/// What a data key is for, which decides whether a branch key may give it: those are each for a class of records.
#[derive(Clone, Copy, PartialEq)]
enum Sealed {
    /// Each class of a record by itself.
    ByClass,
    /// Items in DB-ESDK format, which are sealed as a whole; they may have been records before.
    Items,
    /// Objects.
    Whole,
}

/// The keys that open what is stored, and those of the target.
struct Keys {
    /// Those of the target are among them, for what is on it already.
    old: Box<dyn Keyring>,
    new: Box<dyn Keyring>,
}

impl Keys {
    async fn of(session: &Session, target: &Target, sealed: Sealed) -> Outcome<Self> {
        let by_branch_keys = sealed == Sealed::ByClass && session.seals_with_branch_keys();
        let new = async || if by_branch_keys { session.keyring().await } else { session.whole_keyring().await };
        let is_local = session.local().is_some();
        if is_local && !target.old_key.is_empty() {
            return Err(Failure::usage("a local directory has its old keys beside the new one: leave out `--old-key`"));
        }
        let mut old = MultiKeyring::new(new().await?);
        // What is under the other kind of key, as after a change of format, is opened too.
        if by_branch_keys && session.kms_key().is_some() {
            old = old.with_reader(session.whole_keyring().await?);
        }
        if !is_local
            && !by_branch_keys
            && sealed != Sealed::Whole
            && let Some(keys) = session.branch_keyring().await?
        {
            old = old.with_reader(keys);
        }
        if !target.old_key.is_empty() {
            let kms = aws_sdk_kms::Client::new(&session.aws().await?);
            for arn in &target.old_key {
                old = old.with_reader(KmsKeyring::new(kms.clone(), arn)?);
            }
        }
        Ok(Self { old: Box::new(old), new: new().await? })
    }
}

/// The resource that was named, the one that the table is of, or the only one.
fn resource(session: &Session, target: &Target, policy: &Policy) -> Outcome<String> {
    let Source::Table(table) = &target.source else { return session.resource(target.resource.as_deref(), policy) };
    let is_of_table = |resource: &&privet::policy::Resource| {
        resource.table == *table && target.resource.as_ref().is_none_or(|name| *name == resource.name)
    };
    let mut found = policy.resources().filter(is_of_table);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.name.clone()),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "several resources of the policy are in the table `{table}`: say which with `--resource NAME`"
        ))),
        (None, _) => Err(Failure::usage(format!(
            "no such resource of the policy is in the table `{table}`: give it under `[resources]`, with its key"
        ))),
    }
}
