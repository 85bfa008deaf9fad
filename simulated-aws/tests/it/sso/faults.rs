//! Faults in the forms of SSO-OIDC and of the portal, and answers in no form at all.

use std::time::Duration;

use aws_sdk_ssooidc::error::SdkError;
use aws_sdk_ssooidc::operation::create_token::CreateTokenError;
use aws_sdk_ssooidc::types::AccessDeniedExceptionReason;
use simulated_aws::{Fault, Operation};

use super::clients::{browse, developer, refresh};
use crate::setup::{Setup, failure, is};

#[tokio::test]
async fn every_code_comes_in_the_form_of_its_service() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    for (status, code) in [
        (400, "SlowDownException"),
        (400, "InvalidRequestException"),
        (400, "ExpiredTokenException"),
        (400, "UnauthorizedClientException"),
        (429, "TooManyRequestsException"),
        (500, "InternalServerException"),
    ] {
        let fault = Fault::on(Operation::CreateToken)
            .times(1)
            .respond(status, code);
        setup.aws.faults().add(fault);
        assert_eq!(
            failure!(refresh(&setup, &login).send().await),
            is(status, code)
        );
    }
    let fault = Fault::on(Operation::GetRoleCredentials)
        .times(1)
        .respond(429, "TooManyRequestsException")
        .message("HTTP 429 Unknown Code");
    setup.aws.faults().add(fault);
    let error = developer(&setup, &login.access_token)
        .send()
        .await
        .unwrap_err();
    let error = error.into_service_error();
    assert!(error.is_too_many_requests_exception());
    assert_eq!(error.meta().message(), Some("HTTP 429 Unknown Code"));
    // Nothing of this has spent the refresh token.
    assert!(refresh(&setup, &login).send().await.is_ok());
}

#[tokio::test]
async fn a_denial_can_have_the_reason_of_a_key() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    let fault = Fault::on(Operation::CreateToken)
        .respond(400, "AccessDeniedException")
        .reason("KMS_AccessDeniedException")
        .message("The key is not ours");
    setup.aws.faults().add(fault);
    let error = refresh(&setup, &login).send().await.unwrap_err();
    let CreateTokenError::AccessDeniedException(denied) = error.into_service_error() else {
        panic!("another error");
    };
    assert_eq!(denied.error(), Some("access_denied"));
    assert_eq!(denied.error_description(), Some("The key is not ours"));
    assert_eq!(
        denied.reason(),
        Some(&AccessDeniedExceptionReason::KmsAccessDenied)
    );
}

#[tokio::test]
async fn refreshing_can_fail_while_people_sign_in() {
    let setup = Setup::new().await;
    let sso = setup.aws.sso();
    let login = sso.sign_in();
    let fault = Fault::on(Operation::CreateToken)
        .grant_type("refresh_token")
        .respond(500, "InternalServerException");
    setup.aws.faults().add(fault);
    let failed = refresh(&setup, &login).send().await;
    assert_eq!(failure!(failed), is(500, "InternalServerException"));
    let other = refresh(&setup, &login).grant_type("authorization_code");
    assert_eq!(failure!(other.send().await).0, 400);
    let log = setup.aws.counters().log();
    let grants: Vec<_> = log.iter().map(|call| call.grant_type.as_deref()).collect();
    assert_eq!(grants, [Some("refresh_token"), Some("authorization_code")]);
}

#[tokio::test]
async fn garbage_is_not_an_answer() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    for (content_type, body) in [
        ("text/html", "<html>Welcome to the hotel's network</html>"),
        ("application/json", "{\"accessToken\": \"ha"),
        ("", ""),
    ] {
        let fault = Fault::any().times(2).respond_with(200, content_type, body);
        setup.aws.faults().add(fault);
        let refreshed = refresh(&setup, &login).send().await;
        let token = refreshed.ok().and_then(|tokens| tokens.access_token);
        assert_eq!(token, None, "{body}");
        let role = developer(&setup, &login.access_token).send().await;
        let role = role.ok().and_then(|answer| answer.role_credentials);
        assert_eq!(role, None, "{body}");
    }
    assert!(refresh(&setup, &login).send().await.is_ok());
    // A stranger's answer has nothing of AWS about it.
    let fault = Fault::any().respond_with(200, "text/html", "<html>Welcome</html>");
    setup.aws.faults().add(fault);
    let page = browse(&setup, "/artifacts/k", None).await;
    assert!(
        page.contains("content-type: text/html") && !page.contains("amz"),
        "{page}"
    );
}

#[tokio::test]
async fn the_network_fails_here_as_well() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    let id = setup.aws.faults().add(Fault::any().reset());
    let reset = refresh(&setup, &login).send().await;
    assert!(matches!(reset, Err(SdkError::DispatchFailure(_))));
    setup.aws.faults().remove(id);
    let delay = Duration::from_millis(300);
    setup.aws.faults().add(Fault::any().times(1).delay(delay));
    let before = std::time::Instant::now();
    assert!(refresh(&setup, &login).send().await.is_ok());
    assert!(before.elapsed() >= delay);
    let id = setup
        .aws
        .faults()
        .add(Fault::on(Operation::GetRoleCredentials).hang());
    let ask = developer(&setup, &login.access_token).send();
    let release = async {
        while setup.aws.faults().played(id) == 0 {
            tokio::task::yield_now().await;
        }
        setup.aws.faults().remove(id);
    };
    let (answer, ()) = tokio::join!(ask, release);
    assert!(answer.is_ok());
}
