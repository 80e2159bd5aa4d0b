//! What commands work with: the policy, where keys come from, clients of AWS, the audit log.

use std::path::PathBuf;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use privet::audit::{AuditEvent, AuditFuture, AuditSink, ChainedSink};
use privet::dynamodb::KeyStoreTable;
use privet::keyring::store::{BranchKeyProtection, KeyStore};
use privet::keyring::{BranchKeyIds, BranchKeyring, KmsBranchKeys, KmsKeyring, read_key_file};
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
    aws: OnceCell<SdkConfig>,
}

impl Session {
    pub(crate) fn new(global: Global) -> Outcome<Self> {
        let config = Config::read(global.config.as_deref())?;
        Ok(Self { global, config, aws: OnceCell::new() })
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

    /// The configuration of AWS's clients, loaded once.
    ///
    /// # Errors
    ///
    /// If there is no region or there are no credentials: what each call says of that is harder to read.
    pub(crate) async fn aws(&self) -> Outcome<SdkConfig> {
        self.aws.get_or_try_init(|| self.load_aws()).await.cloned()
    }

    async fn load_aws(&self) -> Outcome<SdkConfig> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = &self.global.profile {
            loader = loader.profile_name(profile);
        }
        // A key is in one region, and its ARN says which.
        let of_store = || self.config.key_store.as_ref()?.kms_key.as_deref();
        let key = self.kms_key().or_else(of_store);
        let of_key = || key.and_then(|arn| arn.split(':').nth(3)).filter(|region| !region.is_empty());
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

    /// Where the data keys of records come from.
    pub(crate) async fn keyring(&self) -> Outcome<Box<dyn Keyring>> {
        match if self.seals_with_branch_keys() { self.branch_keyring().await? } else { None } {
            Some(branch_keys) => Ok(Box::new(branch_keys)),
            None => self.whole_keyring().await,
        }
    }

    /// Whether records are sealed under branch keys. A KMS key or a local directory on the command line comes before them.
    pub(crate) fn seals_with_branch_keys(&self) -> bool {
        let is_configured = self.config.key_store.as_ref().is_some_and(|store| !store.branch_keys.is_empty());
        is_configured && self.global.kms_key.is_none() && self.local().is_none()
    }

    /// The branch keys that the configuration names.
    pub(crate) async fn branch_keyring(&self) -> Outcome<Option<BranchKeyring>> {
        let configured = self.config.key_store.iter().flat_map(|store| &store.branch_keys);
        let mut ids = configured.peekable();
        if ids.peek().is_none() {
            return Ok(None);
        }
        let ids = ids.fold(BranchKeyIds::new(), |ids, (class, id)| ids.class(*class, id));
        let (store, _) = self.open_store(None, None, None).await?;
        Ok(Some(BranchKeyring::new(Arc::new(store), ids)))
    }

    /// Where data keys come from that are no record's: branch keys are for records.
    pub(crate) async fn whole_keyring(&self) -> Outcome<Box<dyn Keyring>> {
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

    /// The store of branch keys, and what it is called: of this table and logical name, otherwise those of the configuration.
    pub(crate) async fn key_store(
        &self,
        table: Option<&str>,
        logical_name: Option<&str>,
    ) -> Outcome<(KeyStore, String)> {
        self.open_store(table, logical_name, self.global.kms_key.as_deref()).await
    }

    async fn open_store(
        &self,
        table: Option<&str>,
        logical_name: Option<&str>,
        kms_key: Option<&str>,
    ) -> Outcome<(KeyStore, String)> {
        let configured = self.config.key_store.as_ref();
        let Some(name) = table.or(configured.map(|store| &*store.table)) else {
            return Err(Failure::usage(
                "name the key store's table with `--table`, or a directory with `--local` (or write it to `privet.toml`)",
            ));
        };
        // What the configuration says goes for the table that it names.
        let configured = configured.filter(|store| store.table == name);
        let logical_name = logical_name.or(configured.and_then(|store| store.logical_name.as_deref())).unwrap_or(name);
        let of_store = || configured?.kms_key.as_deref().or(self.config.kms_key.as_deref());
        let arn = kms_key.or_else(of_store).or_else(|| self.kms_key());
        let arn = arn.ok_or_else(|| Failure::usage("name the key store's KMS key with `--kms-key ARN`"))?;
        let protection = BranchKeyProtection::key(arn)?;
        let aws = self.aws().await?;
        let keys = KeyStoreTable::new(aws_sdk_dynamodb::Client::new(&aws), name);
        let kms = KmsBranchKeys::new(aws_sdk_kms::Client::new(&aws));
        Ok((KeyStore::new(logical_name, protection, keys, kms)?, format!("{name}, logical name {logical_name}")))
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
        let builder = match self.pseudonym_key()? {
            Some(key) => builder.pseudonym_key(key),
            None => builder,
        };
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
        read_key(self.global.audit_key.as_ref().or(self.config.audit_key.as_ref()))
    }

    /// The key behind pseudonyms, if there is one.
    fn pseudonym_key(&self) -> Outcome<Option<Secret>> {
        let named = self.global.pseudonym_key.clone().or_else(|| self.config.pseudonym_key.clone());
        read_key(named.or_else(|| self.local()?.pseudonym_key()).as_ref())
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

fn read_key(path: Option<&PathBuf>) -> Outcome<Option<Secret>> {
    path.map(|path| read_key_file(path).map_err(|error| Failure::from(error).at(path.display()))).transpose()
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
