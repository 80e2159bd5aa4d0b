//! What a model must not say: words that contradict each other, shapes that privet cannot follow.

use syn::spanned::Spanned;

use crate::ast::{Body, Data, Field, Input, Rule, Style, Variant};
use crate::class::Class;
use crate::error::Errors;
use crate::key;

/// Tells every mistake that the words of the attributes alone do not show.
pub(crate) fn check(input: &Input<'_>, errors: &mut Errors) {
    container(input, errors);
    match &input.data {
        Data::Struct(body) => {
            check_body(body, errors);
            check_newtype(input, body, errors);
        }
        Data::Enum(_, variants) => {
            for variant in variants {
                check_variant(variant, errors);
            }
        }
    }
    key::check(input, errors);
}

fn container(input: &Input<'_>, errors: &mut Errors) {
    if let Some(span) = input.serde.untagged {
        errors.push(
            span,
            format_args!(
                "{UNTAGGED}: leave out `untagged`, or classify the field that holds `{}` as a \
            whole instead of `nested`",
                input.label
            ),
        );
    }
    if let Some(span) = input.serde.into {
        let message = format!(
            "`into` writes another type, whose fields these are not: derive `Protect` on that type, or classify the \
             field that holds `{}` as a whole instead of `nested`",
            input.label
        );
        errors.push(span, message);
    }
}

fn check_variant(variant: &Variant<'_>, errors: &mut Errors) {
    let label = &variant.label;
    if let Some(span) = variant.serde.untagged {
        errors.push(span, format_args!("{UNTAGGED}: leave out `untagged` on `{label}`"));
    }
    if let (Some(span), false) = (variant.serde.with, variant.skipped()) {
        let message =
            format!("what a function writes for `{label}` has fields of its own: put it on the field instead");
        errors.push(span, message);
    }
    check_body(&variant.body, errors);
}

fn check_body(body: &Body<'_>, errors: &mut Errors) {
    for field in &body.fields {
        check_field(field, errors);
        if let (Style::Tuple, Some(span)) = (body.style, field.serde.skip_serializing_if) {
            let message = "a value that is left out moves those behind it to other positions, and so to other classes: \
                           name the fields, or write a null";
            errors.push(span, message);
        }
    }
    if body.style != Style::Named {
        for name in body.fields.iter().filter_map(|field| field.attrs.rename.as_ref()) {
            errors.push(name.span(), "a field without a name is stored by its position: leave out `rename`");
        }
        return;
    }
    let mut known: Vec<&Field<'_>> = Vec::new();
    for field in body.stored().filter(|field| field.serde.flatten.is_none()) {
        if let Some(first) = known.iter().find(|first| first.name == field.name) {
            let message = format!("`{}` and `{}` are both stored as `{}`", first.label, field.label, field.name);
            errors.push(field.span(), message);
        }
        known.push(field);
    }
}

fn check_field(field: &Field<'_>, errors: &mut Errors) {
    let (attrs, label) = (&field.attrs, &field.label);
    if let Some(span) = attrs.skip {
        if attrs.class.is_some() || attrs.nested.is_some() {
            errors.push(span, format_args!("`{label}` is skipped, so nothing of it is stored: leave out its class"));
        }
        return;
    }
    if let (Some((class, _)), Some(span)) = (attrs.class, attrs.nested) {
        let message = format!(
            "`{label}` is `{}` as a whole or `nested`, not both: write `nested` if the classes of its own fields hold",
            class.word()
        );
        errors.push(span, message);
        return;
    }
    match field.rule {
        Rule::Skipped => {}
        Rule::Classified(Class::Public) => {
            if let Some(mask) = &attrs.mask {
                errors.push(mask.span(), format_args!("`{label}` is public, which is never masked: leave out `mask`"));
            }
            if let Some(span) = attrs.searchable {
                let message = format!("`{label}` is public and can be queried as it is: leave out `searchable`");
                errors.push(span, message);
            }
        }
        Rule::Classified(_) => {
            if let (Some(span), Some(_)) = (attrs.searchable, field.serde.flatten) {
                let message = format!("`{label}` is flattened and has no name to search by: leave out `searchable`");
                errors.push(span, message);
            }
        }
        Rule::Nested => check_nested(field, errors),
    }
}

fn check_nested(field: &Field<'_>, errors: &mut Errors) {
    let (attrs, label) = (&field.attrs, &field.label);
    let words = [
        ("mask", attrs.mask.as_ref().map(Spanned::span)),
        ("category", attrs.categories.first().map(Spanned::span)),
        ("searchable", attrs.searchable),
    ];
    for (word, span) in words {
        if let Some(span) = span {
            let message =
                format!("`{label}` is nested: write `{word}` on the fields of its type, which have the classes");
            errors.push(span, message);
        }
    }
    if let Some(span) = field.serde.with {
        let message = format!(
            "a function writes `{label}`, so the fields of its type may not be what is stored: give it a class instead \
             of `nested`"
        );
        errors.push(span, message);
    }
}

/// A newtype is written as what is in it: there is nothing around it that could leave it out.
fn check_newtype(input: &Input<'_>, body: &Body<'_>, errors: &mut Errors) {
    let field = match body.fields.as_slice() {
        [field] if body.style == Style::Newtype || input.serde.transparent.is_some() => field,
        _ => return,
    };
    if let Some(span) = field.attrs.skip {
        let message =
            format!("`{}` is stored as its only field, which cannot be skipped: give it a class", input.label);
        errors.push(span, message);
    }
}

const UNTAGGED: &str = "an untagged value does not say which variant it is, so its fields cannot be told apart";
