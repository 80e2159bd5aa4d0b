//! Where data comes from: files and standard input, with progress.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use indicatif::ProgressBar;

use crate::exit::{Failure, Outcome};
use crate::output::progress;
use crate::uri::Source;

/// Opens a file or standard input, and shows how far reading is.
pub(crate) fn open(source: &Source, is_quiet: bool) -> Outcome<(Box<dyn BufRead + Send>, ProgressBar)> {
    let (reader, bar): (Box<dyn Read + Send>, _) = match source {
        Source::Stdin => (Box::new(io::stdin()), progress(None, is_quiet)),
        Source::File(path) => {
            let (file, length) = open_file(path)?;
            (Box::new(file), progress(Some(length), is_quiet))
        }
        other => return Err(not_a_file(other)),
    };
    Ok((Box::new(BufReader::with_capacity(64 * 1024, bar.wrap_read(reader))), bar))
}

/// Opens a file, and says how long it is.
pub(crate) fn open_file(path: &Path) -> Outcome<(File, u64)> {
    let failed = |error: io::Error| Failure::io(format!("`{}` cannot be read", path.display()), &error);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Failure::failed(format!("`{}` is a directory: name a file in it", path.display())));
    }
    Ok((file, metadata.len()))
}

/// The failure of a command that works on files only.
pub(crate) fn not_a_file(source: &Source) -> Failure {
    match source {
        Source::Table(table) => Failure::usage(format!("`dynamodb://{table}` is a table, and this works on files")),
        Source::Objects { bucket, prefix } => {
            Failure::usage(format!("`s3://{bucket}/{prefix}` is in a bucket, and this works on files"))
        }
        Source::Unknown(uri) => Failure::usage(format!("`{uri}` is of a kind that this does not know: name a file")),
        Source::Stdin | Source::File(_) => Failure::usage("name a file"),
    }
}
