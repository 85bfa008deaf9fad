//! STS under the real SDK.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use simulated_aws::{Fault, Operation, RoleRules};

use crate::setup::{BUCKET, KEY_ID, SECRET, Setup, failure, is};

const ROLE: &str = "arn:aws:iam::111122223333:role/team/Deployer";

fn sts_as(setup: &Setup, key: &str, secret: &str, token: Option<&str>) -> Client {
    let credentials = Credentials::from_keys(key, secret, token.map(str::to_owned));
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
        .endpoint_url(setup.aws.endpoint_url())
        .region(Region::new("us-west-2"))
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

fn sts(setup: &Setup) -> Client {
    sts_as(setup, KEY_ID, SECRET, None)
}

#[tokio::test]
async fn a_caller_is_told_who_it_is() {
    let setup = Setup::new().await;
    let caller = sts(&setup).get_caller_identity().send().await.unwrap();
    assert_eq!(caller.account(), Some("123456789012"));
    assert_eq!(
        caller.arn(),
        Some("arn:aws:iam::123456789012:user/simulated")
    );
    let call = &setup.aws.counters().log()[0];
    assert_eq!(call.operation, Operation::GetCallerIdentity);
    assert_eq!(call.access_key_id.as_deref(), Some(KEY_ID));
}

#[tokio::test]
async fn an_assumed_role_opens_s3_until_it_expires() {
    let setup = Setup::new().await;
    setup.put("k", "x");
    // Short, as a clock that is off by more than 15 minutes would be another error.
    let life = Duration::from_mins(10);
    setup.aws.sso().set_role_credentials_life(life);
    let assume = sts(&setup)
        .assume_role()
        .role_arn(ROLE)
        .role_session_name("ci");
    let role = assume.duration_seconds(900).send().await.unwrap();
    let credentials = role.credentials.unwrap();
    let (key, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    let token = Some(credentials.session_token());
    let caller = sts_as(&setup, key, secret, token).get_caller_identity();
    let arn = caller.send().await.unwrap().arn.unwrap();
    assert_eq!(arn, "arn:aws:sts::111122223333:assumed-role/Deployer/ci");
    let s3 = setup.client_as(key, secret, token);
    assert!(s3.get_object().bucket(BUCKET).key("k").send().await.is_ok());
    setup.aws.clock().set_offset_seconds(601);
    let late = s3.get_object().bucket(BUCKET).key("k").send().await;
    assert_eq!(failure!(late), is(400, "ExpiredToken"));
    let late = sts_as(&setup, key, secret, token).get_caller_identity();
    assert_eq!(failure!(late.send().await), is(403, "ExpiredToken"));
}

#[tokio::test]
async fn an_assumed_role_lives_no_longer_than_role_credentials() {
    let setup = Setup::new().await;
    setup
        .aws
        .sso()
        .set_role_credentials_life(Duration::from_secs(5));
    let assume = sts(&setup)
        .assume_role()
        .role_arn(ROLE)
        .role_session_name("ci");
    let role = assume.send().await.unwrap();
    let expiration = role.credentials().unwrap().expiration();
    let now = setup
        .aws
        .clock()
        .now()
        .duration_since(std::time::UNIX_EPOCH);
    let left = expiration.secs() - i64::try_from(now.unwrap().as_secs()).unwrap();
    assert!((3..=5).contains(&left), "{left}");
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let setup = Setup::new().await;
    let denied = |key: &str, secret: &str, token: Option<&str>| {
        sts_as(&setup, key, secret, token)
            .get_caller_identity()
            .send()
    };
    let unknown = denied("AKIANOBODY", SECRET, None).await;
    assert_eq!(failure!(unknown), is(403, "InvalidClientTokenId"));
    let token = denied(KEY_ID, SECRET, Some("token")).await;
    assert_eq!(failure!(token), is(403, "InvalidClientTokenId"));
    let secret = denied(KEY_ID, "wrong", None).await;
    assert_eq!(failure!(secret), is(403, "SignatureDoesNotMatch"));
    let assume = sts(&setup).assume_role().role_session_name("ci");
    let odd = assume.clone().role_arn("Deployer").send().await;
    assert_eq!(failure!(odd), is(400, "ValidationError"));
    let short = assume.role_arn(ROLE).duration_seconds(60).send().await;
    assert_eq!(failure!(short), is(400, "ValidationError"));
    setup.aws.clock().set_offset_seconds(-1_000);
    let skewed = denied(KEY_ID, SECRET, None).await;
    assert_eq!(failure!(skewed), is(403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_fault_comes_in_the_form_of_sts() {
    let setup = Setup::new().await;
    let fault = Fault::on(Operation::AssumeRole)
        .respond(403, "AccessDenied")
        .message("User: x is not authorized to perform: sts:AssumeRole");
    setup.aws.faults().add(fault);
    let assume = sts(&setup)
        .assume_role()
        .role_arn(ROLE)
        .role_session_name("ci");
    let error = assume.send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("AccessDenied"));
    assert!(error.meta().message().unwrap().starts_with("User: x"));
    assert!(sts(&setup).get_caller_identity().send().await.is_ok());
}

#[tokio::test]
async fn a_role_has_rules_and_what_was_asked_is_known() {
    let setup = Setup::new().await;
    let rules = RoleRules::new()
        .external_id("ext-1")
        .longest(Duration::from_mins(30))
        .caller("arn:aws:iam::123456789012:user/");
    setup.aws.sts().set_rules(ROLE, rules);
    let assume = sts(&setup)
        .assume_role()
        .role_arn(ROLE)
        .role_session_name("ci")
        .duration_seconds(1_800);
    let without = assume.clone().send().await;
    let error = without.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("AccessDenied"));
    let message = error.meta().message().unwrap();
    let user = "User: arn:aws:iam::123456789012:user/simulated is not authorized";
    assert!(message.starts_with(user), "{message}");

    let assume = assume.external_id("ext-1");
    let long = assume.clone().duration_seconds(1_801).send().await;
    assert_eq!(failure!(long), is(400, "ValidationError"));
    assert!(assume.send().await.is_ok());
    let asked = setup.aws.sts().asked(ROLE).unwrap();
    assert_eq!(asked.parameters["ExternalId"], "ext-1");
    assert_eq!(asked.parameters["DurationSeconds"], "1800");
    assert_eq!(asked.region, "us-west-2");
    assert!(asked.caller.ends_with(":user/simulated"));
    setup.aws.sts().remove_rules(ROLE);
    let anyone = sts(&setup).assume_role().role_arn(ROLE);
    assert!(anyone.role_session_name("ci").send().await.is_ok());
    let counters = setup.aws.counters();
    assert_eq!(counters.count_key(Operation::AssumeRole, ROLE), 4);
}

#[tokio::test]
async fn a_chained_role_is_given_for_an_hour_at_most() {
    let setup = Setup::new().await;
    let assume = |client: &Client, seconds: i32| {
        let assume = client.assume_role().role_arn(ROLE);
        assume
            .role_session_name("ci")
            .duration_seconds(seconds)
            .send()
    };
    let first = assume(&sts(&setup), 43_200).await.unwrap();
    let first = first.credentials.unwrap();
    let left = first.expiration().secs() - seconds_now(&setup);
    assert!((43_190..=43_200).contains(&left), "{left}");
    let token = Some(first.session_token());
    let chained = sts_as(
        &setup,
        first.access_key_id(),
        first.secret_access_key(),
        token,
    );
    let long = assume(&chained, 3_601).await;
    assert_eq!(failure!(long), is(400, "ValidationError"));
    assert!(assume(&chained, 3_600).await.is_ok());
}

fn seconds_now(setup: &Setup) -> i64 {
    let now = setup.aws.clock().now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[tokio::test]
async fn temporary_credentials_are_made_of_long_term_keys_alone() {
    let setup = Setup::new().await;
    setup.put("k", "x");
    let session = sts(&setup).get_session_token().send().await.unwrap();
    let given = session.credentials.unwrap();
    let left = given.expiration().secs() - seconds_now(&setup);
    assert!((43_190..=43_200).contains(&left), "{left}");
    let (key, secret) = (given.access_key_id(), given.secret_access_key());
    let token = Some(given.session_token());
    let s3 = setup.client_as(key, secret, token);
    assert!(s3.get_object().bucket(BUCKET).key("k").send().await.is_ok());
    let temporary = sts_as(&setup, key, secret, token);
    let caller = temporary.get_caller_identity().send().await.unwrap();
    assert_eq!(
        caller.arn(),
        Some("arn:aws:iam::123456789012:user/simulated")
    );
    let again = temporary.get_session_token().send().await;
    assert_eq!(failure!(again), is(403, "AccessDenied"));
    let short = sts(&setup).get_session_token().duration_seconds(899);
    assert_eq!(failure!(short.send().await), is(400, "ValidationError"));
}

#[tokio::test]
async fn lives_are_shorter_than_asked_where_a_test_has_no_time() {
    let setup = Setup::new().await;
    let life = Some(Duration::from_secs(5));
    setup.aws.sts().set_longest_life(life);
    let assume = sts(&setup).assume_role().role_arn(ROLE);
    let role = assume.role_session_name("ci").send().await.unwrap();
    let session = sts(&setup).get_session_token().send().await.unwrap();
    for given in [role.credentials, session.credentials] {
        let left = given.unwrap().expiration().secs() - seconds_now(&setup);
        assert!((3..=5).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn a_partition_knows_its_own_roles_only() {
    let setup = Setup::new().await;
    let here = "arn:aws-cn:iam::111122223333:role/Deployer";
    let assume = |region: &'static str| {
        let config = sts(&setup).config().to_builder();
        let client = Client::from_conf(config.region(Region::new(region)).build());
        let assume = client.assume_role().role_arn(here);
        assume.role_session_name("ci").send()
    };
    let abroad = assume("us-west-2").await;
    assert_eq!(failure!(abroad), is(403, "AccessDenied"));
    let role = assume("cn-north-1").await.unwrap();
    let user = role.assumed_role_user.unwrap();
    assert_eq!(
        user.arn(),
        "arn:aws-cn:sts::111122223333:assumed-role/Deployer/ci"
    );
}

#[tokio::test]
async fn a_code_of_a_device_is_good_for_one_call() {
    let setup = Setup::new().await;
    let device = "arn:aws:iam::123456789012:mfa/dev";
    let rules = RoleRules::new().mfa(device, "123456");
    setup.aws.sts().set_rules(ROLE, rules);
    let assume = sts(&setup)
        .assume_role()
        .role_arn(ROLE)
        .role_session_name("ci");
    let without = assume.clone().send().await;
    assert_eq!(failure!(without), is(403, "AccessDenied"));
    let with = assume.serial_number(device).token_code("123456");
    assert!(with.clone().send().await.is_ok());
    assert_eq!(failure!(with.send().await), is(403, "AccessDenied"));
}
