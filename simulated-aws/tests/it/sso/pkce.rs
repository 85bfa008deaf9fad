//! Signing in with an authorization code and PKCE.

use aws_sdk_ssooidc::operation::create_token::builders::CreateTokenFluentBuilder;

use super::clients::{browse, oidc, registered};
use crate::setup::{Setup, failure, is};

// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://127.0.0.1:49152/oauth/callback";

fn authorize(client_id: &str, redirect_uri: &str) -> String {
    let query = format!(
        "response_type=code&client_id={client_id}&redirect_uri={redirect_uri}&state=a%26b\
         &code_challenge_method=S256&scopes=sso%3Aaccount%3Aaccess&code_challenge={CHALLENGE}"
    );
    format!("/authorize?{query}")
}

fn redeem(setup: &Setup, client: &(String, String), code: &str) -> CreateTokenFluentBuilder {
    oidc(setup)
        .create_token()
        .client_id(&client.0)
        .client_secret(&client.1)
        .grant_type("authorization_code")
        .redirect_uri(REDIRECT)
        .code_verifier(VERIFIER)
        .code(code)
}

fn location(answer: &str) -> &str {
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    let mut lines = answer.lines();
    lines
        .find_map(|line| line.strip_prefix("location: "))
        .unwrap()
}

/// The code that a click earns.
async fn allowed(setup: &Setup, client: &(String, String)) -> String {
    let path = authorize(&client.0, REDIRECT);
    let answer = browse(setup, &path, Some("decision=allow")).await;
    let code = location(&answer).strip_prefix(REDIRECT).unwrap();
    let code = code.strip_prefix("?code=").unwrap();
    code.strip_suffix("&state=a%26b").unwrap().to_owned()
}

#[tokio::test]
async fn a_click_leads_back_to_the_program() {
    let setup = Setup::new().await;
    let client = registered(&setup).await;
    let page = browse(&setup, &authorize(&client.0, REDIRECT), None).await;
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.contains("Allow access"),
        "{page}"
    );
    let code = allowed(&setup, &client).await;
    let tokens = redeem(&setup, &client, &code).send().await.unwrap();
    assert!(tokens.access_token().is_some() && tokens.refresh_token().is_some());
    let again = redeem(&setup, &client, &code).send().await;
    assert_eq!(failure!(again), is(400, "InvalidGrantException"));
}

#[tokio::test]
async fn a_visit_is_enough_where_that_is_set() {
    let setup = Setup::new().await;
    setup.aws.sso().approve_at_once(true);
    let client = registered(&setup).await;
    let answer = browse(&setup, &authorize(&client.0, REDIRECT), None).await;
    assert!(location(&answer).starts_with(&format!("{REDIRECT}?code=")));
}

#[tokio::test]
async fn a_denial_leads_back_too() {
    let setup = Setup::new().await;
    let client = registered(&setup).await;
    let path = authorize(&client.0, REDIRECT);
    let answer = browse(&setup, &path, Some("decision=deny")).await;
    let expected = format!("{REDIRECT}?error=access_denied&state=a%26b");
    assert_eq!(location(&answer), expected);
}

#[tokio::test]
async fn a_code_is_only_for_who_asked_for_it() {
    let setup = Setup::new().await;
    let client = registered(&setup).await;
    let other = registered(&setup).await;
    let code = allowed(&setup, &client).await;
    let stolen = redeem(&setup, &other, &code).send().await;
    assert_eq!(failure!(stolen), is(400, "InvalidGrantException"));
    let code = allowed(&setup, &client).await;
    let guessed = redeem(&setup, &client, &code).code_verifier("guessed");
    assert_eq!(
        failure!(guessed.send().await),
        is(400, "InvalidGrantException")
    );
    let code = allowed(&setup, &client).await;
    let moved = redeem(&setup, &client, &code).redirect_uri("http://127.0.0.1:1/oauth/callback");
    assert_eq!(
        failure!(moved.send().await),
        is(400, "InvalidGrantException")
    );
    let code = allowed(&setup, &client).await;
    setup.aws.clock().set_offset_seconds(601);
    let late = redeem(&setup, &client, &code).send().await;
    assert_eq!(failure!(late), is(400, "InvalidGrantException"));
}

#[tokio::test]
async fn nobody_is_sent_to_another_machine_or_by_an_unknown_client() {
    let setup = Setup::new().await;
    setup.aws.sso().approve_at_once(true);
    let client = registered(&setup).await;
    for redirect in [
        "http://example.com/oauth/callback",
        "https://127.0.0.1/oauth/callback",
        "http://127.0.0.1/elsewhere",
    ] {
        let page = browse(&setup, &authorize(&client.0, redirect), None).await;
        assert!(page.starts_with("HTTP/1.1 400 "), "{page}");
        assert!(page.contains("InvalidRequestException"), "{page}");
    }
    let page = browse(&setup, &authorize("%3Cscript%3E", REDIRECT), None).await;
    assert!(
        page.starts_with("HTTP/1.1 401 ") && !page.contains("<script>"),
        "{page}"
    );
}
