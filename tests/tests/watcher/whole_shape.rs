//! The proxy and the agent on one home, and what happens to them: killed at every stage and at random,
//! several of them, stopped, asleep, and busy for a while.
//!
//! The AWS CLI is mostly a stand-in that signs in at once; while it does, it holds a lock that the kernel drops
//! with it, so two logins at the same time are seen whenever they are.

mod agents;
mod asleep;
mod by_hand;
mod random_kills;
mod real_cli;
mod soak;
mod stages;
mod stopping;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgid};
use serde_json::Value;
use tests::sso_world::json_file;
use tests::{Proxy, ProxyBuilder, SsoWorld, Watcher, WatcherBuilder, eventually, within};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::stand_ins::{stand_in, write};

/// From the request for a login until it is made, whatever is killed meanwhile.
const HEALING: Duration = Duration::from_mins(2);

/// A home with the stand-in for the AWS CLI, where everybody who opens the sign-in page allows it.
struct Bench {
    world: SsoWorld,
    logins: PathBuf,
}

impl Bench {
    async fn new() -> Self {
        let world = SsoWorld::new().await;
        world.aws.sso().approve_at_once(true);
        let logins = world.scratch.path().join("logins");
        std::fs::create_dir(&logins).expect("a folder");
        let bin = world.scratch.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        symlink(stand_in("aws-cli/aws"), bin.join("aws")).expect("linked");
        Self { world, logins }
    }

    /// An agent without cooldown, and with as many prompts an hour as can be had.
    fn agent(&self) -> WatcherBuilder {
        WatcherBuilder::new(&self.world.scratch)
            .aws(&self.world.aws)
            .env("LOGINS", &self.logins.display().to_string())
            .env("SSO_COOLDOWN_SECONDS", "0")
            .env("SSO_MAX_PROMPTS_PER_HOUR", "60")
    }

    /// A proxy that holds misses until everything has healed.
    fn proxy(&self) -> ProxyBuilder {
        let wait = HEALING.as_secs().to_string();
        self.world.builder().env("LOGIN_WAIT", &wait)
    }

    /// A proxy with a login that works.
    async fn signed_in(&self) -> Proxy {
        let _tokens = self.world.sign_in();
        let proxy = self.proxy().start().await;
        self.world.served(&proxy).await;
        proxy
    }

    /// The session ends, at the portal and at S3.
    fn end_session(&self) {
        self.world.aws.sso().end_sessions();
        self.world.aws.sso().expire_role_credentials();
    }

    /// A request that waits for the login: it has to be served in the end.
    fn waiting_miss(&self, proxy: &Proxy) -> JoinHandle<()> {
        let (path, address) = (self.world.new_artifact(), proxy.address());
        tokio::spawn(async move {
            let get = tests::get(address, &path);
            let answer = within(HEALING, "a waiting request", get).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        })
    }

    /// A request of a client that is cut off, as the proxy is killed meanwhile.
    async fn doomed_miss(&self, proxy: &Proxy) -> TcpStream {
        let path = self.world.new_artifact();
        let client = TcpStream::connect(proxy.address()).await;
        let mut client = client.expect("the proxy accepts");
        let host = proxy.address();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let sent = client.write_all(request.as_bytes()).await;
        sent.expect("sent");
        client
    }

    /// The session ends, a request waits, and the proxy has asked for a login.
    async fn asked_for_login(&self, proxy: &Proxy) -> JoinHandle<()> {
        self.end_session();
        let miss = self.waiting_miss(proxy);
        self.world.signalled().await;
        miss
    }

    /// Tells the stand-in how to behave.
    fn tell(&self, name: &str) {
        write(&self.logins.join(name), "");
    }

    /// Takes that back.
    fn untell(&self, name: &str) {
        std::fs::remove_file(self.logins.join(name)).expect("told before");
    }

    /// The processes of all logins so far.
    fn begun(&self) -> Vec<i32> {
        self.said("begin")
    }

    /// Waits for that many logins.
    async fn has_begun(&self, count: usize) {
        eventually("a login begins", async || self.begun().len() >= count).await;
    }

    fn said(&self, word: &str) -> Vec<i32> {
        let log = std::fs::read_to_string(self.logins.join("log")).unwrap_or_default();
        let words = log.lines().filter_map(|line| line.split_once(' '));
        let words = words.filter(|(said, _)| *said == word);
        words
            .map(|(_, pid)| pid.parse().expect("a process"))
            .collect()
    }

    /// `kill -9` for the login that runs, with its whole group.
    fn kill_login(&self) {
        if let Some(leader) = self.begun().last().filter(|leader| is_login(**leader)) {
            // It may have ended just now.
            let _gone = killpg(Pid::from_raw(*leader), Signal::SIGKILL);
        }
    }

    fn state(&self, name: &str) -> PathBuf {
        let state = self.world.scratch.home().join(".aws/sso-renewer");
        state.join(name)
    }

    fn journal(&self) -> Value {
        json_file(&self.state("agent.json")).unwrap_or_default()
    }

    /// Everything is as if nothing had happened: misses are served, no login is asked for, no lock is
    /// left and no login runs; and there never were two at the same time.
    async fn is_healed(&self, proxy: &Proxy) {
        let started = Instant::now();
        let healed = async {
            while self.is_busy() || self.world.miss(proxy).await.status != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        within(HEALING, "everything heals", healed).await;
        eprintln!("healed after {:.1} s", started.elapsed().as_secs_f64());
        assert_eq!(self.said("overlap"), [] as [i32; 0], "two logins at once");
    }

    fn is_busy(&self) -> bool {
        let lock = self.state("login.lock");
        self.world.signal().is_some() || lock.exists() || self.runs_login()
    }

    fn runs_login(&self) -> bool {
        self.begun().into_iter().any(is_login)
    }
}

/// Whether this process runs.
fn is_alive(pid: i32) -> bool {
    let status = Path::new("/proc").join(pid.to_string()).join("status");
    let status = std::fs::read_to_string(status);
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

/// All processes of a group.
fn processes_of_group(leader: i32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("the processes");
    let names = entries.flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        is_alive(*pid) && getpgid(Some(Pid::from_raw(*pid))) == Ok(Pid::from_raw(leader))
    })
    .collect()
}

/// Whether this process is the stand-in, and runs. Its number may be another's by now.
fn is_login(pid: i32) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&arguments).contains("--profile=team")
}

/// Waits until the agent begins an action for the nth time.
async fn acts(agent: &Watcher, action: &str, count: usize) {
    let words = format!("action={action}(");
    within(HEALING, &words, async {
        // Some take a millisecond only.
        while agent.log().matches(&words).count() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
