//! Messages: whole, as streams and in parts.

use privet::keyring::MultiKeyring;
use privet::message::{HeaderProgress, HeaderReader, Message, NewMessage, ReadOptions, WriteOptions};
use privet::{EncryptionContext, messages};
use privet_testkit::{Deny, Fault};

use crate::common::{SECRETS, Site};
use crate::{PAIR, Said, raw};

#[tokio::test]
async fn messages_say_nothing() {
    let mut said = Said::listen();
    let site = Site::start().await;
    let keyring = MultiKeyring::new(site.keyring("service").await).with(raw());
    said.shows(&keyring);
    let context = EncryptionContext::new().with("department", PAIR);
    let options = WriteOptions::new(context.clone()).with_required(["department"]).with_frame_length(16);
    let reading = ReadOptions::new().with_context(context.clone());
    let plaintext = SECRETS.join(", ").into_bytes();
    said.shows(&context);
    for options in [options.clone(), options.clone().signed(), WriteOptions::new(context.clone())] {
        said.shows(&options);
        said.shows(&reading);
        said.shows(&NewMessage::new(&options).unwrap());
        let message = messages::encrypt(&keyring, &plaintext, &options).await.unwrap();
        let parsed = Message::parse(&message, &reading).unwrap();
        said.shows(&parsed);
        said.shows(parsed.locked());
        said.shows(parsed.locked().header());
        let opened = messages::decrypt(&keyring, &message, &reading).await.unwrap();
        assert_eq!(opened.plaintext, plaintext);
        said.shows(&opened);

        // In pieces, half of a header first.
        let mut encryptor = messages::encryptor(&keyring, &options).await.unwrap();
        said.shows(&encryptor);
        let mut streamed = Vec::new();
        encryptor.push(&plaintext, &mut streamed).unwrap();
        said.shows(&encryptor);
        encryptor.finish(&mut streamed).unwrap();
        let (mut reader, mut rest) = (HeaderReader::new(&reading), streamed.as_slice());
        let locked = loop {
            let (piece, after) = rest.split_at(rest.len().min(40));
            rest = after;
            match reader.push(piece).unwrap() {
                HeaderProgress::NeedsMore(more) => {
                    said.shows(&more);
                    reader = more;
                }
                HeaderProgress::Locked(locked) => break locked,
            }
        };
        said.shows(&locked);
        let mut out = Vec::new();
        let mut decryptor = messages::decryptor(&keyring, locked, &mut out).await.unwrap();
        decryptor.push(rest, &mut out).unwrap();
        said.shows(&decryptor);
        decryptor.finish().unwrap();
        assert_eq!(out, plaintext);

        for at in (0..message.len()).step_by(9) {
            let mut damaged = message.clone();
            damaged[at] ^= 1;
            said.fails(messages::decrypt(&keyring, &damaged, &reading).await);
        }
        said.fails(messages::decrypt(&keyring, &message[..message.len() - 1], &reading).await);
        let other = ReadOptions::new().with_context(EncryptionContext::new().with("department", SECRETS[0]));
        said.fails(messages::decrypt(&keyring, &message, &other).await);
        said.fails(messages::decrypt(&keyring, &plaintext, &reading).await);
    }
    for fault in [Fault::on("kms", "*").error("ThrottlingException"), Fault::on("kms", "*").reset()] {
        site.aws.clear_faults();
        site.aws.fault(fault);
        said.fails(messages::encrypt(&keyring, &plaintext, &options).await);
    }
    site.aws.clear_faults();
    site.aws.deny(Deny::everyone());
    said.fails(messages::encrypt(&keyring, &plaintext, &options).await);
    said.holds_none_of(&[&plaintext[..16]], 30);
}
