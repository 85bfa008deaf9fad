//! The real proxy as a child process, with an environment of its own.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use nix::sys::signal::Signal;
use simulated_aws::SimulatedAws;

use crate::http_client::{Answer, Pending};
use crate::process::{Process, coverage, read};
use crate::scratch::{ACCESS_KEY, BUCKET, Scratch};
use crate::wait::{PATIENCE, eventually, within};

/// Describes a proxy before it is started.
#[derive(Clone, Debug)]
pub struct ProxyBuilder {
    variables: BTreeMap<String, String>,
    arguments: Vec<String>,
    log: PathBuf,
}

/// A running proxy; killed when dropped.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
    address: SocketAddr,
    /// How long the log of its predecessors is, in bytes.
    log_begins: usize,
    builder: ProxyBuilder,
}

impl ProxyBuilder {
    /// A proxy over the scratch's home and cache, signing with [`ACCESS_KEY`] from the environment.
    #[must_use]
    pub fn new(scratch: &Scratch) -> Self {
        let path = |path: PathBuf| path.display().to_string();
        let variables = [
            ("HOME", path(scratch.home())),
            ("CACHE_DIR", path(scratch.cache())),
            ("CACHE_MIN_FREE", "1MiB".to_owned()),
            ("S3_BUCKET_NAME", BUCKET.to_owned()),
            ("AWS_PROFILE", String::new()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.1.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("PROXY_PORT", "0".to_owned()),
            ("LOG_LEVEL", "info,bazel_proxy=debug".to_owned()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
        ];
        let named = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            variables: named.collect(),
            arguments: vec!["serve".to_owned()],
            log: scratch.path().join("proxy.log"),
        }
    }

    /// Points S3 (and every other service) at the simulated AWS.
    #[must_use]
    pub fn aws(self, aws: &SimulatedAws) -> Self {
        self.env("AWS_ENDPOINT_URL", &aws.endpoint_url())
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Uses the named profile of the scratch's home instead of keys in the environment.
    #[must_use]
    pub fn profile(self, name: &str) -> Self {
        let without = self
            .without("AWS_ACCESS_KEY_ID")
            .without("AWS_SECRET_ACCESS_KEY");
        without.env("AWS_PROFILE", name)
    }

    /// The command for other uses than serving (`check`, `cache ls`, bad configuration).
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::bazel_proxy_program());
        command
            .args(arguments)
            .env_clear()
            .envs(coverage())
            .envs(&self.variables)
            // Not below the workspace: a developer's own .env must not take part.
            .current_dir(self.log.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null());
        command
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it does not.
    pub async fn start(self) -> Proxy {
        let log = || {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.log)
                .expect("a log")
        };
        let length = log().metadata().map_or(0, |metadata| metadata.len());
        let log_begins = usize::try_from(length).unwrap_or(0);
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let mut command = self.command(&arguments);
        command
            .stdout(Stdio::from(log()))
            .stderr(Stdio::from(log()));
        let mut child = command.spawn().expect("bazel-proxy starts");
        let mut address = None;
        eventually("the proxy listens", async || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("bazel-proxy ended with {status}:\n{}", read(&self.log));
            }
            address = listening(&read(&self.log)[log_begins..]);
            address.is_some()
        })
        .await;
        Proxy {
            process: Process::new(child, &self.log),
            address: address.expect("found above"),
            log_begins,
            builder: self,
        }
    }
}

impl Proxy {
    /// A proxy over the scratch and the simulated AWS, with everything else as usual.
    pub async fn start(scratch: &Scratch, aws: &SimulatedAws) -> Self {
        ProxyBuilder::new(scratch).aws(aws).start().await
    }

    /// Where it listens (127.0.0.1).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves credentials to containers.
    ///
    /// # Panics
    /// If it does not.
    pub async fn credentials_address(&self) -> SocketAddr {
        let mut address = None;
        eventually("credentials are served", async || {
            address = listening_with(&self.log()[self.log_begins..], serves_credentials);
            address.is_some()
        })
        .await;
        address.expect("found above")
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// GET, to the end of the body.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// GET with headers, to the end of the body.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.request("GET", path, headers).await
    }

    /// HEAD.
    pub async fn head(&self, path: &str) -> Answer {
        self.request("HEAD", path, &[]).await
    }

    /// Any request, to the end of its body.
    pub async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = async { self.begin(method, path, headers).await.finish().await };
        within(PATIENCE * 2, path, answer).await
    }

    /// Sends a request and returns at the head of its answer.
    pub async fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Pending {
        within(
            PATIENCE * 2,
            path,
            Pending::begin(self.address, method, path, headers),
        )
        .await
    }

    /// All that it and its predecessors on this scratch have logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// `kill -9`; what is left to be restarted.
    #[must_use]
    pub fn kill_9(self) -> ProxyBuilder {
        let Self {
            mut process,
            builder,
            ..
        } = self;
        process.kill_9();
        builder
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.process.signal(Signal::SIGTERM);
    }

    /// Sends any signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Resident memory, in bytes (Linux).
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let status = read(Path::new(&format!("/proc/{}/status", self.process.pid())));
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap_or_default();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        kib * 1024
    }
}

/// Where it serves artifacts, or else credentials.
fn listening(log: &str) -> Option<SocketAddr> {
    listening_with(log, |line| !line.contains("::containers: "))
        .or_else(|| listening_with(log, serves_credentials))
}

fn serves_credentials(line: &str) -> bool {
    line.contains("serving credentials of ")
}

/// The IPv4 address in the last of these lines that names where something is served.
fn listening_with(log: &str, is_meant: impl Fn(&str) -> bool) -> Option<SocketAddr> {
    let lines = log.lines().filter(|line| is_meant(line));
    let urls = lines.filter_map(|line| {
        let (_, url) = line.split_once(" on http")?;
        url.split_once("://")
    });
    let addresses = urls.filter_map(|(_, address)| {
        let end = address.find('/')?;
        address[..end].parse().ok()
    });
    let mut addresses = addresses.filter(SocketAddr::is_ipv4);
    addresses.next_back()
}
