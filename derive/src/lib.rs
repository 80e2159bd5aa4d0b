//! The derive macro of privet: `#[derive(Protect)]`.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod ast;
mod attr;
mod case;
mod class;
mod error;
mod expand;
mod fallback;
mod generics;
mod key;
mod valid;

/// Says how each field of a model is classified.
///
/// ```
/// use privet::{Classification, Protect};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Protect, Serialize, Deserialize)]
/// #[protect(resource = "customers", key = "id")]
/// #[serde(rename_all = "camelCase")]
/// struct Customer {
///     #[protect(public)]
///     id: String,
///     #[protect(pii, mask = "email", searchable)]
///     email: String,
///     #[protect(confidential, category = "phi")]
///     health_records: Vec<String>,
///     #[protect(nested)]
///     address: Option<Address>,
///     #[serde(skip)]
///     visits_today: u32,
/// }
///
/// #[derive(Protect, Serialize, Deserialize)]
/// #[protect(default = "pii")]
/// struct Address {
///     street: String,
///     #[protect(public)]
///     country: String,
/// }
///
/// let inventory = Customer::schema().inventory();
/// let paths: Vec<&str> = inventory.iter().map(|entry| entry.path.as_str()).collect();
/// assert_eq!(paths, ["id", "email", "healthRecords", "address.street", "address.country"]);
/// assert_eq!(inventory[2].class, Classification::Confidential);
///
/// // Fields have typed names.
/// assert_eq!(Customer::health_records().name(), "healthRecords");
///
/// // `Debug` never shows a classified value.
/// let address = Address { street: "1 Privet Drive".into(), country: "GB".into() };
/// let customer = Customer {
///     id: "c-1".into(),
///     email: "ada@example.com".into(),
///     health_records: vec![],
///     address: Some(address),
///     visits_today: 1,
/// };
/// assert_eq!(
///     format!("{customer:?}"),
///     "Customer { id: \"c-1\", email: <pii>, health_records: <confidential>, \
///      address: Some(Address { street: <pii>, country: \"GB\" }), visits_today: <skipped> }"
/// );
/// ```
///
/// # On a field
///
/// | `#[protect(...)]` | |
/// |---|---|
/// | `public`, `pii`, `sensitive`, `confidential` | The class of the value as a whole. |
/// | `nested` | The type of the field, or what is in its container, derives `Protect`: its own fields have the classes. |
/// | `mask = "email"` | The mask that a partial disclosure uses. Not on public fields. |
/// | `category = "phi"` | A free tag for the data inventory. May be repeated. |
/// | `searchable` | The sealed field can be searched for by equality. |
/// | `rename = "..."` | The serialised name, for a model whose `Serialize` is not derived. |
/// | `skip` | The field is never stored. Should it be stored all the same, a policy's default class holds. |
///
/// A field with neither class nor `nested` does not compile, unless the type has a default or the field is skipped.
///
/// # On a variant
///
/// `rename = "..."`, as for a field.
///
/// # On the type
///
/// | `#[protect(...)]` | |
/// |---|---|
/// | `resource = "customers"` | The logical table or collection that the records live in. |
/// | `key = "pk, sk"` | The serialised names of the key attributes, partition key first. Each must be public, in each variant of an enum with `tag`. |
/// | `default = "confidential"` | The class of the fields without a class. It cannot be `public`. |
/// | `fields = false` | No typed field names, if the type has methods of the same names. |
///
/// # What it takes from serde
///
/// Paths are the serialised names: `rename`, `rename_all` and `rename_all_fields` count, as do `flatten`, `skip`,
/// `skip_serializing`, `transparent`, and `tag` and `content`. Names that are written in one way and read in another do
/// not compile, nor do `untagged` and `into`: they hide whose fields are stored. A newtype has the class of what is in
/// it, and the tag of a struct is public.
///
/// # What it writes
///
/// - `impl Protect`. In a generic model, the types of nested fields are asked for `Protect`, and those of public fields
///   for `Debug`.
/// - `impl Debug`. Public fields and nested fields print through their own `Debug`; the others print as `<pii>`,
///   `<sensitive>`, `<confidential>` or `<skipped>`. Leave out `Debug` from the other derives.
/// - For a struct with named fields, a typed name for each field that is stored under a name of its own, as visible as
///   the field: `Customer::email()`.
///
/// # Security
///
/// `Debug` of a nested field is the one of its type. It is safe because that type derives `Protect`, too; a `Protect`
/// written by hand comes with a `Debug` that shows no classified value.
#[proc_macro_derive(Protect, attributes(protect))]
pub fn protect(input: TokenStream) -> TokenStream {
    expand::derive(&parse_macro_input!(input as DeriveInput)).into()
}
