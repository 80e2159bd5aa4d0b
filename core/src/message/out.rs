//! Where output goes: behind what a buffer holds, or over it, in memory that is cleared at most once.

use zeroize::Zeroize as _;

use crate::error::{Error, Result};

/// The output of one call. Clearing memory that is written next costs a quarter of what sealing it does, so that memory
/// which a caller hands over again and again is not cleared again.
pub(crate) struct Out<'a> {
    /// Longer than the output where there is room for more of it.
    bytes: &'a mut Vec<u8>,
    /// Where the output ends.
    length: usize,
    /// Whether the buffer is to end where the output does.
    ends: bool,
}

impl<'a> Out<'a> {
    /// Behind what the buffer holds.
    pub(crate) fn behind(bytes: &'a mut Vec<u8>) -> Self {
        Self { length: bytes.len(), bytes, ends: true }
    }

    /// Over what the buffer holds. What is behind the output stays in the buffer.
    pub(crate) fn over(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes, length: 0, ends: false }
    }

    /// Has output written over what the buffer holds, and gives it.
    pub(super) fn written_over(buffer: &mut Vec<u8>, write: impl FnOnce(&mut Out<'_>) -> Result<()>) -> Result<&[u8]> {
        let mut out = Out::over(buffer);
        write(&mut out)?;
        let length = out.length;
        drop(out);
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// Bytes of the buffer up to the output's end.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The output from this place in the buffer on.
    pub(crate) fn since(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.length).unwrap_or_default()
    }

    /// Makes room for so many bytes more. Where the buffer has to move, what it leaves behind is wiped.
    pub(super) fn reserve(&mut self, more: usize) {
        let wanted = self.length.saturating_add(more);
        if wanted > self.bytes.capacity() {
            // Zeroed memory is free where it comes straight from the system.
            let mut larger = vec![0; wanted.max(self.bytes.capacity().saturating_mul(2))];
            if let (Some(place), Some(output)) = (larger.get_mut(..self.length), self.bytes.get(..self.length)) {
                place.copy_from_slice(output);
            }
            self.bytes.zeroize();
            *self.bytes = larger;
        }
    }

    /// Has so many bytes written, all of them. They count only if that succeeds.
    pub(super) fn write(&mut self, length: usize, write: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<()> {
        self.reserve(length);
        let end = self.length + length;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        write(self.bytes.get_mut(self.length..end).ok_or_else(Error::integrity)?)?;
        self.length = end;
        Ok(())
    }

    /// Appends these bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.write(bytes.len(), |space| {
            space.copy_from_slice(bytes);
            Ok(())
        })
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        if self.ends {
            self.bytes.truncate(self.length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_goes_behind_what_is_there_or_over_it() {
        for room in [0, 3, 100] {
            let mut bytes = b"before".to_vec();
            let mut out = Out::behind(&mut bytes);
            out.reserve(room);
            out.append(b"one").unwrap();
            out.append(b"two").unwrap();
            assert_eq!(out.since(6), b"onetwo");
            drop(out);
            assert_eq!(bytes, b"beforeonetwo");
            let written = Out::written_over(&mut bytes, |out| {
                out.reserve(room);
                out.append(b"three")
            });
            assert_eq!(written.unwrap(), b"three");
        }
    }

    #[test]
    fn what_could_not_be_written_does_not_count() {
        let mut bytes = b"before".to_vec();
        let mut out = Out::behind(&mut bytes);
        let failed = out.write(4, |space| {
            space.fill(1);
            Err(Error::integrity())
        });
        assert!(failed.is_err());
        out.append(b"!").unwrap();
        drop(out);
        assert_eq!(bytes, b"before!");
        assert!(Out::written_over(&mut bytes, |out| out.write(4, |_| Err(Error::integrity()))).is_err());
    }
}
