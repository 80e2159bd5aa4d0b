//! Parts of messages: right bytes, right place, nothing else.

use proptest::prelude::*;

use super::*;

fn access(bytes: &[u8], message_length: u64) -> Result<RandomAccess> {
    let header_length = Header::peek(bytes, &anything()).unwrap().unwrap().length();
    let HeaderProgress::Locked(locked) = HeaderReader::new(&anything()).push(&bytes[..header_length])? else {
        panic!()
    };
    let key = data_key(locked.locked().header().suite());
    locked.random_access(&key, message_length)
}

fn fetch<'a>(bytes: &'a [u8], segment: &Segment) -> &'a [u8] {
    let range = segment.message_range();
    &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
}

proptest! {
    #[test]
    fn any_range_opens_to_its_bytes(
        plaintext in prop::collection::vec(any::<u8>(), 0..300),
        frame_length in 1u32..50,
        older in any::<bool>(),
        (a, b) in (0usize..301, 0usize..301),
    ) {
        let suite = if older { AlgorithmSuite::Aes128Hkdf } else { AlgorithmSuite::Committing };
        let bytes = seal(&writing(suite).with_frame_length(frame_length), &plaintext);
        let access = access(&bytes, bytes.len() as u64).unwrap();
        prop_assert_eq!(access.plaintext_length(), plaintext.len() as u64);
        let (a, b) = (a.min(plaintext.len()), b.min(plaintext.len()));
        let (start, end) = (a.min(b), a.max(b));
        let segment = access.locate(start as u64..end as u64).unwrap();
        let fetched = fetch(&bytes, &segment);
        // No frame more than the range touches.
        let frames = (end - start) / frame_length as usize + 2;
        prop_assert!(fetched.len() <= frames * (frame_length as usize + 40));
        prop_assert_eq!(access.open(&segment, fetched).unwrap(), &plaintext[start..end]);
    }
}

#[test]
fn a_range_behind_the_end_is_refused() {
    let bytes = seal(&writing(AlgorithmSuite::Committing).with_frame_length(4), b"ninebytes");
    let access = access(&bytes, bytes.len() as u64).unwrap();
    for range in [0..10, 10..10, u64::MAX..u64::MAX] {
        assert_eq!(access.locate(range).unwrap_err().kind(), ErrorKind::Input);
    }
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 5..4;
    assert_eq!(access.locate(reversed).unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn damaged_or_other_bytes_are_refused() {
    let bytes = seal(&writing(AlgorithmSuite::Committing).with_frame_length(4), b"ninebytes");
    let access = access(&bytes, bytes.len() as u64).unwrap();
    for range in [0..9, 2..6, 4..8, 8..9] {
        let segment = access.locate(range).unwrap();
        let fetched = fetch(&bytes, &segment);
        access.open(&segment, fetched).unwrap();
        for at in 0..fetched.len() {
            let mut damaged = fetched.to_vec();
            damaged[at] ^= 1;
            assert!(access.open(&segment, &damaged).is_err());
            assert!(access.open(&segment, &fetched[..at]).is_err());
        }
        assert!(access.open(&segment, &[fetched, &[0]].concat()).is_err());
    }
    let (second, first) = (access.locate(4..8).unwrap(), access.locate(0..4).unwrap());
    assert!(access.open(&second, fetch(&bytes, &first)).is_err());
}

#[test]
fn a_wrong_length_of_the_message_shows_at_its_end() {
    let bytes = seal(&writing(AlgorithmSuite::Committing).with_frame_length(4), b"ninebytes");
    let shorter = (bytes.len() - 36) as u64;
    let access = access(&bytes, shorter).unwrap();
    assert_eq!(access.plaintext_length(), 5);
    assert_eq!(
        access.open(&access.locate(0..4).unwrap(), fetch(&bytes, &access.locate(0..4).unwrap())).unwrap(),
        b"nine"
    );
    let end = access.locate(4..5).unwrap();
    assert!(access.open(&end, fetch(&bytes, &end)).is_err());
}

#[test]
fn lengths_that_no_message_has_are_refused() {
    let bytes = seal(&writing(AlgorithmSuite::Committing).with_frame_length(4), b"ninebytes");
    let header = Header::peek(&bytes, &anything()).unwrap().unwrap();
    assert_eq!(header.plaintext_length(bytes.len() as u64).unwrap(), 9);
    for length in [0, 1, header.length() as u64, header.length() as u64 + 39, header.length() as u64 + 45, u64::MAX] {
        assert_eq!(header.plaintext_length(length).unwrap_err().kind(), ErrorKind::Integrity, "{length}");
    }
}

#[test]
fn signed_messages_are_read_whole_but_tell_their_length() {
    let bytes = seal(&writing(AlgorithmSuite::CommittingSigned).with_frame_length(4), b"ninebytes");
    assert_eq!(access(&bytes, bytes.len() as u64).unwrap_err().kind(), ErrorKind::Unsupported);
    let header = Header::peek(&bytes, &anything()).unwrap().unwrap();
    assert_eq!(header.plaintext_length(bytes.len() as u64).unwrap(), 9);
}
