//! Each answer of SSO-OIDC to a renewal: what state it means, what a miss gets, whether a person is
//! asked, and that all goes on afterwards.

use simulated_aws::Fault;
use tests::sso_world::{in_state, readiness};
use tests::{SsoWorld, eventually};

use crate::support::{Stricken, each, garbage, must_be_503, on_refresh};

async fn login_after(code: &str, status: u16) {
    let stricken = Stricken::with_an_old_token(on_refresh().respond(status, code)).await;
    stricken.must_ask_for_a_login(code).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_grant_asks_for_a_login() {
    login_after("InvalidGrantException", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_refresh_token_asks_for_a_login() {
    login_after("ExpiredTokenException", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_renewal_asks_for_a_login() {
    login_after("AccessDeniedException", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_client_registration_is_moved_aside_and_a_login_is_asked_for() {
    let world = SsoWorld::new().await;
    let _login = world.sign_in_long_ago();
    world.aws.sso().forget_registrations();
    let proxy = world.start().await;
    in_state(&proxy, "login-required").await;
    assert_eq!(world.signalled().await["code"], "InvalidClientException");
    // The AWS CLI would use it again, and fail.
    assert!(!world.registration_path().exists());
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.unsignalled().await;
    assert!(world.registration_path().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_may_mend_asks_for_one_only_once() {
    let codes = vec![
        "UnauthorizedClientException",
        "InvalidScopeException",
        "UnsupportedGrantTypeException",
    ];
    each(codes, async |code| {
        let world = SsoWorld::new().await;
        let _login = world.sign_in_long_ago();
        let fault = world.aws.faults().add(on_refresh().respond(400, code));
        let proxy = world.builder().env("CHECK_INTERVAL", "1s").start().await;
        in_state(&proxy, "login-required").await;
        assert_eq!(world.signalled().await["code"], code);

        // The login works, but its token cannot be renewed either.
        let _login = world.sign_in_long_ago();
        let ready = in_state(&proxy, "config-error").await;
        assert!(ready["reason"].to_string().contains(code), "{ready}");
        must_be_503(&world.miss(&proxy).await, "misconfigured");
        world.unsignalled().await;

        world.aws.faults().remove(fault);
        world.served(&proxy).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_an_administrator_can_mend_asks_nobody_for_a_login() {
    let kms = |code| {
        let fault = on_refresh().respond(400, code);
        fault.reason("KMS_AccessDeniedException")
    };
    let rows = vec![
        (
            "no access to the key",
            kms("AccessDeniedException"),
            "denied",
        ),
        (
            "an unusable key",
            kms("InvalidRequestException").reason("KMS_DisabledException"),
            "denied",
        ),
        (
            "an invalid request",
            on_refresh().respond(400, "InvalidRequestException"),
            "config-error",
        ),
    ];
    each(rows, async |(what, fault, state)| {
        let stricken = Stricken::with_an_old_token(fault).await;
        stricken.must_be_told(what, state, "misconfigured").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_errors_of_sso_pass() {
    let rows = vec![
        (400, "SlowDownException"),
        (429, "TooManyRequestsException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailable"),
        (400, "AuthorizationPendingException"),
        (400, "NobodyKnowsThisException"),
    ];
    each(rows, async |(status, code)| {
        let fault = on_refresh().respond(status, code);
        let stricken = Stricken::with_an_old_token(fault).await;
        stricken.must_pass(code).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_ssos_pass() {
    each(garbage(on_refresh), async |(what, fault)| {
        let stricken = Stricken::with_an_old_token(fault).await;
        stricken.must_pass(what).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_during_passing_trouble_is_503_at_last_and_never_404() {
    let fault: Fault = on_refresh().respond(500, "InternalServerException");
    let stricken = Stricken::with_an_old_token(fault).await;
    let answer = stricken.world.miss(&stricken.proxy).await;
    must_be_503(&answer, "unavailable");
    stricken.must_not_have_asked("an error of SSO");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_refused_unjustly_spends_nothing_more() {
    let fault = on_refresh().respond(400, "InvalidGrantException");
    let stricken = Stricken::with_an_old_token(fault).await;
    in_state(&stricken.proxy, "login-required").await;
    let tried = stricken.world.refreshes_tried();
    assert_eq!(tried, 1, "a refused refresh token is not tried again");
    for _ in 0..3 {
        must_be_503(
            &stricken.world.miss(&stricken.proxy).await,
            "login-required",
        );
    }
    eventually("the state is stable", async || {
        readiness(&stricken.proxy).await["credentials"] == "login-required"
    })
    .await;
    assert_eq!(stricken.world.refreshes_tried(), tried);
}
