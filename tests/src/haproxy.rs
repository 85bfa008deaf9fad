//! HAProxy with the configuration that is shipped, before real proxies.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use nix::sys::signal::Signal;

use crate::clients::HAPROXY;
use crate::http_client::get;
use crate::process::{Process, read};
use crate::wait::eventually;
use crate::workspace_folder;

/// A running HAProxy; killed when dropped.
#[derive(Debug)]
pub struct HaProxy {
    process: Process,
    address: SocketAddr,
    numbers: SocketAddr,
}

impl HaProxy {
    /// The configuration's file.
    #[must_use]
    pub fn configuration() -> PathBuf {
        workspace_folder().join("deploy/haproxy/haproxy.cfg")
    }

    /// HAProxy as a command, with nothing of the caller's environment.
    #[must_use]
    pub fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(HAPROXY.path());
        command
            .args(arguments)
            .arg("-f")
            .arg(Self::configuration())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    /// Starts it before these proxies, in the order of their numbers, with further variables, and
    /// waits until it has found all of them alive.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(folder: &Path, proxies: &[SocketAddr], variables: &[(&str, &str)]) -> Self {
        /// A port that was free a moment ago may be somebody else's now.
        const TRIES: u32 = 5;
        for _ in 1..TRIES {
            if let Some(started) = Self::try_start(folder, proxies, variables).await {
                return started;
            }
        }
        let last = Self::try_start(folder, proxies, variables).await;
        last.unwrap_or_else(|| panic!("HAProxy:\n{}", read(&folder.join("haproxy.log"))))
    }

    async fn try_start(
        folder: &Path,
        proxies: &[SocketAddr],
        variables: &[(&str, &str)],
    ) -> Option<Self> {
        let (address, numbers) = (free_address(), free_address());
        let log = folder.join("haproxy.log");
        let file = std::fs::File::create(&log).expect("a log");
        let mut command = Self::command(&["-db"]);
        command
            .env("BIND", address.to_string())
            .env("NUMBERS_BIND", numbers.to_string())
            .envs(variables.iter().copied())
            .stdout(file.try_clone().expect("a handle"))
            .stderr(file);
        for (number, proxy) in (1..).zip(proxies) {
            command.env(format!("PROXY_{number}"), proxy.to_string());
        }
        let mut child = command.spawn().expect("HAProxy starts");
        let mut ended = false;
        eventually("HAProxy listens", async || {
            ended = matches!(child.try_wait(), Ok(Some(_)));
            ended || std::net::TcpStream::connect(numbers).is_ok()
        })
        .await;
        let started = Self {
            process: Process::new(child, &log),
            address,
            numbers,
        };
        if ended {
            return None;
        }
        for number in 1..=proxies.len() {
            started.wait_for(number, "UP").await;
        }
        Some(started)
    }

    /// Where clients are served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its own numbers are.
    #[must_use]
    pub fn numbers(&self) -> SocketAddr {
        self.numbers
    }

    /// Waits until it takes the proxy of this number for `UP` or `DOWN`.
    pub async fn wait_for(&self, number: usize, state: &str) {
        eventually(&format!("proxy-{number} is {state}"), async || {
            self.state_of(number).await == state
        })
        .await;
    }

    /// What it takes the proxy of this number for.
    async fn state_of(&self, number: usize) -> String {
        let page = get(self.numbers, "/stats;csv").await.text();
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("proxies,proxy-{number},")));
        // The 18th column is the state, with the count of checks towards the next one behind it.
        let state = row.and_then(|row| row.split(',').nth(17));
        let word = state.and_then(|state| state.split(' ').next());
        word.unwrap_or_default().to_owned()
    }

    /// All that it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }
}

/// An address that nobody listens on at the moment.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}
