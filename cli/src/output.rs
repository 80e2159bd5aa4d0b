//! Where data goes: standard output, or a file that appears under its name only when it is whole.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use privet::bulk::report::is_unprintable;
use tempfile::NamedTempFile;

use crate::exit::{Exit, Failure, Outcome};

/// A place that data is written to.
pub(crate) enum Output {
    /// Standard output.
    Stdout(BufWriter<io::Stdout>),
    /// A file under a temporary name.
    File(BufWriter<Pending>),
}

/// A file that has not got its name yet.
pub(crate) struct Pending {
    file: NamedTempFile,
    path: PathBuf,
}

impl Output {
    /// Standard output, or the file of this name.
    pub(crate) fn to(path: Option<&Path>) -> Outcome<Self> {
        Ok(match path {
            None => Self::Stdout(BufWriter::new(io::stdout())),
            Some(path) => Self::File(BufWriter::new(Pending::new(path)?)),
        })
    }

    /// All is written: a file gets its name.
    pub(crate) fn finish(self) -> Outcome<()> {
        match self {
            Self::Stdout(mut out) => out.flush().map_err(|error| Failure::io("standard output", &error)),
            Self::File(out) => {
                let pending = out.into_inner().map_err(|error| Failure::io("the output file", error.error()))?;
                pending.keep()
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(out) => out.flush(),
        }
    }
}

impl Pending {
    /// A temporary file in the folder of this path, for its owner only.
    pub(crate) fn new(path: &Path) -> Outcome<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(".privet-").tempfile_in(folder);
        let file = file.map_err(|error| Failure::io(format!("`{}` cannot be written", path.display()), &error))?;
        pending().push(file.path().to_owned());
        Ok(Self { file, path: path.to_owned() })
    }

    /// A handle to write through.
    pub(crate) fn reopen(&self) -> Outcome<File> {
        self.file.reopen().map_err(|error| Failure::io(self.path.display(), &error))
    }

    /// Gives the file its name; what was there under it before is replaced.
    pub(crate) fn keep(self) -> Outcome<()> {
        let Self { file, path } = self;
        file.as_file().sync_all().map_err(|error| Failure::io(path.display(), &error))?;
        file.persist(&path).map(drop).map_err(|error| Failure::io(path.display(), &error.error))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A progress bar on standard error if that is a terminal and nobody asked for quiet. `length` in bytes, if it is known.
pub(crate) fn progress(length: Option<u64>, is_quiet: bool) -> ProgressBar {
    if is_quiet || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"),
        None => (ProgressBar::no_length(), "{spinner} {bytes}, {bytes_per_sec}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// A progress bar that counts records.
pub(crate) fn records_progress(length: Option<u64>, is_quiet: bool) -> ProgressBar {
    let template = match length {
        Some(_) => "{bar:30} {human_pos} of about {human_len} records, {rate}/s{left}{msg}",
        None => "{spinner} {human_pos} records, {rate}/s{msg}",
    };
    let bar = progress(length, is_quiet);
    if let Ok(style) = ProgressStyle::with_template(template) {
        // The bar's own rate has four decimals.
        let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{:.0}", state.per_sec());
        });
        // Before the first page is done, nothing says how long it takes.
        bar.set_style(style.with_key("left", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            if state.pos() > 0 {
                let _ = write!(out, ", {:#} left", HumanDuration(state.eta()));
            }
        }));
    }
    bar
}

/// A bar of the segments of a table.
pub(crate) fn segments_progress(is_quiet: bool) -> ProgressBar {
    let bar = progress(Some(0), is_quiet);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} segments, {elapsed}{msg}") {
        bar.set_style(style);
    }
    bar
}

/// Text with nothing in it that a terminal would act on: names of fields, keys and principals come out of data.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_command = |character: char| is_unprintable(character) && !matches!(character, '\n' | '\t');
    if text.contains(is_command) { Cow::Owned(text.replace(is_command, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Says something to the person at the terminal.
pub(crate) fn tell(is_quiet: bool, message: impl std::fmt::Display) {
    if !is_quiet {
        // If nobody can be told, the work is done all the same.
        let _ = writeln!(io::stderr(), "{}", printable(&message.to_string()));
    }
}

/// What Ctrl-C does the first time, in place of ending the program: a job finishes what is under way.
pub(crate) fn on_interrupt(stop: impl Fn() + Send + 'static) {
    *stopping() = Some(Box::new(stop));
}

/// Waits for Ctrl-C; then removes what is not whole and ends the program.
pub(crate) async fn clean_up_on_interrupt() {
    let mut is_job = false;
    while tokio::signal::ctrl_c().await.is_ok() {
        if let Some(stop) = stopping().take() {
            stop();
            is_job = true;
            continue;
        }
        for path in pending().iter() {
            // Those that got their name are not there any more under this one.
            let _ = std::fs::remove_file(path);
        }
        let left = if is_job { "what was under way is done again" } else { "nothing that was begun is left behind" };
        let _ = writeln!(io::stderr(), "\ninterrupted: {left}");
        std::process::exit(Exit::Interrupted as i32);
    }
}

fn stopping() -> std::sync::MutexGuard<'static, Option<Stop>> {
    static STOPPING: Mutex<Option<Stop>> = Mutex::new(None);
    STOPPING.lock().unwrap_or_else(PoisonError::into_inner)
}

type Stop = Box<dyn Fn() + Send>;

fn pending() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    static PENDING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}
