//! The worker behind S3 Batch Operations: one object at a time, from one KMS key to another.

use std::time::Duration;

use aws_sdk_s3::Client;
use privet_bulk::{Error, Reprotect, Result};
use privet_core::audit::TracingSink;
use privet_core::keyring::{KmsKeyring, MultiKeyring, S3ecKeyring};
use privet_core::s3ec::CommitmentPolicy;
use privet_core::time::{SystemTimeSource, TimeSource as _};
use privet_core::{ErrorKind, Policy, Protector};
use privet_s3::Bucket;
use privet_s3::bulk::{Moved, Reseal};

use crate::s3_batch::{Object, ObjectWorker, Outcome};

/// What the worker is told by its environment.
#[derive(Clone)]
#[non_exhaustive]
pub struct ObjectSettings {
    /// `PRIVET_OLD_KEY`: the ARN of the key that objects are sealed with.
    pub old_key: String,
    /// `PRIVET_NEW_KEY`: the ARN of the key that they are to be sealed with.
    pub new_key: String,
    /// `PRIVET_OLD_POLICY`, a document in TOML: the policy that objects were sealed under. Default: the new one. The
    /// resource whose `table` is the bucket says their class.
    pub old_policy: Policy,
    /// `PRIVET_POLICY`, a document in TOML.
    pub new_policy: Policy,
    /// `PRIVET_CONTEXT`: `name=value` pairs of the encryption context, with commas between them.
    pub context: Vec<(String, String)>,
    /// `PRIVET_READS_V2`: whether S3EC objects of format V2 are read, to become V3. Default: `false`.
    pub reads_v2: bool,
}

/// Prints nothing of the encryption context.
impl std::fmt::Debug for ObjectSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectSettings").field("reads_v2", &self.reads_v2).finish_non_exhaustive()
    }
}

impl ObjectSettings {
    /// Reads settings by their names.
    ///
    /// # Errors
    ///
    /// `Config` if one is missing or wrong.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let wrong = |name: &str| Error::new(ErrorKind::Config, format!("the variable `{name}` is missing or wrong"));
        let text = |name: &str| variable(name).filter(|text| !text.is_empty()).ok_or_else(|| wrong(name));
        let policy = |text: &str| Policy::from_toml(text).map_err(Error::from);
        let new_policy = policy(&text("PRIVET_POLICY")?)?;
        let old_policy = variable("PRIVET_OLD_POLICY").filter(|text| !text.is_empty());
        let old_policy = old_policy.map(|text| policy(&text)).transpose()?;
        let context = crate::settings::pairs(&variable("PRIVET_CONTEXT").unwrap_or_default());
        let reads_v2 = match variable("PRIVET_READS_V2").as_deref() {
            None | Some("" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(wrong("PRIVET_READS_V2")),
        };
        Ok(Self {
            old_key: text("PRIVET_OLD_KEY")?,
            new_key: text("PRIVET_NEW_KEY")?,
            old_policy: old_policy.unwrap_or_else(|| new_policy.clone()),
            new_policy,
            context: context.ok_or_else(|| wrong("PRIVET_CONTEXT"))?,
            reads_v2,
        })
    }
}

/// Rewrites objects as settings say. What is framed stays framed, and S3EC objects become S3EC objects of format V3.
#[derive(Debug)]
pub struct KeyChange {
    settings: ObjectSettings,
    kms: aws_sdk_kms::Client,
    s3: Client,
    old: Protector,
    new: Protector,
    time: SystemTimeSource,
}

impl KeyChange {
    /// A worker with these clients.
    ///
    /// # Errors
    ///
    /// `Config` if keys or policies are wrong.
    pub fn new(settings: ObjectSettings, kms: &aws_sdk_kms::Client, s3: &Client) -> Result<Self> {
        let key = |arn: &str| KmsKeyring::new(kms.clone(), arn);
        let protector = |keyring: MultiKeyring, policy: &Policy| {
            let builder = Protector::builder().policy(policy.clone()).keyring(keyring).audit(TracingSink);
            let pairs = settings.context.iter();
            pairs.fold(builder, |builder, (name, value)| builder.context(name, value)).build()
        };
        let from = MultiKeyring::new(key(&settings.old_key)?).with_reader(key(&settings.new_key)?);
        let old = protector(from, &settings.old_policy)?;
        let new = protector(MultiKeyring::new(key(&settings.new_key)?), &settings.new_policy)?;
        Ok(Self { settings, kms: kms.clone(), s3: s3.clone(), old, new, time: SystemTimeSource::new() })
    }

    /// The monotonic clock that deadlines are of.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.time.monotonic()
    }

    /// What moves the objects of this bucket.
    fn reseal(&self, name: &str) -> Result<Reseal> {
        let s3ec = |arn: &str| Ok::<_, Error>(S3ecKeyring::kms(KmsKeyring::new(self.kms.clone(), arn)?));
        let (old_key, new_key) = (&self.settings.old_key, &self.settings.new_key);
        let mut from = Bucket::builder(name).s3ec(s3ec(old_key)?.with_reader(s3ec(new_key)?));
        if self.settings.reads_v2 {
            from = from.commitment_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
        }
        let from = from.build(&self.old, &self.s3)?;
        let to = Bucket::builder(name).s3ec(s3ec(new_key)?).build(&self.new, &self.s3)?;
        let resource = from.resource().to_owned();
        let records = Reprotect::new(self.old.clone(), self.new.clone(), &resource)?;
        Ok(Reseal::new(from, to)?.documents(records))
    }
}

impl ObjectWorker for KeyChange {
    async fn rewrite(&self, object: &Object, deadline: Duration) -> Result<Outcome> {
        let late = || Error::new(ErrorKind::Throttled, "the time of the function is up");
        let left = deadline.saturating_sub(self.now());
        if left.is_zero() {
            return Err(late());
        }
        let reseal = self.reseal(&object.bucket)?;
        // An upload that is given up leaves no parts behind.
        let moving = reseal.move_version(&object.key, object.version.as_deref());
        let moved = tokio::time::timeout(left, Box::pin(moving)).await;
        Ok(match moved.map_err(|_| late())?? {
            Moved::Rewritten => Outcome::Done("rewritten"),
            Moved::Current => Outcome::Done("on target"),
            Moved::Absent => Outcome::Done("gone"),
            Moved::Outdated => Outcome::Refused("an older version: only the current one can be rewritten"),
        })
    }
}
