//! An AWS CLI that is none, is too old, or fails.

use tests::aws_cli::write_program;
use tests::clients::{AWS_CLI, OLD_AWS_CLI, are_installed};
use tests::throughout;

use super::A_WHILE;
use crate::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_cli_that_cannot_log_in_is_told_once_and_noticed_when_it_is_mended() {
    if !are_installed(&[AWS_CLI]) {
        return;
    }
    let host = Host::without_cli().await;
    host.person_will("allow");
    let aws = host.bin("aws");
    let says = |version: &str| write_program(&aws, &format!("#!/bin/sh\necho aws-cli/{version}\n"));
    says("1.40.0 Python/3.11.2");
    let named = aws.display().to_string();
    let agent = host.agent().env("SSO_LOGIN_COMMAND", &named).start().await;
    host.ask();
    host.fails("version 1.40.0, which has no `aws sso login`")
        .await;
    throughout(A_WHILE, "told once", async || {
        agent.log().matches("no login can be tried").count() == 1
    })
    .await;
    says("2.8.13 Python/3.9.11");
    host.fails("version 2.8.13, which is older than 2.9.0")
        .await;
    std::fs::remove_file(&aws).expect("removed");
    host.fails("There is none at").await;
    assert!(host.opened().is_empty());

    std::os::unix::fs::symlink(AWS_CLI.path(), &aws).expect("linked");
    host.is_served().await;
    assert_eq!(host.opened().len(), 1);
    assert_eq!(host.stand_ins.calls("notify-send").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usable_aws_cli_behind_an_old_one_on_path_is_found() {
    if !are_installed(&[OLD_AWS_CLI]) {
        return;
    }
    let host = Host::without_cli().await;
    host.lead_old_cli();
    write_program(
        &host.bin("aws"),
        "#!/bin/sh\necho aws-cli/1.40.0 Python/3.11.2 >&2\n",
    );
    host.person_will("allow");
    let _agent = host.agent().start().await;
    host.ask();
    host.is_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_exit_code_is_understood() {
    let host = Host::with_stand_in_cli("exit 0").await;
    let agent = host.agent().env("SSO_MAX_PROMPTS_PER_HOUR", "60");
    let agent = agent.env("SSO_COOLDOWN_SECONDS", "0").start().await;
    host.ask();
    host.fails("says that it succeeded, and the token's file has not changed")
        .await;
    for (end, told) in [
        ("echo usage >&2; exit 252", "cannot work like this: usage"),
        (
            "echo no such section >&2; exit 253",
            "cannot work like this: no such section",
        ),
        (
            "echo service error >&2; exit 254",
            "failed (exit code 254): service error",
        ),
        (
            "echo something else >&2; exit 255",
            "failed (exit code 255): something else",
        ),
        (
            "echo interrupted >&2; exit 130",
            "failed (exit code 130): interrupted",
        ),
        ("kill -9 $$", "failed (ended by signal 9)"),
    ] {
        host.cli_ends_with(end);
        host.fails(told).await;
    }
    assert!(Host::prompts(&agent) >= 7);
}

/// Whoever finishes late, or elsewhere, has logged in all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_aws_cli_with_a_new_login_is_a_success() {
    let host =
        Host::with_stand_in_cli("sleep 1; cp \"$HOME/token\" \"$HOME/$TOKEN\"; exit 255").await;
    let _old = host.sso.sign_in();
    host.sso.aws.sso().end_sessions();
    let token = host.sso.token_path();
    let new = host.sso.aws.sso().sign_in();
    let text = new.to_json(host.sso.aws.sso().start_url(), host.sso.aws.sso().region());
    crate::stand_ins::write(&host.home().join("token"), &text);
    let name = token.strip_prefix(host.home()).expect("at home");
    let _agent = host
        .agent()
        .env("TOKEN", &name.display().to_string())
        .start()
        .await;
    host.ask();
    host.is_served().await;
}
