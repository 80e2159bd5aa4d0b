//! The engine of Step Functions: starts the state machine of `deploy/reencrypt/`, follows it, says what came of it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, MapRunExecutionCounts};
use privet::bulk::{Job, Limits, Reprotect};
use privet::dynamodb::bulk::{TableCheckpoints, TableStore};
use serde_json::json;
use tokio::sync::Notify;

use super::super::aws::failed;
use super::super::{print, print_json};
use super::local;
use super::target::Move;
use crate::exit::{Exit, Failure, Outcome};
use crate::opt::Reencrypt;
use crate::output::{self, tell};
use crate::session::Session;
use crate::uri::Source;

pub(super) async fn run(session: &Session, args: &Reencrypt) -> Outcome {
    let Source::Table(table) = &args.target.source else {
        return Err(Failure::usage("the state machine works on tables: name one as `dynamodb://TABLE`"));
    };
    if session.local().is_some() {
        return Err(Failure::usage("a table in a local directory has no state machine: leave out `--engine`"));
    }
    let (Some(arn), Some(bucket)) = (&args.state_machine, &args.segments_bucket) else {
        return Err(Failure::usage(
            "name the stack's outputs with `--state-machine ARN` and `--segments-bucket NAME`: see `docs/ENGINES.md`",
        ));
    };
    if !args.go.yes && !args.resume {
        // The sample is read by this process, whoever does the work.
        return super::on_this_machine(session, args).await;
    }
    let machine = Machine { client: Client::new(&session.aws().await?), arn };
    let execution = match (machine.last().await?, args.resume) {
        (Some((execution, _)), true) if !args.go.yes => {
            return say(session, &machine.describe(&execution).await?, machine.counts(&execution).await?.as_ref());
        }
        (Some((execution, true)), true) => execution,
        (Some((execution, true)), false) => {
            return Err(Failure::failed(format!("`{execution}` is running: `--resume --yes` follows it")));
        }
        (None, true) => {
            return Err(Failure::failed("this state machine was not started before: leave out `--resume`"));
        }
        // What its checkpoints say is done is not done again.
        (Some((_, false)) | None, _) => {
            let list = list(session, bucket, job_name(args), args.target.segments).await?;
            let started = machine.start(bucket, &list, args).await?;
            tell(session.is_quiet(), format!("started {started}"));
            started
        }
    };
    let Some(ended) = machine.follow(session, &execution).await? else {
        tell(session.is_quiet(), format!("{execution} goes on: the same with `--resume --yes` follows it"));
        return Ok(Exit::Interrupted);
    };
    let counts = machine.counts(&execution).await?;
    let exit = say(session, &ended, counts.as_ref())?;
    if exit != Exit::Done {
        for cause in machine.causes(&execution).await? {
            tell(session.is_quiet(), cause);
        }
        return Ok(exit);
    }
    of_records(session, args, table).await
}

/// What came of the records: from the checkpoints, and by reading them back.
async fn of_records(session: &Session, args: &Reencrypt, table: &str) -> Outcome {
    let Some(Source::Table(checkpoints)) = &args.checkpoints else {
        if args.verify {
            return Err(Failure::usage(format!(
                "`{table}` was moved, but is not verified: name the stack's table of checkpoints with `--checkpoints`"
            )));
        }
        return Ok(Exit::Done);
    };
    let moved = Move::new(session, &args.target, Limits::default()).await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&session.aws().await?);
    let store = TableStore::new(dynamodb.clone(), moved.resource())?.segments(args.target.segments);
    let job: Job<TableStore, Reprotect> = Job::builder(job_name(args), store, moved.transformation()?)
        .checkpoints(TableCheckpoints::new(dynamodb, checkpoints))
        .build()?;
    let report = job.report().await?;
    local::show(session, "report", &report)?;
    match local::ended(&report) {
        Exit::Done if args.verify => local::verify(session, &job).await,
        exit => Ok(exit),
    }
}

/// A state machine of `deploy/reencrypt/`.
struct Machine<'a> {
    client: Client,
    arn: &'a str,
}

impl Machine<'_> {
    /// The execution that is running, otherwise the one that ended last, and whether it is running.
    async fn last(&self) -> Outcome<Option<(String, bool)>> {
        // Those that have ended are listed by when they ended, so that one of them may come before one that runs.
        for status in [Some(ExecutionStatus::Running), None] {
            let list =
                self.client.list_executions().state_machine_arn(self.arn).set_status_filter(status).max_results(1);
            let answer = list.send().await;
            let answer = answer
                .map_err(|error| failed(&format!("the executions of `{}` cannot be listed", self.arn), &error))?;
            if let Some(last) = answer.executions.into_iter().next() {
                return Ok(Some((last.execution_arn, last.status == ExecutionStatus::Running)));
            }
        }
        Ok(None)
    }

    async fn start(&self, bucket: &str, key: &str, args: &Reencrypt) -> Outcome<String> {
        let input = json!({
            "segments": {"bucket": bucket, "key": key, "count": args.target.segments},
            "concurrency": args.parallel,
        });
        let answer = self.client.start_execution().state_machine_arn(self.arn).input(input.to_string()).send().await;
        let answer = answer.map_err(|error| failed(&format!("`{}` cannot be started", self.arn), &error))?;
        Ok(answer.execution_arn)
    }

    async fn describe(&self, execution: &str) -> Outcome<DescribeExecutionOutput> {
        let answer = self.client.describe_execution().execution_arn(execution).send().await;
        answer.map_err(|error| failed(&format!("`{execution}` cannot be followed, and goes on"), &error))
    }

    /// The arn of the map run of an execution, once it has begun.
    async fn map_run(&self, execution: &str) -> Outcome<Option<String>> {
        let answer = self.client.list_map_runs().execution_arn(execution).send().await;
        let answer =
            answer.map_err(|error| failed(&format!("the map run of `{execution}` cannot be found"), &error))?;
        Ok(answer.map_runs.into_iter().next().map(|run| run.map_run_arn))
    }

    /// How far the segments have got.
    async fn counts(&self, execution: &str) -> Outcome<Option<MapRunExecutionCounts>> {
        let Some(run) = self.map_run(execution).await? else { return Ok(None) };
        let answer = self.client.describe_map_run().map_run_arn(run).send().await;
        let answer = answer.map_err(|error| failed(&format!("the map run of `{execution}` cannot be read"), &error))?;
        Ok(answer.execution_counts)
    }

    /// Why segments failed: of the first few. The worker's messages hold no data.
    async fn causes(&self, execution: &str) -> Outcome<Vec<String>> {
        let Some(run) = self.map_run(execution).await? else { return Ok(Vec::new()) };
        let list = self.client.list_executions().map_run_arn(run).status_filter(ExecutionStatus::Failed);
        let answer = list.max_results(MOST_CAUSES).send().await;
        let answer = answer.map_err(|error| failed("the failed segments cannot be listed", &error))?;
        let mut causes = Vec::new();
        for child in answer.executions {
            let told = self.describe(&child.execution_arn).await?;
            let cause: Option<serde_json::Value> = told.cause().and_then(|cause| serde_json::from_str(cause).ok());
            let message = cause.as_ref().and_then(|cause| cause.get("errorMessage")?.as_str());
            let message = message.or_else(|| told.error()).unwrap_or("no reason is given");
            causes.push(format!("a segment failed: {message}"));
        }
        causes.sort_unstable();
        causes.dedup();
        Ok(causes)
    }

    /// Waits until the execution ends; `None` if the person at the terminal does not want to. It goes on then.
    async fn follow(&self, session: &Session, execution: &str) -> Outcome<Option<DescribeExecutionOutput>> {
        let bar = output::segments_progress(session.is_quiet());
        let left = Arc::new(Notify::new());
        output::on_interrupt({
            let left = left.clone();
            move || left.notify_one()
        });
        loop {
            let told = self.describe(execution).await?;
            if told.status != ExecutionStatus::Running {
                bar.finish_and_clear();
                return Ok(Some(told));
            }
            if let Some(counts) = self.counts(execution).await? {
                bar.set_length(natural(counts.total));
                bar.set_position(natural(counts.succeeded));
                bar.set_message(if counts.failed > 0 { format!(", {} failed", counts.failed) } else { String::new() });
            }
            tokio::select! {
                () = left.notified() => {
                    bar.finish_and_clear();
                    return Ok(None);
                }
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// Puts the list of segments where the state machine finds it: all of them, neighbours far apart, so that workers that begin
/// together do not begin on the same partition.
async fn list(session: &Session, bucket: &str, job: &str, segments: u32) -> Outcome<String> {
    let key = format!("segments/{job}.json");
    let body = json!(spread(segments)).to_string().into_bytes();
    let put = aws_sdk_s3::Client::new(&session.aws().await?).put_object().bucket(bucket).key(&key).body(body.into());
    put.send().await.map_err(|error| failed(&format!("the list of segments cannot be put into `{bucket}`"), &error))?;
    Ok(key)
}

/// The numbers below this one, each once, in steps of about the golden section.
fn spread(segments: u32) -> Vec<u32> {
    let segments = u64::from(segments.max(1));
    let shares_none = |step: &u64| {
        let (mut a, mut b) = (segments, *step);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    let step = (segments * 618 / 1000..segments).find(shares_none).unwrap_or(1);
    (0..segments).filter_map(|index| u32::try_from(index * step % segments).ok()).collect()
}

/// Says what became of an execution.
fn say(session: &Session, told: &DescribeExecutionOutput, counts: Option<&MapRunExecutionCounts>) -> Outcome {
    let of = |count: fn(&MapRunExecutionCounts) -> i64| counts.map_or(0, count);
    let (total, done, bad) = (of(|c| c.total), of(|c| c.succeeded), of(|c| c.failed + c.timed_out + c.aborted));
    if session.is_json() {
        print_json(&json!({"execution": {
            "arn": told.execution_arn,
            "status": told.status.as_str(),
            "segments": {"total": total, "succeeded": done, "failed": bad},
            "error": told.error(),
        }}))?;
    } else {
        let error = told.error().map(|error| format!(", {error}")).unwrap_or_default();
        print(format!(
            "{}: {}{error}\nsegments: {done} of {total} done, {bad} failed",
            told.execution_arn,
            told.status.as_str().to_lowercase()
        ))?;
    }
    Ok(match told.status {
        ExecutionStatus::Succeeded | ExecutionStatus::Running => Exit::Done,
        _ => Exit::Failed,
    })
}

/// The name that the stack has for the job, unless it was given another.
fn job_name(args: &Reencrypt) -> &str {
    args.job.as_deref().unwrap_or("reencrypt")
}

fn natural(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
const MOST_CAUSES: i32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_segment_is_in_the_list_once() {
        for segments in (1..200).chain([1_000, 4_096, 9_973]) {
            let mut list = spread(segments);
            list.sort_unstable();
            assert_eq!(list, (0..segments).collect::<Vec<_>>());
        }
        assert_eq!(spread(8), [0, 5, 2, 7, 4, 1, 6, 3]);
    }
}
