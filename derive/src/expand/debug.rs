//! `impl Debug`: shows what is public and names the class of the rest.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::implement;
use crate::ast::{Body, Data, Field, Input, Rule, Style, Variant};
use crate::class::Class;
use crate::generics::where_clause;

pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let formatter = Ident::new("__privet_formatter", Span::mixed_site());
    let shown = match &input.data {
        Data::Struct(body) => {
            let values = body.fields.iter().map(|field| {
                let member = &field.member;
                value(field, quote_spanned!(field.ty_span()=> &self.#member))
            });
            written(&formatter, &input.label, body, values)
        }
        Data::Enum(_, variants) if variants.is_empty() => quote!(match *self {}),
        Data::Enum(_, variants) => {
            let arms = variants.iter().map(|known| arm(&formatter, known));
            quote!(match self { #(#arms)* })
        }
    };
    let body = quote! {
        fn fmt(
            &self,
            #formatter: &mut ::privet::__private::fmt::Formatter<'_>,
        ) -> ::privet::__private::fmt::Result {
            #shown
        }
    };
    let needed = input.fields().filter(|field| shows(field));
    let bounds = where_clause(input, needed, &quote!(::privet::__private::fmt::Debug));
    implement(input, &quote!(::privet::__private::fmt::Debug for), &bounds, &body)
}

/// Whether the field prints through its own `Debug`.
fn shows(field: &Field<'_>) -> bool {
    matches!(field.rule, Rule::Nested | Rule::Classified(Class::Public))
}

fn arm(formatter: &Ident, variant: &Variant<'_>) -> TokenStream {
    let name = crate::ast::macro_ident(&variant.original.ident);
    let bindings: Vec<Ident> = (0..variant.body.fields.len())
        .map(|position| format_ident!("__privet_{position}", span = Span::mixed_site()))
        .collect();
    let bound = variant.body.fields.iter().zip(&bindings).filter(|(field, _)| shows(field));
    let patterns = bound.map(|(Field { member, .. }, binding)| quote!(#member: #binding,));
    let values = variant
        .body
        .fields
        .iter()
        .zip(&bindings)
        .map(|(field, binding)| value(field, quote_spanned!(field.ty_span()=> &*#binding)));
    let shown = written(formatter, &variant.label, &variant.body, values);
    quote!(Self::#name { #(#patterns)* .. } => #shown,)
}

fn written(formatter: &Ident, label: &str, body: &Body<'_>, values: impl Iterator<Item = TokenStream>) -> TokenStream {
    match body.style {
        Style::Unit => quote!(#formatter.write_str(#label)),
        Style::Newtype | Style::Tuple => quote!(#formatter.debug_tuple(#label)#(.field(#values))*.finish()),
        Style::Named => {
            let labels = body.fields.iter().map(|field| &field.label);
            quote!(#formatter.debug_struct(#label)#(.field(#labels, #values))*.finish())
        }
    }
}

/// What is shown of a field: what `shows` allows, and a word in the place of everything else.
fn value(field: &Field<'_>, value: TokenStream) -> TokenStream {
    let word = match field.rule {
        Rule::Nested | Rule::Classified(Class::Public) => return value,
        Rule::Classified(class) => format!("<{}>", class.word()),
        Rule::Skipped => "<skipped>".to_owned(),
    };
    quote!(&::privet::__private::Redacted(#word))
}
