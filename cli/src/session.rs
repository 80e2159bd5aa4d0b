//! What commands work with: the policy, where keys come from, clients of AWS, the audit log.

use std::path::PathBuf;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use privet::audit::{AuditEvent, AuditFuture, AuditSink, ChainedSink};
use privet::keyring::{KmsKeyring, read_key_file};
use privet::{Keyring, Policy, Protector, Secret};
use tokio::sync::OnceCell;

use crate::config::Config;
use crate::exit::{Failure, Outcome};
use crate::local::Local;
use crate::opt::Global;

/// The global arguments and the configuration file, together.
pub(crate) struct Session {
    global: Global,
    config: Config,
}

impl Session {
    pub(crate) fn new(global: Global) -> Outcome<Self> {
        let config = Config::read(global.config.as_deref())?;
        Ok(Self { global, config })
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.global.quiet
    }

    pub(crate) fn is_json(&self) -> bool {
        self.global.json
    }

    /// The policy file, if any was named.
    pub(crate) fn policy_path(&self) -> Option<PathBuf> {
        self.global.policy.clone().or_else(|| self.config.policy.clone())
    }

    /// The policy of the file that was named; otherwise the default one.
    pub(crate) fn policy(&self) -> Outcome<Policy> {
        Ok(match self.policy_path() {
            Some(path) => Policy::from_file(path)?,
            None => Policy::default(),
        })
    }

    /// The local directory, if work goes without AWS.
    pub(crate) fn local(&self) -> Option<Local> {
        // A KMS key on the command line is meant, whatever the configuration says.
        let configured = self.config.local.as_ref().filter(|_| self.global.kms_key.is_none());
        self.global.local.as_ref().or(configured).map(Local::at)
    }

    /// The ARN of the KMS key, if one was named.
    pub(crate) fn kms_key(&self) -> Option<&str> {
        self.global.kms_key.as_deref().or(self.config.kms_key.as_deref())
    }

    /// The configuration of AWS's clients.
    ///
    /// # Errors
    ///
    /// If there is no region or there are no credentials: what each call says of that is harder to read.
    pub(crate) async fn aws(&self) -> Outcome<SdkConfig> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = &self.global.profile {
            loader = loader.profile_name(profile);
        }
        // A key is in one region, and its ARN says which.
        let of_key = || self.kms_key().and_then(|arn| arn.split(':').nth(3)).filter(|region| !region.is_empty());
        if let Some(region) = self.global.region.as_deref().or_else(of_key) {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(url) = &self.global.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = loader.load().await;
        if config.region().is_none_or(|region| region.as_ref().is_empty()) {
            return Err(Failure::usage("no AWS region is set: give `--region`, AWS_REGION or a profile that has one"));
        }
        let credentials = match config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await.is_ok(),
            None => false,
        };
        if !credentials {
            return Err(Failure::failed(
                "no AWS credentials are found: sign in (`aws sso login`, `aws configure`), or give `--profile`",
            ));
        }
        Ok(config)
    }

    /// Where data keys come from.
    pub(crate) async fn keyring(&self) -> Outcome<Box<dyn Keyring>> {
        if let Some(local) = self.local() {
            return Ok(Box::new(local.keyring()?));
        }
        let Some(arn) = self.kms_key() else {
            return Err(Failure::usage(
                "no key is named: give `--kms-key ARN`, or `--local DIR` to work without AWS (or write it to `privet.toml`)",
            ));
        };
        if !arn.starts_with("arn:") {
            return Err(Failure::usage(format!(
                "`--kms-key` takes the ARN of a key, which readers need: `aws kms describe-key --key-id {arn}` says it"
            )));
        }
        Ok(Box::new(KmsKeyring::new(aws_sdk_kms::Client::new(&self.aws().await?), arn)?))
    }

    /// A protector over the policy and the keyring. Its audit log is opened when the first event comes.
    pub(crate) async fn protector(&self) -> Outcome<Protector> {
        self.protector_of(self.policy()?, self.keyring().await?)
    }

    /// The same over another policy and keyring.
    pub(crate) fn protector_of(&self, policy: Policy, keyring: Box<dyn Keyring>) -> Outcome<Protector> {
        let builder = Protector::builder().policy(policy).keyring(keyring);
        let builder =
            builder.audit(AuditFile { path: self.audit_path(), key: self.audit_key()?, sink: OnceCell::new() });
        let pairs = self.context().into_iter();
        Ok(pairs.fold(builder, |builder, (name, value)| builder.context(name, value)).build()?)
    }

    /// The pairs of the encryption context, those of the command line after those of the configuration.
    pub(crate) fn context(&self) -> Vec<(String, String)> {
        let configured = self.config.context.iter().map(|(name, value)| (name.clone(), value.clone()));
        configured.chain(self.global.context.iter().map(|pair| (pair.name.clone(), pair.value.clone()))).collect()
    }

    /// The audit log.
    pub(crate) fn audit_path(&self) -> PathBuf {
        let named = self.global.audit.clone().or_else(|| self.config.audit.clone());
        named.or_else(|| Some(self.local()?.audit())).unwrap_or_else(|| "privet-audit.jsonl".into())
    }

    /// The key of the audit log's chain, if it has one.
    pub(crate) fn audit_key(&self) -> Outcome<Option<Secret>> {
        let path = self.global.audit_key.as_ref().or(self.config.audit_key.as_ref());
        path.map(|path| read_key_file(path).map_err(|error| Failure::from(error).at(path.display()))).transpose()
    }

    /// The resource that was named, or the only one of the policy.
    pub(crate) fn resource(&self, named: Option<&str>, policy: &Policy) -> Outcome<String> {
        let mut all = policy.resources();
        match (named, all.next(), all.next()) {
            (Some(named), ..) => Ok(named.to_owned()),
            (None, Some(only), None) => Ok(only.name.clone()),
            _ => Err(Failure::usage(
                "say which resource the records are of: `--resource NAME`; records are bound to it, so readers need the same",
            )),
        }
    }
}

/// The audit log, opened when the first event comes: who only protects leaves no file.
#[derive(Debug)]
struct AuditFile {
    path: PathBuf,
    key: Option<Secret>,
    sink: OnceCell<ChainedSink>,
}

impl AuditSink for AuditFile {
    fn write<'a>(&'a self, events: &'a [AuditEvent]) -> AuditFuture<'a> {
        Box::pin(async move {
            let sink =
                self.sink.get_or_try_init(|| async { ChainedSink::append(&self.path, self.key.as_ref()) }).await?;
            sink.write(events).await
        })
    }
}
