//! Sessions that live for seconds, one after the other, under constant misses.

use std::path::Path;
use std::time::{Duration, Instant};

use tests::Watcher;

use super::Bench;

/// How long, where `SOAK_SECONDS` says nothing else.
const TIME: Duration = Duration::from_secs(25);
/// How long a session can be renewed, and how long each of its tokens lives, and their credentials.
const SESSION: Duration = Duration::from_secs(3);
/// Open files come and go with calls and children; a leak would be one a login at least.
const LEEWAY: usize = 6;

fn open_files(agent: &Watcher) -> usize {
    let files = Path::new("/proc").join(agent.pid().to_string()).join("fd");
    files.read_dir().expect("its files").count()
}

fn time() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    seconds.map_or(TIME, Duration::from_secs)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_over_sessions_of_seconds_and_nothing_grows() {
    let bench = Bench::new().await;
    let sso = bench.world.aws.sso();
    sso.set_session_life(SESSION)
        .set_access_token_life(SESSION)
        .set_role_credentials_life(SESSION);
    let _tokens = bench.world.sign_in();
    let proxy = bench.proxy().env("CHECK_INTERVAL", "60").start().await;
    let agent = bench.agent().start().await;
    let (end, mut misses, mut slowest) = (Instant::now() + time(), 0, Duration::ZERO);
    let mut files = None;
    while Instant::now() < end {
        let started = Instant::now();
        let answer = bench.world.miss(&proxy).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        slowest = slowest.max(started.elapsed());
        misses += 1;
        if files.is_none() && !bench.begun().is_empty() {
            files = Some(open_files(&agent));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (before, after) = (files.expect("a login"), open_files(&agent));
    let logins = bench.begun().len();
    eprintln!(
        "{misses} misses, the slowest {:.1} s; {logins} logins; open files {before} → {after}",
        slowest.as_secs_f64()
    );
    assert_eq!(bench.said("overlap"), [] as [i32; 0], "two logins at once");
    // Each login serves its session for the whole of its life.
    let most = time().as_secs() / SESSION.as_secs() + 1;
    assert!(logins as u64 <= most, "{logins} logins in {:?}", time());
    assert!(after <= before + LEEWAY, "open files {before} → {after}");
}
