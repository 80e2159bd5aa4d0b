//! Locations, query values and wrapped beacon keys of others: refused or taken, never a panic.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use privet_core::beacon::{
    BeaconKeys, BeaconLength, Beacons, Comparison, CompoundBeacon, Constructor, Location, Protection, StandardBeacon,
    Transform, VirtualField, VirtualPart,
};
use privet_core::keyring::{RawAesKeyring, WrappedBeaconKey};
use privet_core::value::{Value, from_dynamodb_json};
use privet_core::{EncryptionContext, Secret};

static BEACONS: LazyLock<(Beacons, BeaconKeys)> = LazyLock::new(|| {
    let length = BeaconLength::new(16).unwrap();
    let part = |location: &str| VirtualPart::new(location.parse().unwrap());
    let field = VirtualField::new(
        "v",
        [
            part("e").transform(Transform::Substring { low: -3, high: 2 }),
            part("m.a").transform(Transform::Segments { split: 'b', low: -2, high: 9 }).transform(Transform::Suffix(-1)),
        ],
    );
    let compound = CompoundBeacon::new("c", '.').encrypted("e", "E-").signed("s", "S-");
    let beacons = Beacons::builder()
        .virtual_field(field)
        .standard(StandardBeacon::new("e", length))
        .standard(StandardBeacon::new("b", length).at("v".parse().unwrap()))
        .standard(StandardBeacon::new("i", length).at("m.l[1]".parse().unwrap()))
        .compound(compound.constructor(Constructor::new().required("s").optional("e")))
        .build(|name| Some(if name == "s" { Protection::Signed } else { Protection::Encrypted }).filter(|_| name.len() == 1 && "esm".contains(name)))
        .unwrap();
    let keys = beacons.keys(&Secret::copy_of(&[7; 32])).unwrap();
    (beacons, keys)
});

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(location) = text.parse::<Location>() {
        assert_eq!(location.to_string().parse::<Location>().unwrap(), location);
    }
    let keyring = RawAesKeyring::new("team", "key", &Secret::copy_of(&[7; 32])).unwrap();
    let _ = WrappedBeaconKey::new(keyring, &EncryptionContext::new(), text);
    let (beacons, keys) = &*BEACONS;
    for comparison in [Comparison::Equals, Comparison::BeginsWith, Comparison::Order] {
        if let Ok(term) = beacons.term("c", comparison, &Value::S(text.to_owned()), keys, 0) {
            let stored = term.value.as_text().unwrap();
            assert!(stored.starts_with("S-"), "only one constructor");
        }
    }
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text)
        && let Ok(item) = from_dynamodb_json(object)
    {
        let _ = beacons.attributes(&item, keys, 0);
    }
});
