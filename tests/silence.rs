//! Nothing that privet logs, prints in `Debug`, or says in an error holds plaintext, keys or context values.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use common::{Customer, SECRETS, Site, ada};
use privet::dynamodb::Tables;
use privet::keyring::{MultiKeyring, RawAesKeyring};
use privet::value::Value;
use privet::{Principal, Secret};
use privet_testkit::{Deny, Fault};
use tracing_subscriber::fmt::MakeWriter;

/// A place for log lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const KEY: [u8; 32] = *b"a wrapping key of 32 bytes......";
const TENANT: &str = "tenant-of-great-discretion";
const PAIR: &str = "value-of-a-context-pair";

#[tokio::test]
async fn everything_at_trace_level_says_nothing() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let mut said: Vec<String> = Vec::new();
    let site = Site::start().await;
    let raw = RawAesKeyring::new("tests", "key", &Secret::copy_of(&KEY)).unwrap();
    let keyring = MultiKeyring::new(site.keyring("service").await).with(raw);
    let privet = site
        .builder()
        .await
        .keyring(keyring)
        .context("department", PAIR)
        .pseudonym_key(Secret::copy_of(&KEY))
        .audit(privet::audit::TracingSink)
        .build()
        .unwrap()
        .for_tenant(TENANT)
        .unwrap();
    said.push(format!("{privet:?} {:?}", privet.statistics()));

    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    said.push(format!("{customers:?} {:?}", ada()));
    let opened = customers.open("c-1").await.unwrap().unwrap();
    said.push(format!("{opened:?} {opened:#?}"));
    for role in ["admin", "manager", "viewer"] {
        let view = customers.get_as("c-1", &Principal::new("u-1").role(role)).await.unwrap().unwrap();
        said.push(format!("{view:?}"));
    }
    said.push(format!("{:?}", Secret::copy_of(&KEY)));

    // Everything that can go wrong, with the whole chain of causes.
    let mut failures: Vec<Box<dyn std::error::Error>> = Vec::new();
    failures.push(Box::new(customers.put_new(&ada()).await.unwrap_err()));
    failures.push(Box::new(customers.get(7).await.err().unwrap()));
    let large = Customer { email: SECRETS[0].repeat(40_000), ..ada() };
    failures.push(Box::new(customers.put(&large).await.unwrap_err()));
    let mut damaged = privet.protect(&ada()).await.unwrap();
    for name in ["privet", "email"] {
        let Some(Value::B(bytes)) = damaged.get_mut(name) else { panic!("{name} is not there") };
        *bytes.last_mut().unwrap() ^= 1;
        failures.push(Box::new(privet.unprotect::<Customer>(damaged.clone()).await.err().unwrap()));
    }
    for fault in [
        Fault::on("kms", "*").error("ThrottlingException"),
        Fault::on("kms", "*").error("DisabledException"),
        Fault::on("kms", "*").reset(),
        Fault::on("kms", "*").status(500),
        Fault::on("dynamodb", "*").error("ValidationException"),
        Fault::on("dynamodb", "*").reset(),
    ] {
        site.aws.clear_faults();
        site.aws.fault(fault);
        privet.purge();
        failures.push(Box::new(customers.put(&ada()).await.unwrap_err()));
    }
    site.aws.clear_faults();
    site.aws.deny(Deny::everyone().service("kms"));
    privet.purge();
    failures.push(Box::new(customers.put(&ada()).await.unwrap_err()));
    for failure in &failures {
        let mut cause: Option<&dyn std::error::Error> = Some(failure.as_ref());
        while let Some(error) = cause {
            said.push(format!("{error} {error:?} {error:#?}"));
            cause = error.source();
        }
    }

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("privet::audit"), "the log did not record anything");
    said.push(log);
    let secrets = SECRETS.iter().chain(&[TENANT, PAIR]).map(|text| text.as_bytes()).chain([KEY.as_slice()]);
    for secret in secrets {
        for text in &said {
            for spelling in spellings(secret) {
                assert!(!text.contains(&spelling), "`{spelling}` stands in: {text}");
            }
        }
    }
    assert!(failures.len() > 10);
}

/// How bytes may come to be written down.
fn spellings(secret: &[u8]) -> Vec<String> {
    let list = format!("{secret:?}");
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        String::from_utf8_lossy(secret).into_owned(),
        list.trim_matches(['[', ']']).to_owned(),
        hex,
        BASE64_STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        BASE64_URL_SAFE_NO_PAD.encode(secret),
    ]
}
