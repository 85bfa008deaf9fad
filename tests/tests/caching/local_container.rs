//! The scripts behind `mise run start`, `stop`, `status` and `logs`, with a stand-in for the engine that
//! writes down what it is asked.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use tests::aws_cli::write_program;
use tests::commands::{Ended, client, run};
use tests::{PATIENCE, Scratch, StandIn, workspace_folder};

use crate::support::write;

/// Writes down its arguments and what Compose would read of the environment; says what its container does.
const DOCKER: &str = r#"#!/bin/sh
echo "docker $*" >>"$ASKED"
case "$*" in
    'compose version') exit "${NO_COMPOSE:-0}" ;;
    version) exit "${NO_ENGINE:-0}" ;;
    'compose up'*) env | grep -E '^(PROXY_|SSO_|AWS_)' | sort >>"$ASKED" ;;
    'compose ps'*) echo 0123456789ab ;;
    'exec 0123456789ab /bazel-proxy healthcheck') [ "${STATE:-running}" = running ] ;;
    'inspect -f {{.State.Status}} '*) echo "${STATE:-running}" ;;
    inspect*) echo 'container running' ;;
    port*) echo 127.0.0.1:9123 ;;
    logs*) echo 'S3_BUCKET_NAME: not set' ;;
esac
"#;

/// The older Compose.
const DOCKER_COMPOSE: &str = "#!/bin/sh\necho \"docker-compose $*\" >>\"$ASKED\"\n\
                              case \"$*\" in ps*) echo 0123456789ab ;; esac\n";

/// A checkout with nothing but the scripts, and a person with an engine.
struct Checkout {
    scratch: Scratch,
}

impl Checkout {
    fn new() -> Self {
        let scratch = Scratch::new();
        let scripts = scratch.path().join("deploy/local");
        let bin = scratch.path().join("bin");
        for folder in [&scripts, &bin] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        let ours = workspace_folder().join("deploy/local");
        for script in std::fs::read_dir(ours).expect("the scripts").flatten() {
            std::fs::copy(script.path(), scripts.join(script.file_name())).expect("copied");
        }
        write_program(&bin.join("docker"), DOCKER);
        write_program(&bin.join("docker-compose"), DOCKER_COMPOSE);
        Self { scratch }
    }

    fn dotenv(self, text: &str) -> Self {
        write(&self.scratch.path().join(".env"), text);
        self
    }

    fn agent(self, script: &str) -> Self {
        write_program(&self.scratch.path().join("bin/sso-watcher"), script);
        self
    }

    fn command(&self, script: &str) -> Command {
        let program = self.scratch.path().join("deploy/local").join(script);
        let mut command = client(&program.display().to_string(), &self.scratch.home());
        let bin = self.scratch.path().join("bin").display().to_string();
        command
            .env("PATH", format!("{bin}:/usr/bin:/bin"))
            .env("ASKED", self.asked_file());
        command
    }

    async fn run(&self, script: &str, variables: &[(&str, &str)]) -> Ended {
        let mut command = self.command(script);
        command.envs(variables.iter().copied());
        run(command, PATIENCE).await
    }

    fn asked_file(&self) -> PathBuf {
        self.scratch.path().join("asked")
    }

    fn asked(&self) -> String {
        std::fs::read_to_string(self.asked_file()).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_makes_the_hosts_folders_and_passes_the_person_and_whole_paths_on() {
    let checkout = Checkout::new()
        .dotenv("S3_BUCKET_NAME=artifacts\nSSO_STATE_DIR=~/state # ours\n")
        .agent("#!/bin/sh\necho \"agent: $*\"\n");
    let said = checkout.run("start", &[]).await;
    assert_eq!(said.code(), 0, "{}", said.stderr);
    let text = said.text();
    assert!(text.contains("http://127.0.0.1:9123/"), "{text}");
    assert!(text.contains("agent: start"), "{text}");

    let asked = checkout.asked();
    let state = checkout.scratch.home().join("state");
    let user = nix::unistd::getuid();
    for line in [
        "docker compose up -d --build".to_owned(),
        format!("PROXY_UID={user}"),
        format!("SSO_STATE_DIR={}", state.display()),
    ] {
        assert!(asked.lines().any(|asked| asked == line), "{line}: {asked}");
    }
    let cache = checkout.scratch.home().join(".aws/sso/cache");
    for folder in [state, cache] {
        let mode = std::fs::metadata(&folder).expect("made").permissions();
        assert_eq!(mode.mode() & 0o777, 0o700, "{}", folder.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_without_an_env_file_says_what_to_do() {
    let checkout = Checkout::new();
    let said = checkout.run("start", &[]).await;
    assert_eq!(said.code(), 1);
    assert!(said.stderr.contains(".env.example"), "{}", said.stderr);
    assert_eq!(checkout.asked().matches("up").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_does_not_answer_is_told_with_what_to_do() {
    let checkout = Checkout::new().dotenv("S3_BUCKET_NAME=artifacts\n");
    for script in ["start", "stop", "logs"] {
        let said = checkout.run(script, &[("NO_ENGINE", "1")]).await;
        assert_eq!(said.code(), 1, "{script}");
        for words in ["engine does not answer", "mise run serve"] {
            assert!(said.stderr.contains(words), "{script}: {}", said.stderr);
        }
    }
    assert_eq!(checkout.asked().matches("docker compose up").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn start_names_a_file_that_the_container_would_not_see() {
    for (line, words) in [
        ("AWS_CONFIG_FILE=/srv/aws/config", "override.yml"),
        ("SSO_SIGNAL_FILE=/srv/asked.json", ".aws/sso-renewer"),
        ("AWS_CA_BUNDLE=/srv/no-such.pem", "cannot be read"),
        ("SSO_STATE_DIR=state", "begin with / or ~/"),
    ] {
        let checkout = Checkout::new().dotenv(&format!("S3_BUCKET_NAME=artifacts\n{line}\n"));
        let said = checkout.run("start", &[]).await;
        let (name, _) = line.split_once('=').expect("an assignment");
        assert_eq!(said.code(), 1, "{line}");
        for word in [name, words] {
            assert!(said.stderr.contains(word), "{line}: {}", said.stderr);
        }
        assert_eq!(checkout.asked().matches("up").count(), 0, "{line}");
    }
    let checkout = Checkout::new().dotenv("AWS_CONFIG_FILE=~/.aws/work\n");
    assert_eq!(checkout.run("start", &[]).await.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn start_shows_the_words_of_a_proxy_that_does_not_come_up() {
    let checkout = Checkout::new().dotenv("");
    let said = checkout.run("start", &[("STATE", "restarting")]).await;
    assert_eq!(said.code(), 1);
    for words in ["S3_BUCKET_NAME: not set", "restarting"] {
        assert!(said.stderr.contains(words) || said.text().contains(words));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_named_is_not_built_and_an_older_compose_will_do() {
    let checkout = Checkout::new().dotenv("PROXY_IMAGE=registry.example/bazel-proxy:1\n");
    let said = checkout.run("start", &[("NO_COMPOSE", "1")]).await;
    assert_eq!(said.code(), 0, "{}", said.stderr);
    let asked = checkout.asked();
    assert!(asked.contains("docker-compose up -d --no-build"), "{asked}");
    let said = checkout.run("stop", &[("NO_COMPOSE", "1")]).await;
    assert_eq!(said.code(), 0, "{}", said.stderr);
    assert!(checkout.asked().contains("docker-compose stop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_of_container_proxy_and_agent_and_fails_with_any_of_them() {
    let ready = StandIn::http(|_, _| (200, "{\"ready\":true}".to_owned())).await;
    let port = ready.address().port();
    let checkout = Checkout::new()
        .dotenv(&format!("PROXY_PORT='{port}'\n"))
        .agent("#!/bin/sh\necho \"agent: $*\"\n");
    let said = checkout.run("status", &[]).await;
    assert_eq!(said.code(), 0, "{}", said.stderr);
    for words in ["container running", "\"ready\":true", "agent: status"] {
        assert!(said.text().contains(words), "{}", said.text());
    }
    let checkout = checkout.agent("#!/bin/sh\nexit 1\n");
    assert_ne!(checkout.run("status", &[]).await.code(), 0, "an agent");
    let nobody = checkout.agent("#!/bin/sh\n").dotenv("PROXY_PORT=9\n");
    assert_ne!(nobody.run("status", &[]).await.code(), 0, "a proxy");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_those_of_the_container() {
    let checkout = Checkout::new().dotenv("");
    let mut command = checkout.command("logs");
    command.arg("-f");
    assert_eq!(run(command, PATIENCE).await.code(), 0);
    let asked = checkout.asked();
    assert!(
        asked.contains("docker logs --tail 200 -f 0123456789ab"),
        "{asked}"
    );
}
