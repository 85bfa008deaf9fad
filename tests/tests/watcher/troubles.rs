//! Logins that fail: each kind is told apart, and none leads to another page than it should.

mod aws_cli;
mod registrations;
mod token_folder;

use std::time::Duration;

use serde_json::Value;
use tests::throughout;

use crate::host::{Host, epoch_seconds_in};

/// Long enough for several looks of the agent.
const A_WHILE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_opens_no_page_before_the_cooldown_is_over() {
    Host::with_each_cli(async |host| {
        host.person_will("deny");
        let agent = host.agent().env("SSO_COOLDOWN_SECONDS", "60").start().await;
        host.ask();
        let failed = host.fails("the sign-in was refused").await;
        let next = failed["nextAttemptAfter"].as_u64().expect("a time");
        let wait = next.saturating_sub(epoch_seconds_in(Duration::ZERO));
        assert!((50..=60).contains(&wait), "{wait}");
        assert_eq!(
            failed["reason"], "the session has ended",
            "what else stood there"
        );
        throughout(A_WHILE, "one page", async || host.opened().len() == 1).await;
        assert_eq!(host.run(&agent, &["status"]).await.code(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_is_away_opens_no_page_and_is_taken_up_when_it_is_back() {
    let Some(host) = Host::new().await else {
        return;
    };
    host.person_will("allow");
    host.sso.aws.go_offline().await.expect("offline");
    let _agent = host.agent().start().await;
    host.ask();
    host.fails("AWS SSO does not answer").await;
    assert!(host.opened().is_empty());
    host.sso.aws.go_online().await.expect("online");
    let back = std::time::Instant::now();
    host.is_served().await;
    assert!(
        back.elapsed() < Duration::from_secs(20),
        "{:?}",
        back.elapsed()
    );
    assert_eq!(host.opened().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lives_needs_nobody_after_an_outage() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in_long_ago();
    host.sso.aws.go_offline().await.expect("offline");
    let _agent = host.agent().start().await;
    host.ask();
    host.fails("").await;
    host.sso.aws.go_online().await.expect("online");
    host.is_served().await;
    assert!(!host.cli_was_called(), "a login was tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_the_login_does_not_give_is_told_once_and_asked_for_once() {
    let Some(host) = Host::new().await else {
        return;
    };
    host.person_will("allow");
    host.sso.aws.sso().unassign("123456789012", "Developer");
    let agent = host.agent().start().await;
    host.ask();
    host.fails("gives no access to role `Developer` in account 123456789012")
        .await;
    throughout(A_WHILE, "one page", async || host.opened().len() == 1).await;
    assert_eq!(host.stand_ins.calls("notify-send").len(), 1);

    // The administrator helps, and the person corrects the profile.
    host.sso.aws.sso().assign("123456789012", "Reader");
    let config = host.sso.config().replace("Developer", "Reader");
    host.sso.scratch.write_config(&config);
    host.is_served().await;
    assert_eq!(host.opened().len(), 1, "the login is good");
    assert_eq!(Host::prompts(&agent), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_does_not_exist_is_told_and_noticed_when_it_does() {
    let host = Host::with_stand_in_cli("exit 255").await;
    let _login = host.sso.sign_in();
    let agent = host.agent().start().await;
    host.ask_for("later");
    host.fails("later").await;
    throughout(A_WHILE, "told once", async || {
        agent.log().matches("no login can be tried").count() == 1
    })
    .await;
    let config = host
        .sso
        .config()
        .replace("[profile team]", "[profile later]");
    host.sso.scratch.write_config(&config);
    host.is_served().await;
    assert_eq!(host.stand_ins.calls("notify-send").len(), 1);
    assert_eq!(host.sso.signal(), None::<Value>);
}
