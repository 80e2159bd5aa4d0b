//! Has privet and AWS's Rust client read each other's messages: `cargo run --release --bin live [-- SEED]`
//!
//! Random plaintexts, contexts, frame lengths and keys; a failure is repeated with the seed that is shown.

use std::collections::HashMap;
use std::process::ExitCode;

use aws_esdk::client::Client;
use aws_esdk::material_providers::client::Client as MaterialProviders;
use aws_esdk::material_providers::types::EsdkAlgorithmSuiteId;
use esdk_peer::{Key, Pair, Result, clients};
use privet::message::{ReadOptions, WriteOptions};
use privet::{EncryptionContext, Secret, messages};

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
    match run(&mut Random(seed)).await {
        Ok(tally) => {
            println!("{} passed, {} failed", tally.passed, tally.failed);
            if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("cannot be set up: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(random: &mut Random) -> Result<Tally> {
    let (client, providers) = clients()?;
    let mut tally = Tally::default();
    for round in 0..ROUNDS {
        let plan = Plan::new(random, round);
        for signed in [false, true] {
            for keys in [Keys::raw(random, &providers).await?, Keys::multi(random, &providers).await?] {
                let damage = random.next();
                let check = Check { client: &client, plan: &plan, signed, keys: &keys, damage };
                let what = |direction: &str| format!("{direction}, {}, signed: {signed}, {}", keys.name, plan.name());
                tally.count(&what("privet to AWS"), check.ours_to_theirs().await);
                tally.count(&what("AWS to privet"), check.theirs_to_ours().await);
            }
        }
    }
    Ok(tally)
}

/// What a message is made of.
struct Plan {
    plaintext: Vec<u8>,
    context: HashMap<String, String>,
    frame_length: u32,
    /// privet writes and reads it as a stream.
    stream: bool,
}

impl Plan {
    fn new(random: &mut Random, round: u64) -> Self {
        // Both ends in every run; between them, any magnitude.
        let length = match round {
            0 => 0,
            1 => LONGEST,
            _ => random.magnitude(LONGEST),
        };
        // One frame too long is as likely as an exact fit. Not more frames than AWS's client does in good time.
        let frame_length = match random.below(4) {
            0 => length,
            1 => length / (1 + random.below(9)),
            _ => random.magnitude(LONGEST),
        };
        let frame_length = frame_length.max(length / MOST_FRAMES).max(1);
        let names = ["a", "B", "größe", "\u{ff5e}", "\u{1f980}", "with space", "a-long-name-that-says-what-it-is-for"];
        let mut context = HashMap::new();
        for name in names {
            if random.below(2) == 0 {
                let value = ["", "x", "wert ü", "🦀🦀"][random.below(4) as usize];
                context.insert(name.to_owned(), value.to_owned());
            }
        }
        let plaintext = random.bytes(length as usize);
        Self { plaintext, context, frame_length: frame_length as u32, stream: random.below(2) == 0 }
    }

    fn name(&self) -> String {
        let Self { plaintext, context, frame_length, stream } = self;
        format!("{} bytes, frames of {frame_length}, stream: {stream}, context: {context:?}", plaintext.len())
    }

    fn our_context(&self) -> EncryptionContext {
        self.context.iter().fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value))
    }
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
}

struct Check<'a> {
    client: &'a Client,
    plan: &'a Plan,
    signed: bool,
    keys: &'a Keys,
    /// Says which bit is changed to see that the message is refused.
    damage: u64,
}

impl Check<'_> {
    async fn ours_to_theirs(&self) -> Result<()> {
        let options = WriteOptions::new(self.plan.our_context()).with_frame_length(self.plan.frame_length);
        let options = if self.signed { options.signed() } else { options };
        let keyring = self.keys.writer.ours.as_ref();
        let message = if self.plan.stream {
            let mut message = Vec::new();
            messages::encrypt_io(keyring, self.plan.plaintext.as_slice(), &mut message, &options).await?;
            message
        } else {
            messages::encrypt(keyring, &self.plan.plaintext, &options).await?
        };
        for reader in &self.keys.readers {
            same(&self.plan.plaintext, &self.read_theirs(reader, &message).await?)?;
        }
        match self.read_theirs(&self.keys.writer, &self.damaged(message)).await {
            Ok(_) => Err("AWS's client reads it damaged".into()),
            Err(_) => Ok(()),
        }
    }

    async fn theirs_to_ours(&self) -> Result<()> {
        let suite = if self.signed {
            EsdkAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKeyEcdsaP384
        } else {
            EsdkAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKey
        };
        let written = self
            .client
            .encrypt()
            .plaintext(self.plan.plaintext.clone())
            .keyring(self.keys.writer.theirs.clone())
            .encryption_context(self.plan.context.clone())
            .frame_length(i64::from(self.plan.frame_length))
            .algorithm_suite_id(suite)
            .send()
            .await?;
        let message = written.ciphertext.ok_or("no ciphertext")?.into_inner();
        for reader in &self.keys.readers {
            same(&self.plan.plaintext, &self.read_ours(reader, &message).await?)?;
        }
        match self.read_ours(&self.keys.writer, &self.damaged(message)).await {
            Ok(_) => Err("privet reads it damaged".into()),
            Err(_) => Ok(()),
        }
    }

    async fn read_theirs(&self, reader: &Pair, message: &[u8]) -> Result<Vec<u8>> {
        let request = self.client.decrypt().ciphertext(message).keyring(reader.theirs.clone());
        let opened = request.encryption_context(self.plan.context.clone()).send().await?;
        Ok(opened.plaintext.ok_or("no plaintext")?.into_inner())
    }

    async fn read_ours(&self, reader: &Pair, message: &[u8]) -> Result<Vec<u8>> {
        let options = ReadOptions::new().with_context(self.plan.our_context());
        if self.plan.stream {
            let mut plaintext = Vec::new();
            messages::decrypt_io(reader.ours.as_ref(), message, &mut plaintext, &options).await?;
            return Ok(plaintext);
        }
        Ok(messages::decrypt(reader.ours.as_ref(), message, &options).await?.plaintext)
    }

    fn damaged(&self, mut message: Vec<u8>) -> Vec<u8> {
        let place = self.damage / 8 % message.len() as u64;
        message[place as usize] ^= 1 << (self.damage % 8);
        message
    }
}

fn same(wanted: &[u8], read: &[u8]) -> Result<()> {
    if wanted == read { Ok(()) } else { Err("another plaintext".into()) }
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    fn count(&mut self, what: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(error) => {
                self.failed += 1;
                eprintln!("FAILED {what}: {error}");
            }
        }
    }
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

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// At most `most`; every number of bits is as likely as any other.
    fn magnitude(&mut self, most: u64) -> u64 {
        let bits = self.below(u64::from(most.ilog2()) + 1);
        (1 << bits) + self.below(1 << bits).min(most - (1 << bits))
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn key(&mut self, name: &str) -> Key {
        let length = [16, 24, 32][self.below(3) as usize];
        Key { name: format!("{name}-{}", length * 8), secret: Secret::copy_of(&self.bytes(length)) }
    }
}

const ROUNDS: u64 = 200;
const LONGEST: u64 = 1 << 20;
const MOST_FRAMES: u64 = 500;
