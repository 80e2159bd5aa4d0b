//! Tokens and keys, and what looks like them. Prefix and body are put together here, so that no scanner of sources mistakes
//! this file for a leak; each body begins with a word that says that it is fake.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use privet_core::detect::Kind::{ApiKey, AwsAccessKey, AwsSecretKey, Jwt, PrivateKey};

use super::{Shape, is, not};
use crate::random::{MIXED, Random};

#[rustfmt::skip]
pub(super) fn shapes() -> Vec<Shape> {
    let mut shapes = tokens();
    shapes.extend(keys());
    shapes
}

fn tokens() -> Vec<Shape> {
    vec![
        is(Jwt, "JSON Web Token", &["token", "value", "id_token"], |r| jwt(r, r#"{"alg":"HS256","typ":"JWT"}"#)),
        is(Jwt, "JSON Web Token, type first", &["jwt", "value"], |r| {
            jwt(r, r#"{"typ":"JWT","alg":"RS256","kid":"fake"}"#)
        }),
        is(Jwt, "JSON Web Token as a header", &["authorization", "value"], |r| {
            format!("Bearer {}", jwt(r, r#"{"alg":"ES256"}"#))
        }),
        is(Jwt, "encrypted JSON Web Token", &["session", "value"], |r| {
            let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
            format!("{header}.{}.{}.{}.{}", fake(r, 64), fake(r, 16), fake(r, 48), fake(r, 22))
        }),
        is(Jwt, "JSON Web Token with spaces in its header", &["token", "value"], |r| {
            jwt(r, "{ \"alg\": \"HS512\", \"typ\": \"JWT\" }")
        }),
        is(Jwt, "JSON Web Token that is not signed", &["state", "value"], |r| {
            let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
            format!("{header}.{}.", BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"fake-{}"}}"#, r.fill("####"))))
        }),
        not("JSON in base64", &["config", "value"], |r| {
            BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"theme":"{}","size":{}}}"#, r.word(), r.fill("##")))
        }),
        not("three parts that are no token", &["cursor", "value"], |r| {
            let part = |r: &mut Random| BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"page":{}}}"#, r.fill("###")));
            format!("{}.{}.{}", part(r), part(r), part(r))
        }),
        not("name of a class", &["logger", "value"], |r| format!("com.example.{}.{}Service", r.word(), r.word())),
        not("header of a token alone", &["header", "value"], |_| {
            BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#)
        }),
        is(ApiKey, "access token of a code host", &["token", "value"], |r| {
            format!("{}_{}", r.pick(&["ghp", "gho", "ghs"]), fake(r, 36))
        }),
        is(ApiKey, "fine-grained access token", &["secret", "value"], |r| {
            format!("github_pat_{}_{}", fake(r, 22), fake(r, 59))
        }),
        is(ApiKey, "access token of another code host", &["ci_token", "value"], |r| format!("glpat-{}", fake(r, 20))),
        is(ApiKey, "token of a chat", &["slack", "value"], |r| {
            format!(
                "{}-{}-{}-{}",
                r.pick(&["xoxb", "xoxp"]),
                r.fill("############"),
                r.fill("############"),
                fake(r, 24)
            )
        }),
        is(ApiKey, "key of a payment service", &["api_key", "value"], |r| {
            format!("{}_{}_{}", r.pick(&["sk", "rk"]), r.pick(&["live", "test"]), fake(r, 24))
        }),
        is(ApiKey, "secret of a webhook", &["webhook_secret", "value"], |r| format!("whsec_{}", fake(r, 32))),
        is(ApiKey, "key of a map service", &["maps_key", "value"], |r| format!("AIza{}", fake(r, 35))),
        is(ApiKey, "key of a mail service", &["mail_key", "value"], |r| format!("SG.{}.{}", fake(r, 22), fake(r, 43))),
        is(ApiKey, "key of a model service", &["key", "value"], |r| {
            format!("sk-{}{}", r.pick(&["", "proj-"]), fake(r, 48))
        }),
        is(ApiKey, "token of a registry", &["npm_token", "value"], |r| format!("npm_{}", fake(r, 36))),
        is(ApiKey, "token of a vault", &["vault_token", "value"], |r| format!("hvs.{}", fake(r, 24))),
        is(ApiKey, "token of a shop", &["shop_token", "value"], |r| format!("shpat_facade{}", r.hex(26))),
        is(ApiKey, "token of a bot", &["bot", "value"], |r| format!("{}:AA{}", r.fill("1########"), fake(r, 33))),
        is(ApiKey, "key in an assignment", &["line", "value"], |r| {
            format!("export STRIPE_KEY=\"sk_live_{}\"", fake(r, 24))
        }),
        is(ApiKey, "key of a service that marks none", &["api_key", "x_api_key"], |r| r.hex(32)).by_name(),
        is(ApiKey, "bearer token that is opaque", &["access_token", "session_token"], |r| fake(r, 43)).by_name(),
        not("placeholder of a key", &["example", "value"], |r| {
            r.pick(&[
                "sk-your-api-key-goes-right-here",
                "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "<api-key>",
                "YOUR_API_KEY",
            ])
            .into()
        }),
        not("slug that begins like a key", &["slug", "value"], |r| {
            format!("sk-{}-{}-{}-{}", r.word(), r.word(), r.word(), r.fill("20##"))
        }),
        not("name that begins like a key", &["function", "value"], |r| {
            format!("npm_{}_{}_install_hook", r.word(), r.word())
        }),
        not("identifier with a prefix", &["id", "customer"], |r| {
            format!("{}_{}", r.pick(&["cus", "pi", "evt", "usr"]), r.mixed(14))
        }),
        not("public key of a payment service", &["publishable_key", "value"], |r| format!("pk_live_{}", fake(r, 24))),
        not("slug of an article", &["slug", "value"], |r| {
            format!("{}-{}-of-the-{}-{}", r.word(), r.word(), r.word(), r.fill("##"))
        }),
    ]
}

fn keys() -> Vec<Shape> {
    vec![
        is(AwsAccessKey, "AWS access key", &["access_key_id", "value"], |r| format!("AKIAFAKE{}", r.text(BASE32, 12))),
        is(AwsAccessKey, "AWS access key of a session", &["key", "value"], |r| {
            format!("ASIAFAKE{}", r.text(BASE32, 12))
        }),
        is(AwsAccessKey, "AWS access key in a file", &["line", "value"], |r| {
            format!("aws_access_key_id = AKIAFAKE{}", r.text(BASE32, 12))
        }),
        is(AwsAccessKey, "AWS access key in a signed URL", &["url", "value"], |r| {
            format!("https://b.s3.example.com/k?X-Amz-Credential=AKIAFAKE{}%2F20240101%2Feu-west-1", r.text(BASE32, 12))
        }),
        not("identifier of a role", &["role_id", "value"], |r| format!("AROA{}", r.text(BASE32, 16))),
        not("identifier of a user", &["user_id", "value"], |r| format!("AIDA{}", r.text(BASE32, 16))),
        not("AWS access key that is cut off", &["value", "hint"], |r| format!("AKIA{}...", r.text(BASE32, 4))),
        not("ARN", &["arn", "value"], |r| format!("arn:aws:iam::123456789012:role/{}", r.word())),
        is(AwsSecretKey, "AWS secret key", &["secret_access_key", "aws_secret"], secret).by_name(),
        is(AwsSecretKey, "AWS secret key in a file", &["line", "value"], |r| {
            format!("aws_secret_access_key = {}", secret(r))
        }),
        is(AwsSecretKey, "AWS secret key in an environment", &["env", "value"], |r| {
            format!("AWS_SECRET_ACCESS_KEY={}", secret(r))
        }),
        is(AwsSecretKey, "AWS secret key in JSON", &["body", "value"], |r| {
            format!(r#"{{"SecretAccessKey": "{}"}}"#, secret(r))
        }),
        not("commit", &["commit", "value", "sha"], |r| r.hex(40)),
        not("thirty bytes in base64", &["etag", "value", "nonce"], |r| {
            BASE64_STANDARD.encode((0..30).map(|_| r.number(0, 255) as u8).collect::<Vec<_>>())
        }),
        not("digest in base64", &["sha256", "value"], |r| {
            BASE64_STANDARD.encode((0..32).map(|_| r.number(0, 255) as u8).collect::<Vec<_>>())
        }),
        not("path of forty characters", &["path", "value"], |r| {
            format!("src/main/java/Com/Example/{}{}", r.word(), "Service2Implementation")[..40].to_owned()
        }),
        not("identifier in capitals and small letters", &["video", "value"], |r| r.mixed(22)),
        is(PrivateKey, "private key, PEM", &["key", "value"], |r| pem(r, "PRIVATE KEY")),
        is(PrivateKey, "private key, RSA", &["private_key", "value"], |r| pem(r, "RSA PRIVATE KEY")),
        is(PrivateKey, "private key, OpenSSH", &["ssh", "value"], |r| pem(r, "OPENSSH PRIVATE KEY")),
        is(PrivateKey, "private key, encrypted", &["key", "value"], |r| pem(r, "ENCRYPTED PRIVATE KEY")),
        is(PrivateKey, "private key on one line", &["env", "value"], |r| pem(r, "EC PRIVATE KEY").replace('\n', "\\n")),
        is(PrivateKey, "private key of age", &["identity", "value"], |r| {
            format!("AGE-SECRET-KEY-1FAKE{}", r.text("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 54))
        }),
        is(PrivateKey, "private key, PGP", &["pgp", "value"], |r| pem(r, "PGP PRIVATE KEY BLOCK")),
        is(PrivateKey, "private key as JWK", &["jwk", "value"], |r| {
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}","d":"{}"}}"#, fake(r, 43), fake(r, 43))
        }),
        not("public key", &["key", "value"], |r| pem(r, "PUBLIC KEY")),
        not("certificate", &["cert", "value"], |r| pem(r, "CERTIFICATE")),
        not("public key of SSH", &["authorized_key", "value"], |r| {
            format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{} build", fake(r, 48))
        }),
        not("heading of a key in a manual", &["text", "value"], |r| {
            format!("the file begins with -----BEGIN {}PRIVATE KEY-----", r.pick(&["", "RSA ", "EC "]))
        }),
    ]
}

pub(super) fn fake(r: &mut Random, length: usize) -> String {
    format!("Fake{}{}", r.number(0, 9), r.mixed(length - 5))
}

pub(super) fn secret(r: &mut Random) -> String {
    format!("Fake{}{}", r.number(0, 9), r.text(&format!("{MIXED}+/"), 35))
}

pub(super) fn jwt(r: &mut Random, header: &str) -> String {
    let payload = format!(r#"{{"sub":"fake-{}","iat":17{}}}"#, r.fill("####"), r.fill("########"));
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", encode(header), encode(&payload), fake(r, 43))
}

pub(super) fn pem(r: &mut Random, label: &str) -> String {
    let dashes = "-".repeat(5);
    let lines = [r.mixed(60), r.mixed(60), r.mixed(24)];
    format!("{dashes}BEGIN {label}{dashes}\nFake{}\n{dashes}END {label}{dashes}", lines.join("\n"))
}

const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
