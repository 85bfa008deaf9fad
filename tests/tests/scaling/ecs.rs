//! `deploy/ecs`, held against botocore's model of ECS.

use std::path::PathBuf;

use serde_json::Value;
use tests::Scratch;
use tests::clients::{BOTO3, are_installed};

use crate::manifests::{assert_is_a_configuration, at, checked, content, deploy, text, write};

const PROXY: &str = "ecs/proxy.task-definition.json";
const HAPROXY: &str = "ecs/haproxy.task-definition.json";

async fn definition(scratch: &Scratch, name: &str) -> Value {
    content(&checked(scratch, "ecs", &deploy(name), &[]).await)
}

fn variables(definition: &Value) -> Vec<(String, String)> {
    let variables = at(definition, "containerDefinitions.0.environment");
    let variables = variables.as_array().expect("variables").iter();
    variables
        .map(|variable| {
            let of = |name| text(variable, name).to_owned();
            (of("name"), of("value"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_definitions_are_valid_for_ecs_and_configure_the_proxy() {
    if !are_installed(&[BOTO3]) {
        return;
    }
    let scratch = Scratch::new();
    let proxy = definition(&scratch, PROXY).await;
    assert_is_a_configuration(&variables(&proxy));
    let port = at(
        &proxy,
        "containerDefinitions.0.portMappings.0.containerPort",
    );
    let haproxy = definition(&scratch, HAPROXY).await;
    let proxies = variables(&haproxy)
        .into_iter()
        .filter(|(name, _)| name.starts_with("PROXY_"));
    for (number, (name, address)) in (1..).zip(proxies) {
        assert_eq!(name, format!("PROXY_{number}"));
        assert_eq!(
            address,
            format!("proxy-{number}.bazel-proxy.internal:{port}")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_definition_with_a_mistake_is_found_out() {
    if !are_installed(&[BOTO3]) {
        return;
    }
    let scratch = Scratch::new();
    let good = std::fs::read_to_string(deploy(PROXY)).expect("a definition");
    for (right, wrong) in [
        ("\"stopTimeout\": 40", "\"stopTimeouts\": 40"),
        ("\"cpu\": \"2048\"", "\"cpu\": 2048"),
        ("\"awsvpc\"", "\"awsvpn\""),
        ("[\"FARGATE\"]", "[\"FARGATE2\"]"),
    ] {
        assert!(good.contains(right), "{right}");
        let file: PathBuf = scratch.path().join("definition.json");
        write(&file, good.replace(right, wrong));
        let checked = checked(&scratch, "ecs", &file, &[]).await;
        assert_eq!(checked.code(), 1, "{wrong} is taken");
    }
}
