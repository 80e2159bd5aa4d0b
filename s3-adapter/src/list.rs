//! Lists of objects, with the lengths of their contents on demand.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use privet_core::s3ec::INSTRUCTION_FILE_SUFFIX;

use crate::bucket::Bucket;
use crate::error::{Error, Result};

/// A part of a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// The objects, in the order of their keys. Instruction files are left out.
    pub entries: Vec<Entry>,
    /// What to ask for the next page with; `None` at the end.
    pub next: Option<String>,
}

/// An object in a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Bytes that S3 stores.
    pub stored_length: u64,
    /// Bytes of the content, where that was asked for and can be told.
    pub plaintext_length: Option<u64>,
    /// What conditions of later requests compare with.
    pub e_tag: Option<String>,
}

impl Bucket {
    /// The objects whose keys begin with `prefix`, a page at a time. Lengths are those that S3 stores.
    ///
    /// # Errors
    ///
    /// S3's.
    pub async fn list(&self, prefix: &str, next: Option<String>) -> Result<Page> {
        let list = self.client.list_objects_v2().bucket(self.name()).prefix(prefix).set_continuation_token(next);
        let output = list.send().await.map_err(|error| Error::from_sdk("ListObjectsV2", &error))?;
        let keeps_files = self.settings.s3ec.is_some();
        let objects = output.contents.unwrap_or_default().into_iter();
        let entries = objects.filter_map(|object| {
            let key = object.key?;
            let stored_length = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            (!keeps_files || !key.ends_with(INSTRUCTION_FILE_SUFFIX)).then_some(Entry {
                key,
                stored_length,
                plaintext_length: None,
                e_tag: object.e_tag,
            })
        });
        Ok(Page { entries: entries.collect(), next: output.next_continuation_token })
    }

    /// The same with the lengths of the contents, for which each object is asked.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list) and [`head`](Self::head).
    pub async fn list_with_lengths(&self, prefix: &str, next: Option<String>) -> Result<Page> {
        let Page { entries, next } = self.list(prefix, next).await?;
        let with_lengths = stream::iter(entries).map(|entry| async move {
            let head = self.head(&entry.key).await?;
            let plaintext_length = head.and_then(|head| head.plaintext_length);
            Ok::<_, Error>(Entry { plaintext_length, ..entry })
        });
        let entries = with_lengths.buffered(AT_A_TIME).try_collect().await?;
        Ok(Page { entries, next })
    }
}

const AT_A_TIME: usize = 16;
