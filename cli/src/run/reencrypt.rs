//! `reencrypt`: stored records are moved to a target, by a job that can be planned, stopped and resumed.

use std::path::PathBuf;

use privet::bulk::{FileCheckpoints, Job, JobBuilder, Limits, LinesStore, Prices, Store, Transformation};
use privet::dynamodb::bulk::{TableCheckpoints, TableStore};
use privet::s3::bulk::{BucketCheckpoints, ObjectStore};

use crate::exit::{Failure, Outcome};
use crate::local::Local;
use crate::opt::{Engine, Reencrypt, Target};
use crate::session::Session;
use crate::uri::Source;

mod local;
mod step_functions;
mod stragglers;
mod target;

pub(super) use stragglers::run as stragglers;
use target::Move;

pub(super) async fn run(session: &Session, args: &Reencrypt) -> Outcome {
    match args.engine {
        Engine::Local => on_this_machine(session, args).await,
        Engine::StepFunctions => step_functions::run(session, args).await,
    }
}

async fn on_this_machine(session: &Session, args: &Reencrypt) -> Outcome {
    let limits = Limits { read_units: args.read_units, write_units: args.write_units, key_calls: args.key_calls };
    let moved = Move::new(session, &args.target, limits).await?;
    match &args.target.source {
        Source::Table(table) if session.local().is_none() => {
            let client = aws_sdk_dynamodb::Client::new(&session.aws().await?);
            let store = TableStore::new(client, moved.resource())?.segments(args.target.segments);
            let keeper = Keeper::of(session, args).await?;
            let name = args.job.clone().unwrap_or_else(|| format!("reencrypt-{table:.100}"));
            let make = || {
                let job = Job::builder(&name, store.clone(), moved.transformation()?).pace(moved.pace());
                keeper.build(args, job)
            };
            local::run(session, args, local::Work { make, folder: None, prices: Some(Prices::US_EAST_1) }).await
        }
        Source::Objects { bucket, prefix } => {
            let (reseal, to) = moved.objects(session, &args.target, bucket).await?;
            let store = ObjectStore::new(to, prefix);
            let keeper = Keeper::of(session, args).await?;
            let name = args.job.clone().unwrap_or_else(|| format!("reencrypt-{bucket}"));
            let make = || keeper.build(args, Job::builder(&name, store.clone(), reseal.clone()).pace(moved.pace()));
            local::run(session, args, local::Work { make, folder: None, prices: Some(Prices::S3_US_EAST_1) }).await
        }
        source => {
            let open = || lines(session, source, &args.target);
            let folder = open()?.work_folder().to_owned();
            let keeper = match &args.checkpoints {
                None => Keeper::Files(FileCheckpoints::new(&folder)),
                Some(_) => Keeper::of(session, args).await?,
            };
            let name = args.job.clone().unwrap_or_else(|| "reencrypt".to_owned());
            let make = || {
                let job = Job::builder(&name, open()?, moved.transformation()?).pace(moved.pace());
                keeper.build(args, job)
            };
            local::run(session, args, local::Work { make, folder: Some(folder), prices: None }).await
        }
    }
}

/// A file of JSON lines, or the file of a local table.
fn lines(session: &Session, source: &Source, target: &Target) -> Outcome<LinesStore> {
    let open = |path: PathBuf| {
        crate::input::open_file(&path)?;
        let store = LinesStore::new(path)?.shards(target.segments);
        // Who may read what is sealed is not who may read it in clear.
        Ok::<_, Failure>(if target.to_plaintext { store.owner_only() } else { store })
    };
    match (source, session.local()) {
        (Source::Table(table), Some(local)) => Ok(open(local.table(table))?.items()),
        (Source::File(path), _) if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) => {
            Err(Failure::usage("this works on files of JSON lines, not on CSV: `reveal` and `protect` go that way"))
        }
        (Source::File(path), _) => open(path.clone()),
        (Source::Stdin, _) => Err(Failure::usage("records are rewritten where they are: name a file or a table")),
        (other, _) => Err(crate::input::not_a_file(other)),
    }
}

/// What keeps the checkpoints.
enum Keeper {
    Files(FileCheckpoints),
    Table(TableCheckpoints),
    Bucket(BucketCheckpoints),
}

impl Keeper {
    async fn of(session: &Session, args: &Reencrypt) -> Outcome<Self> {
        match &args.checkpoints {
            None => {
                let folder = session.local().as_ref().map_or_else(|| JOBS.into(), Local::jobs);
                Self::folder(folder, args.go.yes)
            }
            Some(Source::File(folder)) => Self::folder(folder.clone(), args.go.yes),
            Some(Source::Table(table)) => {
                let table = TableCheckpoints::new(aws_sdk_dynamodb::Client::new(&session.aws().await?), table);
                // A plan writes nothing.
                if args.go.yes {
                    table.create_table().await?;
                }
                Ok(Self::Table(table))
            }
            Some(Source::Objects { bucket, prefix }) => {
                let client = aws_sdk_s3::Client::new(&session.aws().await?);
                Ok(Self::Bucket(BucketCheckpoints::new(client, bucket, prefix)))
            }
            Some(_) => {
                Err(Failure::usage("checkpoints go to a directory, to `dynamodb://TABLE`, or to `s3://BUCKET/PREFIX`"))
            }
        }
    }

    /// A folder for its owner only: positions of tables are keys of records.
    fn folder(folder: PathBuf, make: bool) -> Outcome<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        if make {
            builder.create(&folder).map_err(|error| Failure::io(format!("`{}`", folder.display()), &error))?;
        }
        Ok(Self::Files(FileCheckpoints::new(folder)))
    }

    fn build<S, T>(&self, args: &Reencrypt, job: JobBuilder<S, T>) -> Outcome<Job<S, T>>
    where
        S: Store,
        T: Transformation<S::Record, Rewritten = S::Rewritten>,
    {
        let job = match self {
            Self::Files(files) => job.checkpoints(files.clone()),
            Self::Table(table) => job.checkpoints(table.clone()),
            Self::Bucket(bucket) => job.checkpoints(bucket.clone()),
        };
        let job = job.parallel(args.parallel);
        let job = match args.max_poison {
            Some(most) => job.max_poison(most),
            None => job,
        };
        Ok(job.build()?)
    }
}

/// Checkpoints of tables, in the working directory.
const JOBS: &str = "privet-jobs";
