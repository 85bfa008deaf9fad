//! A Docker engine of the tests' own, and the image of the real `Dockerfile` in it.
//!
//! ```text
//! this process ─ a pipe ─► tests/clients/engine.sh ─► dockerd ─► containers
//! ```
//!
//! The script ends the engine when the pipe does, so a killed test run leaves no container behind.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::clients::{DOCKER_COMPOSE, Part, are_installed, clients_folder};
use crate::commands::{client, succeed};
use crate::wait::within;
use crate::workspace_folder;

/// The engine.
const DOCKERD: Part = Part::new("the Docker engine", "/usr/sbin/dockerd");
/// Makes the images that the `Dockerfile` begins with.
const DEBOOTSTRAP: Part = Part::new("debootstrap", "/usr/sbin/debootstrap");
/// Debian's client; another one on `PATH` may lack what it is asked for.
const DOCKER: &str = "/usr/bin/docker";

/// What the start of the engine may take, another run in the same folder included.
const START: Duration = Duration::from_mins(31);
/// What an image may take that is built from nothing on a busy machine.
const BUILD: Duration = Duration::from_hours(1);
/// What any other command may take: the grace period of a container is in it.
const COMMAND: Duration = Duration::from_mins(3);

/// A running engine; it ends, with its containers, when dropped or when this process ends.
#[derive(Debug)]
pub struct Engine {
    socket: PathBuf,
    gateway: Ipv4Addr,
    /// `HOME` of its clients.
    home: TempDir,
    _pipe: ChildStdin,
}

impl Engine {
    /// Whether it can be had here. If not, says so, and the test returns; where `REAL_CLIENTS=required`, it
    /// panics instead.
    ///
    /// # Panics
    /// Where it is required and cannot be had.
    #[must_use]
    pub fn is_to_be_had() -> bool {
        if !are_installed(&[DOCKERD, DOCKER_COMPOSE, DEBOOTSTRAP]) {
            return false;
        }
        if nix::unistd::geteuid().is_root() {
            return true;
        }
        let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "only root can start a Docker engine");
        eprintln!("skipped: only root can start a Docker engine");
        false
    }

    /// Starts it in `ENGINE_DIR`, else in the folder of the clients, where images of earlier runs are.
    ///
    /// # Panics
    /// If it does not start; the script has said why.
    #[expect(
        clippy::zombie_processes,
        reason = "it ends after this process, which therefore cannot wait for it"
    )]
    pub async fn start() -> Self {
        let folder = std::env::var_os("ENGINE_DIR").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| clients_folder().join("engine"));
        let mut script = Command::new(workspace_folder().join("tests/clients/engine.sh"));
        script
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C at the terminal must not reach it.
            .process_group(0);
        let mut child = script.spawn().expect("the script starts");
        let pipe = child.stdin.take().expect("piped");
        let said = child.stdout.take().expect("piped");
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(said).read_line(&mut line).expect("a line");
            line
        });
        let line = within(START, "the engine starts", reading).await;
        let line = line.expect("no panic in it");
        let gateway = line
            .strip_prefix("ready ")
            .and_then(|address| address.trim().parse().ok());
        Self {
            socket: folder.join("d.sock"),
            gateway: gateway.unwrap_or_else(|| panic!("the engine did not start: {line:?}")),
            home: tempfile::tempdir().expect("a home"),
            _pipe: pipe,
        }
    }

    /// Where the machine is for containers that have networks of their own.
    #[must_use]
    pub fn gateway(&self) -> IpAddr {
        self.gateway.into()
    }

    /// The group whose members may ask it.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn group(&self) -> u32 {
        let socket = std::fs::metadata(&self.socket);
        socket.expect("the engine's socket").gid()
    }

    /// `docker …`
    #[must_use]
    pub fn docker(&self, arguments: &[&str]) -> Command {
        let mut docker = self.client(DOCKER);
        docker.args(arguments);
        docker
    }

    /// `docker-compose …`, in the folder of its project.
    #[must_use]
    pub fn compose(&self, project: &Path, arguments: &[&str]) -> Command {
        let program = DOCKER_COMPOSE.path().display().to_string();
        let mut compose = self.client(&program);
        compose.args(arguments).current_dir(project);
        compose
    }

    /// Any program that asks an engine.
    #[must_use]
    pub fn client(&self, program: &str) -> Command {
        let mut client = client(program, self.home.path());
        client
            .env("DOCKER_HOST", format!("unix://{}", self.socket.display()))
            .env("DOCKER_BUILDKIT", "1");
        client
    }

    /// What `docker …` says, which has to succeed.
    pub async fn say(&self, arguments: &[&str]) -> String {
        let said = succeed(self.docker(arguments), COMMAND).await;
        said.text().trim().to_owned()
    }

    /// What `docker inspect` says of a container or an image.
    ///
    /// # Panics
    /// If there is none.
    pub async fn inspect(&self, name: &str) -> Value {
        let text = self.say(&["inspect", "--format", "{{json .}}", name]).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Builds the workspace's `Dockerfile`, with further arguments of `docker build`.
    pub async fn build(&self, tag: &str, arguments: &[&str]) {
        let mut bases = Command::new(workspace_folder().join("tests/clients/base-images.sh"));
        bases.env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
        succeed(bases, BUILD).await;
        // With the machine's network, as this engine has no network that leads to package registries.
        let mut build = self.docker(&["build", "--network", "host", "--tag", tag]);
        build.args(arguments).arg(".");
        build.current_dir(workspace_folder());
        succeed(build, BUILD).await;
    }
}
