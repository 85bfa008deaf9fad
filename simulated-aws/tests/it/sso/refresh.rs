//! Keeping a session alive, and its end.

use std::time::Duration;

use simulated_aws::Rotation;

use super::clients::{developer, refresh};
use crate::setup::{Setup, failure, is};

fn invalid_grant() -> (u16, String) {
    is(400, "InvalidGrantException")
}

#[tokio::test]
async fn a_refresh_token_is_good_once_where_rotation_is_strict() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    let next = refresh(&setup, &login).send().await.unwrap();
    assert_ne!(next.access_token(), Some(login.access_token.as_str()));
    assert_ne!(next.refresh_token(), login.refresh_token.as_deref());
    assert_eq!(
        failure!(refresh(&setup, &login).send().await),
        invalid_grant()
    );
    let renewed = refresh(&setup, &login).set_refresh_token(next.refresh_token);
    assert!(renewed.send().await.is_ok());
    assert_eq!(setup.aws.sso().refreshes(), 2);
    // The access token before it lives on.
    assert!(developer(&setup, &login.access_token).send().await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_stays_good_where_rotation_is_lenient() {
    let setup = Setup::new().await;
    setup.aws.sso().set_rotation(Rotation::Lenient);
    let login = setup.aws.sso().sign_in();
    for _ in 0..3 {
        assert!(refresh(&setup, &login).send().await.is_ok());
    }
}

#[tokio::test]
async fn a_session_ends_by_the_clock_however_often_it_was_refreshed() {
    let setup = Setup::new().await;
    let sso = setup.aws.sso();
    sso.set_rotation(Rotation::Lenient)
        .set_session_life(Duration::from_mins(90))
        .set_access_token_life(Duration::from_secs(20));
    let login = sso.sign_in();
    let tokens = refresh(&setup, &login).send().await.unwrap();
    assert_eq!(tokens.expires_in(), 20);
    setup.aws.clock().set_offset_seconds(89 * 60);
    let last = refresh(&setup, &login).send().await.unwrap();
    assert_eq!(sso.sessions_alive(), 1);
    setup.aws.clock().set_offset_seconds(90 * 60);
    assert_eq!(
        failure!(refresh(&setup, &login).send().await),
        invalid_grant()
    );
    let renewed = refresh(&setup, &login).set_refresh_token(last.refresh_token);
    assert_eq!(failure!(renewed.send().await), invalid_grant());
    assert_eq!(sso.sessions_alive(), 0);
}

#[tokio::test]
async fn an_access_token_ends_by_the_clock() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    setup.aws.clock().set_offset_seconds(3_601);
    let late = developer(&setup, &login.access_token).send().await;
    assert_eq!(failure!(late), is(401, "UnauthorizedException"));
    let tokens = refresh(&setup, &login).send().await.unwrap();
    let token = tokens.access_token().unwrap();
    assert!(developer(&setup, token).send().await.is_ok());
}

#[tokio::test]
async fn an_ended_session_is_refused_everywhere() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    setup.aws.sso().end_sessions();
    assert_eq!(
        failure!(refresh(&setup, &login).send().await),
        invalid_grant()
    );
    let portal = developer(&setup, &login.access_token).send().await;
    assert_eq!(failure!(portal), is(401, "UnauthorizedException"));
    assert_eq!(setup.aws.sso().sessions_alive(), 0);
    let again = setup.aws.sso().sign_in();
    assert!(refresh(&setup, &again).send().await.is_ok());
}

#[tokio::test]
async fn a_legacy_login_cannot_be_refreshed() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in_without_refresh();
    assert_eq!(login.refresh_token, None);
    assert!(developer(&setup, &login.access_token).send().await.is_ok());
    let empty = refresh(&setup, &login).send().await;
    assert_eq!(failure!(empty), is(400, "InvalidRequestException"));
}

#[tokio::test]
async fn a_refresh_needs_the_client_it_was_given_to() {
    let setup = Setup::new().await;
    let sso = setup.aws.sso();
    let (login, other) = (sso.sign_in(), sso.sign_in());
    let foreign = refresh(&setup, &other).set_refresh_token(login.refresh_token.clone());
    assert_eq!(failure!(foreign.send().await), invalid_grant());
    let secret = refresh(&setup, &login).client_secret("wrong").send().await;
    assert_eq!(failure!(secret), is(401, "InvalidClientException"));
    let scope = refresh(&setup, &login).scope("sso:other").send().await;
    assert_eq!(failure!(scope), is(400, "InvalidScopeException"));
    sso.forget_registrations();
    let forgotten = refresh(&setup, &login).send().await;
    assert_eq!(failure!(forgotten), is(401, "InvalidClientException"));
}
