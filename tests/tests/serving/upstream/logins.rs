//! What the team has needs no login on the laptop.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tests::{StandIn, eventually};

use super::{WithoutLogin, must_be};
use crate::world::noise;

#[tokio::test(flavor = "multi_thread")]
async fn misses_are_served_without_a_login() {
    let pair = WithoutLogin::new().await;
    let jar = noise(2_000_000);
    pair.put("g/a-1.jar", &jar);
    let answer = pair.laptop.get("/g/a-1.jar").await;
    must_be(&answer, &jar);
    assert_eq!(answer.verdict(), "bazel-proxy; fwd=uri-miss; stored");
    assert_eq!(pair.laptop.head("/g/a-1.jar").await.status, 200);
    assert!(!pair.laptop.log().contains("misses wait for a login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_resumed_at_the_upstream() {
    let cut = AtomicBool::new(true);
    let pair = WithoutLogin::through(
        async move |team| {
            let cutter = StandIn::between(team, move |request, mut answer| {
                let is_first = || cut.swap(false, Ordering::Relaxed);
                if request.contains("/g/a-1.jar") && is_first() {
                    answer.truncate(1_234_567);
                }
                answer
            });
            Some(cutter.await)
        },
        |laptop| laptop,
    );
    let pair = pair.await;
    let jar = noise(3_000_000);
    pair.put("g/a-1.jar", &jar);
    must_be(&pair.laptop.get("/g/a-1.jar").await, &jar);
    let log = pair.laptop.log();
    assert!(log.contains("broke off and is resumed"), "{log}");
    assert!(!log.contains("misses wait for a login"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_neither_can_fetch_is_503_with_the_laptops_own_cure() {
    let pair = WithoutLogin::through(async |_| None, |laptop| laptop.env("LOGIN_WAIT", "0")).await;
    pair.put("g/a-1.jar", b"the jar");
    pair.world
        .aws
        .identities()
        .remove(tests::scratch::ACCESS_KEY.0);
    let answer = pair.laptop.get("/g/a-1.jar").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    let command = "aws sso login --profile team";
    assert!(answer.text().contains(command), "{}", answer.text());
    assert!(
        !pair.team.log().contains("misses wait"),
        "nobody is held there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_wait_for_a_login_go_on_when_the_upstream_is_back() {
    let pair = WithoutLogin::new().await;
    let paths: Vec<_> = (0..5).map(|number| format!("/g/{number}.jar")).collect();
    for path in &paths {
        pair.put(&path[1..], b"the jar");
    }
    let WithoutLogin {
        laptop,
        team,
        world: _world,
        _office,
        ..
    } = pair;
    let port = team.address().port().to_string();
    let team = team.kill_9();
    let waiting = join_all(paths.iter().map(|path| laptop.get(path)));
    let repair = async {
        eventually("they wait", async || {
            laptop.log().contains("misses wait for a login")
        })
        .await;
        team.env("PROXY_PORT", &port).start().await
    };
    let (answers, _team) = tokio::join!(waiting, repair);
    for answer in answers {
        must_be(&answer, b"the jar");
        assert!(answer.verdict().ends_with("; held"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_is_ready_while_its_upstream_is() {
    let pair = WithoutLogin::new().await;
    let ready = tests::sso_world::readiness(&pair.laptop).await;
    assert_eq!(ready["ready"], true, "{ready}");
    assert_eq!(ready["upstream"]["ready"], true, "{ready}");
    assert_eq!(ready["credentials"], "login-required", "{ready}");
    assert!(
        ready["cure"].is_string(),
        "it is said all the same: {ready}"
    );
    drop(pair.team);
    eventually("it is not ready", async || {
        let ready = tests::sso_world::readiness(&pair.laptop).await;
        ready["ready"] == false && ready["upstream"]["cure"].is_string()
    })
    .await;
}
