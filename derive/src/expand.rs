//! From a valid model to its implementations.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Fields};

use crate::ast::{Input, macro_ident};
use crate::error::Errors;
use crate::{fallback, valid};

mod debug;
pub(crate) mod fields;
mod schema;

/// What the derive writes: the implementations, or the mistakes and a stand-in that keeps them the only messages.
pub(crate) fn derive(original: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let input = Input::parse(original, &mut errors);
    valid::check(&input, &mut errors);
    match errors.finish() {
        Ok(()) => [schema::expand(&input), debug::expand(&input), fields::expand(&input)].into_iter().collect(),
        Err(error) => fallback::expand(&input, &error),
    }
}

/// An implementation of a trait, or an inherent one, under a `where` clause.
pub(crate) fn implement(
    input: &Input<'_>,
    of: &TokenStream,
    bounds: &impl ToTokens,
    body: &TokenStream,
) -> TokenStream {
    let name = macro_ident(&input.original.ident);
    let (impl_generics, ty_generics, _) = input.original.generics.split_for_impl();
    let lints = allowed_lints(input.original);
    quote! {
        #(#[allow(#lints)])*
        #[automatically_derived]
        impl #impl_generics #of #name #ty_generics #bounds {
            #body
        }
    }
}

/// What the user allows of a type or a field. The implementations repeat the types of the fields, which the attributes
/// at their first place do not reach.
fn allowed_lints(original: &DeriveInput) -> Vec<&TokenStream> {
    let bodies: Vec<&Fields> = match &original.data {
        Data::Struct(data) => vec![&data.fields],
        Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let fields = bodies.into_iter().flatten().flat_map(|field| &field.attrs);
    let attrs = original.attrs.iter().chain(fields);
    let allows = attrs.filter(|attr| attr.path().is_ident("allow") || attr.path().is_ident("expect"));
    allows.filter_map(|attr| attr.meta.require_list().ok()).map(|list| &list.tokens).collect()
}
