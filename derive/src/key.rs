//! The key attributes: which field each of them is, and that it is public, for keys are stored in clear.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::ast::{Body, Data, Field, Input, Rule, Style, Tagging, macro_ident};
use crate::class::Class;
use crate::error::{Errors, list};

/// Tells which keys are not there or not public.
pub(crate) fn check(input: &Input<'_>, errors: &mut Errors) {
    let Some(holders) = holders(input) else {
        if let (Some((_, span)), false) = (input.attrs.key.first(), is_union(input)) {
            let message = format!(
                "`{}` has no fields by name at its top: a key needs a struct with named fields or an enum with \
                 `#[serde(tag = \"...\")]`",
                input.label
            );
            errors.push(*span, message);
        }
        return;
    };
    for (name, span) in keys(input) {
        for holder in &holders {
            match holder.place(name) {
                Place::Own(field) => check_field(field, name, errors),
                Place::Behind(_) => {}
                Place::Nowhere => errors.push(holder.span.unwrap_or(span), holder.missing(name)),
            }
        }
    }
}

/// What cannot be seen from here: that the types of nested fields have the key among their own public fields. The
/// compiler checks it where the schema becomes a constant.
pub(crate) fn assertions(input: &Input<'_>) -> TokenStream {
    let mut assertions = TokenStream::new();
    for holder in holders(input).iter().flatten() {
        for (name, span) in keys(input) {
            let Place::Behind(fields) = holder.place(name) else { continue };
            let schemas = fields.iter().map(|field| {
                let ty = field.ty();
                quote_spanned!(field.ty_span()=> <#ty as ::privet::__private::Protect>::SCHEMA.has_public_field(#name))
            });
            let message = format!("the key `{name}` must be a public field of the struct that is nested here, itself");
            let message = message.replace('{', "{{").replace('}', "}}");
            assertions.extend(quote_spanned! {Span::mixed_site().located_at(span)=>
                ::privet::__private::assert!(#(#schemas)||*, #message);
            });
        }
    }
    assertions
}

/// Makes the compiler look at the assertions of a model even if nothing reads its schema. Those of a generic model are
/// looked at for each type that it is used with.
pub(crate) fn force(input: &Input<'_>) -> TokenStream {
    let generics = &input.original.generics;
    if generics.type_params().next().is_some() || generics.const_params().next().is_some() {
        return TokenStream::new();
    }
    let name = macro_ident(&input.original.ident);
    let lifetimes = generics.lifetimes().map(|_| syn::Lifetime::new("'static", Span::mixed_site()));
    quote! {
        const _: &::privet::__private::Schema = <#name<#(#lifetimes),*> as ::privet::__private::Protect>::SCHEMA;
    }
}

/// The fields of a struct, or of one kind of the records in a table: each kind has the key.
struct Holder<'a, 'b> {
    label: &'a str,
    body: &'a Body<'b>,
    /// Where the variant stands.
    span: Option<Span>,
}

/// Where a key comes from.
enum Place<'a, 'b> {
    Own(&'a Field<'b>),
    /// From the type of one of these nested fields, whose members are stored at the top.
    Behind(Vec<&'a Field<'b>>),
    Nowhere,
}

impl<'a, 'b> Holder<'a, 'b> {
    fn place(&self, name: &str) -> Place<'a, 'b> {
        let named = self.body.style == Style::Named;
        if let Some(own) = self.named().find(|field| field.name == name) {
            return Place::Own(own);
        }
        let behind = self.body.stored().filter(|field| field.rule == Rule::Nested);
        let behind: Vec<_> = behind.filter(|field| field.serde.flatten.is_some() || !named).collect();
        if behind.is_empty() { Place::Nowhere } else { Place::Behind(behind) }
    }

    fn named(&self) -> impl Iterator<Item = &'a Field<'b>> {
        let named = self.body.style == Style::Named;
        self.body.stored().filter(move |field| named && field.serde.flatten.is_none())
    }

    fn missing(&self, name: &str) -> String {
        let label = self.label;
        if let Some(field) = self.named().find(|field| field.label == name) {
            return format!("`{name}` is stored as `{}`: write `key = {:?}`", field.name, field.name);
        }
        let known = list(self.named().map(|field| field.name.as_str()));
        match (self.span, known.as_str()) {
            (Some(_), _) => format!(
                "the key `{name}` must be a field of each variant: write `{label} {{ #[protect(public)] {name}: ... }}`"
            ),
            (None, "") => format!("`{label}` has no field that is stored as `{name}`"),
            (None, known) => format!("`{label}` has no field that is stored as `{name}`: it has {known}"),
        }
    }
}

fn keys<'a>(input: &'a Input<'_>) -> impl Iterator<Item = (&'a str, Span)> {
    let tag = match &input.data {
        Data::Enum(Tagging::Internal(tag), _) => Some(tag.value()),
        Data::Struct(_) => input.serde.tag.as_ref().map(syn::LitStr::value),
        Data::Enum(..) => None,
    };
    // The tag is a member of the record, too, and public.
    let keys = input.attrs.key.iter().filter(move |(name, _)| tag.as_ref() != Some(name));
    keys.map(|(name, span)| (name.as_str(), *span))
}

/// What has to have the keys; `None` if the type is not stored as a map with its fields at the top.
fn holders<'a, 'b>(input: &'a Input<'b>) -> Option<Vec<Holder<'a, 'b>>> {
    match &input.data {
        Data::Struct(body) if body.style == Style::Named && input.serde.transparent.is_none() => {
            Some(vec![Holder { label: &input.label, body, span: None }])
        }
        Data::Enum(Tagging::Internal(_), variants) => {
            let stored = variants.iter().filter(|variant| !variant.skipped());
            let holders = stored.map(|variant| {
                let span = Some(variant.original.ident.span());
                Holder { label: &variant.label, body: &variant.body, span }
            });
            Some(holders.collect())
        }
        Data::Struct(_) | Data::Enum(..) => None,
    }
}

fn check_field(field: &Field<'_>, name: &str, errors: &mut Errors) {
    match field.rule {
        Rule::Classified(Class::Public) | Rule::Skipped => {}
        Rule::Classified(class) => {
            let at = field.attrs.class.map_or_else(|| field.span(), |(_, span)| span);
            let message = format!(
                "the key `{name}` is stored in clear and cannot be `{}`: write `#[protect(public)]`, or take another \
                 key",
                class.word()
            );
            errors.push(at, message);
        }
        Rule::Nested => {
            let message = format!("the key `{name}` is one value and cannot be `nested`: write `#[protect(public)]`");
            errors.push(field.attrs.nested.unwrap_or_else(|| field.span()), message);
        }
    }
}

fn is_union(input: &Input<'_>) -> bool {
    matches!(input.original.data, syn::Data::Union(_))
}
