//! How the program ends, and what it says if it failed.

use std::fmt;

use privet::ErrorKind;

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is done.
    Done = 0,
    /// Nothing, or not all, could be done.
    Failed = 1,
    /// The arguments make no sense; clap's own code.
    Usage = 2,
    /// Finished, but some items failed, or something was found that should not be there.
    Items = 3,
    /// What is stored does not verify.
    Mismatch = 4,
    /// A key provider or a policy says no.
    Denied = 5,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// How the program ends on an error of this kind.
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Denied => Self::Denied,
            ErrorKind::Integrity => Self::Mismatch,
            _ => Self::Failed,
        }
    }
}

/// Why the program failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
    cause: Option<String>,
}

/// What a command ends with.
pub(crate) type Outcome<T = Exit> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), cause: None }
    }

    /// The arguments make no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something could not be done.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// A file, or a standard stream, failed. A reader that has gone away is no failure of ours.
    pub(crate) fn io(what: impl fmt::Display, error: &std::io::Error) -> Self {
        let exit = if error.kind() == std::io::ErrorKind::BrokenPipe { Exit::Done } else { Exit::Failed };
        Self { exit, message: what.to_string(), cause: Some(error.to_string()) }
    }

    /// The same failure, with where it happened in front.
    pub(crate) fn at(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.cause.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl From<privet::Error> for Failure {
    fn from(error: privet::Error) -> Self {
        let exit = Exit::of(error.kind());
        let message = error.to_string();
        // Of the causes only those of files are sure to hold no data.
        let cause = error.into_cause();
        let io = cause.as_deref().and_then(|cause| cause.downcast_ref::<std::io::Error>());
        match io {
            Some(io) => Self { message, ..Self::io("", io) },
            None => Self { exit, message, cause: None },
        }
    }
}

impl From<privet::bulk::Error> for Failure {
    fn from(error: privet::bulk::Error) -> Self {
        Self::new(Exit::of(error.kind()), error.to_string())
    }
}

impl From<privet::s3::Error> for Failure {
    fn from(error: privet::s3::Error) -> Self {
        Self::new(Exit::of(error.kind()), error.to_string())
    }
}
