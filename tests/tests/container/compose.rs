//! `docker-compose.yml` as it is, for somebody who is not root.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::container::Container;
use crate::house::{House, USER};
use crate::shared::until;

/// The line of a file of `/proc` with this beginning.
fn line<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim()
}

/// How a folder of the container is mounted: its path, and `ro` or `rw`.
fn mounts(mountinfo: &str) -> Vec<(&str, &str)> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(4);
        let (path, options) = (fields.next()?, fields.next()?);
        Some((path, options.split(',').next()?))
    });
    mounts.collect()
}

async fn proc_file(container: &Container, name: &str) -> String {
    let pid = container.life().await.pid;
    std::fs::read_to_string(format!("/proc/{pid}/{name}")).expect("a file of a running process")
}

async fn is_served(house: &House, path: &str) -> bool {
    let answer = house.client().get(path).await;
    answer.is_ok_and(|answer| answer.status == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_project_runs_as_its_owner_and_may_write_nothing_but_its_cache_and_the_login() {
    let Some(house) = House::on_own_network().await else {
        return;
    };
    house.log_in().await;
    let container = house.up().await;
    until("the container is healthy", async || {
        container.health().await == "healthy"
    })
    .await;

    let status = proc_file(&container, "status").await;
    assert_eq!(
        line(&status, "Uid:"),
        format!("{USER}\t{USER}\t{USER}\t{USER}")
    );
    assert_eq!(line(&status, "CapEff:"), "0000000000000000");
    assert_eq!(line(&status, "NoNewPrivs:"), "1");
    let mountinfo = proc_file(&container, "mountinfo").await;
    let mounts = mounts(&mountinfo);
    let home = house.sso.scratch.home().display().to_string();
    let aws = format!("{home}/.aws");
    let mode = |path: &str| {
        let mount = mounts.iter().find(|mount| mount.0 == path);
        mount
            .unwrap_or_else(|| panic!("{path} is no mount: {mounts:?}"))
            .1
    };
    assert_eq!(mode("/"), "ro");
    assert_eq!(mode(&aws), "ro");
    assert_eq!(mode(&format!("{aws}/sso/cache")), "rw");
    assert_eq!(mode("/data"), "rw");

    let facts = container.facts().await;
    let host = &facts["HostConfig"];
    assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped");
    assert!(
        host["Memory"].as_u64().is_some_and(|bytes| bytes > 0),
        "{host}"
    );
    assert!(
        host["NanoCpus"].as_u64().is_some_and(|cpus| cpus > 0),
        "{host}"
    );

    let artifact = house.sso.new_artifact();
    let mut client = house.client();
    let answer = client.get(&artifact).await.expect("an answer");
    assert_eq!(answer.status, 200);
    until("it is cached", async || {
        client.get(&artifact).await.expect("an answer").is_hit()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_port_is_on_loopback_only() {
    let Some(house) = House::on_own_network().await else {
        return;
    };
    let container = house.up().await;
    until("it listens", async || is_served(&house, "/healthz").await).await;
    let facts = container.facts().await;
    let ports = &facts["NetworkSettings"]["Ports"]["9000/tcp"];
    let addresses: Vec<_> = ports.as_array().expect("ports").iter().collect();
    assert!(!addresses.is_empty());
    for published in addresses {
        assert_eq!(published["HostIp"], "127.0.0.1", "{ports}");
    }
    // Another address of this machine.
    let elsewhere = SocketAddr::new(house.engine.gateway(), house.address().port());
    let refused = TcpStream::connect_timeout(&elsewhere, Duration::from_secs(5));
    assert!(refused.is_err(), "{elsewhere} is reachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_whose_session_ends_is_served_by_the_agent_on_the_host() {
    let Some(house) = House::on_own_network().await else {
        return;
    };
    house.log_in().await;
    let container = house.up().await;
    house.is_ready().await;
    let life = container.life().await;
    let agent = house.agent().start().await;
    let before = house
        .sso
        .aws
        .counters()
        .count(simulated_aws::Operation::Decide);

    house.sso.aws.sso().end_sessions();
    house.sso.aws.sso().expire_role_credentials();
    let answer = house.client().get(&house.sso.new_artifact()).await;
    assert_eq!(answer.expect("an answer").status, 200);
    assert_eq!(House::prompts(&agent), 1, "a person is asked once");
    let clicks = house
        .sso
        .aws
        .counters()
        .count(simulated_aws::Operation::Decide);
    assert_eq!(clicks, before + 1);
    house.sso.unsignalled().await;
    let token = tests::sso_world::json_file(&house.sso.token_path());
    assert!(token.is_some_and(|token| token["accessToken"] != Value::Null));

    // The network goes and comes back.
    let facts = container.facts().await;
    let networks = facts["NetworkSettings"]["Networks"].as_object();
    let network = networks.and_then(|networks| networks.keys().next());
    let network = network.expect("a network").clone();
    house
        .engine
        .say(&["network", "disconnect", &network, container.id()])
        .await;
    house
        .engine
        .say(&["network", "connect", &network, container.id()])
        .await;
    let second = house.sso.new_artifact();
    until("misses are served again", async || {
        is_served(&house, &second).await
    })
    .await;
    assert_eq!(container.life().await, life);
    assert!(agent.stop().await.success());
}
