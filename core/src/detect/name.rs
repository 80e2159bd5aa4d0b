//! What the name of a field says about its values.

use super::{Confidence, Kind};
use crate::spelling::spell;

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// The values are of this kind.
    For(Kind),
    /// The values are something else: numbers of orders and versions, times, counts, digests.
    Against,
    /// Nothing.
    None,
}

impl Hint {
    /// The confidence in a value's kind, with what the name says taken into account.
    pub(super) fn weigh(self, kind: Kind, confidence: Confidence) -> Confidence {
        match self {
            Self::For(said) if supports(said, kind) => confidence.or(NAME),
            // A field for one thing that holds another: most detectors are right all the same.
            Self::For(_) | Self::None => confidence,
            Self::Against => confidence.doubted(),
        }
    }
}

/// What the last name of a path says. Words of a name count wherever they stand in it: `customer_email_2`.
pub(super) fn hint(path: &str) -> Hint {
    let name = path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]");
    let name = format!("_{}_", spell(name));
    let says = |words: &[&str]| words.iter().any(|word| name.contains(&format!("_{word}_")));
    // What something is counted, numbered or timed by comes first: `email_count`, `phone_verified_at`.
    if says(AGAINST_ALL) {
        return Hint::Against;
    }
    match FOR.iter().find(|(_, words)| says(words)) {
        Some((kind, _)) => Hint::For(*kind),
        None if says(AGAINST) => Hint::Against,
        None => Hint::None,
    }
}

/// Whether a name for one kind makes a value of another kind more likely.
fn supports(said: Kind, kind: Kind) -> bool {
    use Kind::{ApiKey, AwsAccessKey, AwsSecretKey, Identity, Ipv4, Ipv6, Jwt, PrivateKey, Secret, Ssn, UrlPassword};
    said == kind
        || matches!(
            (said, kind),
            (Ipv4, Ipv6)
                | (Identity, Ssn)
                | (Secret | ApiKey, Jwt | AwsAccessKey | AwsSecretKey | ApiKey | UrlPassword | PrivateKey)
        )
}

/// How sure a name alone makes.
pub(super) const NAME: Confidence = Confidence(70);

/// Words of names, the more telling first.
#[rustfmt::skip]
const FOR: &[(Kind, &[&str])] = &[
    (Kind::Email, &["email", "e_mail", "mail", "emails", "mailaddress"]),
    (Kind::BirthDate, &["dob", "birth", "birthday", "birthdate", "birth_date", "born", "geburtsdatum", "geburtstag", "naissance"]),
    (Kind::Ssn, &["ssn", "social_security", "social_security_number", "itin", "tin", "taxpayer"]),
    (Kind::Card, &["card", "card_number", "cardnumber", "credit_card", "creditcard", "pan", "cc_number", "cvv", "cvc"]),
    (Kind::Iban, &["iban", "bank_account", "account_iban", "bankverbindung"]),
    (Kind::Ipv4, &["ip", "ips", "ip_address", "ipaddress", "ipv4", "ipv6", "remote_addr", "client_ip", "x_forwarded_for"]),
    (Kind::AwsSecretKey, &["aws_secret", "secret_access_key", "aws_secret_access_key"]),
    (Kind::ApiKey, &["api_key", "apikey", "access_key", "token", "tokens", "jwt", "bearer", "authorization", "auth", "session", "cookie"]),
    (Kind::PrivateKey, &["private_key", "privatekey", "ssh_key", "pem"]),
    (Kind::Secret, &["password", "passwd", "pwd", "passwort", "passphrase", "secret", "secrets", "credential", "credentials", "pin", "otp", "salt"]),
    (Kind::Phone, &["phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "fax", "msisdn", "telefon", "handy", "whatsapp"]),
    (Kind::Identity, &["passport", "national_id", "identity_card", "id_card", "driving_licence", "drivers_license", "licence_number", "license_number", "tax_id", "nino", "ahv", "personnummer", "aadhaar"]),
    (Kind::Health, &["health", "medical", "diagnosis", "diagnoses", "medication", "medications", "allergy", "allergies", "blood", "icd", "prescription", "patient", "disease", "symptoms", "treatment"]),
    (Kind::Finance, &["salary", "income", "wage", "balance", "credit_limit", "credit_score", "account_number", "routing_number", "bic", "swift", "tax", "financial", "loan", "net_worth"]),
    (Kind::Special, &["gender", "sex", "religion", "ethnicity", "race", "nationality", "political", "sexual", "sexuality", "marital", "disability", "union"]),
    (Kind::PersonName, &["first_name", "firstname", "last_name", "lastname", "surname", "full_name", "fullname", "given_name", "family_name", "middle_name", "maiden_name", "nachname", "vorname", "nickname"]),
    (Kind::Address, &["address", "addresses", "street", "zip", "zipcode", "zip_code", "postal", "postcode", "postal_code", "plz", "city", "town", "strasse"]),
    (Kind::Location, &["latitude", "longitude", "lat", "lng", "lon", "geo", "gps", "coordinates"]),
];

/// Words after which it does not matter what else the name says.
const AGAINST_ALL: &[&str] = &[
    "count", "total", "verified", "enabled", "length", "template", "status", "type", "format", "version", "hash",
    "sha1", "sha256", "md5", "checksum", "digest", "etag", "at", "domain",
];

/// Words of names that speak of something else.
const AGAINST: &[&str] = &[
    "id",
    "uuid",
    "guid",
    "key",
    "number",
    "no",
    "nr",
    "ref",
    "reference",
    "order",
    "invoice",
    "sku",
    "ean",
    "isbn",
    "gtin",
    "serial",
    "part",
    "build",
    "release",
    "revision",
    "commit",
    "timestamp",
    "time",
    "date",
    "created",
    "updated",
    "modified",
    "expires",
    "expiry",
    "price",
    "amount",
    "quantity",
    "size",
    "weight",
    "index",
    "code",
    "url",
    "uri",
    "path",
    "file",
    "filename",
    "image",
    "tracking",
    "batch",
    "article",
    "product",
    "firmware",
    "subnet",
    "netmask",
    "cidr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_mean() {
        for (name, hinted) in [
            ("customerEmail", Hint::For(Kind::Email)),
            ("contacts[].e-mail", Hint::For(Kind::Email)),
            ("emailVerifiedAt", Hint::Against),
            ("dateOfBirth", Hint::For(Kind::BirthDate)),
            ("created_at", Hint::Against),
            ("client_ip", Hint::For(Kind::Ipv4)),
            ("zip", Hint::For(Kind::Address)),
            ("zipper", Hint::None),
            ("access_token", Hint::For(Kind::ApiKey)),
            ("order_id", Hint::Against),
            ("remarks", Hint::None),
            ("", Hint::None),
        ] {
            assert_eq!(hint(name), hinted, "{name}");
        }
    }

    #[test]
    fn words_are_spelt_as_names_are() {
        for word in FOR.iter().flat_map(|(_, words)| *words).chain(AGAINST).chain(AGAINST_ALL) {
            assert_eq!(spell(word), *word);
        }
    }
}
