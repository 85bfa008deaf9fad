//! Clocks that step, and a machine that sleeps.
//!
//! A step of the machine's own clock is played by libfaketime (`tests/install-clients.sh`). Without it
//! these tests report themselves as skipped, and fail with `REAL_CLIENTS=required`.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::{Proxy, SsoWorld, eventually, throughout};

use crate::support::{each, write};

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
const HOUR: i64 = 3600;

/// What must be so, whatever a clock says.
async fn must_be_unharmed(proxy: &Proxy, world: &SsoWorld, what: &str) {
    throughout(Duration::from_secs(3), what, async || {
        let answer = world.miss(proxy).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        world.signal().is_none()
    })
    .await;
    assert_eq!(world.aws.sso().sessions_alive(), 1, "{what}");
    let log = proxy.log();
    for word in ["panicked", "asked the host for a login"] {
        assert!(!log.contains(word), "{what}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_whose_clock_is_an_hour_away_is_no_reason_to_log_in() {
    each(vec![-1, 1], async |hours| {
        let world = SsoWorld::new().await;
        let _login = world.sign_in();
        let proxy = world.start().await;
        world.served(&proxy).await;
        world.aws.clock().set_offset_seconds(hours * HOUR);
        must_be_unharmed(&proxy, &world, "AWS's clock").await;
        world.aws.clock().set_offset_seconds(0);
        must_be_unharmed(&proxy, &world, "AWS's clock, right again").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_hours_off_from_the_start_serves_misses() {
    each(vec![-3, 3], async |hours| {
        let world = SsoWorld::new().await;
        world.aws.clock().set_offset_seconds(hours * HOUR);
        let _login = world.sign_in();
        let proxy = world.start().await;
        world.served(&proxy).await;
        must_be_unharmed(&proxy, &world, "hours off").await;
        let asked = world.portal_calls();
        assert!(asked <= 2, "{hours}: the portal was asked {asked} times");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_whose_clock_steps_by_an_hour_goes_on() {
    if !Path::new(FAKETIME).exists() {
        let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "libfaketime is missing, and is required here");
        println!("SKIPPED: there is no libfaketime");
        return;
    }
    each(vec!["+3600s", "-3600s"], async |step| {
        let world = SsoWorld::new().await;
        let clock = world.scratch.path().join("clock");
        let step_to = |offset: &str| {
            write(&clock.with_extension("new"), offset);
            std::fs::rename(clock.with_extension("new"), &clock).expect("renamed");
        };
        step_to("+0s");
        let _login = world.sign_in_for(Duration::from_mins(50));
        let builder = world
            .builder()
            .env("LD_PRELOAD", FAKETIME)
            .env("FAKETIME_TIMESTAMP_FILE", &clock.display().to_string())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let proxy = builder.start().await;
        world.served(&proxy).await;
        step_to(step);
        must_be_unharmed(&proxy, &world, step).await;
        step_to("+0s");
        must_be_unharmed(&proxy, &world, "the right time again").await;
        assert!(largest_step(&proxy.log()) > 3500, "the clock did not step");
    })
    .await;
}

/// The most seconds between the times of two lines of a log, forward or back.
fn largest_step(log: &str) -> i64 {
    let times = log
        .lines()
        .filter_map(|line| line.split(' ').next()?.parse::<jiff::Timestamp>().ok())
        .map(jiff::Timestamp::as_second);
    let times: Vec<_> = times.collect();
    let steps = times.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    steps.max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_sleeps_past_the_tokens_end_goes_on() {
    let world = SsoWorld::new().await;
    let life = Duration::from_secs(2);
    let sso = world.aws.sso();
    sso.set_access_token_life(life)
        .set_role_credentials_life(life);
    let _login = world.sign_in();
    let proxy = world.start().await;
    world.served(&proxy).await;
    proxy.signal(Signal::SIGSTOP);
    let asleep = world.aws.counters().total();
    throughout(life * 2, "it sleeps", async || {
        world.aws.counters().total() <= asleep + 1
    })
    .await;
    proxy.signal(Signal::SIGCONT);
    let answer = world.miss(&proxy).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let refreshes = sso.refreshes();
    eventually("it renews as before", async || {
        sso.refreshes() > refreshes + 2
    })
    .await;
    must_be_unharmed(&proxy, &world, "after the sleep").await;
    assert_eq!(world.refreshes_refused(), 0);
}
