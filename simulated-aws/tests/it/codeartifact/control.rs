//! The control plane under the real SDK.

use std::time::{Duration, SystemTime};

use aws_sdk_codeartifact::error::ProvideErrorMetadata;
use aws_sdk_codeartifact::operation::get_authorization_token::GetAuthorizationTokenError;
use aws_sdk_codeartifact::types::{AllowPublish, AllowUpstream, PackageFormat};
use http::HeaderValue;
use http::header::RETRY_AFTER;
use simulated_aws::{Action, Fault, Format, Operation, Origin, Restriction};

use super::{OWNER, client, client_as, repository};
use crate::setup::{KEY_ID, SECRET, Setup, failure, is};

/// The seconds that a token lives.
async fn life(setup: &Setup, client: &aws_sdk_codeartifact::Client, asked: Option<i64>) -> u64 {
    let call = client
        .get_authorization_token()
        .domain("acme")
        .domain_owner(OWNER);
    let answer = call.set_duration_seconds(asked).send().await.unwrap();
    let token = answer.authorization_token().unwrap();
    assert!((1_000..1_200).contains(&token.len()), "{}", token.len());
    let expires = SystemTime::try_from(*answer.expiration().unwrap()).unwrap();
    let left = expires.duration_since(setup.aws.clock().now()).unwrap();
    // The answer took a moment, and tells milliseconds.
    (left + Duration::from_millis(900)).as_secs()
}

#[tokio::test]
async fn a_token_lives_as_long_as_was_asked_for() {
    let setup = Setup::new().await;
    repository(&setup);
    let client = client(&setup);
    assert_eq!(life(&setup, &client, None).await, 43_200);
    assert_eq!(life(&setup, &client, Some(900)).await, 900);
    let end = setup.aws.clock().now() + Duration::from_secs(700);
    setup
        .aws
        .identities()
        .add_session("ASIA1", SECRET, "session", Some(end));
    let of_session = client_as(&setup, "ASIA1", SECRET, Some("session"));
    assert_eq!(life(&setup, &of_session, Some(0)).await, 700);
    assert_eq!(life(&setup, &of_session, None).await, 43_200);
    let codeartifact = setup.aws.codeartifact();
    codeartifact.set_longest_token_life(Some(Duration::from_secs(5)));
    assert_eq!(life(&setup, &client, Some(43_200)).await, 5);
    let tokens = codeartifact.tokens();
    assert_eq!(tokens.len(), 5);
    assert_eq!(tokens[2].access_key_id, "ASIA1");
    let log = setup.aws.counters().log();
    assert_eq!(log[2].access_key_id.as_deref(), Some("ASIA1"));
}

#[tokio::test]
async fn a_refusal_has_the_code_of_its_reason() {
    let setup = Setup::new().await;
    repository(&setup);
    let identities = setup.aws.identities();
    let good = client(&setup);
    let ask = |client: &aws_sdk_codeartifact::Client, domain: &str, seconds: i64| {
        let call = client.get_authorization_token().domain(domain);
        call.domain_owner(OWNER).duration_seconds(seconds).send()
    };
    let missing = failure!(ask(&good, "other", 900).await);
    assert_eq!(missing, is(404, "ResourceNotFoundException"));
    for seconds in [-1, 1, 899, 43_201] {
        let invalid = failure!(ask(&good, "acme", seconds).await);
        assert_eq!(invalid, is(400, "ValidationException"), "{seconds}");
    }
    for action in [Action::GetAuthorizationToken, Action::GetServiceBearerToken] {
        identities.deny(KEY_ID, action);
        let denied = ask(&good, "acme", 900).await.expect_err("denied");
        assert_eq!(denied.code(), Some("AccessDeniedException"));
        assert!(denied.message().unwrap().contains(action.name()));
        identities.allow(KEY_ID, action);
        setup.aws.codeartifact().deny(action);
        let denied = failure!(ask(&good, "acme", 900).await);
        assert_eq!(denied, is(403, "AccessDeniedException"));
        setup.aws.codeartifact().allow(action);
    }
    let wrong = client_as(&setup, KEY_ID, "other", None);
    let refused = failure!(ask(&wrong, "acme", 900).await);
    assert_eq!(refused, is(403, "InvalidSignatureException"));
    let unknown = client_as(&setup, "AKIAOTHER", SECRET, None);
    let refused = failure!(ask(&unknown, "acme", 900).await);
    assert_eq!(refused, is(403, "UnrecognizedClientException"));
    identities
        .add_session("ASIA1", SECRET, "session", None)
        .expire("ASIA1");
    let ended = client_as(&setup, "ASIA1", SECRET, Some("session"));
    let refused = failure!(ask(&ended, "acme", 900).await);
    assert_eq!(refused, is(403, "ExpiredTokenException"));
    assert!(setup.aws.codeartifact().tokens().is_empty());
}

#[tokio::test]
async fn throttling_comes_with_advice() {
    let setup = Setup::new().await;
    repository(&setup);
    setup.aws.faults().add(
        Fault::on(Operation::GetAuthorizationToken)
            .key("acme")
            .times(1)
            .respond(429, "ThrottlingException")
            .header(RETRY_AFTER, HeaderValue::from_static("7")),
    );
    let call = client(&setup).get_authorization_token().domain("acme");
    let error = call.domain_owner(OWNER).send().await.unwrap_err();
    let GetAuthorizationTokenError::ThrottlingException(throttled) = error.into_service_error()
    else {
        panic!("another error");
    };
    assert_eq!(throttled.retry_after_seconds(), Some(7));
    super::token(&setup).await;
}

#[tokio::test]
async fn endpoints_and_origin_controls_are_told() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let client = client(&setup);
    let call = client
        .get_repository_endpoint()
        .domain("acme")
        .domain_owner(OWNER);
    let call = call.repository("tools").format(PackageFormat::Npm);
    let endpoint = call.send().await.unwrap();
    let url = repository.url(Format::Npm);
    assert_eq!(endpoint.repository_endpoint(), Some(url.as_str()));
    let call = client
        .get_repository_endpoint()
        .domain("acme")
        .domain_owner(OWNER);
    let missing = call
        .repository("other")
        .format(PackageFormat::Npm)
        .send()
        .await;
    assert_eq!(failure!(missing), is(404, "ResourceNotFoundException"));

    let describe = |name: &str| {
        let call = client.describe_package().domain("acme").domain_owner(OWNER);
        let call = call.repository("tools").format(PackageFormat::Pypi);
        call.package(name).send()
    };
    let missing = failure!(describe("acme-tool").await);
    assert_eq!(missing, is(404, "ResourceNotFoundException"));
    repository.put_file("Acme_Tool", "1.0", "acme_tool-1.0.tar.gz", "x");
    let restrictions =
        |answer: aws_sdk_codeartifact::operation::describe_package::DescribePackageOutput| {
            let package = answer.package.unwrap();
            package.origin_configuration.unwrap().restrictions.unwrap()
        };
    let known = restrictions(describe("acme-tool").await.unwrap());
    assert_eq!(known.publish, AllowPublish::Allow);
    assert_eq!(known.upstream, AllowUpstream::Block);
    let origin = Origin {
        publish: Restriction::Block,
        upstream: Restriction::Allow,
    };
    repository.set_origin(Format::Pypi, "other", origin);
    let known = restrictions(describe("other").await.unwrap());
    assert_eq!(known.publish, AllowPublish::Block);
    assert_eq!(known.upstream, AllowUpstream::Allow);
    setup.aws.codeartifact().deny(Action::DescribePackage);
    let denied = failure!(describe("other").await);
    assert_eq!(denied, is(403, "AccessDeniedException"));
    assert_eq!(setup.aws.counters().count(Operation::DescribePackage), 4);
    let counters = setup.aws.counters();
    assert_eq!(
        counters.count_key(Operation::DescribePackage, "pypi/other"),
        2
    );
}
