//! Random bytes, straight from the operating system.

use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{Error, ErrorKind, Result};

/// Fills `out` with random bytes. A call costs more than a small seal: ask once for all that a record needs.
pub(crate) fn fill(out: &mut [u8]) -> Result<()> {
    getrandom::fill(out)
        .map_err(|error| Error::new(ErrorKind::Io, "the operating system gives no random bytes").with_source(error))
}

/// Random bytes that were asked for ahead: one call of the operating system serves many records.
///
/// # Security
///
/// Bytes that are given out are overwritten, so that none is given out twice. A copy of the process, by `fork` or from a
/// snapshot of the machine, would hold the same ones: keep a pool where nobody waits, and [`discard`](Self::discard) what is
/// left of it before anybody does.
pub(crate) struct RandomPool {
    bytes: Zeroizing<Vec<u8>>,
    used: usize,
}

impl RandomPool {
    /// A pool that asks for this many bytes at a time.
    pub(crate) fn new(size: usize) -> Self {
        Self { bytes: Zeroizing::new(vec![0; size]), used: size }
    }

    /// A pool of bytes that are not random.
    #[cfg(test)]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: Zeroizing::new(bytes.to_vec()), used: 0 }
    }

    /// The next bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        if self.bytes.len() - self.used < N {
            self.discard();
            fill(&mut self.bytes)?;
            self.used = 0;
        }
        let next = self.bytes.get_mut(self.used..).and_then(<[u8]>::first_chunk_mut);
        let given = std::mem::replace(next.ok_or_else(Error::integrity)?, [0; N]);
        self.used += N;
        Ok(given)
    }

    /// Lets go of what is left.
    pub(crate) fn discard(&mut self) {
        self.bytes.as_mut_slice().zeroize();
        self.used = self.bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_are_given_out_twice() {
        let mut pool = RandomPool::new(100);
        let mut given = std::collections::BTreeSet::new();
        for round in 0..1000 {
            assert!(given.insert(pool.take::<12>().unwrap()), "given out twice");
            if round % 7 == 0 {
                pool.discard();
                assert!(pool.bytes.iter().all(|byte| *byte == 0), "bytes are left");
            }
        }
        assert!(pool.take::<101>().is_err(), "more than a pool holds");
    }
}
