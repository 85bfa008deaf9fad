//! A real SDK in a process of its own, which takes its credentials from the proxy.

use std::process::{Command as Program, Stdio};

use serde_json::Value;
use tests::clients::{
    AWS_SDK_GO, AWS_SDK_JAVA, AWS_SDK_JAVASCRIPT, BOTO3, JAVA, NODE, are_installed, clients_folder,
};
use tests::commands::client;
use tests::scratch::BUCKET;
use tests::{eventually, within, workspace_folder};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::world::World;

/// What every client reads.
pub(crate) const KEY: &str = "g/for-sdks.jar";
/// No client runs longer, so that none is left behind.
const LONGEST_SECONDS: &str = "120";

/// Whose SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sdk {
    Python,
    JavaScript,
    Go,
    Java,
    Rust,
}

/// A client of `tests/clients/container-credentials`; killed when dropped.
pub(crate) struct Client {
    pub(crate) sdk: Sdk,
    _child: Child,
    input: Option<ChildStdin>,
    says: Lines<BufReader<ChildStdout>>,
}

impl Sdk {
    pub(crate) const ALL: [Self; 5] = [
        Self::Python,
        Self::JavaScript,
        Self::Go,
        Self::Java,
        Self::Rust,
    ];

    pub(crate) fn is_installed(self) -> bool {
        are_installed(match self {
            Self::Python => &[BOTO3],
            Self::JavaScript => &[NODE, AWS_SDK_JAVASCRIPT],
            Self::Go => &[AWS_SDK_GO],
            Self::Java => &[JAVA, AWS_SDK_JAVA],
            Self::Rust => &[],
        })
    }

    fn program(self, home: &std::path::Path) -> Program {
        let clients = workspace_folder().join("tests/clients/container-credentials");
        match self {
            Self::Python => {
                let mut python = client("/usr/bin/python3", home);
                python
                    .arg(clients.join("python.py"))
                    .env("PYTHONPATH", clients_folder().join("python"))
                    .env("PYTHONDONTWRITEBYTECODE", "1");
                python
            }
            Self::JavaScript => {
                let mut node = client(&NODE.path().display().to_string(), home);
                node.arg(clients.join("javascript/client.cjs"))
                    .env("NODE_PATH", AWS_SDK_JAVASCRIPT.path());
                node
            }
            Self::Go => client(&AWS_SDK_GO.path().display().to_string(), home),
            Self::Java => {
                let mut java = client(&JAVA.path().display().to_string(), home);
                let jar = AWS_SDK_JAVA.path();
                let folder = jar.parent().expect("a folder");
                java.arg("-cp")
                    .arg(format!("{}:{}", jar.display(), folder.display()))
                    .args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "Client"]);
                java
            }
            Self::Rust => client(env!("CARGO_BIN_EXE_container-credentials-client"), home),
        }
    }
}

impl Client {
    /// Starts it with these variables for its credentials; it pauses between two rounds.
    pub(crate) fn start(sdk: Sdk, world: &World, variables: &[(&str, &str)], pause: u32) -> Self {
        let home = world.sso.scratch.path().join("sdk");
        std::fs::create_dir_all(&home).expect("a home");
        let put = world.sso.aws.s3().put(BUCKET, KEY, KEY.as_bytes());
        put.expect("an object");
        let mut program = sdk.program(&home);
        program
            .args([BUCKET, KEY, LONGEST_SECONDS, &pause.to_string()])
            .env("AWS_ENDPOINT_URL", world.sso.aws.endpoint_url())
            .env("AWS_REGION", world.sso.aws.region())
            .env("AWS_DEFAULT_REGION", world.sso.aws.region())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = Command::from(program)
            .kill_on_drop(true)
            .spawn()
            .expect("a client");
        let input = child.stdin.take();
        let says = child.stdout.take().expect("piped");
        Self {
            sdk,
            _child: child,
            input,
            says: BufReader::new(says).lines(),
        }
    }

    /// The same, with the variables that name the endpoint and the token.
    pub(crate) fn of_service(sdk: Sdk, world: &World, token: &str, pause: u32) -> Self {
        let uri = format!("{}/v1/credentials", world.url());
        let variables = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", token),
        ];
        Self::start(sdk, world, &variables, pause)
    }

    /// What it says of its next round.
    pub(crate) async fn round(&mut self) -> Value {
        let what = format!("a round of {:?}", self.sdk);
        let line = within(tests::PATIENCE * 2, &what, self.says.next_line()).await;
        let line = line.expect("readable").expect("it goes on");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// A round that has to succeed, for this owner.
    pub(crate) async fn must_be(&mut self, owner: &str) -> Value {
        let said = self.round().await;
        assert_eq!(said["arn"], owner, "{:?}: {said}", self.sdk);
        assert_eq!(said["bytes"], KEY.len(), "{:?}: {said}", self.sdk);
        said
    }

    /// Waits for the first round that succeeds.
    pub(crate) async fn succeeds(&mut self) {
        let what = format!("{:?} succeeds", self.sdk);
        eventually(&what, async || self.round().await["arn"].is_string()).await;
    }

    /// Ends its input, and gives all that it has still said.
    pub(crate) async fn end(mut self) -> Vec<Value> {
        drop(self.input.take());
        let mut rest = Vec::new();
        let reading = async {
            while let Some(line) = self.says.next_line().await.expect("readable") {
                rest.push(serde_json::from_str(&line).expect("JSON"));
            }
        };
        within(tests::PATIENCE, "the client ends", reading).await;
        rest
    }
}
