//! Each answer of the SSO portal to a request for role credentials.

use simulated_aws::{Fault, FaultId};
use tests::sso_world::in_state;
use tests::{Proxy, SsoWorld};

use crate::support::{Stricken, each, garbage, must_be_503, on_portal};

fn unauthorized() -> Fault {
    on_portal().respond(401, "UnauthorizedException")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_refused_once_is_renewed_unseen() {
    let stricken = Stricken::with_a_good_token(unauthorized().times(1)).await;
    let answer = stricken.world.miss(&stricken.proxy).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(stricken.world.aws.sso().refreshes(), 1);
    stricken.must_not_have_asked("one refusal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_access_token_of_a_session_that_lives_is_renewed_unseen() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    world.aws.sso().revoke_access_tokens();
    let proxy = world.start().await;
    let answer = world.miss(&proxy).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.signal(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_asks_for_a_login() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    world.aws.sso().end_sessions();
    let proxy = world.start().await;
    in_state(&proxy, "login-required").await;
    let signal = world.signalled().await;
    assert_eq!(signal["code"], "InvalidGrantException");
    must_be_503(&world.miss(&proxy).await, "login-required");
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.unsignalled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_that_nobody_can_renew_asks_for_a_login() {
    let world = SsoWorld::new().await;
    let login = world.aws.sso().sign_in_without_refresh();
    world.write(&login);
    world.aws.sso().end_sessions();
    let proxy = world.start().await;
    in_state(&proxy, "login-required").await;
    let signal = world.signalled().await;
    assert_eq!(signal["code"], "UnauthorizedException");
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.unsignalled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_refuses_even_renewed_tokens_is_not_the_persons_trouble() {
    let stricken = Stricken::with_a_good_token(unauthorized()).await;
    stricken.must_pass("a portal that refuses all").await;
    let tried = stricken.world.refreshes_tried();
    assert!(tried < 20, "{tried} renewals");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_access_to_the_role_is_told_and_asks_nobody_for_a_login() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    world.aws.sso().unassign("123456789012", "Developer");
    let proxy = world.start().await;
    let ready = in_state(&proxy, "denied").await;
    for name in ["Developer", "123456789012"] {
        assert!(ready["reason"].to_string().contains(name), "{ready}");
    }
    must_be_503(&world.miss(&proxy).await, "misconfigured");
    assert_eq!(world.signal(), None);
    world.aws.sso().assign("123456789012", "Developer");
    world.served(&proxy).await;
    assert!(!proxy.log().contains("asked the host for a login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_brings_no_access_ends_the_request_for_one() {
    let world = SsoWorld::new().await;
    world.aws.sso().unassign("123456789012", "Developer");
    let proxy = world.start().await;
    in_state(&proxy, "login-required").await;
    world.signalled().await;
    let _login = world.sign_in();
    in_state(&proxy, "denied").await;
    world.unsignalled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_there_is_a_configuration_error() {
    let rows = vec![
        (404, "ResourceNotFoundException"),
        (400, "InvalidRequestException"),
    ];
    each(rows, async |(status, code)| {
        let stricken = Stricken::with_a_good_token(on_portal().respond(status, code)).await;
        let detail = "misconfigured";
        stricken.must_be_told(code, "config-error", detail).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_errors_of_the_portal_pass() {
    let rows = vec![
        (429, "TooManyRequestsException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailable"),
    ];
    each(rows, async |(status, code)| {
        let stricken = Stricken::with_a_good_token(on_portal().respond(status, code)).await;
        stricken.must_pass(code).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_the_portals_pass() {
    each(garbage(on_portal), async |(what, fault)| {
        let stricken = Stricken::with_a_good_token(fault).await;
        stricken.must_pass(what).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_the_portal_is_unseen_while_role_credentials_are_good() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let proxy: Proxy = world.start().await;
    world.served(&proxy).await;
    let _fault: FaultId = world.aws.faults().add(unauthorized());
    // A new login would bring new credentials, if the portal gave any.
    let _login = world.sign_in();
    tests::eventually("the portal refuses", async || {
        proxy.log().contains("the old ones go on serving")
    })
    .await;
    assert_eq!(world.miss(&proxy).await.status, 200);
    assert_eq!(world.signal(), None);
}
