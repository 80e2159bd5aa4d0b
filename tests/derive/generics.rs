//! Generic and recursive models.
#![allow(dead_code)] // the models are there to be printed and walked, which the lint does not count

use std::collections::HashMap;
use std::marker::PhantomData;

use privet::{Field, Protect};
use serde::Serialize;

use crate::walk::{classes, inventory};

#[derive(Protect, Serialize)]
struct Customer {
    #[protect(pii)]
    email: String,
}

fn customer() -> Customer {
    Customer { email: "planted-secret".to_owned() }
}

#[derive(Protect, Serialize)]
struct Page<T> {
    #[protect(nested)]
    items: Vec<T>,
    #[protect(public)]
    next: Option<String>,
}

#[test]
fn a_page_of_models() {
    let page = Page { items: vec![customer()], next: None };
    assert_eq!(inventory::<Page<Customer>>(), ["items[].email: pii", "next: public"]);
    assert_eq!(classes(&page), ["items[0].email: pii", "next: public"]);
    assert_eq!(format!("{page:?}"), "Page { items: [Customer { email: <pii> }], next: None }");
    let items: Field<Page<Customer>, Vec<Customer>> = Page::items();
    assert_eq!(items.name(), "items");
}

/// Neither `Protect` nor `Debug`.
#[derive(Clone)]
struct Plain;

/// Only the fields that need it are bound: `W` and `S` never are.
#[derive(Protect)]
struct Bounds<T, W, S = std::hash::RandomState>
where
    W: Clone,
{
    #[protect(confidential)]
    whole: W,
    #[protect(nested)]
    map: HashMap<String, T, S>,
    #[protect(skip)]
    marker: PhantomData<W>,
}

#[test]
fn bounds_are_on_the_fields() {
    fn protects<T: Protect + std::fmt::Debug>(_: &T) {}
    let bounds = Bounds { whole: Plain, map: HashMap::from([("k".to_owned(), customer())]), marker: PhantomData };
    protects(&bounds);
    assert_eq!(inventory::<Bounds<Customer, Plain>>(), ["whole: confidential", "map.*.email: pii"]);
    assert!(format!("{bounds:?}").starts_with("Bounds { whole: <confidential>, map: {\"k\": Customer"));
}

trait Kind {
    type Payload;
}

struct Orders;

impl Kind for Orders {
    type Payload = Customer;
}

#[derive(Protect)]
struct Event<K: Kind> {
    #[protect(nested)]
    payload: K::Payload,
}

#[test]
fn associated_types() {
    assert_eq!(inventory::<Event<Orders>>(), ["payload.email: pii"]);
    let event: Event<Orders> = Event { payload: customer() };
    assert_eq!(format!("{event:?}"), "Event { payload: Customer { email: <pii> } }");
}

#[derive(Protect, Serialize)]
struct Borrowed<'a, const N: usize> {
    #[protect(pii)]
    name: &'a str,
    #[protect(nested)]
    customer: &'a Customer,
    #[protect(public)]
    #[serde(skip_serializing_if = "<[u8]>::is_empty")]
    bytes: &'a [u8],
    #[protect(skip)]
    #[serde(skip)]
    block: [u8; N],
}

#[test]
fn lifetimes_and_const_generics() {
    let customer = customer();
    let borrowed = Borrowed { name: "planted-secret", customer: &customer, bytes: b"", block: [0; 3] };
    assert_eq!(classes(&borrowed), ["customer.email: pii", "name: pii"]);
    assert_eq!(
        format!("{borrowed:?}"),
        "Borrowed { name: <pii>, customer: Customer { email: <pii> }, bytes: [], block: <skipped> }"
    );
    assert_eq!((borrowed.name.len(), borrowed.block.len()), (14, 3));
}

#[derive(Protect, Serialize, Default)]
struct Person {
    #[protect(pii)]
    name: String,
    #[protect(nested)]
    friends: Vec<Person>,
    #[protect(nested)]
    boss: Option<Box<Self>>,
}

#[test]
fn a_model_may_contain_itself() {
    assert_eq!(inventory::<Person>(), ["name: pii"]);
    let person = Person {
        friends: vec![Person { friends: vec![Person::default()], ..Person::default() }],
        boss: Some(Box::default()),
        ..Person::default()
    };
    assert_eq!(
        classes(&person),
        ["boss.name: pii", "friends[0].friends[0].name: pii", "friends[0].name: pii", "name: pii"]
    );
    assert!(format!("{person:?}").contains("boss: Some(Person { name: <pii>, friends: [], boss: None })"));
}

/// By a short path and by a long one.
#[derive(Protect, Serialize)]
#[allow(unused_qualifications)]
enum Tree<T> {
    Leaf(#[protect(nested)] T),
    Node {
        #[protect(nested)]
        children: Vec<Tree<T>>,
        #[protect(nested)]
        other: Option<Box<crate::generics::Tree<T>>>,
    },
}

#[test]
fn a_generic_model_may_contain_itself() {
    let tree = Tree::Node {
        children: vec![Tree::Leaf(customer()), Tree::Node { children: vec![], other: None }],
        other: None,
    };
    assert_eq!(classes(&tree), ["Node.children[0].Leaf.email: pii"]);
    assert!(!format!("{tree:?}").contains("planted"));
}

#[derive(Protect)]
struct Chicken {
    #[protect(nested)]
    egg: Option<Box<Egg>>,
}

#[derive(Protect)]
struct Egg {
    #[protect(nested)]
    chicken: Option<Box<Chicken>>,
    #[protect(public)]
    laid: u8,
}

#[test]
fn models_may_contain_each_other() {
    assert_eq!(inventory::<Chicken>(), ["egg.laid: public"]);
    let chicken = Chicken { egg: Some(Box::new(Egg { chicken: None, laid: 1 })) };
    assert_eq!(format!("{chicken:?}"), "Chicken { egg: Some(Egg { chicken: None, laid: 1 }) }");
}

/// The key is in what is flattened: the compiler looks for it there.
#[derive(Protect, Serialize)]
#[protect(key = "pk")]
struct Envelope<'a, T> {
    #[protect(nested)]
    #[serde(flatten)]
    body: T,
    #[protect(pii)]
    sender: &'a str,
}

#[derive(Protect, Serialize)]
#[protect(key = "pk")]
struct Letter<'a> {
    #[protect(nested)]
    #[serde(flatten)]
    keys: Keys<'a>,
    #[protect(pii)]
    text: &'a str,
}

#[derive(Protect, Serialize)]
struct Keys<'a> {
    #[protect(public)]
    pk: &'a str,
}

#[test]
fn a_key_may_be_in_a_generic_or_a_borrowed_type() {
    let envelope = Envelope { body: Keys { pk: "1" }, sender: "planted-secret" };
    assert_eq!(classes(&envelope), ["pk: public", "sender: pii"]);
    let letter = Letter { keys: Keys { pk: "1" }, text: "planted-secret" };
    assert_eq!(classes(&letter), ["pk: public", "text: pii"]);
    assert_eq!(format!("{letter:?}"), "Letter { keys: Keys { pk: \"1\" }, text: <pii> }");
}
