//! Tokens with dates as the programs of some years have written them.

use serde_json::Value;
use tests::Scratch;

use super::{SOON, put, taken_up};
use crate::aws_cli::AwsCli;
use crate::boto3::Boto3;
use crate::bucket::write;
use crate::build::TURN;
use crate::clients::{AWS_CLI, BOTO3, OLD_AWS_CLI, are_installed};
use crate::shared_home::SharedHome;

/// What follows the seconds.
const ENDS: [&str; 4] = ["Z", "UTC", ".950104Z", "+00:00"];

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_dates_serves_the_proxy_and_the_other_clients() {
    if !are_installed(&[AWS_CLI, OLD_AWS_CLI, BOTO3]) {
        return;
    }
    let _turn = TURN.lock().await;
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let home = SharedHome::new(&scratch, &aws);
    home.log_in();
    let proxy = home.proxy().start().await;
    put(&aws, "g/a-1.jar");
    assert_eq!(proxy.get("/g/a-1.jar").await.status, 200);
    let (new, old) = (AwsCli::new(&home), AwsCli::old(&home));
    let mut boto3 = Boto3::start(&home);
    for end in ENDS {
        let login = aws.sso().sign_in();
        let text = with_dates(&login.to_json(aws.sso().start_url(), aws.region()), end);
        let replace = async { write(home.token_file().path(), &text) };
        let taken_up = taken_up(&home, &proxy, replace).await;
        assert!(taken_up < SOON, "{end}: {taken_up:?}\n{}", proxy.log());
        new.ask_who_it_is().await;
        old.ask_who_it_is().await;
        boto3.ask_who_it_is().await;
    }
    assert_eq!(aws.sso().refreshes(), 0, "no form is taken for an end");
}

/// The text of a token file whose dates end so, and no longer in `Z`.
fn with_dates(text: &str, end: &str) -> String {
    let mut token: Value = serde_json::from_str(text).expect("a token");
    for field in ["expiresAt", "registrationExpiresAt"] {
        let date = token[field].as_str().expect("a date");
        let seconds = date.strip_suffix('Z').expect("a date in UTC");
        token[field] = format!("{seconds}{end}").into();
    }
    token.to_string()
}
