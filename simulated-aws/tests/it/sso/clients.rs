//! Clients of SSO-OIDC, of the portal and of the sign-in pages.

use aws_sdk_ssooidc::config::retry::RetryConfig;
use aws_sdk_ssooidc::config::{BehaviorVersion, Region};
use aws_sdk_ssooidc::operation::create_token::builders::CreateTokenFluentBuilder;
use simulated_aws::Login;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::setup::Setup;

pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const SCOPE: &str = "sso:account:access";

pub(crate) fn oidc(setup: &Setup) -> aws_sdk_ssooidc::Client {
    let config = aws_sdk_ssooidc::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(setup.aws.endpoint_url())
        .region(Region::new("us-west-2"))
        .retry_config(RetryConfig::disabled());
    aws_sdk_ssooidc::Client::from_conf(config.build())
}

pub(crate) fn portal(setup: &Setup) -> aws_sdk_sso::Client {
    let config = aws_sdk_sso::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(setup.aws.endpoint_url())
        .region(Region::new("us-west-2"))
        .retry_config(RetryConfig::disabled());
    aws_sdk_sso::Client::from_conf(config.build())
}

/// A client's id and secret, registered with the scope for refresh tokens.
pub(crate) async fn registered(setup: &Setup) -> (String, String) {
    let client = oidc(setup)
        .register_client()
        .client_name("test")
        .client_type("public")
        .redirect_uris("http://127.0.0.1/oauth/callback")
        .scopes(SCOPE)
        .send()
        .await
        .unwrap();
    let (id, secret) = (client.client_id.unwrap(), client.client_secret.unwrap());
    (id, secret)
}

/// The refresh of a login.
pub(crate) fn refresh(setup: &Setup, login: &Login) -> CreateTokenFluentBuilder {
    oidc(setup)
        .create_token()
        .client_id(&login.client_id)
        .client_secret(&login.client_secret)
        .grant_type("refresh_token")
        .set_refresh_token(login.refresh_token.clone())
}

/// The role credentials everyone may have.
pub(crate) fn developer(
    setup: &Setup,
    access_token: &str,
) -> aws_sdk_sso::operation::get_role_credentials::builders::GetRoleCredentialsFluentBuilder {
    portal(setup)
        .get_role_credentials()
        .access_token(access_token)
        .account_id("123456789012")
        .role_name("Developer")
}

/// What a browser gets for a path: the whole answer, head and body.
pub(crate) async fn browse(setup: &Setup, path: &str, form: Option<&str>) -> String {
    let address = setup.aws.address();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (method, form) = (
        if form.is_some() { "POST" } else { "GET" },
        form.unwrap_or(""),
    );
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
