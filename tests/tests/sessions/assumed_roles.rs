//! A role assumed on top of the SSO role.

use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::sso_world::{in_state, readiness};
use tests::{Proxy, SsoWorld};

use crate::support::{each, must_be_503};

const ROLE: &str = "arn:aws:iam::111122223333:role/Deployer";

async fn chained() -> SsoWorld {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let chain = format!("[profile deploy]\nrole_arn = {ROLE}\nsource_profile = team\n");
    world.scratch.write_config(&(world.config() + &chain));
    world
}

async fn start(world: &SsoWorld) -> Proxy {
    world.builder().env("AWS_PROFILE", "deploy").start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_on_top_of_sso_is_assumed_and_renewed() {
    let world = chained().await;
    world
        .aws
        .sso()
        .set_role_credentials_life(Duration::from_secs(3));
    let proxy = start(&world).await;
    let assumed = || world.aws.counters().count(Operation::AssumeRole);
    while assumed() < 4 {
        let answer = world.miss(&proxy).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let ready = readiness(&proxy).await;
    assert_eq!(ready["identity"]["assumed_role_arn"], ROLE);
    assert_eq!(ready["identity"]["sso_session"], "corp");
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_be_assumed_asks_nobody_for_a_login() {
    let world = chained().await;
    let denied = Fault::on(Operation::AssumeRole).respond(403, "AccessDenied");
    let fault = world.aws.faults().add(denied);
    let proxy = start(&world).await;
    let ready = in_state(&proxy, "denied").await;
    assert!(ready["reason"].to_string().contains(ROLE), "{ready}");
    must_be_503(&world.miss(&proxy).await, "misconfigured");
    assert_eq!(world.signal(), None);
    world.aws.faults().remove(fault);
    world.served(&proxy).await;
    assert!(!proxy.log().contains("asked the host for a login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_sts_passes() {
    let rows = vec![
        (403, "ExpiredToken"),
        (400, "Throttling"),
        (503, "ServiceUnavailable"),
    ];
    each(rows, async |(status, code)| {
        let world = chained().await;
        let fault = Fault::on(Operation::AssumeRole).respond(status, code);
        let fault = world.aws.faults().add(fault);
        let proxy = start(&world).await;
        in_state(&proxy, "offline").await;
        world.aws.faults().remove(fault);
        let answer = world.miss(&proxy).await;
        assert_eq!(answer.status, 200, "{code}: {}", answer.text());
        assert_eq!(world.signal(), None, "{code}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_of_a_chain_is_that_of_its_base() {
    let world = chained().await;
    let proxy = start(&world).await;
    assert_eq!(world.miss(&proxy).await.status, 200);
    world.aws.sso().end_sessions();
    world.aws.sso().expire_role_credentials();
    let answer = world.miss(&proxy).await;
    must_be_503(&answer, "login-required");
    // `aws sso login --profile deploy` fails.
    let text = answer.text();
    assert!(text.contains("aws sso login --profile team"), "{text}");
    assert_eq!(world.signalled().await["profile"], "team");
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.unsignalled().await;
}
