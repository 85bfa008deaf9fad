//! What may be read where: no secret leaves its place, and every prompt is told with its cause.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tests::{Watcher, eventually};

use crate::host::Host;

/// The fields of the token and of the registration that nobody else may see.
const SECRETS: [&str; 3] = ["accessToken", "refreshToken", "clientSecret"];

/// Everything that was ever to be read of a host.
#[derive(Default)]
struct Seen(Mutex<BTreeSet<String>>);

impl Seen {
    /// The agent's files, and the command lines of all processes in this home.
    fn look(&self, host: &Host) {
        let mut seen = self.0.lock().expect("whole");
        for path in files_below(&host.state("")).chain(files_below(&host.home().join(".local"))) {
            seen.insert(text(&path));
        }
        seen.extend(host.command_lines());
    }

    fn must_not_hold(&self, secrets: &BTreeSet<String>) {
        let seen = self.0.lock().expect("whole");
        assert!(seen.len() > 5, "{}", seen.len());
        for (text, secret) in seen
            .iter()
            .flat_map(|text| secrets.iter().map(move |secret| (text, secret)))
        {
            assert!(!text.contains(secret), "{secret} is in:\n{text}");
        }
    }
}

fn text(path: &Path) -> String {
    // Some are gone at once.
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn files_below(folder: &Path) -> Box<dyn Iterator<Item = PathBuf>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    Box::new(entries.flat_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path)
        } else {
            Box::new(std::iter::once(path))
        }
    }))
}

fn secrets_of(host: &Host) -> BTreeSet<String> {
    let token = host.token();
    let values = SECRETS.map(|name| token.as_ref().map(|token| token[name].clone()));
    let texts = values.into_iter().flatten();
    texts
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

/// Looks all the time, until the request is done.
async fn served(host: &Host, seen: &Seen) {
    eventually("the request is served", async || {
        seen.look(host);
        host.sso.signal().is_none()
    })
    .await;
    seen.look(host);
}

async fn code_is_approved(host: &Host, agent: &Watcher) -> String {
    let (_, code) = host.invitation(agent).await;
    assert!(host.sso.aws.sso().approve(&code));
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_a_log_a_file_of_the_agent_or_a_command_line() {
    let Some(host) = Host::new().await else {
        return;
    };
    let (seen, mut secrets) = (Seen::default(), BTreeSet::new());
    host.person_will("allow");
    let agent = host.agent().env("LOG_LEVEL", "trace").start().await;
    host.ask();
    served(&host, &seen).await;
    assert_eq!(host.opened().len(), 1);
    secrets.extend(secrets_of(&host));
    // A renewal.
    let old = host.sso.sign_in_long_ago();
    secrets.extend([old.access_token.clone(), old.client_secret.clone()]);
    secrets.extend(old.refresh_token.clone());
    host.ask_anew();
    served(&host, &seen).await;
    assert_eq!(host.sso.aws.sso().refreshes(), 1);
    secrets.extend(secrets_of(&host));
    // A code.
    host.sso.aws.sso().end_sessions();
    drop(agent);
    let agent = host
        .agent_without_desktop()
        .env("LOG_LEVEL", "trace")
        .start()
        .await;
    host.ask_anew();
    let (code, ()) = tokio::join!(code_is_approved(&host, &agent), served(&host, &seen));
    secrets.extend(secrets_of(&host));

    assert!(secrets.len() >= 9, "{}", secrets.len());
    seen.must_not_hold(&secrets);
    assert!(
        !agent.log().contains(&code),
        "a code is for the person alone"
    );
    eventually("the code is forgotten", async || {
        !text(&host.state("agent.json")).contains(&code)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_files_are_its_users_alone() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _agent = host.agent().start().await;
    host.ask();
    host.fails("exit code 255").await;
    let log_folder = host.home().join(".local/state/sso-watcher");
    let mode = |path: &Path| {
        path.symlink_metadata()
            .expect("a file")
            .permissions()
            .mode()
            & 0o777
    };
    for folder in [&host.state(""), &log_folder] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    let files: Vec<_> = files_below(&host.state(""))
        .chain(files_below(&log_folder))
        .collect();
    assert!(files.len() > 4, "{files:?}");
    // What the test itself wrote has the test's own mode.
    for path in files
        .iter()
        .filter(|path| !path.is_symlink() && !path.ends_with("new"))
    {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    let link = fs::read_link(log_folder.join("sso-watcher.log")).expect("a link to the newest");
    let name = link
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let date = name.strip_prefix("sso-watcher.log.").expect("a date");
    assert_eq!(
        date.split('-').map(str::len).collect::<Vec<_>>(),
        [4, 2, 2],
        "{name}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_prompt_is_logged_with_its_cause() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let agent = host.agent().start().await;
    host.ask();
    host.fails("exit code 255").await;
    let log = agent.log();
    let prompt = log
        .lines()
        .find(|line| line.contains("PROMPT:"))
        .expect("a prompt");
    assert!(
        prompt.ends_with(
            "PROMPT: a person is asked to sign in profile=\"team\" source=\"bazel-proxy\" \
             code=\"SessionEnded\" reason=\"the session has ended\""
        ),
        "{prompt}"
    );
}
