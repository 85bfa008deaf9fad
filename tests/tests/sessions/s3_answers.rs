//! S3's word on role credentials: one reload and one retry, unseen by the client.

use futures_util::future::join_all;
use simulated_aws::{Action, Fault, Operation};
use tests::sso_world::readiness;
use tests::{Proxy, SsoWorld};

use crate::support::{each, must_be_503, on_portal};

async fn signed_in() -> (Proxy, SsoWorld) {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let proxy = world.start().await;
    world.served(&proxy).await;
    (proxy, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn role_credentials_that_s3_refuses_are_replaced_unseen() {
    let rows = vec![
        (400, "ExpiredToken"),
        (400, "InvalidToken"),
        (403, "InvalidAccessKeyId"),
    ];
    each(rows, async |(status, code)| {
        let (proxy, world) = signed_in().await;
        let fault = Fault::on(Operation::GetObject);
        world.aws.faults().add(fault.times(1).respond(status, code));
        let before = world.portal_calls();
        let answer = world.miss(&proxy).await;
        assert_eq!(answer.status, 200, "{code}: {}", answer.text());
        assert_eq!(world.portal_calls(), before + 1, "{code}: one reload");
        assert_eq!(world.signal(), None, "{code}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_misses_with_ended_role_credentials_cause_one_reload() {
    let (proxy, world) = signed_in().await;
    world.aws.sso().expire_role_credentials();
    let before = world.portal_calls();
    let misses = (0..50).map(|_| world.miss(&proxy));
    for answer in join_all(misses).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(world.portal_calls(), before + 1);
    assert_eq!(world.aws.sso().refreshes(), 0);
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_credentials_that_end_in_a_short_trouble_of_the_portal_are_replaced_unseen() {
    let (proxy, world) = signed_in().await;
    world.aws.sso().expire_role_credentials();
    let trouble = on_portal().times(2).respond(503, "ServiceUnavailable");
    let trouble = world.aws.faults().add(trouble);
    let answer = world.miss(&proxy).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.aws.faults().played(trouble), 2);
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_credentials_that_end_with_their_session_ask_for_a_login() {
    let (proxy, world) = signed_in().await;
    world.aws.sso().end_sessions();
    world.aws.sso().expire_role_credentials();
    must_be_503(&world.miss(&proxy).await, "login-required");
    let signal = world.signalled().await;
    assert_eq!(signal["code"], "InvalidGrantException");
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.unsignalled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_that_refuses_whatever_sso_gives_asks_nobody_for_a_login() {
    let (proxy, world) = signed_in().await;
    let fault = Fault::on(Operation::GetObject).respond(400, "ExpiredToken");
    let fault = world.aws.faults().add(fault);
    must_be_503(&world.miss(&proxy).await, "unavailable");
    assert_eq!(world.signal(), None);
    world.aws.faults().remove(fault);
    world.served(&proxy).await;
    assert!(!proxy.log().contains("asked the host for a login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_of_s3_asks_nobody_for_a_login() {
    let (proxy, world) = signed_in().await;
    let log = world.aws.counters().log();
    let key = log.iter().rev().find_map(|call| call.access_key_id.clone());
    let key = key.expect("a signed call");
    world.aws.identities().deny(&key, Action::GetObject);
    assert_eq!(world.miss(&proxy).await.status, 403);
    assert_eq!(readiness(&proxy).await["credentials"], "valid");
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skewed_clock_asks_nobody_for_a_login() {
    let (proxy, world) = signed_in().await;
    let fault = Fault::on(Operation::GetObject).respond(403, "RequestTimeTooSkewed");
    let fault = world.aws.faults().add(fault);
    must_be_503(&world.miss(&proxy).await, "clock-skew");
    assert_eq!(world.signal(), None);
    world.aws.faults().remove(fault);
    world.served(&proxy).await;
    assert!(!proxy.log().contains("asked the host for a login"));
}
