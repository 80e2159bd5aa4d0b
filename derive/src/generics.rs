//! The bounds of generic models: on the types of the fields that need them, not blindly on the parameters.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

use crate::ast::{Field, Input, mentions};

/// The `where` clause of an implementation that needs `bound` of the types of these fields.
///
/// A field whose type names the model itself would ask for what is being implemented, without end; there, the
/// parameters in that type are bound instead.
pub(crate) fn where_clause<'a, 'b: 'a>(
    input: &Input<'_>,
    fields: impl Iterator<Item = &'a Field<'b>>,
    bound: &TokenStream,
) -> TokenStream {
    let generics = &input.original.generics;
    let params: Vec<Ident> = generics.type_params().map(|param| param.ident.clone()).collect();
    let own = [input.original.ident.clone(), Ident::new("Self", Span::call_site())];
    let mut bounds = Vec::new();
    for field in fields {
        let ty = field.ty();
        if !mentions(ty, &params) {
            continue;
        }
        if mentions(ty, &own) {
            let inside = params.iter().filter(|param| mentions(ty, std::slice::from_ref(*param)));
            bounds.extend(inside.map(|param| quote!(#param: #bound)));
        } else {
            bounds.push(quote_spanned!(field.ty_span()=> #ty: #bound));
        }
    }
    let written = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    quote!(where #(#written,)* #(#bounds,)*)
}
