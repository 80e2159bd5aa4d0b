//! The derive in hostile surroundings: strict lints, shadowed names, names that the expansion might have used itself.
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    single_use_lifetimes,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

pub mod strict {
    //! What a careful author turns on.

    use privet::{Classification, Field, Protect, Schema};

    /// A model.
    #[derive(Protect)]
    #[protect(resource = "models", key = "id")]
    #[allow(non_snake_case)]
    pub struct Model<'a, T: Clone = u8> {
        /// Who.
        #[protect(public)]
        pub id: &'a str,
        /// What.
        #[protect(nested)]
        pub inner: Option<Inner<T>>,
        /// An old one.
        #[protect(pii)]
        #[deprecated]
        pub old: T,
        /// Not in snake case.
        #[protect(public)]
        pub createdAt: u64,
    }

    /// Another.
    #[derive(Protect)]
    pub struct Inner<T>(
        /// What.
        #[protect(pii)]
        pub T,
    );

    /// A choice.
    #[derive(Protect, Clone, Copy)]
    pub enum Choice {
        /// One.
        One,
        /// Two.
        Two {
            /// What.
            #[protect(public)]
            what: u8,
        },
        /// Three.
        #[deprecated]
        Three(
            /// What.
            #[protect(public)]
            u8,
        ),
    }

    /// Its fields are of types that are only borne with.
    #[derive(Protect)]
    #[allow(unused_qualifications)]
    pub struct Old<T> {
        /// One that must not be used.
        #[protect(nested)]
        #[expect(deprecated, reason = "stored records have it")]
        pub older: Option<Box<Older<T>>>,
        /// Another, by a long path.
        #[protect(nested)]
        pub inner: crate::hygiene::strict::Inner<T>,
    }

    /// A type to leave behind.
    #[derive(Protect)]
    #[deprecated]
    pub struct Older<T>(
        /// What.
        #[protect(pii)]
        pub T,
    );

    /// Imports that the expansion would make redundant.
    #[must_use]
    pub const fn used() -> (&'static Schema, Classification, Field<Model<'static>, &'static str>) {
        (Model::<'static, u8>::SCHEMA, Classification::Pii, Model::id())
    }
}

#[allow(dead_code, non_camel_case_types, non_upper_case_globals, missing_docs, unreachable_pub)]
mod shadowed {
    pub struct Option;
    pub struct Some;
    pub struct None;
    pub struct Result;
    pub struct Ok;
    pub struct String;
    pub struct Vec;
    pub struct Debug;
    pub struct Schema;
    pub struct Classification;
    pub struct str;
    pub struct bool;
    pub mod core {}
    pub mod std {}
    pub mod fmt {}
    pub const __privet: u8 = 0;
    pub const f: u8 = 0;
    pub const formatter: u8 = 0;

    #[derive(privet::Protect)]
    pub struct Protect<T> {
        #[protect(pii, mask = "email", category = "x", searchable)]
        pub email: u8,
        #[protect(public)]
        pub f: u8,
        #[protect(nested)]
        pub items: T,
    }

    #[derive(privet::Protect)]
    #[protect(resource = "shadowed", default = "pii")]
    pub enum Enum {
        None,
        Some(#[protect(public)] u8, u8),
        Ok {
            #[protect(public)]
            f: u8,
            formatter: u8,
        },
    }
}

#[no_implicit_prelude]
#[allow(dead_code)]
mod without_prelude {
    #[derive(::privet::Protect)]
    #[protect(resource = "bare", key = "id", default = "pii")]
    pub(super) struct Bare<'a, T> {
        #[protect(public)]
        pub(super) id: u8,
        #[protect(nested)]
        pub(super) inner: &'a T,
        #[protect(mask = "email", category = "contact")]
        pub(super) email: u8,
    }

    #[derive(::privet::Protect)]
    pub(super) enum Inner {
        One,
        Two(#[protect(public)] u8),
    }
}

mod from_a_macro {
    macro_rules! model {
        ($name:ident { $($field:ident: $type:ty = $class:ident),* }) => {
            #[derive(privet::Protect)]
            pub(super) struct $name {
                $(#[protect($class)] pub(super) $field: $type),*
            }
        };
    }

    model!(Made { id: u8 = public, email: String = pii });
}

#[test]
fn it_compiles_without_a_warning_and_works() {
    assert_eq!(strict::used().2.name(), "id");
    let two = strict::Choice::Two { what: 1 };
    assert_eq!(format!("{:?} {two:?}", strict::Choice::One), "One Two { what: 1 }");
    let shadowed = shadowed::Protect { email: 1, f: 2, items: shadowed::Enum::Some(3, 4) };
    assert_eq!(format!("{shadowed:?}"), "Protect { email: <pii>, f: 2, items: Some(3, <pii>) }");
    assert_eq!(shadowed.email, 1);
    let bare = without_prelude::Bare { id: 1, inner: &without_prelude::Inner::Two(2), email: 3 };
    assert_eq!(format!("{bare:?}"), "Bare { id: 1, inner: Two(2), email: <pii> }");
    let made = from_a_macro::Made { id: 1, email: "planted".to_owned() };
    assert_eq!(format!("{made:?}"), "Made { id: 1, email: <pii> }");
    assert_eq!((made.id, made.email.len()), (1, 7));
}
