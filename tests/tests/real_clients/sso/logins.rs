//! People log in for real while the proxy runs and a build waits.

use tests::{Scratch, eventually};

use super::{SOON, put, taken_up};
use crate::aws_cli::AwsCli;
use crate::build::TURN;
use crate::clients::{AWS_CLI, OLD_AWS_CLI, are_installed};
use crate::shared_home::SharedHome;

/// The login ends, a request waits for it, and this CLI brings the next one.
async fn assert_a_login_ends_the_wait(cli: impl Fn(&SharedHome<'_>) -> AwsCli) {
    let _turn = TURN.lock().await;
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let home = SharedHome::new(&scratch, &aws);
    home.log_in();
    let proxy = home.proxy().start().await;
    for key in ["g/a-1.jar", "g/a-2.jar"] {
        put(&aws, key);
    }
    assert_eq!(proxy.get("/g/a-1.jar").await.status, 200);
    aws.sso().end_sessions();
    aws.sso().expire_role_credentials();

    let cli = cli(&home);
    let (answer, taken_up) = tokio::join!(proxy.get("/g/a-2.jar"), async {
        eventually("the host is asked for a login", async || {
            home.login_is_asked_for()
        })
        .await;
        taken_up(&home, &proxy, cli.log_in()).await
    });
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.verdict().ends_with("; held"), "{answer:?}");
    assert!(taken_up < SOON, "{taken_up:?}\n{}", proxy.log());
    eventually("the host is asked for nothing", async || {
        !home.login_is_asked_for()
    })
    .await;
    // The file is the CLI's own, and it works with it.
    cli.ask_who_it_is().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_the_aws_cli_in_a_browser_ends_the_wait_within_2_s() {
    if are_installed(&[AWS_CLI]) {
        assert_a_login_ends_the_wait(AwsCli::new).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_an_old_aws_cli_with_a_device_code_ends_the_wait_within_2_s() {
    if are_installed(&[OLD_AWS_CLI]) {
        assert_a_login_ends_the_wait(AwsCli::old).await;
    }
}
