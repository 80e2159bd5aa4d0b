//! Work on many frames, on as many threads as the caller wants and no more.

use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::error::{Error, ErrorKind, Result};

/// Does all jobs, in any order; an error is one of those that occurred. With one thread that is the caller's.
pub(super) fn run<J>(
    jobs: impl Iterator<Item = J> + Send,
    threads: usize,
    work: impl Fn(J) -> Result<()> + Sync,
) -> Result<()> {
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work_on = || {
        while let Some(job) = next() {
            work(job)?;
        }
        Ok(())
    };
    if threads <= 1 {
        return work_on();
    }
    thread::scope(|scope| {
        // A thread that the system does not give is one less; the caller's is always there.
        let helpers: Vec<_> =
            (1..threads).filter_map(|_| thread::Builder::new().spawn_scoped(scope, work_on).ok()).collect();
        let own = work_on();
        helpers.into_iter().map(|helper| helper.join().unwrap_or_else(|_| Err(panicked()))).fold(own, Result::and)
    })
}

/// How many frames one job has: enough to be worth a look at the list of jobs.
pub(super) fn frames_a_job(frame_length: usize) -> usize {
    (JOB / frame_length.max(1)).max(1)
}

/// How many threads a plaintext of so many bytes is worth.
pub(super) fn threads_for(length: usize, wanted: usize) -> usize {
    wanted.min(length / THREAD).max(1)
}

fn panicked() -> Error {
    Error::new(ErrorKind::Io, "a thread panicked")
}

/// Bytes of plaintext that one job has, unless a frame is longer.
const JOB: usize = 256 * 1024;
/// Bytes of plaintext that are worth a thread: 1 MiB is done in the time that a second thread needs to start.
const THREAD: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn all_jobs_are_done_on_any_number_of_threads() {
        for threads in [0, 1, 2, 7] {
            let sum = AtomicUsize::new(0);
            run(1..=100, threads, |job| {
                sum.fetch_add(job, Ordering::Relaxed);
                Ok(())
            })
            .unwrap();
            assert_eq!(sum.into_inner(), 5050);
        }
    }

    #[test]
    fn an_error_or_a_panic_anywhere_is_an_error() {
        for threads in [1, 2, 7] {
            for bad in [1, 50, 100] {
                let fails = |job| if job == bad { Err(Error::integrity()) } else { Ok(()) };
                assert_eq!(run(1..=100, threads, fails).unwrap_err().kind(), ErrorKind::Integrity);
            }
        }
        // The caller waits in its own job until a helper has taken one, which panics.
        let (taken, others) = (AtomicUsize::new(0), thread::current().id());
        let panics = |_| {
            if thread::current().id() != others {
                taken.fetch_add(1, Ordering::SeqCst);
                std::panic::resume_unwind(Box::new(()));
            }
            while taken.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            Ok(())
        };
        assert_eq!(run(1..=2, 2, panics).unwrap_err().kind(), ErrorKind::Io);
    }

    #[test]
    fn small_plaintexts_are_worth_no_thread() {
        let lengths = [0, THREAD, 2 * THREAD - 1, 2 * THREAD, 100 * THREAD];
        assert_eq!(lengths.map(|length| threads_for(length, 4)), [1, 1, 1, 2, 4]);
        assert_eq!([threads_for(100 * THREAD, 0), threads_for(100 * THREAD, 1)], [1, 1]);
        assert_eq!([frames_a_job(1), frames_a_job(JOB), frames_a_job(usize::MAX)], [JOB, 1, 1]);
    }
}
