//! Chains that are whole, and every change of one.

use proptest::prelude::*;

use super::*;

const KEY: [u8; 32] = [7; 32];

/// The lines of two files.
type Files = [Vec<Vec<u8>>; 2];

fn chain(keyed: bool) -> Chain {
    Chain::new(keyed.then(|| Secret::copy_of(&KEY)).as_ref()).unwrap()
}

/// Two files, the second going on from the first, of so many events each.
fn files(keyed: bool, events: usize) -> Files {
    let mut head = ChainHead::START;
    [0, 1].map(|file| {
        let mut text = Vec::new();
        head = chain(keyed).begin(head, &mut text).unwrap();
        for event in 0..events {
            head = chain(keyed).append(head, format!("{{\"principal\":\"u-{file}-{event}\"}}").as_bytes(), &mut text);
        }
        text.split_inclusive(|byte| *byte == b'\n').map(|line| line[..line.len() - 1].to_vec()).collect()
    })
}

/// What is found, and the number of the line among all.
fn verify(files: &[Vec<Vec<u8>>], keyed: bool, noted: Option<ChainHead>) -> Result<ChainReport, (usize, ChainProblem)> {
    let mut verifier = ChainVerifier::new(keyed.then(|| Secret::copy_of(&KEY)).as_ref(), noted).unwrap();
    let mut number = 0;
    for file in files {
        verifier.file();
        for line in file {
            number += 1;
            verifier.line(line).map_err(|problem| (number, problem))?;
        }
    }
    verifier.finish().map_err(|problem| (number, problem))
}

#[test]
fn a_whole_log_verifies_and_names_its_head() {
    for keyed in [false, true] {
        let files = files(keyed, 3);
        let report = verify(&files, keyed, None).unwrap();
        assert_eq!((report.events, report.files, report.first, report.keyed, report.torn), (6, 2, 1, keyed, 0));
        let head = ChainHead::parse(&report.head).unwrap();
        assert_eq!(head.seq, 8);
        assert_eq!(verify(&files, keyed, Some(head)).unwrap(), report);
        // An older head is in it too.
        let older = Line::read(&files[0][1]).unwrap().head;
        assert!(verify(&files, keyed, Some(older)).is_ok());
        assert_eq!(verify(&files[1..], keyed, None).unwrap().first, 5);
    }
}

#[test]
fn every_change_is_noticed_where_it_is() {
    use ChainProblem::*;
    for keyed in [false, true] {
        let (whole, another) = (files(keyed, 3), files(keyed, 3));
        let with = |change: &dyn Fn(&mut Files)| {
            let mut files = whole.clone();
            change(&mut files);
            verify(&files, keyed, None).unwrap_err()
        };
        assert_eq!(with(&|files| drop(files[0].remove(2))), (3, Missing { found: 4, due: 3 }));
        assert_eq!(with(&|files| files[0].swap(1, 2)), (2, Missing { found: 3, due: 2 }));
        assert_eq!(
            with(&|files| {
                let line = files[0][2].clone();
                files[0].insert(3, line);
            }),
            (4, Repeated { found: 3, due: 4 })
        );
        assert_eq!(with(&|files| files[0].insert(2, b"{\"principal\":\"u-9\"}".to_vec())), (3, NotChained));
        assert_eq!(with(&|files| drop(files[0].pop())), (4, Missing { found: 5, due: 4 }));
        assert_eq!(with(&|files| files.swap(0, 1)), (5, Repeated { found: 1, due: 9 }));
        assert_eq!(with(&|files| drop(files[1].remove(0))), (5, NoBeginning));
        assert_eq!(with(&|files| { files[1] = another[1].clone() }), (5, Changed));
        // The end can be cut off, unless its head was noted.
        let mut cut = whole.clone();
        cut[1].pop();
        assert!(verify(&cut, keyed, None).is_ok());
        let head = ChainHead::parse(&verify(&whole, keyed, None).unwrap().head).unwrap();
        assert_eq!(verify(&cut, keyed, Some(head)).unwrap_err().1, CutOff { noted: 8 });
    }
}

#[test]
fn a_log_of_the_other_kind_is_refused() {
    assert_eq!(verify(&files(true, 1), false, None).unwrap_err(), (1, ChainProblem::NeedsKey));
    assert_eq!(verify(&files(false, 1), true, None).unwrap_err(), (1, ChainProblem::NotKeyed));
    assert!(ChainVerifier::new(Some(&Secret::copy_of(&[1; 31])), None).is_err());
}

#[test]
fn torn_lines_are_counted_and_hide_nothing() {
    let mut files = files(true, 3);
    let torn = files[0][2][..20].to_vec();
    files[0].insert(2, torn.clone());
    assert_eq!(verify(&files, true, None).unwrap().torn, 1);
    // A line that was made torn is missing.
    files[0].remove(3);
    assert_eq!(verify(&files, true, None).unwrap_err(), (4, ChainProblem::Missing { found: 4, due: 3 }));
}

#[test]
fn nothing_that_others_may_take_for_an_event_passes_for_torn() {
    let event = r#"{"time":"2026-01-01T00:00:00Z","principal":"mallory"}"#;
    let deep = format!(r#"{{"principal":"mallory","a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for added in [
        event.to_owned(),
        format!("{event}{event}"),
        format!("{event} x"),
        format!("{event}\0"),
        format!(" {event}"),
        format!("x {event}"),
        format!("\0{event}"),
        deep,
        "mallory saw it all".to_owned(),
    ] {
        for at in 1..=4 {
            let mut files = files(true, 3);
            files[0].insert(at, added.clone().into_bytes());
            assert_eq!(verify(&files, true, None).unwrap_err(), (at + 1, ChainProblem::NotChained), "{added}");
        }
    }
    // What a loss of power leaves.
    let mut files = files(true, 3);
    files[0].insert(2, b"{\"time\":\"20\0\0\0".to_vec());
    files[0].insert(2, vec![0; 512]);
    assert_eq!(verify(&files, true, None).unwrap().torn, 2);
}

#[test]
fn a_head_at_the_end_of_numbers_does_no_harm() {
    let mut text = Vec::new();
    let head = chain(true).append(ChainHead { seq: u64::MAX, tag: [0; 32] }, b"{\"a\":1}", &mut text);
    assert_eq!(head.seq, u64::MAX);
}

proptest! {
    #[test]
    fn no_byte_can_be_changed(keyed: bool, file in 0..2usize, line in 0..4usize, at: prop::sample::Index, change in 1..=255u8) {
        let mut files = files(keyed, 3);
        let line = &mut files[file][line];
        let at = at.index(line.len());
        line[at] ^= change;
        // What is no JSON any more is passed over as torn, and missing then: unless it is the last.
        let found = verify(&files, keyed, None);
        let is_last = file == 1 && files[1][3].len() > at && found.as_ref().is_ok_and(|report| report.torn == 1 && report.events == 5);
        prop_assert!(found.is_err() || is_last, "{found:?}");
    }

    #[test]
    fn any_text_is_read_without_panic(line: Vec<u8>, text: String) {
        let _ = Line::read(&line);
        let _ = ChainHead::parse(&text);
        let mut verifier = ChainVerifier::new(None, None).unwrap();
        verifier.file();
        let _ = verifier.line(&line);
    }
}

#[test]
fn the_format_stays() {
    let mut text = Vec::new();
    let head = ChainHead { seq: 1, tag: [0xab; 32] };
    chain(false).append(head, b"{\"a\":1}", &mut text);
    // printf 'privet audit 1\0<32 times ab>{"a":1,"seq":2' | sha256sum
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "{\"a\":1,\"seq\":2,\"tag\":\"8d3215d431ff4fbd21e610b4dc977fbec7ba2f9c9a08af91b97574ba91b91ff0\"}\n"
    );
}
