//! One signal between the proxy and the watcher.

use std::path::PathBuf;
use std::time::SystemTime;

use sso_session::signal::{Asserted, Need, Rehearsed, SignalError, SignalFile, SignalKey};
use sso_session::{date, disk};

struct Place {
    _folder: tempfile::TempDir,
    file: SignalFile,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SignalFile::new(folder.path().join("state/login-required.json"));
        Self {
            _folder: folder,
            file,
        }
    }

    fn put(&self, json: &str) {
        disk::replace(self.file.path(), json.as_bytes()).expect("written");
    }

    fn content(&self) -> String {
        let bytes = disk::read_bounded(self.file.path(), 1 << 20).expect("read");
        String::from_utf8(bytes.to_vec()).expect("a text")
    }

    fn moved_aside(&self) -> PathBuf {
        let name = "login-required.json.corrupt";
        self.file.path().with_file_name(name)
    }
}

const NOON: i64 = 1_767_355_200;

/// The first generation at noon.
const FIRST: u64 = 1_767_355_200_000;

fn at(seconds: i64) -> SystemTime {
    date::from_epoch_seconds(seconds).expect("a time")
}

fn need(profile: &str) -> Need {
    Need {
        profile: profile.to_owned(),
        sso_session: Some("corp".to_owned()),
        reason: "The session ended".to_owned(),
        code: Some("session_ended".to_owned()),
        generation: None,
    }
}

fn key(profile: &str, generation: u64) -> SignalKey {
    SignalKey {
        profile: profile.to_owned(),
        generation: Some(generation),
        timestamp: None,
    }
}

#[test]
fn a_need_is_raised_once_and_then_reasserted() {
    let place = Place::new();
    assert_eq!(place.file.read().expect("absent"), None);
    let raised = place.file.assert(&need("dev"), at(NOON)).expect("written");
    assert_eq!(raised, Asserted::Raised { generation: FIRST });
    assert_eq!(
        place.content(),
        r#"{"profile": "dev", "reason": "The session ended", "timestamp": "2026-01-02T12:00:00Z", "source": "bazel-proxy", "ssoSession": "corp", "code": "session_ended", "generation": 1767355200000, "lastSeen": "2026-01-02T12:00:00Z"}"#
    );
    let later = Need {
        reason: "Refused".to_owned(),
        code: None,
        generation: Some(FIRST),
        ..need("other-profile-of-the-session")
    };
    let again = place.file.assert(&later, at(NOON + 60)).expect("written");
    assert_eq!(again, Asserted::Reasserted { generation: FIRST });
    assert_eq!(
        place.content(),
        r#"{"profile": "dev", "reason": "Refused", "timestamp": "2026-01-02T12:00:00Z", "source": "bazel-proxy", "ssoSession": "corp", "generation": 1767355200000, "lastSeen": "2026-01-02T12:01:00Z"}"#
    );
}

#[test]
fn what_the_watcher_wrote_survives_a_reassertion() {
    let place = Place::new();
    let file = &place.file;
    file.assert(&need("dev"), at(NOON)).expect("written");
    let until = at(NOON + 600);
    let of_another = file.record_failure(&key("dev", 1), "x", until, at(NOON));
    assert!(!of_another.expect("read"));
    let noted = file.record_failure(&key("dev", FIRST), "timed out", until, at(NOON));
    assert!(noted.expect("written"));
    place.put(&place.content().replace('}', r#", "agent": [1.0]}"#));
    file.assert(&need("dev"), at(NOON + 60)).expect("written");
    let signal = file.read().expect("read").expect("there");
    assert_eq!(signal.next_attempt_after(at(NOON)), Some(until));
    assert_eq!(signal.last_error.as_deref(), Some("timed out"));
    assert_eq!(signal.generation, Some(FIRST));
    assert!(place.content().ends_with(r#", "agent": [1.0]}"#));
}

#[test]
fn a_signal_that_the_host_removed_comes_back_with_its_generation() {
    let place = Place::new();
    let need = Need {
        generation: Some(77),
        ..need("dev")
    };
    for _ in 0..2 {
        let asserted = place.file.assert(&need, at(NOON)).expect("written");
        assert_eq!(asserted, Asserted::Reasserted { generation: 77 });
        assert!(place.file.remove_handled(&key("dev", 77)).expect("removed"));
    }
    assert!(
        !place
            .file
            .remove_handled(&key("dev", 77))
            .expect("gone already")
    );
}

#[test]
fn generations_rise_though_the_clock_steps_back() {
    let place = Place::new();
    let raise = |seconds| {
        let asserted = place.file.assert(&need("dev"), at(seconds));
        let removed = place.file.withdraw("dev", Some("corp"), None);
        assert!(removed.expect("removed"));
        asserted.expect("written")
    };
    assert_eq!(raise(NOON), Asserted::Raised { generation: FIRST });
    for (seconds, generation) in [(NOON - 3600, FIRST + 1), (-5, FIRST + 2)] {
        assert_eq!(raise(seconds), Asserted::Raised { generation });
    }
    place.put(r#"{"profile": "x", "generation": 1900000000000}"#);
    assert!(
        place
            .file
            .remove_handled(&key("x", 1_900_000_000_000))
            .expect("removed")
    );
    let generation = 1_900_000_000_001;
    assert_eq!(raise(NOON), Asserted::Raised { generation });
}

#[test]
fn another_sessions_signal_and_a_rehearsal_are_left_alone() {
    let place = Place::new();
    let profile = "other".to_owned();
    for (json, expected) in [
        (
            r#"{"profile":"other","ssoSession":"elsewhere","generation":5}"#,
            Asserted::Waiting { profile },
        ),
        (
            r#"{"profile":"dev","source":"test","generation":5}"#,
            Asserted::Rehearsal,
        ),
    ] {
        place.put(json);
        let asserted = place.file.assert(&need("dev"), at(NOON)).expect("read");
        assert_eq!(asserted, expected);
        let withdrawn = place.file.withdraw("dev", Some("corp"), None);
        assert!(!withdrawn.expect("read"));
        assert_eq!(place.content(), json);
        let signal = place.file.read().expect("read").expect("there");
        let removed = place.file.remove_handled(&signal.key());
        assert!(removed.expect("the watcher may"));
    }
}

/// Its proxy has stopped, or has another profile now: nobody would ever withdraw it, and perhaps its
/// profile is gone.
#[test]
fn a_signal_that_its_proxy_says_no_more_makes_way_for_another_sessions() {
    let place = Place::new();
    let other = Need {
        sso_session: Some("elsewhere".to_owned()),
        ..need("other")
    };
    place.file.assert(&other, at(NOON)).expect("raised");
    let quarter = 15 * 60;
    let profile = "other".to_owned();
    for (seconds, expected) in [
        (
            0,
            Asserted::Waiting {
                profile: profile.clone(),
            },
        ),
        (
            -3600,
            Asserted::Waiting {
                profile: profile.clone(),
            },
        ),
        (quarter, Asserted::Waiting { profile }),
        (
            quarter + 1,
            Asserted::Raised {
                generation: FIRST + 901_000,
            },
        ),
    ] {
        let asserted = place.file.assert(&need("dev"), at(NOON + seconds));
        assert_eq!(asserted.expect("read"), expected, "{seconds}");
    }
    // One that nobody has to say again stays: an older program's, or a person's.
    let foreign = r#"{"profile":"other","lastSeen":"2020-01-01T00:00:00Z","timestamp":"2020-01-01T00:00:00Z"}"#;
    place.put(foreign);
    let asserted = place.file.assert(&need("dev"), at(NOON)).expect("read");
    assert!(matches!(asserted, Asserted::Waiting { .. }), "{asserted:?}");
}

#[test]
fn only_the_generation_that_was_dealt_with_is_removed() {
    let place = Place::new();
    let file = &place.file;
    place.put(r#"{"profile": "dev", "generation": 5}"#);
    assert!(!file.withdraw("dev", None, Some(4)).expect("read"));
    for other in [key("dev", 4), key("other", 5)] {
        assert!(!file.remove_handled(&other).expect("read"));
    }
    assert!(file.withdraw("dev", None, Some(5)).expect("removed"));
}

#[test]
fn without_a_generation_the_profile_and_the_time_tell_one_request_from_the_next() {
    let place = Place::new();
    let file = &place.file;
    let first = r#"{"profile": "dev", "timestamp": "2026-01-02T11:00:00Z"}"#;
    place.put(first);
    let dealt_with = file.read().expect("read").expect("there").key();
    for other in [
        r#"{"profile": "dev", "timestamp": "2026-01-02T11:00:01Z"}"#,
        r#"{"profile": "dev", "timestamp": "2026-01-02T11:00:00Z", "generation": 5}"#,
        r#"{"profile": "other", "timestamp": "2026-01-02T11:00:00Z"}"#,
        r#"{"profile": "dev"}"#,
    ] {
        place.put(other);
        assert!(!file.remove_handled(&dealt_with).expect("read"), "{other}");
        let noted = file.record_failure(&dealt_with, "denied", at(NOON), at(NOON));
        assert!(!noted.expect("read"), "{other}");
        assert_eq!(place.content(), other);
    }
    place.put(first);
    assert!(file.remove_handled(&dealt_with).expect("removed"));
}

#[test]
fn a_signal_of_the_original_format_gets_a_generation_and_keeps_the_rest() {
    let place = Place::new();
    place.put(r#"{"profile": "dev", "reason": "expired", "timestamp": "2026-01-02T11:00:00.123456+00:00", "nextAttemptAfter": 1767355500}"#);
    let asserted = place.file.assert(&need("dev"), at(NOON)).expect("written");
    assert_eq!(asserted, Asserted::Reasserted { generation: FIRST });
    assert_eq!(
        place.content(),
        r#"{"profile": "dev", "reason": "The session ended", "timestamp": "2026-01-02T11:00:00Z", "nextAttemptAfter": 1767355500, "code": "session_ended", "generation": 1767355200000, "lastSeen": "2026-01-02T12:00:00Z"}"#
    );
}

#[test]
fn a_corrupt_signal_is_moved_aside_and_counts_as_absent() {
    let place = Place::new();
    let long = format!(r#"{{"profile": "dev", "x": "{}"}}"#, "x".repeat(70_000));
    for json in [
        "",
        "[]",
        r#"{"profile": "-x"}"#,
        r#"{"profile": "dev""#,
        &long,
    ] {
        place.put(json);
        assert_eq!(place.file.read().expect("moved aside"), None);
        assert!(!place.file.path().exists());
        let aside = disk::read_bounded(&place.moved_aside(), 1 << 20);
        assert_eq!(aside.expect("read").as_slice(), json.as_bytes());
    }
    let raised = place.file.assert(&need("dev"), at(NOON)).expect("written");
    assert_eq!(raised, Asserted::Raised { generation: FIRST });
}

#[test]
fn no_login_is_asked_for_a_dangerous_name() {
    let place = Place::new();
    let refused = place.file.assert(&need("--debug"), at(NOON));
    assert!(matches!(refused, Err(SignalError::Name(name)) if name == "--debug"));
    let need = Need {
        sso_session: Some("a\nb".to_owned()),
        ..need("dev")
    };
    let error = place.file.assert(&need, at(NOON)).expect_err("refused");
    assert!(error.to_string().contains(r"a\nb"), "{error}");
    assert!(!place.file.path().exists());
}

#[test]
fn endless_texts_are_cut_between_characters() {
    let place = Place::new();
    let need = Need {
        reason: "é".repeat(100_001),
        ..need("dev")
    };
    place.file.assert(&need, at(NOON)).expect("written");
    let signal = place.file.read().expect("read").expect("there");
    assert_eq!(signal.reason, Some("é".repeat(1000)));
}

#[test]
fn a_folder_in_its_place_is_an_error_that_names_it() {
    let place = Place::new();
    std::fs::create_dir_all(place.file.path()).expect("created");
    let error = place.file.read().expect_err("a folder");
    assert!(error.to_string().contains("login-required.json"), "{error}");
}

#[test]
fn a_rehearsal_is_written_and_begun_anew() {
    let place = Place::new();
    let rehearse = |seconds| place.file.rehearse("dev", Some("corp"), at(seconds));
    let written = rehearse(NOON).expect("written");
    assert_eq!(written, Rehearsed::Written { generation: FIRST });
    assert_eq!(
        place.content(),
        r#"{"profile": "dev", "reason": "A rehearsal: no build waits for it", "timestamp": "2026-01-02T12:00:00Z", "source": "test", "ssoSession": "corp", "generation": 1767355200000}"#
    );
    assert!(
        place
            .file
            .read()
            .expect("read")
            .is_some_and(|signal| signal.is_test())
    );
    let noted = place
        .file
        .record_failure(&key("dev", FIRST), "denied", at(NOON + 9), at(NOON));
    assert!(noted.expect("written"));
    let again = rehearse(NOON - 60).expect("written");
    let generation = FIRST + 1;
    assert_eq!(again, Rehearsed::Written { generation });
    assert!(!place.content().contains("denied"));
    assert!(
        place
            .file
            .remove_handled(&key("dev", generation))
            .expect("removed")
    );
}

#[test]
fn a_rehearsal_takes_no_needed_logins_place() {
    let place = Place::new();
    place.file.assert(&need("dev"), at(NOON)).expect("written");
    let needed = place.content();
    let outcome = place.file.rehearse("other", None, at(NOON)).expect("read");
    let profile = "dev".to_owned();
    assert_eq!(outcome, Rehearsed::Busy { profile });
    assert_eq!(place.content(), needed);
    let harm = place.file.rehearse("--debug", None, at(NOON));
    assert!(matches!(harm, Err(SignalError::Name(_))), "{harm:?}");
    let harm = place.file.rehearse("dev", Some("a\nb"), at(NOON));
    assert!(matches!(harm, Err(SignalError::Name(_))), "{harm:?}");
}
