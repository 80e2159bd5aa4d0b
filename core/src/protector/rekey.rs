//! Many sealed JSON documents from one protector's keys to another's, from text to text: names and keys are looked up once.

use std::sync::Arc;

use super::{Protector, Resource, Staleness};
use crate::classification::Classification;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::{DataKey, WrappingKey, same_wrapping_keys};
use crate::record::{
    Collection, Flat, Form, Integrity, RawHeader, RawSection, Rekeyer, Role, SectionRekey, append_decoded, raw_edks,
};

/// Seals documents anew under the keys of another protector, their values and classes staying as they are.
///
/// This is a short way for documents of the most common kind: no nested values, sealed as the policy has it. All others,
/// and all that do not authenticate, are left to [`unprotect_stored`](Protector::unprotect_stored) and
/// [`protect_at`](Protector::protect_at), which also say what is wrong with them.
///
/// # Security
///
/// Nothing is sealed anew that was not verified as opening verifies it: commitment, tags of all sections, each value.
/// Data keys are held as long as this is: make one for some documents, not for a job.
pub struct Rekeying<'a> {
    from: &'a Protector,
    to: &'a Protector,
    source: &'a Resource,
    /// How many documents there are, and how many bytes they have together: what new data keys are asked for.
    documents: u64,
    bytes: u64,
    names: Vec<(String, Role)>,
    /// Where in the names the next one is expected.
    expected: usize,
    sections: Vec<KnownSection>,
    /// Sections that cannot be opened: whoever is asked for their keys again says the same.
    failed: Vec<FailedSection>,
    /// The sections of the document before, and in what way they are not on target.
    before: (Vec<usize>, Arc<[Staleness]>),
    header: Vec<u8>,
    rekeyer: Rekeyer,
}

/// What became of a document.
#[derive(Clone, Debug)]
pub enum Rekeyed {
    /// Its keys and integrity are those that it would be written with now.
    Current,
    /// It was sealed anew, since it was not on target in these ways.
    Sealed(Arc<[Staleness]>),
    /// It cannot be opened: neither protector gets at its data keys.
    Failed(Error),
}

/// A section that was met: its wrapped keys, and what they stand for.
struct KnownSection {
    class: Classification,
    stored: Vec<u8>,
    stale: Option<Staleness>,
    /// Not asked for as long as the section is on target.
    old: Option<Arc<DataKey>>,
    new: Arc<DataKey>,
    new_edks: Vec<u8>,
}

/// A section whose data key nobody gives.
struct FailedSection {
    class: Classification,
    stored: Vec<u8>,
    error: Error,
}

/// Why a document is not sealed anew here.
enum Left {
    /// It is for the long way, which also says what is wrong with it.
    ForTheLongWay,
    Failed(Error),
}

impl Protector {
    /// From this protector's keys to those of `to`: `documents` documents that have `bytes` bytes of text together.
    ///
    /// `None` where more than keys may change: if the two do not lay the resource out alike, if it is versioned, or a model
    /// says how it is protected.
    #[must_use]
    pub fn rekeying<'a>(
        &'a self,
        source: &'a Resource,
        to: &'a Protector,
        target: &Resource,
        documents: u64,
        bytes: u64,
    ) -> Option<Rekeying<'a>> {
        let is_alike = source.layout(Form::Json) == target.layout(Form::Json)
            && source.name() == target.name()
            && self.tenant() == to.tenant()
            && !target.is_versioned();
        source.plan().class_by_name("").filter(|_| is_alike)?;
        Some(Rekeying {
            from: self,
            to,
            source,
            documents,
            bytes,
            names: Vec::with_capacity(16),
            expected: 0,
            sections: Vec::new(),
            failed: Vec::new(),
            before: (Vec::new(), Arc::new([])),
            header: Vec::with_capacity(512),
            rekeyer: Rekeyer::new(),
        })
    }
}

impl Rekeying<'_> {
    /// Appends the text of the document sealed anew; `None` if the document is not for this way, and then nothing was
    /// appended.
    pub async fn rekey(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<Rekeyed> {
        let document = Flat::read(text)?;
        self.header.clear();
        append_decoded(document.header(), &mut self.header).ok()?;
        let header = std::mem::take(&mut self.header);
        let rekeyed = self.rekey_document(&document, &RawHeader::parse(&header)?, out).await;
        self.header = header;
        rekeyed
    }

    async fn rekey_document(
        &mut self,
        document: &Flat<'_>,
        header: &RawHeader<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Rekeyed> {
        let layout = self.source.layout(Form::Json);
        if header.integrity != (layout.integrity == Integrity::Record) {
            return None;
        }
        let mut places = [0; Classification::ALL.len()];
        let mut count = 0;
        for (section, place) in header.sections().zip(&mut places) {
            *place = match self.sections.iter().rposition(|known| known.is_of(section)) {
                Some(known) => known,
                None => match self.learn(section).await {
                    Ok(learnt) => learnt,
                    Err(Left::Failed(error)) => return Some(Rekeyed::Failed(error)),
                    Err(Left::ForTheLongWay) => return None,
                },
            };
            count += 1;
        }
        let places = places.get(..count)?;
        if places != self.before.0 {
            let sections = places.iter().filter_map(|place| self.sections.get(*place));
            let stale = sections.filter_map(|section| section.stale.clone()).collect();
            self.before = (places.to_vec(), stale);
        }
        if self.before.1.is_empty() {
            return Some(Rekeyed::Current);
        }
        // One that is missing here is of a document that is on target in part, which goes the long way.
        let sections: Vec<_> = places.iter().filter_map(|place| self.sections.get(*place)?.rekey()).collect();
        let collection = Collection { layout, resource: self.source.name(), tenant: self.from.tenant() };
        let start = out.len();
        let (names, expected, source) = (&mut self.names, &mut self.expected, self.source);
        let role = |name: &str| role(names, expected, source, name);
        if self.rekeyer.rekey(document, header, &sections, &collection, role, out).is_none() {
            out.truncate(start);
            return None;
        }
        Some(Rekeyed::Sealed(Arc::clone(&self.before.1)))
    }

    /// Finds out about a section that was not met before.
    async fn learn(&mut self, section: &RawSection<'_>) -> Result<usize, Left> {
        if let Some(failed) = self.failed.iter().find(|failed| failed.is_of(section)) {
            return Err(Left::Failed(failed.error.clone()));
        }
        self.rekeyer.pause();
        let (class, edks) = (section.class, section.edks().ok_or(Left::ForTheLongWay)?);
        let known = self.sections.iter().find(|known| known.class == class).map(|known| Arc::clone(&known.new));
        let new = match known {
            Some(new) => new,
            None => {
                let request = self.to.tenant.request(class);
                let many = self.to.shared.cache.for_sealing_many(request, self.documents, self.bytes).await;
                many.ok().flatten().ok_or(Left::ForTheLongWay)?
            }
        };
        let (stale, old) = if same_wrapping_keys(&edks, &new.edks) {
            (None, None)
        } else {
            let stored = edks.iter().map(WrappingKey::of).collect();
            (Some(Staleness::Key { class, stored }), Some(self.old_key(section, &edks).await?))
        };
        let new_edks = raw_edks(&new.edks).map_err(|_| Left::ForTheLongWay)?;
        self.sections.push(KnownSection { class, stored: section.edks.to_vec(), stale, old, new, new_edks });
        Ok(self.sections.len() - 1)
    }

    /// The data key behind wrapped keys. Who writes with the target already may have written a document, so what is refused
    /// to one protector is asked of the other.
    async fn old_key(&mut self, section: &RawSection<'_>, edks: &[EncryptedDataKey]) -> Result<Arc<DataKey>, Left> {
        let class = section.class;
        let error = match self.from.data_key(class, edks).await {
            Ok(old) => return Ok(old),
            Err(error) => error,
        };
        let is_final = |error: &Error| matches!(error.kind(), ErrorKind::Denied | ErrorKind::Integrity);
        if !is_final(&error) {
            return Err(Left::ForTheLongWay);
        }
        match self.to.data_key(class, edks).await {
            Ok(old) => Ok(old),
            Err(other) if is_final(&other) => {
                if self.failed.len() < MOST_FAILED {
                    self.failed.push(FailedSection { class, stored: section.edks.to_vec(), error: error.clone() });
                }
                Err(Left::Failed(error))
            }
            Err(_) => Err(Left::ForTheLongWay),
        }
    }
}

impl FailedSection {
    fn is_of(&self, section: &RawSection<'_>) -> bool {
        self.class == section.class && self.stored == section.edks
    }
}

impl KnownSection {
    fn is_of(&self, section: &RawSection<'_>) -> bool {
        self.class == section.class && self.stored == section.edks
    }

    fn rekey(&self) -> Option<SectionRekey<'_>> {
        let (old, new) = (&self.old.as_ref()?.secret, &self.new.secret);
        Some(SectionRekey { class: self.class, old, new, edks: &self.new_edks })
    }
}

/// What goes for a member of this name. Documents of one collection mostly have the same members in the same order.
fn role(names: &mut Vec<(String, Role)>, expected: &mut usize, source: &Resource, name: &str) -> Role {
    let is_it = |(known, _): &&(String, Role)| known == name;
    if let Some((_, role)) = names.get(*expected).filter(is_it) {
        *expected += 1;
        return *role;
    }
    let place = names.iter().position(|known| is_it(&known)).unwrap_or_else(|| {
        let layout = source.layout(Form::Json);
        let role = if layout.key.iter().any(|key| key == name) {
            Role::Key
        } else if layout.unsigned.contains(name) {
            Role::Unsigned
        } else {
            Role::Field(source.plan().class_by_name(name).flatten())
        };
        names.push((name.to_owned(), role));
        names.len() - 1
    });
    *expected = place + 1;
    let role = names.get(place).map_or(Role::Field(None), |(_, role)| *role);
    // Names are whoever's who writes documents, and each new one is looked for among all of them.
    if names.len() > MOST_NAMES {
        names.clear();
    }
    role
}

const MOST_NAMES: usize = 256;
const MOST_FAILED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::TracingSink;
    use crate::crypto::Secret;
    use crate::keyring::RawAesKeyring;
    use crate::policy::Policy;

    #[test]
    fn names_of_documents_are_kept_up_to_a_number() {
        let policy = "version = 1\n[[rules]]\nclass = \"pii\"\nnames = [\"email\"]\n[resources.people]\nkey = [\"id\"]";
        let keyring = RawAesKeyring::new("team", "key", &Secret::copy_of(&[7; 32])).unwrap();
        let builder =
            Protector::builder().policy(Policy::from_toml(policy).unwrap()).keyring(keyring).audit(TracingSink);
        let people = builder.build().unwrap().resource("people").unwrap();
        let (mut names, mut expected) = (Vec::new(), 0);
        for number in 0..2000 {
            role(&mut names, &mut expected, &people, &format!("name {number}"));
            assert!(names.len() <= MOST_NAMES);
            assert!(role(&mut names, &mut expected, &people, "id") == Role::Key);
            let email = role(&mut names, &mut expected, &people, "email");
            assert!(email == Role::Field(Some(Classification::Pii)));
        }
    }
}
