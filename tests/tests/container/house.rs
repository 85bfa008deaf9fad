//! A machine with somebody on it who runs the proxy in a container: a home, a folder with `.env` and
//! `docker-compose.yml`, the agent; and the simulated AWS.

use std::fs::{Permissions, set_permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::aws_cli::write_program;
use tests::commands::succeed;
use tests::scratch::BUCKET;
use tests::sso_world::PROFILE;
use tests::{
    Engine, SsoWorld, Watcher, WatcherBuilder, simulated_aws_cli_program, workspace_folder,
};
use tokio::sync::MutexGuard;

use crate::client::Client;
use crate::container::Container;
use crate::shared::{IMAGE, LIMIT, TURN, engine, free_address, until};

/// Whose house it is: neither root nor the image's own user.
pub(crate) const USER: u32 = 1234;

/// The project's file.
pub(crate) const COMPOSE_FILE: &str = "docker-compose.yml";

/// A browser whose user allows everything. It forks, as the CLI waits for it.
const BROWSER: &str = r#"#!/bin/sh
(curl --silent --location --noproxy '*' --data decision=allow "$1" >/dev/null 2>&1 &)
"#;

pub(crate) struct House {
    pub(crate) sso: SsoWorld,
    pub(crate) engine: &'static Engine,
    _turn: MutexGuard<'static, ()>,
    project: PathBuf,
    port: u16,
}

impl House {
    /// Nobody has logged in, and nothing runs. The container is to share the machine's network. `None` where there
    /// is no engine.
    pub(crate) async fn on_host_network() -> Option<Self> {
        let engine = engine().await?;
        Some(Self::at(engine, Ipv4Addr::LOCALHOST.into()).await)
    }

    /// The same, for a container with a network of its own.
    pub(crate) async fn on_own_network() -> Option<Self> {
        let engine = engine().await?;
        Some(Self::at(engine, engine.gateway()).await)
    }

    async fn at(engine: &'static Engine, aws: IpAddr) -> Self {
        let turn = TURN.lock().await;
        let sso = SsoWorld::at(aws).await;
        let top = sso.scratch.path().to_owned();
        set_permissions(&top, Permissions::from_mode(0o755)).expect("a folder for everybody");
        let project = top.join("project");
        for folder in [
            project.clone(),
            top.join("bin"),
            sso.token_folder(),
            state_folder(&sso),
        ] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        let home = sso.scratch.home();
        set_permissions(home.join(".aws"), Permissions::from_mode(0o700)).expect("private");
        for name in [COMPOSE_FILE, "LICENSE"] {
            let copied = std::fs::copy(workspace_folder().join(name), project.join(name));
            copied.expect("a file of the project, copied");
        }
        std::fs::copy(simulated_aws_cli_program(), top.join("bin/aws")).expect("a CLI");
        write_program(&top.join("bin/browser"), BROWSER);
        let endpoint = sso.aws.endpoint_url();
        let env = format!(
            "S3_BUCKET_NAME={BUCKET}\nAWS_PROFILE={PROFILE}\nAWS_ENDPOINT_URL={endpoint}\nCACHE_MIN_FREE=1MiB\n"
        );
        write(&project.join(".env"), &env);
        let house = Self {
            sso,
            engine,
            _turn: turn,
            project,
            port: free_address().port(),
        };
        house.hand_over().await;
        house
    }

    /// Where the proxy is, once it is up.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// A client of the proxy.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// Waits until the proxy can fetch.
    pub(crate) async fn is_ready(&self) {
        until("it is ready", async || {
            let answer = self.client().get("/readyz").await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await;
    }

    /// Gives the home to its owner.
    async fn hand_over(&self) {
        let mut chown = Command::new("chown");
        chown.args(["-R", &format!("{USER}:{USER}")]);
        chown.arg(self.sso.scratch.home());
        succeed(chown, LIMIT).await;
    }

    /// The owner's `~/.aws/config`, replaced by an editor.
    pub(crate) async fn write_config(&self, text: &str) {
        self.sso.scratch.write_config(text);
        self.hand_over().await;
    }

    /// The agent, in a desktop session of the owner.
    pub(crate) fn agent(&self) -> WatcherBuilder {
        let bin = self.sso.scratch.path().join("bin");
        WatcherBuilder::new(&self.sso.scratch)
            .aws(&self.sso.aws)
            .owned_by(USER, &bin)
            .env("DISPLAY", ":0")
            .env("BROWSER", &format!("{} %s", bin.join("browser").display()))
            .env("SSO_MAX_PROMPTS_PER_HOUR", "60")
    }

    /// The owner logs in, as for the first time.
    pub(crate) async fn log_in(&self) {
        succeed(self.agent().command(&["login"]), LIMIT).await;
    }

    /// How often the owner was asked to log in.
    pub(crate) fn prompts(agent: &Watcher) -> usize {
        agent.log().matches("PROMPT:").count()
    }

    /// `docker-compose up`, with the project as it is.
    pub(crate) async fn up(&self) -> Container {
        self.up_with(COMPOSE_FILE).await
    }

    /// The same on the machine's network, for load; with a volume of this size (`256m`).
    pub(crate) async fn up_on_host_network(&self, volume: &str) -> Container {
        let config = succeed(self.compose(&["config"]), LIMIT).await.text();
        write(&self.project.join("config.yml"), &config);
        let mut script = self.engine.client("python3");
        script
            .arg(workspace_folder().join("tests/clients/on-host-network.py"))
            .arg(self.project.join("config.yml"))
            .args([&self.port.to_string(), volume]);
        let config = succeed(script, LIMIT).await;
        write(&self.project.join("on-host-network.yml"), &config.text());
        self.up_with("on-host-network.yml").await
    }

    /// The container that the project has.
    pub(crate) async fn container(&self, file: &str) -> Container {
        let ids = succeed(self.compose(&["-f", file, "ps", "--quiet"]), LIMIT).await;
        Container::new(self.engine, ids.text().trim().to_owned())
    }

    /// The containers of these services of a project of `examples/compose`, which is started with what `changes` it.
    pub(crate) async fn up_example(
        &self,
        name: &str,
        changes: &str,
        services: [&str; 2],
    ) -> [Container; 2] {
        let from = workspace_folder().join("examples/compose").join(name);
        let folder = self.project.join(name);
        std::fs::create_dir_all(folder.join("config")).expect("a folder");
        for file in [COMPOSE_FILE, "config/credentials.yaml"] {
            let copied = std::fs::copy(from.join(file), folder.join(file));
            copied.expect("a file of the example, copied");
        }
        write(&folder.join("changes.yml"), changes);
        let compose = |arguments: &[&str]| {
            let files = ["-f", COMPOSE_FILE, "-f", "changes.yml"];
            let mut compose = self.compose(&[&files, arguments].concat());
            compose
                .current_dir(&folder)
                .env("COMPOSE_PROJECT_NAME", format!("{name}-{}", self.port))
                .env("AWS_PROFILE", PROFILE)
                .env("APP_TOKEN", "token-of-the-app-0123456789");
            compose
        };
        succeed(compose(&["up", "--detach", "--no-build"]), LIMIT).await;
        let mut containers = Vec::new();
        for service in services {
            let ids = succeed(compose(&["ps", "--quiet", service]), LIMIT).await;
            containers.push(Container::new(self.engine, ids.text().trim().to_owned()));
        }
        let count = containers.len();
        let array = containers.try_into();
        array.unwrap_or_else(|_| panic!("{count} containers"))
    }

    async fn up_with(&self, file: &str) -> Container {
        succeed(
            self.compose(&["-f", file, "up", "--detach", "--no-build"]),
            LIMIT,
        )
        .await;
        self.container(file).await
    }

    /// `docker-compose …`, as the owner calls it.
    fn compose(&self, arguments: &[&str]) -> Command {
        let mut compose = self.engine.compose(&self.project, arguments);
        self.surround(&mut compose);
        let user = USER.to_string();
        compose.envs([("PROXY_UID", &user), ("PROXY_GID", &user)]);
        compose
    }

    /// What `mise run` runs for a task of the container, as the owner.
    pub(crate) fn task(&self, name: &str) -> Command {
        let from = workspace_folder().join("deploy/local");
        let folder = self.project.join("deploy/local");
        std::fs::create_dir_all(&folder).expect("a folder");
        for script in std::fs::read_dir(from).expect("scripts") {
            let script = script.expect("a script");
            let copied = std::fs::copy(script.path(), folder.join(script.file_name()));
            copied.expect("a script, copied");
        }
        let mut task = self.engine.client(&folder.join(name).display().to_string());
        self.surround(&mut task);
        task.uid(USER).gid(self.engine.group());
        task
    }

    /// The variables of the owner's shell.
    fn surround(&self, command: &mut Command) {
        command
            .env("HOME", self.sso.scratch.home())
            .env("COMPOSE_PROJECT_NAME", format!("house-{}", self.port))
            .env("PROXY_PORT", self.port.to_string())
            .env("PROXY_IMAGE", IMAGE)
            .stdin(Stdio::null());
    }
}

fn state_folder(sso: &SsoWorld) -> PathBuf {
    let signal = sso.signal_path();
    signal.parent().expect("a folder").to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a scratch file")]
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a scratch file");
}
