//! The typed names of a struct's fields: `Customer::email()`.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use super::implement;
use super::schema::one_value;
use crate::ast::{Data, Field, Input, Rule, Style};

pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let Data::Struct(body) = &input.data else { return TokenStream::new() };
    // What is written as its only value has no member to name.
    if !input.attrs.fields || body.style != Style::Named || one_value(input, body).is_some() {
        return TokenStream::new();
    }
    let own = |field: &&Field<'_>| field.rule != Rule::Skipped && field.serde.flatten.is_none();
    let names: TokenStream = body.fields.iter().filter(own).filter_map(field_name).collect();
    if names.is_empty() {
        return names;
    }
    let names = implement(input, &TokenStream::new(), &input.original.generics.where_clause, &names);
    // They are there for whoever queries; most models use a few.
    quote! {
        #[allow(dead_code)]
        #names
    }
}

fn field_name(field: &Field<'_>) -> Option<TokenStream> {
    let ident = crate::ast::macro_ident(field.original.ident.as_ref()?);
    let (visibility, ty, name) = (&field.original.vis, field.ty(), &field.name);
    let doc = format!("The field `{}`, stored as `{name}`.", field.label);
    let method = syn::Ident::new("new", Span::mixed_site());
    Some(quote! {
        #[doc = #doc]
        #[must_use]
        #visibility const fn #ident() -> ::privet::__private::Field<Self, #ty> {
            ::privet::__private::Field::#method(#name)
        }
    })
}
