//! The words of `#[protect(...)]`: what may stand on a type, a variant and a field.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, LitBool, LitStr, Token};

use crate::class::Class;
use crate::error::{Errors, list};

mod serde;

pub(crate) use serde::Serde;

/// What stands on the type.
pub(crate) struct ContainerAttrs {
    pub(crate) resource: Option<LitStr>,
    /// The key attributes and where they were named.
    pub(crate) key: Vec<(String, Span)>,
    pub(crate) default: Option<Class>,
    /// Whether typed field names are wanted.
    pub(crate) fields: bool,
}

impl ContainerAttrs {
    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut resource = None;
        let mut default = None;
        let mut fields = None;
        let mut key: Vec<(String, Span)> = Vec::new();
        words(attrs, errors, |meta, errors| {
            match &*word(meta) {
                "resource" => set(&mut resource, text(meta, errors)?, meta, errors),
                "key" => {
                    let names = text(meta, errors)?;
                    for name in names.value().split(',').map(str::trim) {
                        if key.iter().any(|(known, _)| known == name) {
                            errors.push(names.span(), format_args!("`{name}` is named twice as a key"));
                        }
                        key.push((name.to_owned(), names.span()));
                    }
                }
                "default" => {
                    let class = text(meta, errors)?;
                    if let Some(class) = default_class(&class, errors) {
                        set(&mut default, class, meta, errors);
                    }
                }
                "fields" => set(&mut fields, meta.value()?.parse::<LitBool>()?.value, meta, errors),
                unknown => {
                    let message = if Class::from_word(unknown).is_some() {
                        format!(
                            "`{unknown}` belongs on a field: write `#[protect(default = \"confidential\")]` to give the \
                             fields without a class one"
                        )
                    } else {
                        format!(
                            "unknown word `{unknown}`: a type takes `resource = \"...\"`, `key = \"...\"`, \
                             `default = \"confidential\"`, `fields = false`"
                        )
                    };
                    errors.push(meta.path.span(), message);
                    skip_value(meta)?;
                }
            }
            Ok(())
        });
        Self { resource, key, default, fields: fields.unwrap_or(true) }
    }
}

/// A default of `public` is refused: the field that somebody adds next year would be published without a thought.
fn default_class(word: &LitStr, errors: &mut Errors) -> Option<Class> {
    match Class::from_word(&word.value()) {
        Some(Class::Public) => {
            let message = "fields cannot be public by default: write `#[protect(public)]` on each public field";
            errors.push(word.span(), message);
            None
        }
        Some(class) => Some(class),
        None => {
            let message = format!("unknown class {:?}: write `pii`, `sensitive` or `confidential`", word.value());
            errors.push(word.span(), message);
            None
        }
    }
}

/// What stands on a variant.
pub(crate) struct VariantAttrs {
    pub(crate) rename: Option<LitStr>,
}

impl VariantAttrs {
    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut rename = None;
        words(attrs, errors, |meta, errors| {
            match &*word(meta) {
                "rename" => set(&mut rename, text(meta, errors)?, meta, errors),
                unknown => {
                    let message = if Class::from_word(unknown).is_some() || unknown == "nested" {
                        format!(
                            "`{unknown}` belongs on the fields of the variant: write \
                             `Card(#[protect({unknown})] ...)`"
                        )
                    } else {
                        format!("unknown word `{unknown}`: a variant takes `rename = \"...\"`")
                    };
                    errors.push(meta.path.span(), message);
                    skip_value(meta)?;
                }
            }
            Ok(())
        });
        Self { rename }
    }
}

/// What stands on a field.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) class: Option<(Class, Span)>,
    pub(crate) nested: Option<Span>,
    pub(crate) searchable: Option<Span>,
    pub(crate) skip: Option<Span>,
    pub(crate) mask: Option<LitStr>,
    pub(crate) categories: Vec<LitStr>,
    pub(crate) rename: Option<LitStr>,
}

impl FieldAttrs {
    pub(crate) fn parse(attrs: &[Attribute], label: &str, errors: &mut Errors) -> Self {
        let mut found = Self::default();
        words(attrs, errors, |meta, errors| {
            let span = meta.path.span();
            let word = word(meta);
            if let Some(class) = Class::from_word(&word) {
                match found.class {
                    Some((first, _)) if first != class => {
                        let classes = format!("`{}` and `{word}`", first.word());
                        errors.push(span, format_args!("`{label}` has two classes, {classes}: keep the stricter one"));
                    }
                    _ => set(&mut found.class, (class, span), meta, errors),
                }
                return Ok(());
            }
            match &*word {
                "nested" => set(&mut found.nested, span, meta, errors),
                "searchable" => set(&mut found.searchable, span, meta, errors),
                "skip" => set(&mut found.skip, span, meta, errors),
                "mask" => set(&mut found.mask, text(meta, errors)?, meta, errors),
                "rename" => set(&mut found.rename, text(meta, errors)?, meta, errors),
                "category" => found.categories.push(text(meta, errors)?),
                unknown => {
                    let classes = list(Class::ALL.map(Class::word));
                    let message = format!(
                        "unknown word `{unknown}`: a field takes a class ({classes}) or `nested`, and `mask = \"...\"`, \
                         `category = \"...\"`, `searchable`, `rename = \"...\"`, `skip`"
                    );
                    errors.push(span, message);
                    skip_value(meta)?;
                    // Something was said of the class, if in vain: one mistake, one message.
                    found.class.get_or_insert((Class::Confidential, span));
                }
            }
            Ok(())
        });
        found
    }
}

/// Reads each word of each `#[protect(...)]`. An attribute that does not parse tells so and ends there.
fn words(
    attrs: &[Attribute],
    errors: &mut Errors,
    mut read: impl FnMut(&ParseNestedMeta<'_>, &mut Errors) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("protect")) {
        if let Err(error) = attr.parse_nested_meta(|meta| read(&meta, errors)) {
            errors.append(error);
        }
    }
}

fn word(meta: &ParseNestedMeta<'_>) -> String {
    let segments = meta.path.segments.iter().map(|segment| segment.ident.to_string());
    segments.collect::<Vec<_>>().join("::")
}

fn set<T>(slot: &mut Option<T>, value: T, meta: &ParseNestedMeta<'_>, errors: &mut Errors) {
    if slot.replace(value).is_some() {
        errors.push(meta.path.span(), format_args!("`{}` is written twice: keep one", word(meta)));
    }
}

fn text(meta: &ParseNestedMeta<'_>, errors: &mut Errors) -> syn::Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    if text.value().trim().is_empty() {
        errors.push(text.span(), format_args!("`{}` is empty: give it a text or leave it out", word(meta)));
    }
    Ok(text)
}

/// Steps over `= value` or `(...)` of a word that is not understood.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}
