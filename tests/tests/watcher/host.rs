//! A host: a home with a real AWS CLI, a browser and the stand-ins of a desktop, for the real agent; and the
//! simulated AWS beside it.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use simulated_aws::Operation;
use tests::aws_cli::{write_endpoint_rules, write_program};
use tests::clients::{AWS_CLI, OLD_AWS_CLI, Part, are_installed};
use tests::commands::{Ended, client, run, succeed};
use tests::sso_world::{PROFILE, SESSION, json_file};
use tests::{PATIENCE, SsoWorld, Watcher, WatcherBuilder, eventually};

use crate::stand_ins::{StandIns, stand_in, write};

/// A browser that notes the page and does there what the person decides; for want of a decision, nothing. It
/// forks, as the CLI waits for it.
const BROWSER: &str = r#"#!/bin/sh
echo "$1" >>"$HOME/opened"
decision=$(cat "$HOME/decision" 2>/dev/null) || exit 0
(curl --silent --insecure --location --noproxy '*' --data "decision=$decision" "$1" >"$HOME/page.html" 2>&1 &)
"#;

/// The generation of the first request of a host.
const FIRST: u64 = 1_767_323_045_000;

/// Everything but the agent.
pub(crate) struct Host {
    pub(crate) sso: SsoWorld,
    pub(crate) stand_ins: StandIns,
}

impl Host {
    /// With the AWS CLI of today; `None` where it is not installed.
    pub(crate) async fn new() -> Option<Self> {
        Self::with(AWS_CLI).await
    }

    /// With one of the AWS CLIs.
    async fn with(cli: Part) -> Option<Self> {
        if !are_installed(&[cli]) {
            return None;
        }
        let host = Self::without_cli().await;
        symlink(cli.path(), host.bin("aws")).expect("linked");
        Some(host)
    }

    /// With the oldest AWS CLI that is taken.
    pub(crate) async fn with_old_cli() -> Option<Self> {
        let host = Self::with(OLD_AWS_CLI).await?;
        host.lead_old_cli();
        Some(host)
    }

    /// Leads Debian's CLI to the simulated AWS. For no other: it overrides the variables.
    pub(crate) fn lead_old_cli(&self) {
        write_endpoint_rules(&self.home(), &self.sso.aws.endpoint_url());
    }

    /// With no AWS CLI but what the test puts there.
    pub(crate) async fn without_cli() -> Self {
        let host = Self {
            sso: SsoWorld::new().await,
            stand_ins: StandIns::new(),
        };
        std::fs::create_dir_all(host.bin("")).expect("a folder for programs");
        write_program(&host.bin("browser"), BROWSER);
        host
    }

    /// With a stand-in for an AWS CLI: it notes that a login was begun, and ends as this script does.
    pub(crate) async fn with_stand_in_cli(end: &str) -> Self {
        let host = Self::without_cli().await;
        host.cli_ends_with(end);
        host
    }

    /// Puts another stand-in in its place.
    pub(crate) fn cli_ends_with(&self, end: &str) {
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && exec echo aws-cli/2.38.5 Python/3.14.8\n\
             echo \"$@\" >>\"$HOME/called\"\n{end}\n"
        );
        write_program(&self.bin("aws"), &script);
    }

    /// Whether the stand-in has begun a login.
    pub(crate) fn cli_was_called(&self) -> bool {
        self.home().join("called").exists()
    }

    /// Tells the story with each of the AWS CLIs, at the same time.
    pub(crate) async fn with_each_cli(story: impl AsyncFn(Self)) {
        let tell = async |host: Option<Self>| {
            if let Some(host) = host {
                story(host).await;
            }
        };
        let (new, old) = tokio::join!(Self::new(), Self::with_old_cli());
        join_all([new, old].map(tell)).await;
    }

    /// An agent in a desktop session.
    pub(crate) fn agent(&self) -> WatcherBuilder {
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            self.bin("").display(),
            stand_in("").display()
        );
        let text = |path: PathBuf| path.display().to_string();
        WatcherBuilder::new(&self.sso.scratch)
            .aws(&self.sso.aws)
            .env("PATH", &path)
            .env("DISPLAY", ":0")
            .env("BROWSER", &format!("{} %s", self.bin("browser").display()))
            .env("STAND_IN_LOG", &text(self.stand_ins.path("calls")))
            .env("STAND_IN_STATE", &text(self.stand_ins.path("state")))
    }

    /// An agent where nobody has a desktop.
    pub(crate) fn agent_without_desktop(&self) -> WatcherBuilder {
        self.agent().without("DISPLAY")
    }

    /// `HOME`.
    pub(crate) fn home(&self) -> PathBuf {
        self.sso.scratch.home()
    }

    /// A program that is found before the system's.
    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        self.sso.scratch.path().join("bin").join(name)
    }

    /// A file of the agent's state.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.home().join(".aws/sso-renewer").join(name)
    }

    /// What the person does on every sign-in page from now on: `allow` or `deny`.
    pub(crate) fn person_will(&self, decision: &str) {
        write(&self.home().join("decision"), decision);
    }

    /// The pages that the browser was sent to.
    pub(crate) fn opened(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.home().join("opened"));
        text.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Waits until the browser was sent to so many pages.
    pub(crate) async fn has_opened(&self, pages: usize) {
        eventually(&format!("{pages} pages are open"), async || {
            self.opened().len() == pages
        })
        .await;
    }

    /// Clicks on a page, in another browser.
    pub(crate) async fn click(&self, page: &str) {
        let mut browser = client("curl", &self.home());
        browser.args(["--silent", "--show-error", "--location"]);
        browser.args(["--data", "decision=allow", page]);
        succeed(browser, PATIENCE).await;
    }

    /// Asks for a login as bazel-proxy does.
    pub(crate) fn ask(&self) {
        self.ask_for(PROFILE);
    }

    /// Asks for a login with this profile.
    pub(crate) fn ask_for(&self, profile: &str) {
        self.request(&json!({
            "profile": profile, "reason": "the session has ended", "source": "bazel-proxy",
            "timestamp": "2026-01-02T03:04:05Z", "ssoSession": SESSION,
            "code": "SessionEnded", "generation": FIRST
        }));
    }

    /// Asks anew: as for a session that worked meanwhile, and has ended again.
    pub(crate) fn ask_anew(&self) {
        let generation = self
            .sso
            .signal()
            .and_then(|signal| signal["generation"].as_u64());
        self.request(&json!({
            "profile": PROFILE, "source": "bazel-proxy", "ssoSession": SESSION,
            "generation": generation.unwrap_or(FIRST) + 1
        }));
    }

    /// Writes any request.
    pub(crate) fn request(&self, request: &Value) {
        self.request_bytes(&request.to_string());
    }

    /// Writes whatever in the place of a request, by rename.
    pub(crate) fn request_bytes(&self, text: &str) {
        std::fs::create_dir_all(self.state("")).expect("a state folder");
        let new = self.state("new");
        write(&new, text);
        std::fs::rename(new, self.sso.signal_path()).expect("renamed");
    }

    /// Waits until an attempt has failed for this reason, and gives the request as it stands then.
    pub(crate) async fn fails(&self, reason: &str) -> Value {
        let mut last = Value::Null;
        eventually(&format!("it fails: {reason}"), async || {
            last = self.sso.signal().unwrap_or_default();
            let error = last["lastError"].as_str();
            error.is_some_and(|error| error.contains(reason))
        })
        .await;
        last
    }

    /// Waits until the request is done, by a login that works.
    pub(crate) async fn is_served(&self) {
        self.sso.unsignalled().await;
        assert!(self.token().is_some(), "there is no token");
        let log = self.sso.aws.counters().log();
        let proof = log
            .iter()
            .rev()
            .find(|call| call.operation == Operation::GetRoleCredentials);
        assert_eq!(proof.and_then(|call| call.status), Some(200), "the proof");
    }

    /// How many processes of `aws sso login` there are in this home.
    pub(crate) fn logins_running(&self) -> usize {
        let lines = self.command_lines();
        lines.filter(|line| line.contains("sso login ")).count()
    }

    /// The command lines of all processes in this home.
    pub(crate) fn command_lines(&self) -> impl Iterator<Item = String> {
        self.processes().map(|(_, line)| line)
    }

    fn processes(&self) -> impl Iterator<Item = (Pid, String)> {
        let home = format!("HOME={}\0", self.home().display());
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        processes.filter_map(move |entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            // Some have just ended.
            let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
            let text = |name: &str| String::from_utf8_lossy(&read(name)).into_owned();
            let is_here = (text("environ") + "\0").contains(&home);
            is_here.then(|| (Pid::from_raw(pid), text("cmdline").replace('\0', " ")))
        })
    }

    /// How often a person was asked in all.
    pub(crate) fn prompts(agent: &Watcher) -> usize {
        agent.log().matches("PROMPT:").count()
    }

    /// The token in the file of the session.
    pub(crate) fn token(&self) -> Option<Value> {
        json_file(&self.sso.token_path())
    }

    /// Any command of `sso-watcher`, to its end.
    pub(crate) async fn run(&self, agent: &Watcher, arguments: &[&str]) -> Ended {
        run(agent.command(arguments), PATIENCE).await
    }

    /// What `sso-watcher status --json` says.
    pub(crate) async fn status(&self, agent: &Watcher) -> Value {
        let said = self.run(agent, &["status", "--json"]).await;
        serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    /// Waits for the page and the code of a login without a browser.
    pub(crate) async fn invitation(&self, agent: &Watcher) -> (String, String) {
        let mut shown = Value::Null;
        eventually("a code is shown", async || {
            shown = self.status(agent).await["invitation"].take();
            shown.is_object()
        })
        .await;
        let text = |name: &str| shown[name].as_str().expect("a text").to_owned();
        (text("url"), text("code"))
    }
}

/// A killed agent's login lives on, for ten minutes.
impl Drop for Host {
    fn drop(&mut self) {
        for (pid, _) in self.processes() {
            // Some have just ended.
            let _outcome = kill(pid, Signal::SIGKILL);
        }
    }
}

/// Seconds since 1970, so far from now.
pub(crate) fn epoch_seconds_in(wait: Duration) -> u64 {
    let time = now() + wait;
    time.as_secs()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the programs under test read the same clock"
)]
fn now() -> Duration {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970")
}
