//! The formats, byte by byte: `NAME.json` as somebody wrote it, `NAME.rewritten.json` as it is
//! written back, where that differs.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sso_session::registration::Registration;
use sso_session::signal::LoginSignal;
use sso_session::token::Token;
use sso_session::{date, disk};

fn folder(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format)
}

fn bytes(path: &Path) -> Vec<u8> {
    disk::read_bounded(path, 64 * 1024).expect("read").to_vec()
}

fn original(format: &str, name: &str) -> Vec<u8> {
    bytes(&folder(format).join(format!("{name}.json")))
}

/// Holds every file of a format against its expectation, and the rewritten one against itself.
fn check(format: &str, count: usize, rewrite: impl Fn(&[u8]) -> Vec<u8>) {
    let names = std::fs::read_dir(folder(format)).expect("a folder");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("a text"));
    let originals: Vec<_> = names
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .filter(|name| !name.ends_with(".rewritten"))
        .collect();
    assert_eq!(originals.len(), count, "{originals:?}");
    for name in originals {
        let original = original(format, &name);
        let expected = folder(format).join(format!("{name}.rewritten.json"));
        let expected = if expected.exists() {
            bytes(&expected)
        } else {
            original.clone()
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a text");
        let rewritten = rewrite(&original);
        assert_eq!(text(rewritten.clone()), text(expected), "{format}/{name}");
        assert_eq!(
            rewrite(&rewritten),
            rewritten,
            "{format}/{name} a second time"
        );
    }
}

fn at(text: &str) -> SystemTime {
    date::parse(text).expect("a date")
}

#[test]
fn tokens_of_every_writer_are_written_back_as_the_aws_cli_does() {
    check("token", 7, |bytes| {
        Token::parse(bytes).expect("a token").to_json().to_vec()
    });
}

#[test]
fn registrations_are_written_back_as_they_were() {
    check("registration", 3, |bytes| {
        let registration = Registration::parse(bytes).expect("a registration");
        registration.to_json().to_vec()
    });
}

#[test]
fn signals_of_both_sides_are_written_back_whole() {
    check("signal", 4, |bytes| {
        LoginSignal::parse(bytes).expect("a signal").to_json()
    });
}

#[test]
fn a_token_of_the_aws_cli_means_what_it_says() {
    let token = Token::parse(&original("token", "aws-cli-2.38")).expect("a token");
    assert_eq!(
        token.start_url.as_deref(),
        Some("https://d-1234567890.awsapps.com/start")
    );
    assert_eq!(token.region.as_deref(), Some("eu-central-1"));
    assert_eq!(token.access_token.expose(), "example-access-token-1");
    assert_eq!(token.expires_at, at("2026-01-02T04:04:05Z"));
    assert_eq!(token.client_id.as_deref(), Some("example-client-id"));
    assert_eq!(
        token.registration_expires_at,
        Some(at("2026-03-31T22:10:41Z"))
    );
    assert!(token.can_refresh(at("2026-01-02T05:00:00Z")));
}

#[test]
fn a_legacy_token_cannot_be_refreshed() {
    let token = Token::parse(&original("token", "legacy")).expect("a token");
    assert_eq!(token.expires_at, at("2026-01-02T11:04:05Z"));
    assert!(!token.can_refresh(at("2026-01-02T05:00:00Z")));
}

#[test]
fn a_signal_of_the_watcher_means_what_it_says() {
    let signal = LoginSignal::parse(&original("signal", "watcher-failed")).expect("a signal");
    let now = at("2026-01-02T12:05:00Z");
    let expected = Some(now + Duration::from_mins(5));
    assert_eq!(signal.next_attempt_after(now), expected);
    assert_eq!(signal.generation, Some(1_767_355_200_123));
    assert!(signal.is_for("another", Some("corp")) && !signal.is_test());
}
