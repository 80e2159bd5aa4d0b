//! The kinds of data that are told apart, and the class each is proposed for.

use std::fmt;

use serde::Serialize;

use crate::classification::Classification;

/// A kind of personal data or credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A social security number or taxpayer number of the United States.
    Ssn,
    /// The number of a payment card.
    Card,
    /// An international bank account number.
    Iban,
    /// An IPv4 address of a host.
    Ipv4,
    /// An IPv6 address of a host.
    Ipv6,
    /// A JSON Web Token.
    Jwt,
    /// The id of an AWS access key.
    AwsAccessKey,
    /// The secret of an AWS access key.
    AwsSecretKey,
    /// A key or token of another service, known by its prefix.
    ApiKey,
    /// A password inside of a URL.
    UrlPassword,
    /// A private key: PEM, PGP, SSH.
    PrivateKey,
    /// A date of birth.
    BirthDate,
    /// Prose that holds any of the others.
    FreeText,
    /// The name of a person. Known by the field's name only.
    PersonName,
    /// A postal address or a part of one. Known by the field's name only.
    Address,
    /// A password or another secret. Known by the field's name only.
    Secret,
    /// A number of an identity document or register. Known by the field's name only.
    Identity,
    /// Health data. Known by the field's name only.
    Health,
    /// Financial data. Known by the field's name only.
    Finance,
    /// Where somebody is. Known by the field's name only.
    Location,
    /// What the law protects especially: origin, belief, sexuality. Known by the field's name only.
    Special,
}

impl Kind {
    /// The kinds that are found by looking at values.
    pub const BY_VALUE: [Self; 15] = [
        Self::Email,
        Self::Phone,
        Self::Ssn,
        Self::Card,
        Self::Iban,
        Self::Ipv4,
        Self::Ipv6,
        Self::Jwt,
        Self::AwsAccessKey,
        Self::AwsSecretKey,
        Self::ApiKey,
        Self::UrlPassword,
        Self::PrivateKey,
        Self::BirthDate,
        Self::FreeText,
    ];

    /// The word for it in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Ssn => "ssn",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Jwt => "jwt",
            Self::AwsAccessKey => "aws_access_key",
            Self::AwsSecretKey => "aws_secret_key",
            Self::ApiKey => "api_key",
            Self::UrlPassword => "url_password",
            Self::PrivateKey => "private_key",
            Self::BirthDate => "birth_date",
            Self::FreeText => "free_text",
            Self::PersonName => "person_name",
            Self::Address => "address",
            Self::Secret => "secret",
            Self::Identity => "identity",
            Self::Health => "health",
            Self::Finance => "finance",
            Self::Location => "location",
            Self::Special => "special",
        }
    }

    /// The class that is proposed for it.
    #[must_use]
    pub const fn class(self) -> Classification {
        match self {
            Self::Email
            | Self::Phone
            | Self::Ssn
            | Self::Ipv4
            | Self::Ipv6
            | Self::BirthDate
            | Self::PersonName
            | Self::Address
            | Self::Identity
            | Self::Location => Classification::Pii,
            Self::Jwt
            | Self::AwsAccessKey
            | Self::AwsSecretKey
            | Self::ApiKey
            | Self::UrlPassword
            | Self::PrivateKey
            | Self::Secret => Classification::Sensitive,
            Self::Card | Self::Iban | Self::FreeText | Self::Health | Self::Finance | Self::Special => {
                Classification::Confidential
            }
        }
    }

    /// The category tags that are proposed for it.
    #[must_use]
    pub const fn categories(self) -> &'static [&'static str] {
        match self {
            Self::Email | Self::Phone | Self::Address => &["contact"],
            Self::Ssn | Self::Identity => &["government-id"],
            Self::Card => &["pci"],
            Self::Iban | Self::Finance => &["financial"],
            Self::Ipv4 | Self::Ipv6 => &["online-id"],
            Self::Jwt
            | Self::AwsAccessKey
            | Self::AwsSecretKey
            | Self::ApiKey
            | Self::UrlPassword
            | Self::PrivateKey
            | Self::Secret => &["credential"],
            Self::BirthDate => &["demographic"],
            Self::FreeText => &["free-text"],
            Self::PersonName => &["identity"],
            Self::Health => &["phi"],
            Self::Location => &["location"],
            Self::Special => &["special-category"],
        }
    }

    /// The built-in mask that suits it, if there is one.
    #[must_use]
    pub const fn mask(self) -> Option<&'static str> {
        match self {
            Self::Email => Some("email"),
            Self::Phone => Some("phone"),
            Self::Ssn | Self::Iban => Some("last4"),
            Self::Card => Some("card"),
            Self::BirthDate => Some("date"),
            Self::PersonName => Some("name"),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
