//! `docker-compose.yml`, as Compose itself understands it, and what the image is built of.

use std::path::Path;
use std::process::Command;

use tests::clients::{DOCKER_COMPOSE, are_installed};
use tests::commands::{Ended, client, run};
use tests::{PATIENCE, Scratch, workspace_folder};

use crate::support::write;

/// What Compose makes of the file beside this `.env`; `None` where there is no Compose.
async fn compose(
    scratch: &Scratch,
    dotenv: Option<&str>,
    variables: &[(&str, &str)],
) -> Option<Ended> {
    if !are_installed(&[DOCKER_COMPOSE]) {
        return None;
    }
    if let Some(text) = dotenv {
        write(&scratch.path().join(".env"), text);
    }
    let program = DOCKER_COMPOSE.path().display().to_string();
    let mut command: Command = client(&program, &scratch.home());
    command
        .arg("--project-directory")
        .arg(scratch.path())
        .arg("--file")
        .arg(workspace_folder().join("docker-compose.yml"))
        .arg("config")
        .current_dir(scratch.path())
        .envs(variables.iter().copied());
    Some(run(command, PATIENCE).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_publishes_the_proxy_on_the_loopback_and_gives_it_no_more_than_it_needs() {
    let scratch = Scratch::new();
    let dotenv = Some("S3_BUCKET_NAME=artifacts\n");
    let Some(said) = compose(&scratch, dotenv, &[]).await else {
        return;
    };
    assert_eq!(said.code(), 0, "{}", said.stderr);
    let home = scratch.home().display().to_string();
    let folder = scratch.path().display().to_string();
    let text = said
        .text()
        .replace(&home, "HOME")
        .replace(&folder, "FOLDER");
    insta::assert_snapshot!(text);
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_passes_the_env_file_on_but_for_what_is_the_hosts() {
    let scratch = Scratch::new();
    let dotenv = "S3_BUCKET_NAME=artifacts\nAWS_PROFILE=\nLOGIN_WAIT=5m\nPROXY_HOST=127.0.0.1,::1\n\
                  PROXY_PORT=9123\nCACHE_DIR=/var/cache/proxy\nSSO_STATE_DIR=/srv/sso\n\
                  SSO_SIGNAL_FILE=/srv/sso/asked.json\nHOME=/nowhere\n";
    let who = [("PROXY_UID", "501"), ("PROXY_GID", "20")];
    let Some(said) = compose(&scratch, Some(dotenv), &who).await else {
        return;
    };
    assert_eq!(said.code(), 0, "{}", said.stderr);
    let text = said.text();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    for line in [
        "S3_BUCKET_NAME: artifacts",
        "AWS_PROFILE: ''",
        "LOGIN_WAIT: 5m",
        "PROXY_HOST: 0.0.0.0",
        "PROXY_PORT: '9000'",
        "- 127.0.0.1:9123:9000/tcp",
        "CACHE_DIR: /data",
        "SSO_STATE_DIR: /srv/sso",
        "SSO_SIGNAL_FILE: /srv/sso/asked.json",
        "target: /srv/sso",
        "user: '501:20'",
        &format!("HOME: {}", scratch.home().display()),
    ] {
        assert!(lines.contains(&line), "{line} is missing in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_says_which_file_is_missing_without_an_env_file() {
    let scratch = Scratch::new();
    let Some(said) = compose(&scratch, None, &[]).await else {
        return;
    };
    assert_ne!(said.code(), 0);
    let file = scratch.path().join(".env").display().to_string();
    assert!(said.stderr.contains(&file), "{}", said.stderr);
    assert!(!said.stderr.contains("Traceback"), "{}", said.stderr);
}

#[test]
fn the_image_is_built_of_the_manifests_of_all_crates_and_the_sources_of_the_proxys() {
    let workspace = read("Cargo.toml");
    let members = workspace
        .lines()
        .find_map(|line| line.strip_prefix("members = ["))
        .expect("the workspace's members")
        .trim_end_matches(']')
        .split(", ")
        .map(|name| name.trim_matches('"'));
    let (dockerfile, context) = (read("Dockerfile"), read(".dockerignore"));
    for name in members {
        let copied = format!("COPY {name}/Cargo.toml {name}/");
        assert!(dockerfile.contains(&copied), "Dockerfile lacks `{copied}`");
        let sent = [format!("!{name}"), format!("!{name}/Cargo.toml")];
        assert!(
            context
                .lines()
                .any(|line| sent.iter().any(|sent| sent == line)),
            ".dockerignore keeps {name}/Cargo.toml from the builder"
        );
    }
    let proxy = read("proxy/Cargo.toml");
    let own = proxy
        .lines()
        .filter_map(|line| line.split_once(" = { path = \"../"));
    for (name, _) in own.chain([("proxy", "")]) {
        let copied = format!("COPY {name} {name}");
        assert!(dockerfile.contains(&copied), "Dockerfile lacks `{copied}`");
    }
}

fn read(name: &str) -> String {
    let path: &Path = &workspace_folder().join(name);
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}
