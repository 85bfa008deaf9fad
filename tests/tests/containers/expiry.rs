//! Nothing that has ended, and nothing that ends soon if there can be better.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use simulated_aws::{Fault, Operation};
use tests::{eventually, throughout};

use crate::world::{BUILD_TOKEN, Setting, World, document, end_of, usual, write_in_place};

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

async fn with_lives_of(life: Duration) -> World {
    let setting = Setting::new().await;
    setting.sso.aws.sso().set_role_credentials_life(life);
    let _login = setting.sign_in();
    setting.files.configure(&usual());
    setting.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_renewed_ahead_of_their_end_and_no_client_notices() {
    let world = with_lives_of(Duration::from_secs(4)).await;
    world.given(BUILD_TOKEN).await;
    let assumed = || world.sso.aws.counters().count(Operation::AssumeRole);
    let before = assumed();
    let mut keys = std::collections::BTreeSet::new();
    eventually("they are renewed again and again", async || {
        let answer = world.get("/v1/credentials", BUILD_TOKEN).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let given = document(&answer);
        assert!(end_of(&given) > Timestamp::now(), "{given}");
        keys.insert(given["AccessKeyId"].to_string());
        keys.len() >= 4
    })
    .await;
    assert!(assumed() > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_keeps_the_old_credentials_until_their_end() {
    let world = with_lives_of(Duration::from_secs(8)).await;
    let first = world.given(BUILD_TOKEN).await;
    let down = Fault::on(Operation::AssumeRole).respond(503, "ServiceUnavailable");
    let fault = world.sso.aws.faults().add(down);
    let end = end_of(&first);
    let mut last = end;
    eventually("they end", async || {
        let answer = world.get("/v1/credentials", BUILD_TOKEN).await;
        if answer.status == 200 {
            let given = document(&answer);
            last = end_of(&given);
            assert!(last > Timestamp::now(), "ended: {given}");
            return false;
        }
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_ne!(answer.header("retry-after"), "");
        true
    })
    .await;
    // Not before their time: a second is as exact as the date.
    let left = last.duration_since(Timestamp::now()).as_secs_f64();
    assert!(left < 1.5, "given up {left} s before the end");
    world.sso.aws.faults().remove(fault);
    world.given(BUILD_TOKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_takes_credentials_away_at_once() {
    let world = with_lives_of(Duration::from_secs(16)).await;
    let first = world.given(BUILD_TOKEN).await;
    let denied = Fault::on(Operation::AssumeRole).respond(403, "AccessDenied");
    let fault = world.sso.aws.faults().add(denied);
    let answer = world.answers(BUILD_TOKEN, 403).await;
    assert!(answer.text().contains("role/Builder"), "{}", answer.text());
    assert!(end_of(&first) > Timestamp::now(), "it was not taken away");
    throughout(Duration::from_secs(1), "it stays away", async || {
        world.status(BUILD_TOKEN).await == 403
    })
    .await;
    world.sso.aws.faults().remove(fault);
    world.given(BUILD_TOKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_always_more_than_fifteen_minutes_left_if_a_renewal_is_possible() {
    if !Path::new(FAKETIME).exists() {
        let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "libfaketime is missing, and is required here");
        println!("SKIPPED: there is no libfaketime");
        return;
    }
    let setting = Setting::new().await;
    let clock = setting.sso.scratch.path().join("clock");
    let step_to = |seconds: i64| {
        let new = clock.with_extension("new");
        write_in_place(&new, format!("+{seconds}s"));
        std::fs::rename(new, &clock).expect("renamed");
    };
    step_to(0);
    let _login = setting.sso.sign_in_for(Duration::from_hours(8));
    setting.files.configure(&usual());
    let builder = setting
        .builder()
        .env("LD_PRELOAD", FAKETIME)
        .env("FAKETIME_TIMESTAMP_FILE", &clock.display().to_string())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let world = setting.start_as(builder).await;
    world.given(BUILD_TOKEN).await;
    // Everyone's clock goes on by so many minutes, as on a machine that slept.
    for minutes in [30_i64, 44, 46, 59, 130] {
        world.sso.aws.clock().set_offset_seconds(minutes * 60);
        step_to(minutes * 60);
        let now = || Timestamp::now() + Duration::from_mins(minutes.unsigned_abs());
        for _ in 0..20 {
            let answer = world.get("/v1/credentials", BUILD_TOKEN).await;
            if answer.status != 200 {
                assert_eq!(answer.status, 503, "{}", answer.text());
                continue;
            }
            let left = end_of(&document(&answer)).duration_since(now());
            assert!(left.as_secs() >= 15 * 60 - 1, "{minutes} min: {left} left");
        }
        world.given(BUILD_TOKEN).await;
    }
}
