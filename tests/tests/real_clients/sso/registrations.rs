//! Client registrations that no login of the AWS CLI survives.

use simulated_aws::{Operation, SimulatedAws};
use tests::{Proxy, Scratch, eventually};

use super::put;
use crate::aws_cli::AwsCli;
use crate::bucket::write;
use crate::clients::{AWS_CLI, are_installed};
use crate::shared_home::SharedHome;

/// The CLI has registered, and logged in; the proxy lives on that.
async fn logged_in_by_the_cli(home: &SharedHome<'_>, aws: &SimulatedAws) -> (AwsCli, Proxy) {
    let cli = AwsCli::new(home);
    let ended = cli.try_to_log_in_by_code().await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(
        home.registration().exists(),
        "it is where we look for it: {}",
        home.registration().display()
    );
    let proxy = home.proxy().start().await;
    for number in 1..=3 {
        put(aws, &format!("g/a-{number}.jar"));
    }
    assert_eq!(proxy.get("/g/a-1.jar").await.status, 200);
    (cli, proxy)
}

/// The proxy has to renew its token for the next request.
fn spoil_credentials(aws: &SimulatedAws) {
    aws.sso().revoke_access_tokens();
    aws.sso().expire_role_credentials();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_registration_is_moved_aside_and_the_aws_cli_can_log_in_again() {
    if !are_installed(&[AWS_CLI]) {
        return;
    }
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let home = SharedHome::new(&scratch, &aws);
    let (cli, proxy) = logged_in_by_the_cli(&home, &aws).await;
    aws.sso().forget_registrations();
    // The CLI believes its file, however often it is told. With a browser it would wait ten minutes
    // for an answer to a page that shows an error.
    for _ in 0..2 {
        let ended = cli.try_to_log_in_by_code().await;
        assert_eq!(ended.code(), 254, "{}", ended.stderr);
        assert!(ended.stderr.contains("InvalidClient"), "{}", ended.stderr);
    }
    spoil_credentials(&aws);
    let (answer, ()) = tokio::join!(proxy.get("/g/a-2.jar"), async {
        eventually("the proxy asks for a login", async || {
            home.login_is_asked_for()
        })
        .await;
        assert!(!home.registration().exists());
        let ended = cli.try_to_log_in_by_code().await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
    });
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), proxy.log());
    assert!(home.registration().exists(), "the CLI has registered anew");
    assert_eq!(aws.counters().count(Operation::RegisterClient), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_registration_fails_the_aws_cli_and_not_the_proxy() {
    if !are_installed(&[AWS_CLI]) {
        return;
    }
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let home = SharedHome::new(&scratch, &aws);
    let (cli, proxy) = logged_in_by_the_cli(&home, &aws).await;
    write(&home.registration(), "{\"clientId\": \"cut");
    let ended = cli.try_to_log_in().await;
    assert_eq!(ended.code(), 255, "{}", ended.stderr);
    spoil_credentials(&aws);
    let answer = proxy.get("/g/a-3.jar").await;
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), proxy.log());
    assert_eq!(aws.sso().refreshes(), 1);
    assert!(!home.login_is_asked_for());
}
