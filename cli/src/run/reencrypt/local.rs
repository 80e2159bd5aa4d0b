//! The engine of this process: plans, runs with a progress bar, stops at Ctrl-C, verifies.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use privet::bulk::{Begun, Extent, Job, Plan, Prices, Report, Store, Transformation, Verification};
use serde::Serialize;
use serde_json::json;

use super::super::{print, print_json};
use crate::exit::{Exit, Failure, Outcome};
use crate::opt::Reencrypt;
use crate::output::{self, Pending, tell};
use crate::session::Session;

/// A job, and what surrounds it.
pub(super) struct Work<F> {
    /// Makes the job: anew, once its store has been put in place.
    pub(super) make: F,
    /// The folder of a file's pieces, which goes when the job is finished.
    pub(super) folder: Option<PathBuf>,
    /// What units cost.
    pub(super) prices: Option<Prices>,
}

pub(super) async fn run<S, T, F>(session: &Session, args: &Reencrypt, work: Work<F>) -> Outcome
where
    S: Store,
    T: Transformation<S::Record, Rewritten = S::Rewritten>,
    F: Fn() -> Outcome<Job<S, T>>,
{
    let job = (work.make)()?;
    if !args.go.yes {
        return match (args.verify, args.resume) {
            (true, _) => verify(session, &job).await,
            (false, true) => state(session, &job).await,
            (false, false) => plan(session, args, &job, work.prices).await,
        };
    }
    let job = begin(args, job, &work).await?;
    let plan = match (&args.plan, args.resume) {
        (_, true) => None,
        (Some(path), false) => Some(read_plan(path)?),
        (None, false) => Some(job.plan(args.sample, work.prices).await?),
    };
    if let Some(plan) = &plan {
        job.check(plan).await?;
        if args.plan.is_none() {
            tell(session.is_quiet(), plan.to_string().replacen(": nothing was written", "", 1).trim_end());
        }
    }
    let report = with_progress(session, &job, plan.as_ref()).await?;
    if report.finished
        && let Some(folder) = &work.folder
    {
        remove(folder)?;
    }
    // That nobody reads the report any more does not keep from verifying.
    let shown = show(session, "report", &report);
    if job.is_stopped() && !report.finished {
        tell(session.is_quiet(), "stopped: the same with `--resume --yes` goes on from here");
        return Ok(Exit::Interrupted);
    }
    if args.verify && report.finished {
        // What was put in place is read, not what was there before.
        let verified = verify(session, &(work.make)()?).await?;
        if verified != Exit::Done {
            return Ok(verified);
        }
    }
    match ended(&report) {
        Exit::Done => shown.map(|()| Exit::Done),
        failed => Ok(failed),
    }
}

async fn plan<S, T>(session: &Session, args: &Reencrypt, job: &Job<S, T>, prices: Option<Prices>) -> Outcome
where
    S: Store,
    T: Transformation<S::Record, Rewritten = S::Rewritten>,
{
    let plan = job.plan(args.sample, prices).await?;
    if let Some(path) = &args.plan {
        let mut file = Pending::new(path)?;
        serde_json::to_writer_pretty(&mut file, &plan).map_err(|error| Failure::io(path.display(), &error.into()))?;
        file.keep()?;
    }
    show(session, "plan", &plan)?;
    if prices.is_some() {
        tell(session.is_quiet(), "the cost is by prices on demand in us-east-1, retries not counted");
    }
    tell(session.is_quiet(), "nothing was changed: give `--yes` to do it");
    if plan.sample.poison == 0 {
        return Ok(Exit::Done);
    }
    let is_denied = plan.sample.poison == plan.sample.read && plan.poison.iter().all(|poison| poison.kind == "denied");
    Ok(if is_denied { Exit::Denied } else { Exit::Items })
}

/// How far a job has got.
async fn state<S, T>(session: &Session, job: &Job<S, T>) -> Outcome
where
    S: Store,
    T: Transformation<S::Record, Rewritten = S::Rewritten>,
{
    if matches!(job.begun().await?, Begun::No | Begun::OtherDone) {
        return Err(nothing_to_resume());
    }
    show(session, "report", &job.report().await?)?;
    tell(session.is_quiet(), "nothing was changed: give `--yes` to go on");
    Ok(Exit::Done)
}

/// Sees to it that a job is not gone on with by mistake, nor begun twice.
async fn begin<S, T, F>(args: &Reencrypt, job: Job<S, T>, work: &Work<F>) -> Outcome<Job<S, T>>
where
    S: Store,
    T: Transformation<S::Record, Rewritten = S::Rewritten>,
    F: Fn() -> Outcome<Job<S, T>>,
{
    // The folder of a file goes when its job is finished; checkpoints may be elsewhere, and stay.
    let folder = work.folder.as_deref().filter(|folder| folder.exists());
    match (job.begun().await?, args.resume, folder) {
        // What is there is of a job that is not finished, with fewer shards or more.
        (Begun::Other | Begun::OtherDone, _, Some(folder)) => Err(Failure::failed(format!(
            "a job to another target, with other segments, or on this file as it was before, was begun and is not finished: \
             `--resume` it with the arguments it had, or remove `{}`",
            folder.display()
        ))),
        (Begun::No | Begun::OtherDone, true, _) => Err(nothing_to_resume()),
        (Begun::No, false, None) | (Begun::Unfinished | Begun::Done, true, _) => Ok(job),
        // What was begun is gone on with by `--resume` alone.
        (Begun::No | Begun::Unfinished, false, Some(folder)) => Err(Failure::failed(format!(
            "a job on this file was begun and is not finished: `--resume` goes on with it, or remove `{}` to begin anew",
            folder.display()
        ))),
        (Begun::Unfinished, false, None) => Err(Failure::failed(
            "such a job was begun and is not finished: `--resume` goes on with it, and `--job NAME` begins another",
        )),
        (Begun::Other, _, None) => Err(Failure::failed(
            "a job to another target, or with other segments, was begun under this name and is not finished: \
             `--resume` it with the arguments it had, or give this one a name with `--job NAME`",
        )),
        // The new file may or may not be in place: what is left of that first.
        (Begun::Done, false, Some(folder)) => {
            job.finish().await?;
            remove(folder)?;
            (work.make)()
        }
        (Begun::Done | Begun::OtherDone, false, None) => {
            job.begin_anew().await?;
            Ok(job)
        }
    }
}

async fn with_progress<S, T>(session: &Session, job: &Job<S, T>, plan: Option<&Plan>) -> Outcome<Report>
where
    S: Store,
    T: Transformation<S::Record, Rewritten = S::Rewritten>,
{
    let length = plan.and_then(|plan| plan.estimate.records).map(|records| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, as far as it is known")]
        let records = records as u64;
        records
    });
    let bar = output::records_progress(length, session.is_quiet());
    output::on_interrupt({
        let (job, bar) = (job.clone(), bar.clone());
        move || {
            job.stop();
            bar.suspend(|| tell(false, "\nfinishing what is under way; Ctrl-C again ends at once"));
        }
    });
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let mut running = std::pin::pin!(job.run());
    let report = loop {
        tokio::select! {
            report = &mut running => break report,
            _ = tick.tick() => {
                let counts = job.progress();
                // What is there may be more than was estimated.
                if bar.length().is_some_and(|length| length < counts.read) {
                    bar.set_length(counts.read);
                }
                bar.set_position(counts.read);
                if counts.poison > 0 {
                    bar.set_message(format!(", {} poison", counts.poison));
                }
            }
        }
    };
    bar.finish_and_clear();
    Ok(report?)
}

pub(super) async fn verify<S, T>(session: &Session, job: &Job<S, T>) -> Outcome
where
    S: Store,
    T: Transformation<S::Record, Rewritten = S::Rewritten>,
{
    let found: Verification = job.verify(Extent::All).await?;
    show(session, "verification", &found)?;
    Ok(if found.passed() { Exit::Done } else { Exit::Mismatch })
}

pub(super) fn ended(report: &Report) -> Exit {
    if !report.failures.is_empty() {
        let is_denied = report.failures.iter().all(|failure| failure.kind == "denied");
        return if is_denied { Exit::Denied } else { Exit::Failed };
    }
    if report.shards_done < report.shards {
        return Exit::Failed;
    }
    let total = &report.total;
    if total.poison == 0 {
        return Exit::Done;
    }
    let is_denied = total.poison == total.read && report.poison.iter().all(|poison| poison.kind == "denied");
    if is_denied { Exit::Denied } else { Exit::Items }
}

/// One member in JSON says what a line is.
pub(crate) fn show<T: Serialize + std::fmt::Display>(session: &Session, what: &str, found: &T) -> Outcome<()> {
    if session.is_json() { print_json(&json!({ what: found })) } else { print(found.to_string().trim_end()) }
}

fn nothing_to_resume() -> Failure {
    Failure::failed("no such job was begun: leave out `--resume`, or give its name with `--job NAME`")
}

fn read_plan(path: &Path) -> Outcome<Plan> {
    let text = fs::read(path).map_err(|error| {
        Failure::io(format!("the plan `{}` cannot be read; without `--yes` it is made", path.display()), &error)
    })?;
    serde_json::from_slice(&text)
        .map_err(|_| Failure::failed(format!("`{}` is no plan of this release: plan again", path.display())))
}

fn remove(folder: &Path) -> Outcome<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::io(format!("`{}` cannot be removed", folder.display()), &error))
        }
        _ => Ok(()),
    }
}
