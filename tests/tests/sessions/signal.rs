//! `login-required.json`: when it is written, what it says, and when it goes.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::sso_world::{in_state, json_file};
use tests::{Proxy, SsoWorld, eventually, throughout};

use crate::support::{on_refresh, write};

/// The promise is one second; a machine that builds something else gets two.
const AT_ONCE: Duration = Duration::from_secs(2);
/// A refusal is believed after looking for another's token for so long.
const LOOKING: Duration = Duration::from_secs(2);

/// Nobody has logged in; the host is told again every second.
async fn without_a_login() -> (Proxy, SsoWorld) {
    let world = SsoWorld::new().await;
    let proxy = start(&world).await;
    in_state(&proxy, "login-required").await;
    (proxy, world)
}

async fn start(world: &SsoWorld) -> Proxy {
    world.builder().env("CHECK_INTERVAL", "1s").start().await
}

/// Writes what the other side could have written.
fn amend(world: &SsoWorld, field: &str, value: Value) {
    let mut signal = world.signal().expect("a signal");
    signal[field] = value;
    replace(world, &signal.to_string());
}

fn replace(world: &SsoWorld, text: &str) {
    let path = world.signal_path();
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("created");
    let new = path.with_extension("new");
    write(&new, text);
    std::fs::rename(new, path).expect("renamed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signal_comes_within_a_second_of_the_proof() {
    for (code, looking) in [
        ("UnauthorizedClientException", Duration::ZERO),
        ("InvalidGrantException", LOOKING),
    ] {
        let world = SsoWorld::new().await;
        let _login = world.sign_in_long_ago();
        world.aws.faults().add(on_refresh().respond(400, code));
        let _proxy = world.start().await;
        world.signalled().await;
        let log = world.aws.counters().log();
        let refused = log.iter().find(|call| call.grant_type.is_some());
        let refused: Instant = refused.expect("a refresh").at;
        let taken = refused.elapsed().saturating_sub(looking);
        println!("{code}: the signal came {taken:?} after the proof");
        assert!(taken < AT_ONCE, "{taken:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signal_has_exactly_these_fields() {
    let (_proxy, world) = without_a_login().await;
    let mut signal = world.signalled().await;
    for time in ["timestamp", "lastSeen"] {
        let written = signal[time].take();
        let written = written.as_str().expect("a date");
        assert!(written.len() == 20 && written.ends_with('Z'), "{written}");
        signal[time] = "<date>".into();
    }
    let generation = signal["generation"].take().as_u64().expect("a number");
    let year_2020 = 1_577_836_800_000;
    assert!(generation > year_2020, "milliseconds: {generation}");
    signal["generation"] = "<milliseconds>".into();
    let text = serde_json::to_string_pretty(&signal).expect("JSON");
    insta::assert_snapshot!(text, @r#"
    {
      "code": "NoToken",
      "generation": "<milliseconds>",
      "lastSeen": "<date>",
      "profile": "team",
      "reason": "nobody has logged in yet, or somebody has logged out",
      "source": "bazel-proxy",
      "ssoSession": "corp",
      "timestamp": "<date>"
    }
    "#);
    let path = world.signal_path();
    let mode = |path: &std::path::Path| {
        let metadata = path.metadata().expect("there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_says_it_again_and_keeps_what_others_wrote() {
    let (_proxy, world) = without_a_login().await;
    let first = world.signalled().await;
    amend(&world, "nextAttemptAfter", 1_900_000_000.into());
    amend(&world, "lastError", "the browser was closed".into());
    amend(&world, "addedByAnother", serde_json::json!({"kept": [1]}));
    eventually("it is said again, twice", async || {
        let seen = |signal: &Value| signal["lastSeen"].as_str().map(str::to_owned);
        let now = world.signal().unwrap_or_default();
        seen(&now) > seen(&first) && now["addedByAnother"].is_object()
    })
    .await;
    let signal = world.signal().expect("a signal");
    for field in ["generation", "timestamp", "profile", "reason", "code"] {
        assert_eq!(signal[field], first[field], "{field}");
    }
    assert_eq!(signal["nextAttemptAfter"], 1_900_000_000);
    assert_eq!(signal["lastError"], "the browser was closed");
    assert_eq!(signal["addedByAnother"]["kept"][0], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_was_removed_comes_again_under_its_number() {
    let (_proxy, world) = without_a_login().await;
    let first = world.signalled().await;
    std::fs::remove_file(world.signal_path()).expect("removed");
    let again = world.signalled().await;
    assert_eq!(again["generation"], first["generation"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_expiry_has_a_number_of_its_own() {
    let (proxy, world) = without_a_login().await;
    let first = world.signalled().await;
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.unsignalled().await;
    world.aws.sso().end_sessions();
    world.aws.sso().expire_role_credentials();
    assert_eq!(world.miss(&proxy).await.status, 503);
    let second = world.signalled().await;
    let number = |signal: &Value| signal["generation"].as_u64();
    assert!(number(&second) > number(&first), "{first} {second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_is_left_alone() {
    let world = SsoWorld::new().await;
    let rehearsal = r#"{"profile": "team", "source": "test"}"#;
    replace(&world, rehearsal);
    let proxy = start(&world).await;
    in_state(&proxy, "login-required").await;
    let untouched = || std::fs::read_to_string(world.signal_path()).ok();
    throughout(Duration::from_millis(2500), "it is untouched", async || {
        untouched().as_deref() == Some(rehearsal)
    })
    .await;
    let _login = world.sign_in();
    world.served(&proxy).await;
    throughout(Duration::from_millis(1500), "it is untouched", async || {
        untouched().as_deref() == Some(rehearsal)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sessions_signal_comes_first() {
    let world = SsoWorld::new().await;
    let other = r#"{"profile": "other", "ssoSession": "elsewhere", "generation": 7}"#;
    replace(&world, other);
    let proxy = start(&world).await;
    in_state(&proxy, "login-required").await;
    throughout(Duration::from_millis(2500), "it is untouched", async || {
        std::fs::read_to_string(world.signal_path()).ok().as_deref() == Some(other)
    })
    .await;
    std::fs::remove_file(world.signal_path()).expect("removed");
    assert_eq!(world.signalled().await["profile"], "team");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_signal_is_put_aside_and_written_anew() {
    let world = SsoWorld::new().await;
    replace(&world, r#"{"profile": "te"#);
    let _proxy = start(&world).await;
    assert_eq!(world.signalled().await["profile"], "team");
    let mut aside = world.signal_path().into_os_string();
    aside.push(".corrupt");
    let aside = std::fs::read_to_string(aside).expect("put aside");
    assert_eq!(aside, r#"{"profile": "te"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_of_a_killed_proxy_is_withdrawn_by_its_successor() {
    let (proxy, world) = without_a_login().await;
    world.signalled().await;
    let builder = proxy.kill_9();
    let _login = world.sign_in();
    assert!(json_file(&world.signal_path()).is_some());
    let _proxy = builder.start().await;
    world.unsignalled().await;
}
