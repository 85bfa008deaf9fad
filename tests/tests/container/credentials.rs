//! The projects of `examples/compose`: an SDK in a container gets its credentials from the proxy in another.

use tests::scratch::BUCKET;

use crate::container::Container;
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

/// The example, with an object for its app to read.
async fn up(house: &House, example: &str) -> [Container; 2] {
    house.log_in().await;
    let put = house.sso.aws.s3().put(BUCKET, KEY, KEY.as_bytes());
    put.expect("an object");
    let services = ["bazel-proxy", "app"];
    house.up_example(example, &changes(house), services).await
}

async fn must_have_served(proxy: &Container) {
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
    let Some(house) = House::on_own_network().await else {
        return;
    };
    let [proxy, app] = up(&house, "shared-network").await;
    until("the app is who it is to be", async || {
        app.log().await.contains(OWNER)
    })
    .await;
    must_have_served(&proxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_gets_credentials_at_the_address_of_ecs() {
    let Some(house) = House::on_own_network().await else {
        return;
    };
    let [proxy, app] = up(&house, "ecs-address").await;
    let facts = app.facts().await;
    let networks = facts["NetworkSettings"]["Networks"].as_object();
    let addresses = networks.expect("networks").values();
    let addresses: Vec<_> = addresses
        .filter_map(|one| one["IPAddress"].as_str())
        .collect();
    let beside = |address: &&str| address.starts_with("169.254.170.");
    assert!(addresses.iter().any(beside), "{addresses:?}");

    // The tests' engine leaves the machine's firewall as it is, which may keep containers apart: this one is where
    // the proxy is, with all else as the app has it.
    let network = format!("container:{}", proxy.id());
    let client = format!("{CLIENT}:/client:ro");
    let variables = facts["Config"]["Env"].as_array().expect("variables");
    let mut arguments = vec!["run", "--rm", "--network", &network, "--volume", &client];
    for variable in variables {
        let variable = variable.as_str().expect("a text");
        arguments.extend(["--env", variable]);
    }
    let asks = ["debian:bookworm-slim", "/client", BUCKET, KEY, "60", "0"];
    arguments.extend(asks);
    assert!(
        arguments
            .iter()
            .any(|one| one.starts_with("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="))
    );
    until("it is who the app is to be", async || {
        house.engine.say(&arguments).await.contains(OWNER)
    })
    .await;
    must_have_served(&proxy).await;
}
