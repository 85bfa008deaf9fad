//! CodeArtifact under the real SDK, plain HTTP and the real clients.

mod clients;
mod control;
mod files;
mod http;
mod maven;
mod npm;
mod pages;
mod public_index;

use aws_sdk_codeartifact::config::retry::RetryConfig;
use aws_sdk_codeartifact::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_codeartifact::{Client, Config};
use simulated_aws::Repository;

use crate::setup::{KEY_ID, SECRET, Setup};

const OWNER: &str = "012345678901";
const REGION: &str = "us-west-2";

fn repository(setup: &Setup) -> Repository {
    let codeartifact = setup.aws.codeartifact();
    codeartifact.add_repository("acme", OWNER, REGION, "tools")
}

fn client(setup: &Setup) -> Client {
    client_as(setup, KEY_ID, SECRET, None)
}

fn client_as(setup: &Setup, key: &str, secret: &str, token: Option<&str>) -> Client {
    let credentials = Credentials::from_keys(key, secret, token.map(str::to_owned));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .endpoint_url(setup.aws.endpoint_url())
        .region(Region::new(REGION))
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// A token for the domain of [`repository`].
async fn token(setup: &Setup) -> String {
    let asked = client(setup).get_authorization_token();
    let asked = asked.domain("acme").domain_owner(OWNER);
    let answer = asked.send().await.unwrap();
    answer.authorization_token.unwrap()
}
