//! `deploy/team`, as Compose itself understands it.

use serde_json::Value;
use tests::Scratch;
use tests::clients::{DOCKER_COMPOSE, KUBERNETES_SCHEMAS, are_installed};
use tests::commands::{Ended, client, run};

use crate::manifests::{
    LIMIT, assert_is_a_configuration, at, checked, content, deploy, text, write,
};

/// A copy of `deploy/team` and its neighbours with this `.env`.
struct Copy {
    scratch: Scratch,
}

impl Copy {
    fn new(dotenv: Option<&str>) -> Option<Self> {
        if !are_installed(&[DOCKER_COMPOSE, KUBERNETES_SCHEMAS]) {
            return None;
        }
        let scratch = Scratch::new();
        let folder = scratch.path().join("deploy/team");
        std::fs::create_dir_all(&folder).expect("a folder");
        for file in ["docker-compose.yml", "tls.yml"] {
            let copied = std::fs::copy(deploy("team").join(file), folder.join(file));
            copied.expect("copied");
        }
        if let Some(text) = dotenv {
            write(&folder.join(".env"), text);
        }
        Some(Self { scratch })
    }

    async fn config(&self) -> Ended {
        let program = DOCKER_COMPOSE.path().display().to_string();
        let mut compose = client(&program, &self.scratch.home());
        compose
            .arg("config")
            .current_dir(self.scratch.path().join("deploy/team"));
        run(compose, LIMIT).await
    }

    /// The services that Compose would start.
    async fn services(&self) -> Value {
        let said = self.config().await;
        assert_eq!(said.code(), 0, "{}", said.stderr);
        let file = self.scratch.path().join("config.yaml");
        write(&file, &said.stdout);
        let whole = content(&checked(&self.scratch, "yaml", &file, &[]).await);
        at(&whole, "0.services").clone()
    }
}

fn variables(service: &Value) -> Vec<(String, String)> {
    let variables = at(service, "environment").as_object().expect("variables");
    variables
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_runs_three_proxies_each_with_a_cache_of_its_own() {
    let Some(copy) = Copy::new(Some("S3_BUCKET_NAME=artifacts\n")) else {
        return;
    };
    let services = copy.services().await;
    let haproxy = at(&services, "haproxy");
    for number in 1..=3 {
        let proxy = at(&services, &format!("proxy-{number}"));
        let config = assert_is_a_configuration(&variables(proxy));
        assert_eq!(config.bucket, "artifacts");
        assert!(config.allowed_hosts.contains(&format!("proxy-{number}")));
        assert_eq!(text(proxy, "volumes.0"), format!("cache-{number}:/data:rw"));
        assert_eq!(at(proxy, "read_only"), true);
        let address = text(haproxy, &format!("environment.PROXY_{number}"));
        assert_eq!(address, format!("proxy-{number}:9000"));
        assert!(proxy.get("ports").is_none(), "only HAProxy is published");
    }
    let ports = at(haproxy, "ports").as_array().expect("ports");
    for port in ports {
        let port = port.as_str().expect("text");
        assert!(port.starts_with("127.0.0.1:"), "{port}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_publishes_haproxy_with_tls_where_a_certificate_is_named() {
    let dotenv = "S3_BUCKET_NAME=artifacts\nCOMPOSE_FILE=docker-compose.yml:tls.yml\n\
                  TLS_CERTIFICATE=./team.pem\nTEAM_ADDRESS=443\nTEAM_NAME=artifacts.example.com\n";
    let Some(copy) = Copy::new(Some(dotenv)) else {
        return;
    };
    let services = copy.services().await;
    let haproxy = at(&services, "haproxy");
    let inside = text(haproxy, "environment.TLS_CERTIFICATE");
    let mounted = at(haproxy, "volumes").as_array().expect("volumes");
    let certificate = mounted.iter().find(|volume| volume.get("target").is_some());
    let certificate = certificate.expect("the certificate");
    assert_eq!(text(certificate, "target"), inside);
    assert!(text(certificate, "source").ends_with("/deploy/team/team.pem"));
    assert_eq!(at(haproxy, "ports.0.published"), 443);
    let hosts = text(at(&services, "proxy-1"), "environment.PROXY_ALLOWED_HOSTS");
    assert!(hosts.contains("artifacts.example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_says_what_is_to_be_named_where_nothing_is_configured() {
    for (dotenv, word) in [
        (None, ".env"),
        (Some("LOGIN_WAIT=5\n"), "name your bucket there"),
        (
            Some("S3_BUCKET_NAME=artifacts\nCOMPOSE_FILE=docker-compose.yml:tls.yml\n"),
            "name the file with certificate, chain and key",
        ),
    ] {
        let Some(copy) = Copy::new(dotenv) else {
            return;
        };
        let said = copy.config().await;
        assert_ne!(said.code(), 0, "{dotenv:?}");
        assert!(said.stderr.contains(word), "{}", said.stderr);
    }
}
