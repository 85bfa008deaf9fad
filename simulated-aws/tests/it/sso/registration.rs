//! Registering clients, and what a registration allows.

use std::time::Duration;

use aws_sdk_ssooidc::operation::register_client::builders::RegisterClientFluentBuilder;

use super::clients::{SCOPE, oidc, refresh, registered};
use crate::setup::{Setup, failure, is};

fn register(setup: &Setup) -> RegisterClientFluentBuilder {
    oidc(setup)
        .register_client()
        .client_name("test")
        .client_type("public")
}

#[tokio::test]
async fn a_registration_lives_ninety_days_or_as_set() {
    let setup = Setup::new().await;
    let client = register(&setup).send().await.unwrap();
    let life = client.client_secret_expires_at() - client.client_id_issued_at();
    assert_eq!(life, 90 * 24 * 3_600);
    let sso = setup.aws.sso();
    sso.set_registration_life(Duration::from_mins(1));
    let login = sso.sign_in();
    setup.aws.clock().set_offset_seconds(61);
    let late = refresh(&setup, &login).send().await;
    assert_eq!(failure!(late), is(401, "InvalidClientException"));
}

#[tokio::test]
async fn odd_clients_are_refused() {
    let setup = Setup::new().await;
    let secret = register(&setup).client_type("confidential").send().await;
    assert_eq!(failure!(secret), is(400, "InvalidClientMetadataException"));
    let scope = register(&setup).scopes("everything").send().await;
    assert_eq!(failure!(scope), is(400, "InvalidScopeException"));
    let redirect = register(&setup).redirect_uris("https://example.com/");
    assert_eq!(
        failure!(redirect.send().await),
        is(400, "InvalidRedirectUriException")
    );
    let grant = register(&setup).grant_types("password").send().await;
    assert_eq!(failure!(grant), is(400, "UnsupportedGrantTypeException"));
}

#[tokio::test]
async fn a_client_keeps_to_the_grants_it_named() {
    let setup = Setup::new().await;
    let client = register(&setup)
        .scopes(SCOPE)
        .grant_types("authorization_code")
        .send();
    let client = client.await.unwrap();
    let token = oidc(&setup)
        .create_token()
        .set_client_id(client.client_id)
        .set_client_secret(client.client_secret);
    let refreshed = token.clone().grant_type("refresh_token").refresh_token("x");
    let refused = is(400, "UnauthorizedClientException");
    assert_eq!(failure!(refreshed.send().await), refused);
    let odd = token.grant_type("password").send().await;
    assert_eq!(failure!(odd), is(400, "UnsupportedGrantTypeException"));
}

#[tokio::test]
async fn an_unknown_grant_is_invalid() {
    let setup = Setup::new().await;
    let (id, secret) = registered(&setup).await;
    let token = oidc(&setup)
        .create_token()
        .client_id(id)
        .client_secret(secret)
        .grant_type("refresh_token")
        .refresh_token("unknown");
    assert_eq!(
        failure!(token.send().await),
        is(400, "InvalidGrantException")
    );
}
