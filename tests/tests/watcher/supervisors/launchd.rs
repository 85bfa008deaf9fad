//! launchd.

use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sso_watcher::platform::Platform;
use sso_watcher::supervisor::{AgentState, Supervisor};
use tests::{eventually, throughout};

use super::{Bench, UID, is_alive};

/// Nothing in a path or value means anything to launchd.
const ODD_FOLDER: &str = "R&D \"it's\" <50%> $HOME";

fn bench() -> Bench {
    Bench::new(Platform::MacOs, ODD_FOLDER)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_runs_with_the_variables_of_its_file_and_no_others() {
    let bench = bench();
    bench
        .install([("AWS_PROFILE", "team \"a\" & 'b' \\ <50%> $HOME")])
        .await;
    let started = bench.started_with().await;
    assert_eq!(started["arguments"], "run");
    assert_eq!(started["umask"], "0077");
    assert_eq!(started["AWS_PROFILE"], "team \"a\" & 'b' \\ <50%> $HOME");
    assert!(
        started["PATH"].contains("/my tools:/opt/homebrew/bin:"),
        "{started:?}"
    );
    let stage = ["HOME", "USER", "STAND_IN_LOG", "STAND_IN_STATE"];
    let names: Vec<_> = started.keys().map(String::as_str).collect();
    let others: Vec<_> = names
        .into_iter()
        .filter(|name| !stage.contains(name))
        .collect();
    assert_eq!(others, ["AWS_PROFILE", "PATH", "PWD", "arguments", "umask"]);
    bench.must_be_private();
}

#[tokio::test(flavor = "multi_thread")]
async fn installing_twice_leaves_one_agent_with_the_newest_file() {
    let bench = bench();
    bench.install([("SSO_POLL_SECONDS", "5")]).await;
    let first = bench.pid().await;
    std::fs::remove_file(bench.program.with_extension("started")).expect("removed");
    bench.install([("SSO_POLL_SECONDS", "7")]).await;
    assert_ne!(bench.pid().await, first);
    assert!(!is_alive(first));
    assert_eq!(bench.started_with().await["SSO_POLL_SECONDS"], "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn launchctl_is_called_in_this_order() {
    let bench = bench();
    bench.install([]).await;
    let calls = bench.stand_ins.calls("launchctl");
    // How often it is looked is a matter of time.
    let mut calls: Vec<_> = calls.iter().map(String::as_str).collect();
    calls.dedup();
    insta::assert_snapshot!(calls.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_property_list_says_to_plistlib_what_it_shall() {
    let bench = bench();
    bench
        .install([("HTTPS_PROXY", "http://jo:p&ss@proxy.example:3128")])
        .await;
    let script = "import json, plistlib, sys\n\
                  print(json.dumps(plistlib.load(open(sys.argv[1], 'rb')), indent=2, sort_keys=True))";
    let mut python = Command::new("python3");
    let said = python
        .args(["-c", script])
        .arg(bench.supervisor.path())
        .output();
    let said = said.expect("Python runs");
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let scratch = bench.stand_ins.path("").display().to_string();
    let text = String::from_utf8(said.stdout).expect("text");
    insta::assert_snapshot!(text.replace(&scratch, "SCRATCH/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_takes_its_time_to_end_is_waited_for() {
    let bench = bench();
    bench.install([("AGENT_LINGERS", "1.5")]).await;
    let first = bench.pid().await;
    let _started = bench.started_with().await;
    bench.stand_ins.forget_calls();
    bench.install([]).await;
    assert!(!is_alive(first));
    let calls = bench.stand_ins.calls("launchctl");
    let bootstraps = calls.iter().filter(|call| call.starts_with("bootstrap"));
    assert_eq!(bootstraps.count(), 1, "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launchd_that_is_not_ready_for_the_agent_yet_is_asked_again() {
    let bench = bench();
    let not_ready = "bootstrap 5 Bootstrap failed: 5: Input/output error\n\
                     bootstrap 37 Bootstrap failed: 37: Operation already in progress\n\
                     kickstart 37 Could not kickstart service: 37: Operation already in progress\n";
    bench.stand_ins.tell("launchctl.failures", not_ready);
    bench.install([]).await;
    let _running = bench.pid().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_was_disabled_is_enabled_by_installing_it() {
    let bench = bench();
    std::fs::create_dir(bench.stand_ins.path("state/launchctl")).expect("a folder");
    bench
        .stand_ins
        .tell("launchctl/disabled-com.bazel.sso-watcher", "");
    bench.install([]).await;
    let _running = bench.pid().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_comes_back() {
    let bench = bench();
    bench.install([]).await;
    let first = bench.pid().await;
    let pid = Pid::from_raw(i32::try_from(first).expect("a pid"));
    kill(pid, Signal::SIGKILL).expect("killed");
    eventually("another agent runs", async || {
        let state = bench.state().await;
        matches!(state, AgentState::Running { pid: Some(pid) } if pid != first)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_agent_stays_away_until_it_is_started() {
    let bench = bench();
    bench.install([]).await;
    let first = bench.pid().await;
    for _ in 0..2 {
        bench.supervisor.stop().await.expect("stopped");
        assert_eq!(bench.state().await, AgentState::Stopped);
    }
    assert!(!is_alive(first));
    bench.supervisor.start().await.expect("started");
    let second = bench.pid().await;
    bench.supervisor.start().await.expect("started");
    assert_eq!(bench.pid().await, second, "it ran already");
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstalling_says_what_was_there_and_leaves_nothing() {
    let bench = bench();
    bench.install([]).await;
    let pid = bench.pid().await;
    let before = bench.supervisor.uninstall().await.expect("uninstalled");
    assert_eq!(before, AgentState::Running { pid: Some(pid) });
    assert!(!is_alive(pid));
    assert!(!bench.supervisor.path().exists());
    let before = bench.supervisor.uninstall().await.expect("nothing to do");
    assert_eq!(before, AgentState::NotInstalled);
}

#[tokio::test(flavor = "multi_thread")]
async fn restarting_takes_the_file_afresh_but_installs_nothing() {
    let bench = bench();
    let error = bench.supervisor.restart(&bench.file([])).await;
    let text = error.expect_err("not installed").to_string();
    assert!(text.ends_with("Run `sso-watcher install`."), "{text}");
    let error = bench.supervisor.start().await.expect_err("not installed");
    assert_eq!(error.to_string(), text);
    bench.install([]).await;
    let file = bench.file([("SSO_POLL_SECONDS", "7")]);
    bench.supervisor.restart(&file).await.expect("restarted");
    assert!(bench.text().contains("SSO_POLL_SECONDS"));
    let _running = bench.pid().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_desktop_session_nothing_is_installed_and_the_cure_is_told() {
    let bench = bench();
    for (code, snapshot) in [("125", "no-desktop-125"), ("112", "no-desktop-112")] {
        bench.stand_ins.tell("no-desktop", code);
        insta::assert_snapshot!(snapshot, bench.refused().await);
        assert!(!bench.supervisor.path().exists());
        assert_eq!(bench.state().await, AgentState::NotInstalled);
    }
    bench.stand_ins.forget("no-desktop");
    bench.install([]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_uninstalled_over_ssh_too() {
    let bench = bench();
    bench.install([]).await;
    bench.supervisor.stop().await.expect("stopped");
    bench.stand_ins.tell("no-desktop", "");
    let before = bench.supervisor.uninstall().await.expect("uninstalled");
    assert_eq!(before, AgentState::Stopped);
    assert!(!bench.supervisor.path().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_launchctl_is_named_with_its_command_code_and_words() {
    let bench = bench();
    let broken = "*! 72 dyld: Library not loaded\n";
    bench.stand_ins.tell("launchctl.failures", broken);
    insta::assert_snapshot!("broken", bench.refused().await);
    let environment = bench.stand_ins.environment().with("PATH", "/nowhere");
    let home = bench.stand_ins.home();
    let supervisor = Supervisor::new(Platform::MacOs, &home, UID, &environment);
    let error = supervisor
        .install(&bench.file([]))
        .await
        .expect_err("missing");
    insta::assert_snapshot!("missing", error.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_ends_at_once_is_no_success() {
    let bench = bench();
    let file = bench.file([("AGENT_EXITS", "64")]);
    let error = bench.supervisor.install(&file).await.expect_err("it ended");
    insta::assert_snapshot!(error.to_string());
    // What it said is beside its log, for its owner only.
    let said = std::fs::read_to_string(bench.stand_ins.home().join("Logs/sso-watcher.err.log"));
    assert!(said.expect("a log").contains("broken on purpose"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_ends_well_is_not_started_again() {
    let bench = bench();
    bench.install([("AGENT_LINGERS", "0")]).await;
    let _started = bench.started_with().await;
    let pid = Pid::from_raw(i32::try_from(bench.pid().await).expect("a pid"));
    kill(pid, Signal::SIGTERM).expect("told to end");
    eventually("it has ended", async || {
        bench.state().await == AgentState::Stopped
    })
    .await;
    throughout(
        std::time::Duration::from_secs(1),
        "it stays away",
        async || bench.state().await == AgentState::Stopped,
    )
    .await;
}
