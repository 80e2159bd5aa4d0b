//! Streams say what whole messages say, whatever the pieces.

use proptest::prelude::*;

use super::*;

/// The message, written in pieces of these lengths over and over; `over` a buffer that holds something else, or behind it all.
fn seal_in_pieces(options: &WriteOptions, plaintext: &[u8], pieces: &[usize], over: bool) -> Vec<u8> {
    let message = NewMessage::new(options).unwrap();
    let key = data_key(message.suite());
    let mut encryptor = message.encryptor(&key, edks()).unwrap();
    let expected = encryptor.message_length(plaintext.len() as u64).unwrap();
    let (mut out, mut buffer) = (Vec::new(), vec![0xaa; 50]);
    for piece in cut(plaintext, pieces) {
        if over {
            out.extend_from_slice(encryptor.push_over(piece, &mut buffer).unwrap());
        } else {
            encryptor.push(piece, &mut out).unwrap();
        }
    }
    if over {
        out.extend_from_slice(encryptor.finish_over(&mut buffer).unwrap());
    } else {
        encryptor.finish(&mut out).unwrap();
    }
    assert_eq!(out.len() as u64, expected);
    out
}

/// The plaintext that comes out, and whether the message was whole.
fn open_in_pieces(bytes: &[u8], options: &ReadOptions, pieces: &[usize], over: bool) -> (Vec<u8>, Result<()>) {
    let mut out = Vec::new();
    let result = try_open_in_pieces(bytes, options, pieces, over, &mut out);
    (out, result)
}

fn try_open_in_pieces(
    bytes: &[u8],
    options: &ReadOptions,
    pieces: &[usize],
    over: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut pieces = cut(bytes, pieces).into_iter();
    let mut reader = HeaderReader::new(options);
    let locked = loop {
        let Some(piece) = pieces.next() else { return Err(crate::Error::integrity()) };
        match reader.push(piece)? {
            HeaderProgress::NeedsMore(more) => reader = more,
            HeaderProgress::Locked(locked) => break locked,
        }
    };
    let key = data_key(locked.locked().header().suite());
    if over {
        let mut buffer = vec![0xaa; 50];
        let (mut decryptor, plaintext) = locked.decryptor_over(&key, &mut buffer)?;
        out.extend_from_slice(plaintext);
        for piece in pieces {
            out.extend_from_slice(decryptor.push_over(piece, &mut buffer)?);
        }
        return decryptor.finish();
    }
    let mut decryptor = locked.decryptor(&key, out)?;
    for piece in pieces {
        decryptor.push(piece, out)?;
    }
    decryptor.finish()
}

fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

proptest! {
    #[test]
    fn whatever_the_pieces_the_plaintext_is_the_same(
        suite in prop::sample::select(&AlgorithmSuite::ALL[..]),
        plaintext in prop::collection::vec(any::<u8>(), 0..600),
        frame_length in 1u32..100,
        written in prop::collection::vec(1usize..150, 1..5),
        read in prop::collection::vec(1usize..150, 1..5),
        (name, value) in ("[a-z]{0,5}", ".{0,8}"),
        over: bool,
    ) {
        let context = context().with(name, value);
        let mut options = writing(suite).with_frame_length(frame_length);
        options.context = context.clone();
        let bytes = seal_in_pieces(&options, &plaintext, &written, over);
        let reading = anything().with_context(context);
        prop_assert_eq!(&open(&bytes, &reading).unwrap().plaintext, &plaintext);
        let (out, result) = open_in_pieces(&bytes, &reading, &read, over);
        prop_assert!(result.is_ok());
        prop_assert_eq!(out, plaintext);
    }
}

#[test]
fn a_stream_cut_short_ends_in_an_error() {
    for suite in AlgorithmSuite::ALL {
        let bytes = seal(&writing(suite).with_frame_length(4), b"ninebytes");
        for length in 0..bytes.len() {
            let (out, result) = open_in_pieces(&bytes[..length], &anything(), &[3], length % 2 == 0);
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Integrity, "{suite:?} {length}");
            assert!(b"ninebytes".starts_with(out.as_slice()));
            // The last frame and the signature come together or not at all.
            assert!(out.len() < 9, "{suite:?} {length}");
        }
    }
}

#[test]
fn nothing_damaged_and_nothing_behind_it_gets_out() {
    for suite in AlgorithmSuite::ALL {
        let bytes = seal(&writing(suite).with_frame_length(4), b"ninebytes");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            for (pieces, over) in [(&[1][..], false), (&[7], true), (&[1000], false), (&[1000], true)] {
                let (out, result) = open_in_pieces(&damaged, &anything(), pieces, over);
                assert!(result.is_err(), "{suite:?} byte {at}");
                assert!(b"ninebytes".starts_with(out.as_slice()) && out.len() < 9, "{suite:?} byte {at}");
            }
        }
        for (pieces, over) in [(&[1][..], false), (&[1000], true), (&[bytes.len()], false)] {
            let (_, result) = open_in_pieces(&[bytes.as_slice(), b"x"].concat(), &anything(), pieces, over);
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Integrity);
        }
    }
}

#[test]
fn what_was_refused_once_stays_refused() {
    let bytes = seal(&writing(AlgorithmSuite::Committing).with_frame_length(4), b"ninebytes");
    let Ok(HeaderProgress::Locked(locked)) = HeaderReader::new(&anything()).push(&bytes) else { panic!() };
    let header_length = locked.locked().header().length();
    let Ok(HeaderProgress::Locked(locked)) = HeaderReader::new(&anything()).push(&bytes[..header_length]) else {
        panic!()
    };
    let mut out = Vec::new();
    let mut decryptor = locked.decryptor(&data_key(AlgorithmSuite::Committing), &mut out).unwrap();
    let body = &bytes[header_length..];
    decryptor.push(&body[..36], &mut out).unwrap();
    assert_eq!(out, b"nine");
    // The first frame again, and then the right one: the stream is over all the same.
    assert!(decryptor.push(&body[..36], &mut out).is_err());
    assert!(decryptor.push(&body[36..], &mut out).is_err());
    assert_eq!(out, b"nine");
    assert!(decryptor.finish().is_err());
}

#[test]
fn memory_does_not_grow_with_the_message() {
    for suite in [AlgorithmSuite::Committing, AlgorithmSuite::CommittingSigned] {
        let message = NewMessage::new(&writing(suite).with_frame_length(1000)).unwrap();
        let key = data_key(suite);
        let mut encryptor = message.encryptor(&key, edks()).unwrap();
        let mut sealed = Vec::new();
        encryptor.push(&[], &mut sealed).unwrap();
        let Ok(HeaderProgress::Locked(locked)) = HeaderReader::new(&anything()).push(&sealed) else { panic!() };
        let mut opened = Vec::new();
        let mut decryptor = locked.decryptor(&key, &mut opened).unwrap();
        for _ in 0..2000 {
            sealed.clear();
            encryptor.push(&[1; 777], &mut sealed).unwrap();
            assert!(sealed.len() <= 2 * 1032);
            opened.clear();
            decryptor.push(&sealed, &mut opened).unwrap();
            assert!(opened.len() <= 2000);
        }
    }
}

#[test]
fn a_frame_beyond_the_limit_is_not_waited_for() {
    let bytes = seal(&writing(AlgorithmSuite::Committing).with_frame_length(5000), &[1; 6000]);
    let small = anything().with_limits(Limits::default().with_max_frame(4990));
    assert_eq!(open_in_pieces(&bytes, &small, &[100], false).1.unwrap_err().kind(), ErrorKind::Denied);
    let enough = anything().with_limits(Limits::default().with_max_frame(5000));
    assert!(open_in_pieces(&bytes, &enough, &[100], false).1.is_ok());
}

#[test]
fn a_header_byte_by_byte_is_looked_at_only_when_it_may_be_complete() {
    let context = (0..2500).fold(context(), |context, i| context.with(format!("name {i}"), "a value"));
    let bytes = seal(&WriteOptions::new(context), b"x");
    assert!(bytes.len() > 40_000);
    let (out, result) = open_in_pieces(&bytes, &anything(), &[1], true);
    assert!(result.is_ok());
    assert_eq!(out, b"x");
}

#[test]
fn a_plaintext_of_more_frames_than_can_be_numbered_is_refused() {
    let message = NewMessage::new(&writing(AlgorithmSuite::Committing).with_frame_length(1)).unwrap();
    let encryptor = message.encryptor(&data_key(AlgorithmSuite::Committing), edks()).unwrap();
    // All of 2^32 - 1 frames, the final one included.
    assert!(encryptor.message_length(u64::from(u32::MAX)).is_ok());
    assert_eq!(encryptor.message_length(u64::from(u32::MAX) + 1).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(encryptor.message_length(u64::MAX).unwrap_err().kind(), ErrorKind::Input);
}
