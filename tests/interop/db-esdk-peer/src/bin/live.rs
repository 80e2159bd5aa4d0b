//! Has privet and AWS's Rust client read each other's items: `cargo run --release --bin live [-- SEED]`
//!
//! Random items of all types, tables and keys; a failure is repeated with the seed that is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use aws_db_esdk::material_providers::client::Client as MaterialProviders;
use db_esdk_peer::{Branch, Key, Pair, Plan, Result, Tables, providers, verdict};
use privet::Secret;
use privet::dbesdk::Suite;
use privet::value::{Map, TypeId, Value, normalise, serialise_into};

/// Exit 1 if one check fails, 2 if it is called wrongly.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seed = match arguments.as_slice() {
        [] => Secret::random(8).ok().and_then(|bytes| Some(u64::from_be_bytes(bytes.expose().try_into().ok()?))),
        [seed] => seed.parse().ok(),
        _ => None,
    };
    let Some(seed) = seed else {
        eprintln!("usage: live [SEED]");
        return ExitCode::from(2);
    };
    println!("seed {seed}");
    verdict(run(&mut Random(seed)).await)
}

async fn run(random: &mut Random) -> Result<(usize, usize)> {
    let providers = providers()?;
    let branch = Branch::new(&providers, "tenant-1").await?;
    let (mut passed, mut failed) = (0, 0);
    for round in 0..ROUNDS {
        let (item, plans) = random.item();
        let name = ["Orders", "Tablé-名", "tenant_7.Prod-Orders"][random.below(3)];
        for suite in [Suite::Tags, Suite::Signature] {
            let tables = Tables::new(name, plans.clone(), suite)?;
            let raw = Keys::raw(random, &providers).await?;
            let multi = Keys::multi(random, &providers).await?;
            for keys in [raw.borrow(), multi.borrow(), ("hierarchical", &branch.pair, vec![&branch.pair])] {
                let check = Check { item: &item, tables: &tables, keys, damage: random.next() };
                for (direction, outcome) in
                    [("privet to AWS", check.ours_to_theirs().await), ("AWS to privet", check.theirs_to_ours().await)]
                {
                    match outcome {
                        Ok(()) => passed += 1,
                        Err(error) => {
                            failed += 1;
                            eprintln!("FAILED round {round}, {direction}, {suite:?}, {}: {error}", check.keys.0);
                        }
                    }
                }
            }
        }
    }
    Ok((passed, failed))
}

/// What writes, and what reads: for several keys, also one of them alone.
struct Keys {
    name: &'static str,
    writer: Pair,
    readers: Vec<Pair>,
}

impl Keys {
    async fn raw(random: &mut Random, providers: &MaterialProviders) -> Result<Self> {
        let key = random.key("one");
        let [writer, reader] = [Pair::raw(providers, &key).await?, Pair::raw(providers, &key).await?];
        Ok(Self { name: "raw AES", writer, readers: vec![reader] })
    }

    async fn multi(random: &mut Random, providers: &MaterialProviders) -> Result<Self> {
        let [one, two] = [random.key("one"), random.key("two")];
        let writer = Pair::multi(providers, &one, &two).await?;
        let readers = vec![Pair::multi(providers, &two, &one).await?, Pair::raw(providers, &two).await?];
        Ok(Self { name: "multi", writer, readers })
    }

    fn borrow(&self) -> (&'static str, &Pair, Vec<&Pair>) {
        (self.name, &self.writer, self.readers.iter().collect())
    }
}

struct Check<'a> {
    item: &'a Map,
    tables: &'a Tables,
    keys: (&'static str, &'a Pair, Vec<&'a Pair>),
    /// Says which bit is changed to see that the item is refused.
    damage: u64,
}

impl Check<'_> {
    async fn ours_to_theirs(&self) -> Result<()> {
        // The pairs that a protector stores for its tenant and application are no hindrance.
        let pairs = [("privet:tenant", "t-1"), ("application", "größe")];
        let pairs = pairs.get(..(self.damage % 3) as usize).unwrap_or_default();
        let stored = self.tables.write_ours_with(self.keys.1, self.item.clone(), pairs).await?;
        for reader in &self.keys.2 {
            same(self.item, &self.tables.theirs(reader)?.read_map(stored.clone()).await?)?;
        }
        match self.tables.theirs(self.keys.1)?.read_map(self.damaged(stored)).await {
            Ok(_) => Err("AWS's client reads it damaged".into()),
            Err(_) => Ok(()),
        }
    }

    async fn theirs_to_ours(&self) -> Result<()> {
        let stored = self.tables.theirs(self.keys.1)?.write_map(self.item.clone()).await?;
        for reader in &self.keys.2 {
            same(self.item, &self.tables.read_ours(reader, stored.clone()).await?)?;
        }
        match self.tables.read_ours(self.keys.1, self.damaged(stored)).await {
            Ok(_) => Err("privet reads it damaged".into()),
            Err(_) => Ok(()),
        }
    }

    /// One bit of the header. (A tag of the footer may be that of another recipient, who would not notice.)
    fn damaged(&self, mut stored: Map) -> Map {
        if let Some(Value::B(bytes)) = stored.get_mut("aws_dbe_head") {
            let place = self.damage / 8 % bytes.len() as u64;
            bytes[place as usize] ^= 1 << (self.damage % 8);
        }
        stored
    }
}

/// Numbers in any spelling, sets in any order.
fn same(wanted: &Map, read: &Map) -> Result<()> {
    let canonical = |value: &Value| {
        let mut bytes = Vec::new();
        serialise_into(value, &mut bytes).map(|()| (TypeId::of(value).0, bytes)).ok()
    };
    let values = || wanted.values().zip(read.values()).all(|(a, b)| canonical(a) == canonical(b));
    if wanted.keys().eq(read.keys()) && values() { Ok(()) } else { Err("another item".into()) }
}

/// SplitMix64: a run is repeated from its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn key(&mut self, name: &str) -> Key {
        let length = [16, 24, 32][self.below(3)];
        Key { name: format!("{name}-{}", length * 8), secret: Secret::copy_of(&self.bytes(length)) }
    }

    /// An item of up to 12 attributes, and what is done to each; in half of them some are bound in the context.
    fn item(&mut self) -> (Map, BTreeMap<String, Plan>) {
        let key = match self.below(3) {
            0 => Value::S(self.text() + "k"),
            1 => Value::N(self.number()),
            _ => Value::B(self.bytes(9)),
        };
        let (mut item, mut plans) = (Map::from([("pk".to_owned(), key)]), BTreeMap::new());
        let bound = self.below(2) == 0;
        for name in NAMES.iter().take(self.below(NAMES.len() + 1)) {
            let plan = match self.below(6) {
                0 => Plan::Sign,
                1 => Plan::Nothing,
                2 if bound => Plan::Context,
                _ => Plan::Encrypt,
            };
            item.insert((*name).to_owned(), self.value(0));
            plans.insert((*name).to_owned(), plan);
        }
        (item, plans)
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth < 3 { 10 } else { 8 }) {
            0 => Value::Null,
            1 => Value::Bool(self.below(2) == 0),
            2 => Value::N(self.number()),
            3 => Value::S(self.text()),
            4 => {
                let length = self.below(70);
                Value::B(self.bytes(length))
            }
            5 => Value::Ss(self.set(Self::text)),
            6 => {
                let mut numbers = self.set(Self::number);
                let mut seen = BTreeSet::new();
                numbers.retain(|number| seen.insert(normalise(number).unwrap_or_default()));
                Value::Ns(numbers)
            }
            7 => Value::Bs(self.set(|random| random.bytes(3))),
            8 => Value::L((0..self.below(4)).map(|_| self.value(depth + 1)).collect()),
            _ => Value::M((0..self.below(4)).map(|i| (NAMES[i * 2].to_owned(), self.value(depth + 1))).collect()),
        }
    }

    fn set<T: Ord>(&mut self, mut member: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = 1 + self.below(4);
        (0..count).map(|_| member(self)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn text(&mut self) -> String {
        ["", "x", "Zoë 你好", "\u{1f980}", "\u{ff61}", "a longer text, of forty characters or so"][self.below(6)]
            .to_owned()
            + ["", "1", "\0"][self.below(3)]
    }

    fn number(&mut self) -> String {
        let sign = ["", "-", "+"][self.below(3)];
        let digits = self.next() % 1_000_000;
        let point = ["", ".", ".50", ".0001"][self.below(4)];
        let exponent = ["", "e3", "E-5", "e+20"][self.below(4)];
        format!("{sign}{digits}{point}{exponent}")
    }
}

const NAMES: [&str; 12] =
    ["a", "größe", "B", "\u{10002}x", "名前", "a.b", "$", " ", "aa", "\u{ff61}", "long_name_of_an_attribute", "zz"];
const ROUNDS: usize = 100;
