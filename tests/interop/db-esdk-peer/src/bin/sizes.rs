//! Prints what each format and keyring adds to an item, in bytes as DynamoDB counts them.

use std::sync::Arc;

use db_esdk_peer::{Branch, Key, Pair, Result, Tables, providers, texts};
use privet::audit::TracingSink;
use privet::dbesdk::Suite;
use privet::keyring::{BranchKeyIds, BranchKeyring, Keyring};
use privet::value::{Map, Value};
use privet::{Classification, Policy, Protector, Secret};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let providers = providers()?;
    let raw = Pair::raw(&providers, &Key { name: "k1".into(), secret: Secret::copy_of(&[7; 32]) }).await?;
    for (count, encrypted) in [(10, 4), (40, 16)] {
        println!("{count} texts, {encrypted} encrypted");
        for (name, id) in
            [("raw AES", None), ("branch key id of 8", Some("tenant-1")), ("branch key id of 36", Some(LONG_ID))]
        {
            let branch = match id {
                Some(id) => Some((Branch::new(&providers, id).await?, id)),
                None => None,
            };
            let pair = branch.as_ref().map_or(&raw, |(branch, _)| &branch.pair);
            let (item, plans) = texts(count, encrypted);
            let mut row = Vec::new();
            for suite in [Suite::Tags, Suite::Signature] {
                let tables = Tables::new("Orders", plans.clone(), suite)?;
                for stored in
                    [tables.write_ours(pair, item.clone()).await?, tables.theirs(pair)?.write_map(item.clone()).await?]
                {
                    row.push(size(&stored) - size(&item));
                }
            }
            row.push(record(Arc::clone(&pair.ours), &item).await?);
            if let Some((branch, id)) = &branch {
                let ids = BranchKeyIds::new().class(Classification::Pii, *id);
                row.push(record(Arc::new(BranchKeyring::new(Arc::clone(&branch.store), ids)), &item).await?);
            }
            println!(
                "  {name}: DB-ESDK 0x6700 privet {} aws-db-esdk {}, 0x6701 privet {} aws-db-esdk {}, record {:?}",
                row[0],
                row[1],
                row[2],
                row[3],
                &row[4..]
            );
        }
    }
    Ok(())
}

async fn record(keyring: Arc<dyn Keyring>, item: &Map) -> Result<usize> {
    let policy = Policy::from_toml(POLICY)?;
    let privet = Protector::builder().policy(policy).keyring(keyring).audit(TracingSink).build()?;
    let stored = privet.protect_record(&*privet.resource("orders")?, item.clone()).await?;
    Ok(size(&stored) - size(item))
}

fn size(item: &Map) -> usize {
    item.iter()
        .map(|(name, value)| match value {
            Value::S(text) => name.len() + text.len(),
            Value::B(bytes) => name.len() + bytes.len(),
            _ => unreachable!("all values are texts or bytes"),
        })
        .sum()
}

const POLICY: &str = r#"
version = 1
rules = [{ class = "pii", names = ["secret_*"] }, { class = "public", names = ["open_*", "pk"] }]
[resources.orders]
key = ["pk"]
"#;
const LONG_ID: &str = "474911bd-7f4a-4ebd-8395-fd6d617212c0";
