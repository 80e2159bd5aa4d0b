//! Which data files an export has: `manifest-files.json`.

use std::io::BufRead;

use privet_core::{Error, ErrorKind, Result};
use serde::Deserialize;

/// A data file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExportFile {
    /// How many items it has. A file in which there are fewer is not whole.
    pub item_count: u64,
    /// The MD5 of the file, in base64.
    pub md5_checksum: String,
    /// The entity tag of the object.
    pub etag: String,
    /// The key of the object in the export's bucket.
    #[serde(rename = "dataFileS3Key")]
    pub key: String,
}

/// The data files that `manifest-files.json` lists, a line each.
///
/// # Errors
///
/// `Io` if it cannot be read; `Input`, with the number of the line, if it is no such manifest or has more than 64 MiB.
pub fn read_manifest(manifest: impl BufRead) -> Result<Vec<ExportFile>> {
    let mut files = Vec::new();
    let mut rest = manifest.take(MAX_MANIFEST + 1);
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let read = rest.read_line(&mut line).map_err(|error| {
            Error::new(ErrorKind::Io, "the manifest of the export cannot be read").with_source(error)
        })?;
        if read == 0 {
            break;
        }
        if rest.limit() == 0 {
            return Err(Error::new(ErrorKind::Input, "the manifest of the export is longer than 64 MiB"));
        }
        if line.trim().is_empty() {
            continue;
        }
        files.push(serde_json::from_str(&line).map_err(|_| {
            let message = format!("line {number} is none of a `manifest-files.json`: `{{\"dataFileS3Key\": ...}}`");
            Error::new(ErrorKind::Input, message)
        })?);
    }
    Ok(files)
}

/// About 300,000 files, where exports have some thousands.
const MAX_MANIFEST: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_file() {
        let line = |name: &str| {
            format!(
                r#"{{"itemCount":8,"md5Checksum":"sQ==","etag":"af-1","dataFileS3Key":"AWSDynamoDB/01/data/{name}"}}"#
            )
        };
        let files = read_manifest(format!("{}\n\n{}", line("a.json.gz"), line("b.json.gz")).as_bytes()).unwrap();
        assert_eq!(files.iter().map(|file| file.item_count).collect::<Vec<_>>(), [8, 8]);
        assert_eq!(files[1].key, "AWSDynamoDB/01/data/b.json.gz");
        assert_eq!(read_manifest(&b""[..]).unwrap(), []);
    }

    #[test]
    fn what_is_no_manifest_says_where() {
        let error = read_manifest(&b"\n{\"itemCount\":-1}\n"[..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().starts_with("line 2 "), "{error}");
        assert_eq!(read_manifest(&b"\xff\n"[..]).unwrap_err().kind(), ErrorKind::Io);
        let endless = std::io::repeat(b' ');
        assert_eq!(read_manifest(std::io::BufReader::new(endless)).unwrap_err().kind(), ErrorKind::Input);
    }
}
