//! The stand-in for a model with mistakes, so that code which uses the model has nothing more to complain about.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ast::Input;
use crate::expand::{fields, implement};

pub(crate) fn expand(input: &Input<'_>, error: &syn::Error) -> TokenStream {
    let messages = error.to_compile_error();
    let label = &input.label;
    let written = &input.original.generics.where_clause;
    let protect = quote! {
        const SCHEMA: &'static ::privet::__private::Schema = &::privet::__private::Schema {
            name: #label,
            resource: ::privet::__private::Option::None,
            key: &[],
            shape: ::privet::__private::Shape::Struct(&[]),
        };
    };
    let debug = quote! {
        fn fmt(
            &self,
            __privet_formatter: &mut ::privet::__private::fmt::Formatter<'_>,
        ) -> ::privet::__private::fmt::Result {
            __privet_formatter.write_str(#label)
        }
    };
    let protect = implement(input, &quote!(::privet::__private::Protect for), written, &protect);
    let debug = implement(input, &quote!(::privet::__private::fmt::Debug for), written, &debug);
    let names = fields::expand(input);
    quote!(#messages #protect #debug #names)
}
