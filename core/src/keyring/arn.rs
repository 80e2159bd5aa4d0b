//! ARNs of KMS keys: what is one, and when two of them name the same key.

/// The parts of `arn:` partition `:kms:` region `:` account `:key/` id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyArn<'a> {
    pub(super) partition: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) id: &'a str,
}

impl<'a> KeyArn<'a> {
    /// The parts of this ARN, if it is the ARN of a key.
    ///
    /// Partition and region become part of a host name, and the text may come out of stored data: only what can be part
    /// of one is taken.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let Arn { partition, region, account, resource } = Arn::parse(text)?;
        let id = resource.strip_prefix("key/")?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        is_id.then_some(Self { partition, region, account, id })
    }

    /// The same for the provider info of a wrapped key.
    pub(super) fn parse_bytes(bytes: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().and_then(Self::parse)
    }

    /// Whether it is a multi-Region key. (An alias that starts alike is none, and no key ARN either.)
    pub(super) fn is_multi_region(&self) -> bool {
        self.id.starts_with("mrk-")
    }

    /// Whether both name the same key material: they are equal, or replicas of one multi-Region key.
    pub(super) fn is_same_key(&self, other: &KeyArn<'_>) -> bool {
        let same = (self.partition, self.account, self.id) == (other.partition, other.account, other.id);
        same && (self.region == other.region || self.is_multi_region())
    }

    /// Its text, in this region.
    pub(super) fn in_region(&self, region: &str) -> String {
        format!("arn:{}:kms:{region}:{}:key/{}", self.partition, self.account, self.id)
    }
}

/// What a key is called by whoever writes: an ARN of a key or alias, an alias, or an id.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyName<'a> {
    Arn(KeyArn<'a>),
    AliasArn(Arn<'a>),
    Alias,
    Id(&'a str),
}

impl<'a> KeyName<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.starts_with("arn:") {
            return match Arn::parse(text)? {
                arn if arn.resource.strip_prefix("alias/").is_some_and(is_name) => Some(Self::AliasArn(arn)),
                _ => KeyArn::parse(text).map(Self::Arn),
            };
        }
        match text.strip_prefix("alias/") {
            Some(alias) => is_name(alias).then_some(Self::Alias),
            None => (is_name(text) && !text.contains('/')).then_some(Self::Id(text)),
        }
    }

    /// The region it names, if it names one.
    pub(super) fn region(&self) -> Option<&'a str> {
        match self {
            Self::Arn(arn) => Some(arn.region),
            Self::AliasArn(arn) => Some(arn.region),
            Self::Alias | Self::Id(_) => None,
        }
    }

    /// Whether a key with this ARN can be the one that was meant.
    pub(super) fn may_be(&self, key: &KeyArn<'_>) -> bool {
        match self {
            Self::Arn(arn) => arn == key,
            Self::AliasArn(alias) => {
                (alias.partition, alias.region, alias.account) == (key.partition, key.region, key.account)
            }
            Self::Alias => true,
            Self::Id(id) => *id == key.id,
        }
    }
}

/// The parts of an ARN of KMS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arn<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let is_arn = next()? == "arn";
        let partition = next()?;
        let is_kms = next()? == "kms";
        let (region, account, resource) = (next()?, next()?, next()?);
        let is_whole = is_arn && is_kms && is_label(partition) && is_label(region) && is_account(account);
        is_whole.then_some(Self { partition, region, account, resource })
    }
}

/// What may be part of a host name.
pub(super) fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 63 && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(allowed)
}

pub(super) fn is_account(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
    const REPLICA: &str = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd";

    #[test]
    fn only_key_arns_are_key_arns() {
        let arn = KeyArn::parse(KEY).unwrap();
        assert_eq!((arn.partition, arn.region, arn.account), ("aws", "eu-west-1", "111122223333"));
        assert_eq!((arn.id, arn.is_multi_region()), ("1234abcd", false));
        for text in [
            "alias/app",
            "1234abcd",
            "arn:aws:kms:eu-west-1:111122223333:alias/app",
            "arn:aws:kms:eu-west-1:111122223333:alias/mrk-app",
            "arn::kms:eu-west-1:111122223333:key/1",
            "arn:aws:kms::111122223333:key/1",
            "arn:aws:kms:eu-west-1::key/1",
            "arn:aws:kms:eu-west-1:111122223333:key/",
            "arn:aws:kms:eu-west-1:111122223333:key",
            "arn:aws:s3:eu-west-1:111122223333:key/1",
            "arn:aws:kms:evil.example/:111122223333:key/1",
            "arn:aws:kms:evil.example:111122223333:key/1",
            "arn:aws:kms:-:111122223333:key/1",
            "arn:aws:kms:eu-west-1:one:key/1",
            "arn:aws:kms:eu-west-1:111122223333:key/a b",
            "ARN:aws:kms:eu-west-1:111122223333:key/1",
        ] {
            assert_eq!(KeyArn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn replicas_are_the_same_key_and_others_are_not() {
        let same = |a: &str, b: &str| KeyArn::parse(a).unwrap().is_same_key(&KeyArn::parse(b).unwrap());
        assert!(same(KEY, KEY));
        assert!(!same(KEY, &KEY.replace("eu-west-1", "us-east-1")));
        assert!(same(REPLICA, &REPLICA.replace("eu-west-1", "us-east-1")));
        assert!(!same(REPLICA, KEY));
        for (from, to) in [("aws:", "aws-cn:"), ("1111", "9999"), ("mrk-1", "mrk-2")] {
            assert!(!same(REPLICA, &REPLICA.replacen(from, to, 1)), "{from}");
        }
        let moved = KeyArn::parse(REPLICA).unwrap().in_region("us-east-1");
        assert_eq!(moved, REPLICA.replace("eu-west-1", "us-east-1"));
    }

    #[test]
    fn names_are_told_apart_and_match_what_they_can_mean() {
        let key = KeyArn::parse(KEY).unwrap();
        let name = |text| KeyName::parse(text).unwrap();
        for text in [KEY, "1234abcd", "alias/app", "arn:aws:kms:eu-west-1:111122223333:alias/app"] {
            assert!(name(text).may_be(&key), "{text}");
        }
        for text in [REPLICA, "mrk-1234abcd", "arn:aws:kms:us-east-1:111122223333:alias/app"] {
            assert!(!name(text).may_be(&key), "{text}");
        }
        assert_eq!(name("arn:aws:kms:us-east-1:111122223333:alias/app").region(), Some("us-east-1"));
        for text in ["", "alias/", "key/1", "a b", "arn:aws:kms:eu-west-1:111122223333:alias/", "arn:aws:s3:::bucket"] {
            assert!(KeyName::parse(text).is_none(), "{text}");
        }
    }
}
