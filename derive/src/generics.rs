//! The bounds of generic models: on the types of the fields that need them, not blindly on the parameters.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;

use crate::ast::{Field, Input, mentions_param, mentions_type};

/// The `where` clause of an implementation that needs `bound` of the types of these fields.
///
/// A field whose type names the model itself would ask for what is being implemented, without end; there, the
/// parameters in that type are bound instead.
pub(crate) fn where_clause<'a, 'b: 'a>(
    input: &Input<'_>,
    fields: impl Iterator<Item = &'a Field<'b>>,
    bound: &TokenStream,
) -> TokenStream {
    let (generics, own) = (&input.original.generics, &input.original.ident);
    let mut bounds = Vec::new();
    for field in fields {
        let ty = field.ty();
        let params: Vec<&Ident> =
            generics.type_params().map(|param| &param.ident).filter(|param| mentions_param(ty, param)).collect();
        if mentions_type(ty, own) {
            bounds.extend(params.iter().map(|param| quote!(#param: #bound)));
        } else if !params.is_empty() {
            bounds.push(quote_spanned!(field.ty_span()=> #ty: #bound));
        }
    }
    let written = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    quote!(where #(#written,)* #(#bounds,)*)
}
