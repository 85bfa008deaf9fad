//! Each client takes up what the other has refreshed: nobody refreshes twice, nobody logs in again.

use std::time::Duration;

use simulated_aws::SimulatedAws;
use tests::{Proxy, Scratch};

use super::{SOON, put, taken_up};
use crate::aws_cli::AwsCli;
use crate::boto3::Boto3;
use crate::build::TURN;
use crate::clients::{AWS_CLI, BOTO3, OLD_AWS_CLI, are_installed};
use crate::shared_home::SharedHome;

/// Within the 15 minutes in which botocore refreshes.
const SHORT: Duration = Duration::from_mins(9);
const LONG: Duration = Duration::from_hours(1);

/// A session whose token is short of its end for everyone but the proxy.
async fn prepared<'a>(scratch: &'a Scratch, aws: &'a SimulatedAws) -> (SharedHome<'a>, Proxy) {
    let home = SharedHome::new(scratch, aws);
    aws.sso().set_access_token_life(SHORT);
    home.log_in();
    put(aws, "g/a-1.jar");
    put(aws, "g/a-2.jar");
    let proxy = home.proxy().env("RENEWAL_THRESHOLD", "5").start().await;
    assert_eq!(proxy.get("/g/a-1.jar").await.status, 200);
    (home, proxy)
}

/// The proxy needs a new token, and gets one.
async fn proxy_refreshes(aws: &SimulatedAws, proxy: &Proxy) {
    aws.sso().set_access_token_life(LONG);
    aws.sso().revoke_access_tokens();
    aws.sso().expire_role_credentials();
    let answer = proxy.get("/g/a-2.jar").await;
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), proxy.log());
    assert_eq!(aws.sso().refreshes(), 2);
}

async fn assert_the_cli_and_the_proxy_share(cli: impl Fn(&SharedHome<'_>) -> AwsCli) {
    let _turn = TURN.lock().await;
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let (home, proxy) = prepared(&scratch, &aws).await;
    let cli = cli(&home);
    let refresh = async {
        cli.ask_who_it_is().await;
    };
    let taken_up = taken_up(&home, &proxy, refresh).await;
    assert!(taken_up < SOON, "{taken_up:?}\n{}", proxy.log());
    assert_eq!(aws.sso().refreshes(), 1);
    proxy_refreshes(&aws, &proxy).await;
    cli.ask_who_it_is().await;
    assert_eq!(aws.sso().refreshes(), 2, "it works with the proxy's token");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_and_the_proxy_take_up_each_others_refreshes() {
    if are_installed(&[AWS_CLI]) {
        assert_the_cli_and_the_proxy_share(AwsCli::new).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_aws_cli_and_the_proxy_take_up_each_others_refreshes() {
    if are_installed(&[OLD_AWS_CLI]) {
        assert_the_cli_and_the_proxy_share(AwsCli::old).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_and_the_proxy_take_up_each_others_refreshes() {
    if !are_installed(&[BOTO3]) {
        return;
    }
    let _turn = TURN.lock().await;
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let (home, proxy) = prepared(&scratch, &aws).await;
    let mut boto3 = Boto3::start(&home);
    let taken_up = taken_up(&home, &proxy, boto3.ask_who_it_is()).await;
    assert!(taken_up < SOON, "{taken_up:?}\n{}", proxy.log());
    assert_eq!(aws.sso().refreshes(), 1);
    proxy_refreshes(&aws, &proxy).await;
    boto3.ask_who_it_is().await;
    assert_eq!(aws.sso().refreshes(), 2, "it works with the proxy's token");
}
