//! What configurations and values are refused, and how partitions and queries go.

use super::*;
use crate::crypto::Secret;
use crate::error::{Error, ErrorKind};
use crate::value::{Map, Path, Value};

fn length(bits: u8) -> BeaconLength {
    BeaconLength::new(bits).unwrap()
}

fn at(text: &str) -> Location {
    text.parse().unwrap()
}

fn standard(name: &str) -> StandardBeacon {
    StandardBeacon::new(name, length(16))
}

/// `e`... are encrypted, `s`... signed, `u`... neither, others unknown.
fn protection(attribute: &str) -> Option<Protection> {
    match attribute.as_bytes().first()? {
        b'e' => Some(Protection::Encrypted),
        b's' => Some(Protection::Signed),
        b'u' => Some(Protection::Unsigned),
        _ => None,
    }
}

fn refused(builder: BeaconsBuilder) -> String {
    let error = builder.build(protection).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

fn built(builder: BeaconsBuilder) -> (Beacons, BeaconKeys) {
    let beacons = builder.build(protection).unwrap();
    let keys = beacons.keys(&Secret::copy_of(&[7; 32])).unwrap();
    (beacons, keys)
}

fn item(values: &[(&str, Value)]) -> Map {
    values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn s(text: &str) -> Value {
    Value::S(text.into())
}

fn field(name: &str, locations: &[&str]) -> VirtualField {
    VirtualField::new(name, locations.iter().map(|location| VirtualPart::new(at(location))))
}

fn compound(name: &str) -> CompoundBeacon {
    CompoundBeacon::new(name, '.').encrypted("e1", "E-").signed("s1", "S-")
}

#[test]
fn names_that_are_taken() {
    let new = Beacons::builder;
    assert!(refused(new().standard(standard("e1")).standard(standard("e1").at(at("e2")))).contains("taken"));
    assert!(refused(new().standard(standard("s1").at(at("e1")))).contains("taken"));
    assert!(refused(new().standard(standard("u1").at(at("e1")))).contains("taken"));
    assert!(refused(new().standard(standard("aws_dbe_x").at(at("e1")))).contains("taken"));
    assert!(refused(new().standard(standard("").at(at("e1")))).contains("taken"));
    for taken in ["e1", "e2", "s2", "aws_dbe_c"] {
        let builder = new().standard(standard("e1")).compound(compound(taken));
        assert!(refused(builder).contains("taken"), "{taken}");
    }
    let twice = new().standard(standard("e1")).compound(compound("c")).compound(compound("c"));
    assert!(refused(twice).contains("taken"));
    assert!(refused(new().virtual_field(field("e1", &["e2", "s1"]))).contains("taken"));
    assert!(refused(new().virtual_field(field("v", &["e1"])).virtual_field(field("v", &["e2"]))).contains("taken"));
    let of_field = new().virtual_field(field("v", &["e1", "e2"])).standard(standard("e1")).compound(compound("v"));
    assert!(refused(of_field).contains("taken"));
}

#[test]
fn two_beacons_in_one_place() {
    let new = Beacons::builder;
    assert!(refused(new().standard(standard("e1")).standard(standard("b").at(at("e1")))).contains("location"));
    let fields = new().virtual_field(field("v", &["e1", "e2"])).virtual_field(field("w", &["e2", "e1"]));
    assert!(refused(fields).contains("same locations"));
    assert!(refused(new().virtual_field(field("v", &["e1"])).standard(standard("e1"))).contains("only location"));
}

#[test]
fn beacons_are_of_encrypted_data() {
    let new = Beacons::builder;
    for location in ["s1", "u1", "x", "s1.e1"] {
        assert!(refused(new().standard(standard("b").at(at(location)))).contains("not over encrypted"), "{location}");
    }
    let of_signed = new().virtual_field(field("v", &["s1", "s2"])).standard(standard("b").at(at("v")));
    assert!(refused(of_signed).contains("not over encrypted"));
    assert!(refused(new().virtual_field(field("v", &["e1", "u1"]))).contains("not signed"));
    assert!(refused(new().virtual_field(field("v", &[]))).contains("no parts"));
    let of_both = new().virtual_field(field("v", &["e1", "s1"])).standard(standard("b").at(at("v")));
    assert!(of_both.build(protection).is_ok());
}

#[test]
fn parts_in_clear_are_of_clear_data() {
    let new = || Beacons::builder().standard(standard("e1")).virtual_field(field("v", &["e1", "s1"]));
    for location in ["e2", "u1", "x", "v"] {
        let beacon = CompoundBeacon::new("c", '.').signed_at("p", "P-", at(location));
        assert!(refused(new().compound(beacon)).contains("in clear"), "{location}");
    }
    let unknown = CompoundBeacon::new("c", '.').encrypted("e2", "E-");
    assert!(refused(new().compound(unknown)).contains("no standard beacon"));
    let set = Beacons::builder().standard(standard("e1").style(Style::AsSet)).compound(compound("c"));
    assert!(refused(set).contains("is a set"));
}

#[test]
fn compound_beacons_that_cannot_be_told_apart() {
    let refused = |beacon: CompoundBeacon| refused(Beacons::builder().standard(standard("e1")).compound(beacon));
    let new = || CompoundBeacon::new("c", '.').encrypted("e1", "A-");
    assert!(refused(CompoundBeacon::new("c", '.')).contains("no parts"));
    for prefix in ["", "A", "A-", "A-B", "B."] {
        assert!(refused(new().signed("s1", prefix)).contains("prefix"), "{prefix}");
    }
    assert!(refused(CompoundBeacon::new("c", '𐀂').encrypted("e1", "A-")).contains("basic plane"));
    let both = || new().signed("s1", "B-");
    assert!(refused(both().signed_at("s1", "C-", at("s2"))).contains("twice"));
    let optional = Constructor::new().optional("e1").optional("s1");
    assert!(refused(both().constructor(optional)).contains("without a required part"));
    assert!(refused(both().constructor(Constructor::new())).contains("without a required part"));
    assert!(refused(both().constructor(Constructor::new().required("x"))).contains("unknown part `x`"));
    assert!(refused(both().constructor(Constructor::new().required("e1").optional("e1"))).contains("twice"));
    let same = both()
        .constructor(Constructor::new().required("e1").optional("s1"))
        .constructor(Constructor::new().optional("s1").required("e1"));
    assert!(refused(same).contains("require the same"));
}

#[test]
fn shared_keys_and_partitions_out_of_range() {
    let new = || Beacons::builder().standard(standard("e1"));
    let shared = |other: &str| Style::Shared(other.into());
    assert!(refused(new().standard(standard("e2").style(shared("x")))).contains("shares the key"));
    assert!(refused(new().standard(standard("e2").style(shared("e2")))).contains("shares the key"));
    let longer = StandardBeacon::new("e2", length(17)).style(shared("e1"));
    assert!(refused(new().standard(longer)).contains("same length"));
    assert!(refused(new().max_partitions(0)).contains("at least 1"));
    assert!(refused(new().max_partitions(5).default_partitions(6)).contains("1 to 5"));
    assert!(refused(new().max_partitions(5).standard(standard("e2").partitions(0))).contains("1 to 5"));
    assert!(refused(new().standard(standard("e2").partitions(2))).contains("1 to 1"));
}

#[test]
fn values_that_cannot_have_a_beacon() {
    let builder = Beacons::builder()
        .standard(standard("e1").style(Style::AsSet))
        .standard(standard("e2"))
        .virtual_field(field("v", &["e2", "e3"]))
        .standard(standard("b").at(at("v")))
        .compound(CompoundBeacon::new("c", '.').encrypted("e2", "E-").signed("s1", "S-"))
        .compound(CompoundBeacon::new("kept", '.').signed("s1", "S-"));
    let (beacons, keys) = built(builder);
    let kind = |values: &[(&str, Value)]| beacons.attributes(&item(values), &keys, 0).map_err(|error| error.kind());
    let refused = Err(ErrorKind::Input);
    assert!(kind(&[("e1", Value::Ss(vec!["a".into()])), ("e2", s("x")), ("e3", s("y")), ("s1", s("z"))]).is_ok());
    assert_eq!(kind(&[("e1", s("no set"))]), refused);
    assert_eq!(kind(&[("e1", Value::Ns(vec!["1".into(), "1.0".into()]))]), refused);
    assert_eq!(kind(&[("e2", Value::N("one".into()))]), refused);
    assert_eq!(kind(&[("e2", s("x")), ("e3", Value::B(vec![1]))]), refused);
    assert_eq!(kind(&[("e2", Value::L(vec![])), ("s1", s("z"))]), refused);
    assert_eq!(kind(&[("e2", s("x.y")), ("s1", s("z"))]), refused);
    assert_eq!(kind(&[("s1", s("y.z"))]), refused);
    assert_eq!(kind(&[("s1", s("z")), ("kept", s("S-y"))]), refused);
    assert!(kind(&[("s1", s("z")), ("kept", s("S-z"))]).is_ok());
    assert!(kind(&[("s1", s("z")), ("e2", Value::Null)]).is_ok(), "a null has a beacon");
    assert!(beacons.attributes(&Map::new(), &keys, 1).is_err());
}

#[test]
fn the_type_is_no_part_of_the_input() {
    let (beacons, keys) = built(Beacons::builder().standard(standard("e1")));
    let of = |value: Value| beacons.attributes(&item(&[("e1", value)]), &keys, 0).unwrap().beacons;
    assert_eq!(of(s("1")), of(Value::N("1.0".into())));
    assert_ne!(of(s("1.0")), of(Value::N("1.0".into())));
}

#[test]
fn members_of_a_set_that_collide_are_one_hash() {
    let beacon = StandardBeacon::new("e1", length(1)).style(Style::AsSet);
    let (beacons, keys) = built(Beacons::builder().standard(beacon));
    let set = Value::Ss((0..20).map(|member| member.to_string()).collect());
    let attributes = beacons.attributes(&item(&[("e1", set)]), &keys, 0).unwrap();
    assert_eq!(attributes.beacons["aws_dbe_b_e1"], Value::Ss(vec!["0".into(), "1".into()]));
}

#[test]
fn partitions_spread_equal_values() {
    let builder = Beacons::builder()
        .max_partitions(5)
        .default_partitions(3)
        .standard(standard("e1"))
        .standard(standard("e2").partitions(2))
        .standard(standard("e3").partitions(5))
        .compound(CompoundBeacon::new("c", '.').encrypted("e2", "A-").encrypted("e3", "B-"));
    let (beacons, keys) = built(builder);
    let record = item(&[("e1", s("x")), ("e2", s("x")), ("e3", s("x"))]);
    let of = |partition| beacons.attributes(&record, &keys, partition).unwrap().beacons;
    let distinct = |name: &str| {
        (0..5).map(|p| format!("{:?}", of(p)[name].as_text())).collect::<std::collections::BTreeSet<_>>().len()
    };
    let spread =
        [distinct("aws_dbe_b_e1"), distinct("aws_dbe_b_e2"), distinct("aws_dbe_b_e3"), distinct("aws_dbe_b_c")];
    assert_eq!(spread, [3, 2, 5, 5]);
    let asked = ["e1", "e2", "e3", "c", "x"].map(|name| beacons.partitions_of(name));
    assert_eq!(asked, [Some(3), Some(2), Some(5), Some(5), None]);
    for partition in 0..5 {
        let term = beacons.term("e2", Comparison::Equals, &s("x"), &keys, partition).unwrap();
        assert_eq!(Some(&term.value), of(partition).get(&term.attribute));
    }
    let drawn: std::collections::BTreeSet<u8> = (0..200).map(|_| beacons.random_partition().unwrap()).collect();
    assert_eq!(drawn, (0..5).collect());
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn queries_that_a_hash_cannot_answer() {
    let builder = Beacons::builder()
        .standard(standard("e1"))
        .standard(standard("e2").style(Style::AsSet))
        .standard(standard("e3").style(Style::PartOnly))
        .compound(CompoundBeacon::new("c", '.').encrypted("e1", "E-").signed("s1", "S-"));
    let (beacons, keys) = built(builder);
    let ask = |name: &str, comparison, value| beacons.term(name, comparison, &value, &keys, 0);
    for comparison in [Comparison::BeginsWith, Comparison::Order, Comparison::Contains] {
        assert_eq!(kind(ask("e1", comparison, s("x"))), ErrorKind::Unsupported);
    }
    assert_eq!(kind(ask("e3", Comparison::Equals, s("x"))), ErrorKind::Unsupported);
    assert_eq!(kind(ask("e2", Comparison::Equals, s("x"))), ErrorKind::Input);
    assert_eq!(kind(ask("e2", Comparison::Contains, Value::Bool(true))), ErrorKind::Input);
    assert!(ask("e2", Comparison::Equals, Value::Ss(vec!["x".into()])).is_ok());
    assert_eq!(kind(ask("x", Comparison::Equals, s("x"))), ErrorKind::Config);
    assert_eq!(kind(ask("c", Comparison::Contains, s("S-x"))), ErrorKind::Unsupported);
    assert_eq!(kind(ask("c", Comparison::Equals, Value::N("1".into()))), ErrorKind::Input);
    assert_eq!(kind(beacons.term("e1", Comparison::Equals, &s("x"), &keys, 1)), ErrorKind::Config);
}

#[test]
fn compound_values_are_compared_from_their_start() {
    let two = Constructor::new().required("s1").optional("s2").required("e1").optional("e2");
    let beacon = compound("c").encrypted("e2", "F-").signed("s2", "T-").constructor(two);
    let builder = Beacons::builder().standard(standard("e1")).standard(standard("e2")).compound(beacon);
    let (beacons, keys) = built(builder);
    let ask = |comparison, text: &str| {
        let term = beacons.term("c", comparison, &s(text), &keys, 0)?;
        assert_eq!(term.attribute, "aws_dbe_b_c");
        Ok::<_, Error>(term.value.as_text().unwrap().to_owned())
    };
    for comparison in [Comparison::BeginsWith, Comparison::Order] {
        for fine in ["S-", "S-x", "S-x.T-", "S-x.T-y", "S-x.E-", "S-x.T-y.E-"] {
            assert_eq!(ask(comparison, fine).unwrap(), fine);
        }
        for fits_not in ["", "x", "S", "T-y", "E-", "S-x.", "S-x.F-", "S-x.E-.T-", "S-x.S-y"] {
            assert_eq!(kind(ask(comparison, fits_not)), ErrorKind::Input, "{fits_not}");
        }
        for hash in ["S-x.E-y", "S-x.E-.F-", "S-x.E-y.F-"] {
            assert_eq!(kind(ask(comparison, hash)), ErrorKind::Unsupported, "{hash}");
        }
    }
    for fits_not in ["S-x", "S-x.T-y", "E-y", "S-x.F-y", "S-x.E-y.T-z", "S-x.E-y.E-y"] {
        assert_eq!(kind(ask(Comparison::Equals, fits_not)), ErrorKind::Input, "{fits_not}");
    }
    let record = item(&[("s1", s("x")), ("e1", s("y"))]);
    let stored = beacons.attributes(&record, &keys, 0).unwrap().beacons;
    assert_eq!(Some(ask(Comparison::Equals, "S-x.E-y").unwrap().as_str()), stored["aws_dbe_b_c"].as_text());
}

/// Computed with Python's `hmac`, as `docs/FORMAT.md` shows them.
#[test]
fn known_answers_of_fields() {
    let beacon_key = Secret::copy_of(&(0..32).collect::<Vec<_>>());
    let key = |version, tenant, path: &[&str]| {
        let path = Path::from(path.iter().map(|name| crate::value::Step::Key((*name).to_owned())).collect::<Vec<_>>());
        FieldKey::derive(&beacon_key, version, "customers", tenant, &path).unwrap()
    };
    let email = s("a@b.co");
    for (bits, text) in [(3, "5"), (16, "3b0d"), (63, "65fd0d6400243b0d")] {
        assert_eq!(key(1, "", &["email"]).beacon(&email, length(bits)).unwrap(), text);
    }
    assert_eq!(key(1, "t1", &["email"]).beacon(&email, length(16)).unwrap(), "c135");
    assert_eq!(key(2, "", &["address", "city"]).beacon(&s("London"), length(16)).unwrap(), "937e");
    assert_eq!(key(1, "", &["age"]).beacon(&Value::N("36.0".into()), length(16)).unwrap(), "3df8");
    assert_ne!(key(1, "", &["age"]).beacon(&s("36"), length(16)).unwrap(), "3df8", "the type counts");
    let tag = |tenant| TenantTag::derive(&beacon_key, 1, "customers", tenant).unwrap();
    assert_eq!((tag("t1").as_str(), tag("").as_str()), ("f65b6728e411590c", ""));
}

mod derivation {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::value::Step;

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof!["[a.]{0,2}".prop_map(Step::Key), (0_u32..2).prop_map(Step::Index)]
    }

    type Place = (u8, String, String, Vec<Step>);

    fn place() -> impl Strategy<Value = Place> {
        (1_u8..3, "[ab]{0,2}", "[ab]{0,2}", prop::collection::vec(step(), 1..3))
    }

    proptest! {
        /// Two fields, tenants, resources or versions never have the same key.
        #[test]
        fn is_injective(places in prop::collection::vec(place(), 2..40)) {
            let beacon_key = Secret::copy_of(&[7; 32]);
            let mut seen: HashMap<String, Place> = HashMap::new();
            for place in places {
                let (version, resource, tenant, steps) = place.clone();
                let key = FieldKey::derive(&beacon_key, version, &resource, &tenant, &steps.into()).unwrap();
                let hash = key.beacon(&Value::Null, length(63)).unwrap();
                if let Some(other) = seen.insert(hash, place.clone()) {
                    prop_assert_eq!(other, place);
                }
            }
        }
    }
}
