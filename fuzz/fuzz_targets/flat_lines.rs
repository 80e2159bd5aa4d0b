//! A sealed line goes from one key to another by its text only if it opens, and to nothing but what it was; damaged ones are
//! left alone.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use privet_core::keyring::RawAesKeyring;
use privet_core::protector::{Rekeyed, Resource};
use privet_core::record::{Form, read_json};
use privet_core::{Policy, Protector, Secret};
use privet_fuzz::block_on;

/// One integrity mode, with the old key and the new.
struct Side {
    old: Protector,
    new: Protector,
    resource: Arc<Resource>,
}

static SIDES: LazyLock<[Side; 2]> = LazyLock::new(|| {
    ["field", "record"].map(|integrity| {
        let protector = |key: u8| {
            let policy = format!(
                "version = 1\ndefault_class = \"pii\"\n[classes.confidential]\naudit = false\n[[rules]]\n\
                 class = \"public\"\nnames = [\"id\", \"p*\"]\n[[rules]]\nclass = \"sensitive\"\nnames = [\"s*\"]\n\
                 [resources.lines]\nkey = [\"id\"]\nunsigned = [\"ttl\"]\nintegrity = \"{integrity}\""
            );
            let keyring = RawAesKeyring::new("fuzz", "key", &Secret::copy_of(&[key; 32])).unwrap();
            Protector::builder().policy(Policy::from_toml(&policy).unwrap()).keyring(keyring).build().unwrap()
        };
        let (old, new) = (protector(7), protector(8));
        let resource = old.resource("lines").unwrap();
        Side { old, new, resource }
    })
});

/// A stored line: the text as it is, or the document that it says, sealed under the old key and then damaged.
fn line(side: &Side, choice: u8, at: u16, byte: u8, text: &[u8]) -> Option<Vec<u8>> {
    if choice % 4 == 0 {
        return Some(text.to_vec());
    }
    let document = serde_json::from_slice(text).ok()?;
    let sealed = block_on(side.old.protect_json("lines", document)).ok()?;
    let mut line = sealed.to_string().into_bytes();
    let at = usize::from(at) % line.len();
    match choice % 4 {
        1 => {}
        2 => line[at] = byte,
        _ => line.insert(at, byte),
    }
    Some(line)
}

fuzz_target!(|input: (u8, u16, u8, &[u8])| {
    let (choice, at, byte, text) = input;
    let side = &SIDES[usize::from(choice >= 128)];
    let Some(line) = line(side, choice, at, byte, text) else { return };
    let resource = &side.resource;
    let mut rekeying = side.old.rekeying(resource, &side.new, resource, 1, line.len() as u64).expect("only keys change");
    let mut out = b"before".to_vec();
    let rekeyed = block_on(rekeying.rekey(&line, &mut out));
    let written = out.strip_prefix(b"before").expect("what was there stays");
    if !matches!(rekeyed, Some(Rekeyed::Sealed(_))) {
        assert!(written.is_empty(), "nothing is written of what is left alone");
        return;
    }
    let open = |privet: &Protector, text: &[u8]| {
        let stored = read_json(text).expect("a document");
        block_on(privet.unprotect_stored(resource, Form::Json, stored)).expect("it opens")
    };
    let (before, after) = (open(&side.old, &line), open(&side.new, written));
    assert_eq!((before.record(), before.sealed()), (after.record(), after.sealed()));
});
