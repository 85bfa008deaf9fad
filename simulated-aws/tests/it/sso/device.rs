//! Signing in with a device code.

use aws_sdk_ssooidc::operation::create_token::builders::CreateTokenFluentBuilder;
use aws_sdk_ssooidc::operation::start_device_authorization::StartDeviceAuthorizationOutput;
use simulated_aws::Operation;

use super::clients::{DEVICE_CODE, browse, oidc, registered};
use crate::setup::{Setup, failure, is};

/// A sign-in under way: the client, and what it was told to show.
struct SignIn {
    client: (String, String),
    shown: StartDeviceAuthorizationOutput,
}

impl SignIn {
    async fn begin(setup: &Setup) -> Self {
        let client = registered(setup).await;
        let begin = oidc(setup)
            .start_device_authorization()
            .client_id(&client.0)
            .client_secret(&client.1)
            .start_url(setup.aws.sso().start_url());
        let shown = begin.send().await.unwrap();
        Self { client, shown }
    }

    fn user_code(&self) -> &str {
        self.shown.user_code().unwrap()
    }

    fn poll(&self, setup: &Setup) -> CreateTokenFluentBuilder {
        oidc(setup)
            .create_token()
            .client_id(&self.client.0)
            .client_secret(&self.client.1)
            .grant_type(DEVICE_CODE)
            .device_code(self.shown.device_code().unwrap())
    }
}

#[tokio::test]
async fn a_sign_in_waits_for_the_person() {
    let setup = Setup::new().await;
    let sign_in = SignIn::begin(&setup).await;
    let pending = sign_in.poll(&setup).send().await;
    assert_eq!(failure!(pending), is(400, "AuthorizationPendingException"));
    assert_eq!(setup.aws.sso().pending_sign_ins(), [sign_in.user_code()]);
    assert!(setup.aws.sso().approve(sign_in.user_code()));
    assert!(!setup.aws.sso().approve(sign_in.user_code()));
    let tokens = sign_in.poll(&setup).send().await.unwrap();
    assert!(tokens.access_token().is_some() && tokens.refresh_token().is_some());
    assert_eq!(
        (tokens.expires_in(), tokens.token_type()),
        (3_600, Some("Bearer"))
    );
    assert_eq!(setup.aws.sso().sessions_alive(), 1);
    let again = sign_in.poll(&setup).send().await;
    assert_eq!(failure!(again), is(400, "InvalidGrantException"));
}

#[tokio::test]
async fn a_denied_sign_in_is_told_so() {
    let setup = Setup::new().await;
    let sign_in = SignIn::begin(&setup).await;
    assert!(setup.aws.sso().deny(sign_in.user_code()));
    let denied = sign_in.poll(&setup).send().await;
    assert_eq!(failure!(denied), is(400, "AccessDeniedException"));
    assert_eq!(setup.aws.sso().sessions_alive(), 0);
}

#[tokio::test]
async fn a_device_code_ends_after_ten_minutes() {
    let setup = Setup::new().await;
    let sign_in = SignIn::begin(&setup).await;
    setup.aws.clock().set_offset_seconds(601);
    let late = sign_in.poll(&setup).send().await;
    assert_eq!(failure!(late), is(400, "ExpiredTokenException"));
    assert!(!setup.aws.sso().approve(sign_in.user_code()));
    assert!(setup.aws.sso().pending_sign_ins().is_empty());
}

#[tokio::test]
async fn the_page_takes_a_click_and_only_one() {
    let setup = Setup::new().await;
    let sign_in = SignIn::begin(&setup).await;
    let complete = sign_in.shown.verification_uri_complete().unwrap();
    let path = complete.strip_prefix(&setup.aws.endpoint_url()).unwrap();
    let page = browse(&setup, path, None).await;
    assert!(
        page.contains(sign_in.user_code()) && page.contains("Allow access"),
        "{page}"
    );
    assert_eq!(setup.aws.sso().pending_sign_ins().len(), 1);
    let done = browse(&setup, path, Some("decision=allow")).await;
    assert!(done.contains("Access allowed"), "{done}");
    assert!(sign_in.poll(&setup).send().await.is_ok());
    let late = browse(&setup, path, Some("decision=deny")).await;
    assert!(late.starts_with("HTTP/1.1 400 "), "{late}");
    let counters = setup.aws.counters();
    assert_eq!(counters.count(Operation::Authorize), 1);
    assert_eq!(counters.count(Operation::Decide), 2);
}

#[tokio::test]
async fn the_code_can_be_typed_in() {
    let setup = Setup::new().await;
    let sign_in = SignIn::begin(&setup).await;
    let page = browse(&setup, "/device", None).await;
    assert!(page.contains("name=\"user_code\""), "{page}");
    let page = browse(&setup, "/device?user_code=%3Cscript%3E", None).await;
    assert!(!page.contains("<script>"), "{page}");
    let form = format!(
        "user_code={}&decision=allow",
        sign_in.user_code().to_lowercase()
    );
    browse(&setup, "/device", Some(&form)).await;
    assert!(sign_in.poll(&setup).send().await.is_ok());
}

#[tokio::test]
async fn a_visit_is_enough_where_that_is_set() {
    let setup = Setup::new().await;
    setup.aws.sso().approve_at_once(true);
    let sign_in = SignIn::begin(&setup).await;
    let path = format!("/device?user_code={}", sign_in.user_code());
    browse(&setup, &path, None).await;
    assert!(sign_in.poll(&setup).send().await.is_ok());
}

#[tokio::test]
async fn another_start_url_is_refused() {
    let setup = Setup::new().await;
    let (id, secret) = registered(&setup).await;
    let begin = |url: &str| {
        oidc(&setup)
            .start_device_authorization()
            .client_id(&id)
            .client_secret(&secret)
            .start_url(url)
    };
    let other = begin("https://d-0000000000.awsapps.com/start").send().await;
    assert_eq!(failure!(other), is(400, "InvalidRequestException"));
    let slash = format!("{}/#/", setup.aws.sso().start_url());
    assert!(begin(&slash).send().await.is_ok());
}
