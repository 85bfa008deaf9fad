//! systemd.

use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sso_watcher::platform::Platform;
use sso_watcher::supervisor::{AgentState, Supervisor};
use tests::clients::{SYSTEMD_ANALYZE, are_installed};
use tests::commands::succeed;
use tests::{PATIENCE, eventually};

use super::{Bench, UID, is_alive};

/// What systemd takes in a program's path, however it is written. (It refuses quotes.)
const ODD_FOLDER: &str = "R&D <50%> $HOME ${HOME}; #=é";

fn bench() -> Bench {
    Bench::new(Platform::Linux, ODD_FOLDER)
}

/// The targets that start the agent.
fn wanted_by(bench: &Bench) -> Vec<String> {
    let folder = bench.supervisor.path().parent().expect("a folder");
    let entries = std::fs::read_dir(folder).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let wanting = paths.filter(|path| path.join("sso-watcher.service").exists());
    let mut targets: Vec<_> = wanting
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    targets.sort();
    targets
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_runs_with_the_variables_of_its_file_and_of_the_session() {
    let bench = bench();
    bench
        .stand_ins
        .tell("systemctl.environment", "DISPLAY=:0\n");
    bench
        .install([("AWS_PROFILE", "team \"a\" & 'b' \\ <50%> $HOME")])
        .await;
    let started = bench.started_with().await;
    assert_eq!(started["arguments"], "run");
    assert_eq!(started["umask"], "0077");
    assert_eq!(started["AWS_PROFILE"], "team \"a\" & 'b' \\ <50%> $HOME");
    assert_eq!(started["DISPLAY"], ":0");
    assert!(
        started["PATH"].contains("/my tools:/opt/homebrew/bin:"),
        "{started:?}"
    );
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
async fn systemctl_is_called_in_this_order() {
    let bench = bench();
    bench.install([]).await;
    let calls = bench.stand_ins.calls("systemctl");
    // How often it is looked is a matter of time.
    let mut calls: Vec<_> = calls.iter().map(String::as_str).collect();
    calls.dedup();
    insta::assert_snapshot!(calls.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_lives_with_the_desktop_or_with_any_login() {
    let bench = bench();
    bench.install([]).await;
    assert_eq!(wanted_by(&bench), ["default.target"]);
    bench.stand_ins.tell("graphical-session", "");
    bench.install([]).await;
    assert_eq!(wanted_by(&bench), ["graphical-session.target"]);
    assert!(bench.text().contains("\nPartOf=graphical-session.target\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_itself_finds_nothing_wrong_with_the_unit() {
    if !are_installed(&[SYSTEMD_ANALYZE]) {
        return;
    }
    let bench = bench();
    for graphical in [false, true] {
        if graphical {
            bench.stand_ins.tell("graphical-session", "");
        }
        bench
            .install([("AWS_PROFILE", "team \"a\" & 'b' \\ <50%> $HOME")])
            .await;
        let mut verify = Command::new(SYSTEMD_ANALYZE.path());
        verify
            .env("XDG_RUNTIME_DIR", bench.stand_ins.path("state"))
            .args(["--user", "verify", "--recursive-errors=no", "--man=no"])
            .arg(bench.supervisor.path());
        let said = succeed(verify, PATIENCE).await;
        assert_eq!(said.stderr, "");
    }
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
    assert!(wanted_by(&bench).is_empty());
    let before = bench.supervisor.uninstall().await.expect("nothing to do");
    assert_eq!(before, AgentState::NotInstalled);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_file_somebody_removed_is_stopped_all_the_same() {
    let bench = bench();
    bench.install([]).await;
    let pid = bench.pid().await;
    std::fs::remove_file(bench.supervisor.path()).expect("removed");
    let before = bench.supervisor.uninstall().await.expect("uninstalled");
    assert_eq!(before, AgentState::Running { pid: Some(pid) });
    assert!(!is_alive(pid));
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
    assert!(bench.text().contains("SSO_POLL_SECONDS=7"));
    let _running = bench.pid().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bus_nothing_is_installed_and_the_cure_is_told() {
    let bench = bench();
    bench.stand_ins.tell("no-bus", "");
    insta::assert_snapshot!(bench.refused().await);
    assert!(!bench.supervisor.path().exists());
    let before = bench.supervisor.uninstall().await.expect("nothing to do");
    assert_eq!(before, AgentState::NotInstalled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_systemctl_is_named_with_its_command_code_and_words() {
    let bench = bench();
    let broken = "reenable 1 Failed to reenable unit: Access denied\n";
    bench.stand_ins.tell("systemctl.failures", broken);
    insta::assert_snapshot!("broken", bench.refused().await);
    let environment = bench.stand_ins.environment().with("PATH", "/nowhere");
    let home = bench.stand_ins.home();
    let supervisor = Supervisor::new(Platform::Linux, &home, UID, &environment);
    let error = supervisor
        .install(&bench.file([]))
        .await
        .expect_err("missing");
    insta::assert_snapshot!("missing", error.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_ends_at_once_or_cannot_be_started_is_no_success() {
    let bench = bench();
    let file = bench.file([("AGENT_EXITS", "64")]);
    let error = bench.supervisor.install(&file).await.expect_err("it ended");
    insta::assert_snapshot!("ends-at-once", error.to_string());
    let mut file = bench.file([]);
    file.program = PathBuf::from("/no/such/sso-watcher");
    let error = bench.supervisor.install(&file).await.expect_err("missing");
    insta::assert_snapshot!("cannot-be-started", error.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unit_is_where_xdg_config_home_says() {
    let bench = bench();
    let path = |folder: &str| {
        let environment = bench
            .stand_ins
            .environment()
            .with("XDG_CONFIG_HOME", folder);
        let home = bench.stand_ins.home();
        let supervisor = Supervisor::new(Platform::Linux, &home, UID, &environment);
        supervisor.path().to_owned()
    };
    let moved = PathBuf::from("/elsewhere/systemd/user/sso-watcher.service");
    assert_eq!(path("/elsewhere"), moved);
    // The specification ignores relative ones.
    assert_eq!(path("elsewhere"), bench.supervisor.path());
}
