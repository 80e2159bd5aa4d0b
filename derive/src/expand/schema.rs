//! `impl Protect`: the model's fields as a constant.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::implement;
use crate::ast::{Body, Data, Field, Input, Rule, Style, Tagging, Variant};
use crate::attr::FieldAttrs;
use crate::class::Class;
use crate::generics::where_clause;
use crate::key;

pub(crate) fn expand(input: &Input<'_>) -> TokenStream {
    let label = &input.label;
    let resource = option(input.attrs.resource.as_ref());
    let key = input.attrs.key.iter().map(|(name, _)| name);
    let shape = shape(input);
    let mut value = quote! {
        &::privet::__private::Schema { name: #label, resource: #resource, key: &[#(#key),*], shape: #shape }
    };
    let mut forced = TokenStream::new();
    let assertions = key::assertions(input);
    if !assertions.is_empty() {
        value = quote!({ #assertions #value });
        forced = key::force(input);
    }
    let body = quote!(const SCHEMA: &'static ::privet::__private::Schema = #value;);
    let nested = input.fields().filter(|field| field.rule == Rule::Nested);
    let bounds = where_clause(input, nested, &quote!(::privet::__private::Protect));
    let implementation = implement(input, &quote!(::privet::__private::Protect for), &bounds, &body);
    quote!(#implementation #forced)
}

fn shape(input: &Input<'_>) -> TokenStream {
    match &input.data {
        Data::Struct(body) => match one_value(input, body) {
            Some(field) => same(field),
            None if body.style == Style::Tuple => {
                let fields = specs(body);
                quote!(::privet::__private::Shape::Tuple(&[#fields]))
            }
            None => {
                let fields = specs(body);
                let tag = struct_tag(input);
                quote!(::privet::__private::Shape::Struct(&[#tag #fields]))
            }
        },
        Data::Enum(tagging, variants) => {
            let variants = variants.iter().filter(|variant| !variant.skipped());
            let variants = variants.map(|known| variant(known, tagging));
            let tagging = match tagging {
                Tagging::External => quote!(External),
                Tagging::Internal(tag) => quote!(Internal { tag: #tag }),
                Tagging::Adjacent(tag, content) => quote!(Adjacent { tag: #tag, content: #content }),
            };
            quote! {
                ::privet::__private::Shape::Enum(::privet::__private::Tagging::#tagging, &[#(#variants),*])
            }
        }
    }
}

/// The field that a newtype or a transparent struct is written as.
pub(crate) fn one_value<'a, 'b>(input: &Input<'_>, body: &'a Body<'b>) -> Option<&'a Field<'b>> {
    if input.serde.transparent.is_some() {
        body.stored().find(|field| !field.is_phantom())
    } else if body.style == Style::Newtype {
        body.stored().next()
    } else {
        None
    }
}

fn same(field: &Field<'_>) -> TokenStream {
    match field.rule {
        Rule::Classified(class) => {
            let spec = classified(class, &field.attrs, &holds_names(field));
            quote!(::privet::__private::Shape::Value(#spec))
        }
        Rule::Nested | Rule::Skipped => {
            let schema = nested(field);
            quote!(::privet::__private::Shape::Same(#schema))
        }
    }
}

/// Serde writes the struct's name into its tag: nobody's secret.
fn struct_tag(input: &Input<'_>) -> Option<TokenStream> {
    let tag = input.serde.tag.as_ref()?;
    let rule = classified(Class::Public, &FieldAttrs::default(), &quote!(false));
    Some(quote! {
        ::privet::__private::FieldSpec {
            name: #tag,
            flatten: false,
            rule: ::privet::__private::FieldRule::Classified(#rule),
        },
    })
}

fn variant(variant: &Variant<'_>, tagging: &Tagging) -> TokenStream {
    let name = &variant.name;
    let content = match (variant.body.style, variant.body.stored().next()) {
        (Style::Unit, _) | (Style::Newtype, None) => quote!(Unit),
        // Beside an internal tag, the members of the content stand in the map of the enum itself.
        (Style::Newtype, Some(field)) => {
            let spec = spec(field, matches!(tagging, Tagging::Internal(_)));
            quote!(Newtype(#spec))
        }
        (Style::Tuple, _) => {
            let fields = specs(&variant.body);
            quote!(Tuple(&[#fields]))
        }
        (Style::Named, _) => {
            let fields = specs(&variant.body);
            quote!(Struct(&[#fields]))
        }
    };
    quote! {
        ::privet::__private::VariantSpec { name: #name, content: ::privet::__private::VariantContent::#content }
    }
}

fn specs(body: &Body<'_>) -> TokenStream {
    let specs = body.stored().map(|field| spec(field, field.serde.flatten.is_some()));
    quote!(#(#specs),*)
}

fn spec(field: &Field<'_>, flatten: bool) -> TokenStream {
    let name = &field.name;
    let rule = match field.rule {
        Rule::Classified(class) => {
            let spec = classified(class, &field.attrs, &holds_names(field));
            quote!(Classified(#spec))
        }
        Rule::Nested | Rule::Skipped => {
            let schema = nested(field);
            quote!(Nested(#schema))
        }
    };
    quote! {
        ::privet::__private::FieldSpec {
            name: #name,
            flatten: #flatten,
            rule: ::privet::__private::FieldRule::#rule,
        }
    }
}

/// Whether there may be names in the value. A function may write anything.
fn holds_names(field: &Field<'_>) -> TokenStream {
    if field.serde.with.is_some() {
        return quote!(true);
    }
    let ty = field.ty();
    quote!({
        use ::privet::__private::ByDefault as _;
        ::privet::__private::MayHoldNames::<#ty>::ANSWER
    })
}

fn classified(class: Class, attrs: &FieldAttrs, holds_names: &TokenStream) -> TokenStream {
    let class = class.path();
    let categories = &attrs.categories;
    let mask = option(attrs.mask.as_ref());
    let searchable = attrs.searchable.is_some();
    quote! {
        ::privet::__private::ClassifiedSpec {
            class: #class,
            categories: &[#(#categories),*],
            mask: #mask,
            searchable: #searchable,
            holds_names: #holds_names,
        }
    }
}

fn nested(field: &Field<'_>) -> TokenStream {
    let ty = field.ty();
    quote_spanned!(field.ty_span()=> <#ty as ::privet::__private::Protect>::schema)
}

fn option(text: Option<&syn::LitStr>) -> TokenStream {
    match text {
        Some(text) => quote!(::privet::__private::Option::Some(#text)),
        None => quote!(::privet::__private::Option::None),
    }
}
