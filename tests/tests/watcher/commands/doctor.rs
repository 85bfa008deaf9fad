//! `sso-watcher doctor`: what is broken, and how to mend it.

use tests::commands::run;
use tests::{Mounted, PATIENCE};

use crate::host::Host;
use crate::stand_ins::write;

async fn lines(host: &Host, code: i32) -> String {
    let said = run(host.agent().command(&["doctor"]), PATIENCE).await;
    let text = said.text();
    assert_eq!(said.code(), code, "{text}\n{}", said.stderr);
    text
}

fn must_say(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line}\n---\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_checks_everything_that_a_login_needs() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let text = lines(&host, 1).await;
    must_say(
        &text,
        &[
            "Run `sso-watcher install`.",
            "(2.38.5)",
            "a login opens your browser",
            "session corp at https://d-1234567890.awsapps.com/start",
            "nobody is signed in",
            "Run `sso-watcher login team`.",
            "SSO-OIDC answers",
        ],
    );
    assert!(
        !text.contains("token folder"),
        "there is none yet, and that is no fault:\n{text}"
    );
    assert!(!host.cli_was_called());
    assert!(host.opened().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_is_content_where_all_is_well_but_the_agent_is_not_installed() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let _agent = host.agent().start().await;
    let text = lines(&host, 0).await;
    must_say(&text, &["running, but not installed", ", until 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_what_is_broken_with_its_cure() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    write(&host.sso.registration_path(), "{");
    write(&host.sso.token_path(), "{");
    host.sso.aws.go_offline().await.expect("offline");
    let text = lines(&host, 1).await;
    must_say(
        &text,
        &[
            "is no token",
            "it is damaged",
            "AWS SSO does not answer",
            "behind a corporate proxy set HTTPS_PROXY",
        ],
    );
    host.sso
        .scratch
        .write_config("[profile team]\nregion = us-west-2\n");
    must_say(
        &lines(&host, 1).await,
        &["team cannot be used", "there is no profile"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_a_token_folder_that_cannot_be_written() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let Some(mounted) = Mounted::over(&host.sso.token_folder()) else {
        return;
    };
    mounted.remount("ro");
    must_say(
        &lines(&host, 1).await,
        &["token folder", "Read-only file system"],
    );
}
