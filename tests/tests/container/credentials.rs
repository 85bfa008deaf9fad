//! The projects of `examples/compose`: an SDK in a container gets its credentials from the proxy in another.

use tests::scratch::BUCKET;

use crate::house::House;
use crate::shared::until;

/// What the app reads.
const KEY: &str = "g/for-the-app.jar";
/// What an SDK does in the app's place: `tests/src/bin/container-credentials-client.rs`.
const CLIENT: &str = env!("CARGO_BIN_EXE_container-credentials-client");
/// Whose credentials the example asks for.
const OWNER: &str = "arn:aws:sts::123456789012:assumed-role/App/app";

/// The simulated AWS in the place of AWS, and the Rust SDK in that of the app.
fn changes(house: &House) -> String {
    let endpoint = house.sso.aws.endpoint_url();
    let region = house.sso.aws.region();
    format!(
        "services:\n  bazel-proxy:\n    environment:\n      AWS_ENDPOINT_URL: {endpoint}\n  app:\n    \
         image: debian:bookworm-slim\n    entrypoint: [\"/client\"]\n    \
         command: [\"{BUCKET}\", \"{KEY}\", \"100\", \"200\"]\n    stdin_open: true\n    \
         environment:\n      AWS_ENDPOINT_URL: {endpoint}\n      AWS_REGION: {region}\n    volumes:\n      \
         - type: bind\n        source: {CLIENT}\n        target: /client\n        read_only: true\n"
    )
}

async fn an_app_gets_credentials(example: &str) {
    let Some(house) = House::on_own_network().await else {
        return;
    };
    house.log_in().await;
    let put = house.sso.aws.s3().put(BUCKET, KEY, KEY.as_bytes());
    put.expect("an object");
    let services = ["bazel-proxy", "app"];
    let [proxy, app] = house.up_example(example, &changes(&house), services).await;
    until("the app is who it is to be", async || {
        app.log().await.contains(OWNER)
    })
    .await;
    until("the proxy is healthy", async || {
        proxy.health().await == "healthy"
    })
    .await;
    let log = proxy.log().await;
    assert!(log.contains("credentials handed out"), "{log}");
    assert!(!log.contains("token-of-the-app"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_in_the_proxys_network_gets_credentials_on_its_loopback() {
    an_app_gets_credentials("shared-network").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_gets_credentials_at_the_address_of_ecs() {
    an_app_gets_credentials("ecs-address").await;
}
