//! The formats beneath the protector: what their types print.

use privet::dbesdk::{Action, Locked, NewItem, Recipient, Suite, Table};
use privet::record::{self, Header, Layout, RecordContext, SectionKey};
use privet::s3ec::{Lookup, NewObject, WriteOptions};
use privet::value::{Map, Value};
use privet::{Classification, EncryptedDataKey, EncryptionContext, Secret};

use crate::common::SECRETS;
use crate::{KEY, PAIR, Said, TENANT};

fn edk() -> EncryptedDataKey {
    EncryptedDataKey { provider_id: "t".into(), provider_info: vec![1], ciphertext: KEY.to_vec() }
}

fn item() -> Map {
    let text = |text: &str| Value::S(text.into());
    Map::from([
        ("id".to_owned(), text("1")),
        ("email".to_owned(), text(SECRETS[0])),
        ("visits".to_owned(), Value::L(SECRETS.map(text).into())),
        ("labels".to_owned(), Value::Ss(SECRETS.map(str::to_owned).into())),
    ])
}

#[test]
fn records_say_nothing() {
    let mut said = Said::listen();
    let (secret, edks) = (Secret::copy_of(&KEY), [edk()]);
    let layout = Layout::item(["id"]);
    let context = RecordContext::new("things", TENANT, &item(), &layout.key).unwrap();
    let key = SectionKey { class: Classification::Pii, data_key: &secret, edks: &edks };
    for shown in [format!("{context:?}"), format!("{key:?}"), format!("{:?}", item())] {
        said.text(shown);
    }
    let sealings = [(privet::value::Path::attribute("email"), Classification::Pii)];
    let stored = record::seal(item(), &sealings, &[key], None, &layout, &context).unwrap();
    said.shows(&stored);
    let Value::B(header) = &stored["privet"] else { panic!("no header") };
    let header = Header::parse(header).unwrap();
    said.shows(&header);
    let opened = record::open(stored.clone(), &header, |_| Some(&secret), &layout, &context).unwrap();
    said.shows(&opened);
    let wrong = Secret::copy_of(&[1; 32]);
    said.fails(record::open(stored, &header, |_| Some(&wrong), &layout, &context));
    said.fails(Header::parse(SECRETS[0].as_bytes()));
    said.fails(record::read_json(SECRETS[3].as_bytes()));
    said.holds_none_of(&[], 3);
}

#[test]
fn items_of_the_other_format_say_nothing() {
    for suite in [Suite::Tags, Suite::Signature] {
        let mut said = Said::listen();
        let table = Table::new("things", "id").unwrap().with_suite(suite);
        let action = |name: &str| Some(if name == "email" { Action::EncryptAndSign } else { Action::SignOnly });
        let item = NewItem::new(item(), &table, action).unwrap().with_pairs([("department", PAIR)]).unwrap();
        said.shows(&item);
        let (secret, edk) = (Secret::copy_of(&KEY), edk());
        let recipients = [Recipient { intermediate_key: &secret, edk: &edk }];
        said.shows(&recipients);
        let stored = item.seal(&recipients).unwrap();
        let locked = Locked::parse(stored.clone(), &table).unwrap();
        said.shows(&locked);
        said.fails(locked.unlock(0, &Secret::copy_of(&[1; 32])));
        let keys = locked.unlock(0, &secret).unwrap();
        said.shows(&keys);
        said.shows(&locked.open(&keys).unwrap());
        for name in stored.keys() {
            let mut changed = stored.clone();
            changed.insert(name.clone(), Value::S(SECRETS[4].into()));
            let opened = Locked::parse(changed, &table).and_then(|locked| {
                let keys = locked.unlock(0, &secret)?;
                locked.open(&keys)
            });
            said.fails(opened);
        }
        said.holds_none_of(&[], 4);
    }
}

#[test]
fn objects_say_nothing() {
    let mut said = Said::listen();
    let options = WriteOptions::new(EncryptionContext::new().with("department", PAIR)).with_instruction_file();
    said.shows(&options);
    let (secret, content) = (Secret::copy_of(&KEY), SECRETS.join("\n").into_bytes());
    let object = NewObject::new(&options).unwrap();
    said.shows(&object);
    let edk =
        EncryptedDataKey { provider_id: "s3ec".into(), provider_info: b"AES/GCM".to_vec(), ciphertext: KEY.to_vec() };
    let sealed = object.seal(&secret, edk.clone(), content).unwrap();
    said.shows(&sealed);
    let metadata = sealed.header.object_metadata().unwrap();
    let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let reading = privet::s3ec::ReadOptions::new();
    let Lookup::Detached(detached) = privet::s3ec::Header::read(&metadata, &reading).unwrap() else {
        panic!("it has an instruction file")
    };
    said.shows(&detached);
    let file = sealed.header.instruction_file().unwrap().unwrap();
    let header = detached.with_instruction_file(file.as_bytes(), &reading).unwrap();
    said.shows(&header);
    let unlocked = header.unlock(&secret).unwrap();
    said.shows(&unlocked);
    let mut damaged = sealed.body.clone();
    damaged[3] ^= 1;
    said.fails(unlocked.open(damaged));
    said.fails(header.unlock(&Secret::copy_of(&[1; 32])));
    said.holds_none_of(&[], 2);
}
