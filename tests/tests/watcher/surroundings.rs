//! What the AWS CLI gets of the agent's surroundings: proxies, certificates, variables.

use std::collections::BTreeMap;

use tests::StandIn;

use crate::host::Host;
use crate::stand_ins::write;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_goes_through_the_proxy_and_trusts_the_bundle() {
    let Some(host) = Host::new().await else {
        return;
    };
    let (front, authority) = StandIn::tls(host.sso.aws.address()).await;
    let forward = StandIn::forward_proxy().await;
    let bundle = host.home().join("corporate-roots.pem");
    write(&bundle, &authority);
    host.person_will("allow");
    let agent = host.agent().without("NO_PROXY");
    let agent = agent.env("AWS_ENDPOINT_URL", &format!("https://{}", front.address()));
    let agent = agent.env("HTTPS_PROXY", &forward.url());
    let _agent = agent
        .env("AWS_CA_BUNDLE", &bundle.display().to_string())
        .start()
        .await;
    host.ask();
    host.is_served().await;
    // Each of the two, the agent and the AWS CLI, keeps its connection.
    assert!(
        forward.asked() >= 2,
        "{} of {}",
        forward.asked(),
        front.asked()
    );
    assert_eq!(host.opened().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_no_reason_to_ask_a_person() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let (front, _authority) = StandIn::tls(host.sso.aws.address()).await;
    let url = format!("https://{}", front.address());
    let _agent = host.agent().env("AWS_ENDPOINT_URL", &url).start().await;
    host.ask();
    let failed = host.fails("AWS SSO does not answer").await;
    let error = failed["lastError"]
        .as_str()
        .unwrap_or_default()
        .to_lowercase();
    assert!(error.contains("certificate"), "{error}");
    assert!(!host.cli_was_called());
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_variables_are_not_passed_on_and_the_others_are() {
    let host = Host::with_stand_in_cli("env -0 >\"$HOME/env\"; exit 255").await;
    let agent = host.agent().env("AWS_CA_BUNDLE", "").env("HTTPS_PROXY", "");
    let agent = agent.env("https_proxy", "").env("AWS_ENDPOINT_URL_S3", "");
    let agent = agent
        .env("SSO_WATCHER_PLATFORM", "linux")
        .env("MY_OWN", "one two");
    let _agent = agent.start().await;
    host.ask();
    host.fails("exit code 255").await;
    let text = std::fs::read_to_string(host.home().join("env")).expect("its variables");
    let variables: BTreeMap<_, _> = text
        .split_terminator('\0')
        .filter_map(|line| line.split_once('='))
        .collect();
    let empty: Vec<_> = variables
        .iter()
        .filter(|(_, value)| value.is_empty())
        .collect();
    assert!(empty.is_empty(), "{empty:?}");
    for (name, value) in [
        ("MY_OWN", "one two"),
        ("NO_PROXY", "127.0.0.1,localhost,::1"),
        ("AWS_ENDPOINT_URL", &host.sso.aws.endpoint_url()),
        ("DISPLAY", ":0"),
        // Where nobody types.
        ("AWS_CLI_AUTO_PROMPT", "off"),
        ("PYTHONUNBUFFERED", "1"),
    ] {
        assert_eq!(variables.get(name), Some(&value), "{name}");
    }
    assert!(
        !variables.contains_key("SSO_WATCHER_PLATFORM"),
        "the agent's alone"
    );
}

/// The profile is bound to its option, whatever its name is.
#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_is_called_without_a_shell() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let name = "a; touch $HOME/shell; $(touch $HOME/shell) b";
    let section = format!("[profile \"{name}\"]");
    let config = host.sso.config().replace("[profile team]", &section);
    host.sso.scratch.write_config(&config);
    let _agent = host.agent().start().await;
    host.request(&serde_json::json!({"profile": name}));
    host.fails("exit code 255").await;
    let called = std::fs::read_to_string(host.home().join("called")).expect("a call");
    assert_eq!(called, format!("sso login --profile={name}\n"));
    assert!(!host.home().join("shell").exists());
}
