//! From a valid model to its implementations.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, Ident};

use crate::ast::Input;
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
    let name: &Ident = &input.original.ident;
    let (impl_generics, ty_generics, _) = input.original.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #of #name #ty_generics #bounds {
            #body
        }
    }
}
