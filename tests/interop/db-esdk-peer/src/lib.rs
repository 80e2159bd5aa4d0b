//! What the live checks, the bench and the table of sizes share: the same keys and tables on both sides.

use std::collections::{BTreeMap, HashMap};
use std::process::ExitCode;
use std::sync::Arc;

use aws_db_esdk::CryptoAction;
use aws_db_esdk::item_encryptor::client::Client as ItemEncryptor;
use aws_db_esdk::item_encryptor::types::dynamo_db_item_encryptor_config::DynamoDbItemEncryptorConfig;
use aws_db_esdk::key_store::client::Client as TheirKeyStore;
use aws_db_esdk::key_store::types::KmsConfiguration;
use aws_db_esdk::key_store::types::key_store_config::KeyStoreConfig;
use aws_db_esdk::material_providers::client::Client as MaterialProviders;
use aws_db_esdk::material_providers::types::keyring::KeyringRef;
use aws_db_esdk::material_providers::types::material_providers_config::MaterialProvidersConfig;
use aws_db_esdk::material_providers::types::{AesWrappingAlg, DbeAlgorithmSuiteId};
use aws_sdk_dynamodb::types::AttributeValue;
use privet::dbesdk::{Action, NewItem, Suite, Table};
use privet::dynamodb::{KeyStoreTable, from_item, to_item};
use privet::keyring::store::{BranchKeyProtection, KeyStore};
use privet::keyring::{HierarchicalKeyring, Keyring, KmsBranchKeys, MultiKeyring, RawAesKeyring};
use privet::value::Map;
use privet::{EncryptionContext, Secret, dbesdk_items};
use privet_testkit::EmbeddedAws;

/// Any error: these programs only show it.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Prints how many checks passed and failed; exit code 1 if one failed, or none could be made.
pub fn verdict(counted: Result<(usize, usize)>) -> ExitCode {
    match counted {
        Ok((passed, failed)) => {
            println!("{passed} passed, {failed} failed");
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("cannot be set up: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A raw AES key of 16, 24 or 32 bytes, and its name.
pub struct Key {
    /// The name, which is stored with each wrapped key.
    pub name: String,
    /// The key itself.
    pub secret: Secret,
}

impl Key {
    /// privet's keyring.
    pub fn ours(&self) -> Result<RawAesKeyring> {
        Ok(RawAesKeyring::new(NAMESPACE, &self.name, &self.secret)?)
    }

    async fn theirs(&self, providers: &MaterialProviders) -> Result<KeyringRef> {
        let algorithm = match self.secret.expose().len() {
            16 => AesWrappingAlg::AlgAes128GcmIv12Tag16,
            24 => AesWrappingAlg::AlgAes192GcmIv12Tag16,
            _ => AesWrappingAlg::AlgAes256GcmIv12Tag16,
        };
        let keyring = providers.create_raw_aes_keyring().key_namespace(NAMESPACE).key_name(&self.name);
        Ok(keyring.wrapping_key(self.secret.expose()).wrapping_alg(algorithm).send().await?)
    }
}

/// The same keys on both sides.
pub struct Pair {
    /// privet's keyring.
    pub ours: Arc<dyn Keyring>,
    /// AWS's keyring.
    pub theirs: KeyringRef,
}

/// AWS's maker of keyrings.
pub fn providers() -> Result<MaterialProviders> {
    Ok(MaterialProviders::from_conf(MaterialProvidersConfig::builder().build()?)?)
}

impl Pair {
    /// A raw AES keyring of one key.
    pub async fn raw(providers: &MaterialProviders, key: &Key) -> Result<Self> {
        Ok(Self { ours: Arc::new(key.ours()?), theirs: key.theirs(providers).await? })
    }

    /// A multi keyring of two raw AES keys; the first generates.
    pub async fn multi(providers: &MaterialProviders, generator: &Key, child: &Key) -> Result<Self> {
        let ours = MultiKeyring::new(generator.ours()?).with(child.ours()?);
        let theirs = providers
            .create_multi_keyring()
            .generator(generator.theirs(providers).await?)
            .child_keyrings(vec![child.theirs(providers).await?])
            .send()
            .await?;
        Ok(Self { ours: Arc::new(ours), theirs })
    }
}

/// A key store in an embedded DynamoDB and KMS, with one branch key, and both sides' keyrings over it.
pub struct Branch {
    /// privet's key store.
    pub store: Arc<KeyStore>,
    /// AWS's key store client for the same.
    pub their_store: TheirKeyStore,
    /// The keyrings.
    pub pair: Pair,
    /// Where it is.
    pub aws: EmbeddedAws,
}

impl Branch {
    /// A new branch key of this id.
    pub async fn new(providers: &MaterialProviders, id: &str) -> Result<Self> {
        let aws = EmbeddedAws::start().await;
        let arn = aws.create_key("eu-west-1", "alias/branch").await;
        let config = aws.config("eu-west-1").await;
        let (dynamodb, kms) = (aws_sdk_dynamodb::Client::new(&config), aws_sdk_kms::Client::new(&config));
        let table = KeyStoreTable::new(dynamodb.clone(), "keys");
        let protection = BranchKeyProtection::key(&arn)?;
        let store = Arc::new(KeyStore::new("keys", protection, table, KmsBranchKeys::new(kms.clone()))?);
        store.create_table().await?;
        store.create_with_id(id, &EncryptionContext::new().with("privet:class", "pii")).await?;
        let theirs = KeyStoreConfig::builder()
            .kms_client(kms)
            .ddb_client(dynamodb)
            .ddb_table_name("keys")
            .logical_key_store_name("keys")
            .kms_configuration(KmsConfiguration::KmsKeyArn(arn));
        let their_store = TheirKeyStore::from_conf(theirs.build()?)?;
        let theirs = providers
            .create_aws_kms_hierarchical_keyring()
            .branch_key_id(id)
            .key_store(their_store.clone())
            .ttl_seconds(600)
            .send()
            .await?;
        let ours = Arc::new(HierarchicalKeyring::new(Arc::clone(&store), id));
        Ok(Self { store, their_store, pair: Pair { ours, theirs }, aws })
    }
}

/// What is done to an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Encrypt,
    Sign,
    Context,
    Nothing,
}

/// A table on both sides.
pub struct Tables {
    ours: Table,
    plans: BTreeMap<String, Plan>,
    suite: Suite,
}

impl Tables {
    /// A table whose partition key is `pk`, with what is done to its attributes.
    pub fn new(name: &str, plans: BTreeMap<String, Plan>, suite: Suite) -> Result<Self> {
        let with = |plan| plans.iter().filter(move |(_, it)| **it == plan).map(|(name, _)| name);
        let ours = Table::new(name, "pk")?.with_suite(suite);
        let ours = ours.with_unsigned(with(Plan::Nothing))?.with_context(with(Plan::Context))?;
        Ok(Self { ours, plans, suite })
    }

    /// Writes with privet.
    pub async fn write_ours(&self, keys: &Pair, item: Map) -> Result<Map> {
        self.write_ours_with(keys, item, &[]).await
    }

    /// Writes with privet, with pairs of an application in the encryption context.
    pub async fn write_ours_with(&self, keys: &Pair, item: Map, pairs: &[(&str, &str)]) -> Result<Map> {
        let action = |name: &str| match self.plans.get(name)? {
            Plan::Encrypt => Some(Action::EncryptAndSign),
            _ => Some(Action::SignOnly),
        };
        let item = NewItem::new(item, &self.ours, action)?.with_pairs(pairs.iter().copied())?;
        Ok(dbesdk_items::seal(&keys.ours, item).await?)
    }

    /// Reads with privet.
    pub async fn read_ours(&self, keys: &Pair, stored: Map) -> Result<Map> {
        Ok(dbesdk_items::decrypt(&keys.ours, stored, &self.ours).await?.item)
    }

    /// AWS's client for these keys.
    pub fn theirs(&self, keys: &Pair) -> Result<Theirs> {
        let is_bound = self.plans.values().any(|plan| *plan == Plan::Context);
        let key = if is_bound { CryptoAction::SignAndIncludeInEncryptionContext } else { CryptoAction::SignOnly };
        let mut actions = HashMap::from([("pk".to_owned(), key)]);
        actions.extend(self.plans.iter().map(|(name, plan)| {
            let action = match plan {
                Plan::Encrypt => CryptoAction::EncryptAndSign,
                Plan::Sign => CryptoAction::SignOnly,
                Plan::Context => CryptoAction::SignAndIncludeInEncryptionContext,
                Plan::Nothing => CryptoAction::DoNothing,
            };
            (name.clone(), action)
        }));
        let mut config = DynamoDbItemEncryptorConfig::builder()
            .logical_table_name(self.ours.name())
            .partition_key_name("pk")
            .attribute_actions_on_encrypt(actions)
            .keyring(keys.theirs.clone())
            .algorithm_suite_id(match self.suite {
                Suite::Tags => DbeAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKeySymsigHmacSha384,
                Suite::Signature => DbeAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKeyEcdsaP384SymsigHmacSha384,
            });
        let unsigned: Vec<_> =
            self.plans.iter().filter(|(_, plan)| **plan == Plan::Nothing).map(|(name, _)| name.clone()).collect();
        if !unsigned.is_empty() {
            config = config.allowed_unsigned_attributes(unsigned);
        }
        Ok(Theirs(ItemEncryptor::from_conf(config.build()?)?))
    }
}

/// AWS's client.
pub struct Theirs(ItemEncryptor);

impl Theirs {
    /// Writes an item.
    pub async fn write(&self, item: HashMap<String, AttributeValue>) -> Result<HashMap<String, AttributeValue>> {
        let written = self.0.encrypt_item().plaintext_item(item).send().await?;
        Ok(written.encrypted_item.ok_or("no item")?)
    }

    /// Reads an item.
    pub async fn read(&self, stored: HashMap<String, AttributeValue>) -> Result<HashMap<String, AttributeValue>> {
        let read = self.0.decrypt_item().encrypted_item(stored).send().await?;
        Ok(read.plaintext_item.ok_or("no item")?)
    }

    /// Writes an item of privet's kind.
    pub async fn write_map(&self, item: Map) -> Result<Map> {
        Ok(from_item(self.write(to_item(item)).await?)?)
    }

    /// Reads an item of privet's kind.
    pub async fn read_map(&self, stored: Map) -> Result<Map> {
        Ok(from_item(self.read(to_item(stored)).await?)?)
    }
}

/// An item of `count` texts, of which as many as said are encrypted, and what is done to each.
pub fn texts(count: usize, encrypted: usize) -> (Map, BTreeMap<String, Plan>) {
    let mut item = Map::from([("pk".to_owned(), privet::value::Value::S("customer-000001".to_owned()))]);
    let mut plans = BTreeMap::new();
    for index in 1..count {
        let secret = index <= encrypted;
        let name = format!("{}{index:02}", if secret { "secret_" } else { "open_" });
        item.insert(name.clone(), privet::value::Value::S(format!("text of attribute {index:02}")));
        plans.insert(name, if secret { Plan::Encrypt } else { Plan::Sign });
    }
    (item, plans)
}

const NAMESPACE: &str = "peer";
