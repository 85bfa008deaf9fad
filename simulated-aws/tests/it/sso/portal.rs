//! Role credentials for an access token.

use std::time::Duration;

use aws_sdk_s3::Client;

use super::clients::{developer, portal, refresh};
use crate::setup::{BUCKET, Setup, failure, is};

/// A client of S3 with the role credentials of an access token.
async fn s3_with(setup: &Setup, access_token: &str) -> Client {
    let answer = developer(setup, access_token).send().await.unwrap();
    let role = answer.role_credentials.unwrap();
    let (key, secret) = (role.access_key_id.unwrap(), role.secret_access_key.unwrap());
    setup.client_as(&key, &secret, role.session_token.as_deref())
}

async fn get(client: &Client) -> (u16, String) {
    match client.get_object().bucket(BUCKET).key("k").send().await {
        Ok(_) => is(200, ""),
        failed @ Err(_) => failure!(failed),
    }
}

#[tokio::test]
async fn role_credentials_open_s3_until_they_expire() {
    let setup = Setup::new().await;
    setup.put("k", "x");
    let sso = setup.aws.sso();
    sso.set_role_credentials_life(Duration::from_mins(10));
    let login = sso.sign_in();
    let answer = developer(&setup, &login.access_token).send().await.unwrap();
    let expiration = answer.role_credentials().unwrap().expiration();
    let now = setup
        .aws
        .clock()
        .now()
        .duration_since(std::time::UNIX_EPOCH);
    let left = expiration / 1_000 - i64::try_from(now.unwrap().as_secs()).unwrap();
    assert!((590..=600).contains(&left), "{left}");
    let client = s3_with(&setup, &login.access_token).await;
    assert_eq!(get(&client).await, is(200, ""));
    // The session's end is not the end of what was given out.
    sso.end_sessions();
    assert_eq!(get(&client).await, is(200, ""));
    setup.aws.clock().set_offset_seconds(601);
    assert_eq!(get(&client).await, is(400, "ExpiredToken"));
}

#[tokio::test]
async fn role_credentials_can_be_expired_early() {
    let setup = Setup::new().await;
    setup.put("k", "x");
    let login = setup.aws.sso().sign_in();
    let client = s3_with(&setup, &login.access_token).await;
    setup.aws.sso().expire_role_credentials();
    assert_eq!(get(&client).await, is(400, "ExpiredToken"));
    let client = s3_with(&setup, &login.access_token).await;
    assert_eq!(get(&client).await, is(200, ""));
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let setup = Setup::new().await;
    let sso = setup.aws.sso();
    let login = sso.sign_in();
    let ask = || developer(&setup, &login.access_token);
    let unknown = developer(&setup, "unknown").send().await;
    assert_eq!(failure!(unknown), is(401, "UnauthorizedException"));
    let other = ask().role_name("Administrator").send().await;
    assert_eq!(failure!(other), is(403, "ForbiddenException"));
    let account = ask().account_id("111122223333").send().await;
    assert_eq!(failure!(account), is(404, "ResourceNotFoundException"));
    let short = ask().account_id("123").send().await;
    assert_eq!(failure!(short), is(400, "InvalidRequestException"));
    sso.unassign("123456789012", "Developer");
    assert_eq!(failure!(ask().send().await), is(403, "ForbiddenException"));
    sso.assign("123456789012", "Developer");
    assert!(ask().send().await.is_ok());
}

#[tokio::test]
async fn a_revoked_access_token_leaves_refreshing_alone() {
    let setup = Setup::new().await;
    let login = setup.aws.sso().sign_in();
    setup.aws.sso().revoke_access_tokens();
    let revoked = developer(&setup, &login.access_token).send().await;
    assert_eq!(failure!(revoked), is(401, "UnauthorizedException"));
    let tokens = refresh(&setup, &login).send().await.unwrap();
    let token = tokens.access_token().unwrap();
    assert!(developer(&setup, token).send().await.is_ok());
}

#[tokio::test]
async fn accounts_and_roles_are_listed_page_by_page() {
    let setup = Setup::new().await;
    let sso = setup.aws.sso();
    sso.assign("111122223333", "Reader")
        .assign("111122223333", "Writer")
        .assign("444455556666", "Reader")
        .unassign("444455556666", "Reader");
    let login = sso.sign_in();
    for size in 1..=3 {
        let accounts = portal(&setup)
            .list_accounts()
            .access_token(&login.access_token)
            .into_paginator()
            .page_size(size)
            .items()
            .send();
        let accounts = accounts.try_collect().await.unwrap();
        let ids: Vec<_> = accounts.iter().filter_map(|it| it.account_id()).collect();
        assert_eq!(ids, ["111122223333", "123456789012"], "page size {size}");
    }
    let roles = |account: &str| {
        portal(&setup)
            .list_account_roles()
            .access_token(&login.access_token)
            .account_id(account)
            .send()
    };
    let list = roles("111122223333").await.unwrap();
    let names: Vec<_> = list
        .role_list()
        .iter()
        .filter_map(|it| it.role_name())
        .collect();
    assert_eq!(names, ["Reader", "Writer"]);
    let unknown = roles("000000000000").await;
    assert_eq!(failure!(unknown), is(404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn a_logout_ends_its_session_and_no_other() {
    let setup = Setup::new().await;
    let (login, other) = (setup.aws.sso().sign_in(), setup.aws.sso().sign_in());
    let logout = || portal(&setup).logout().access_token(&login.access_token);
    assert!(logout().send().await.is_ok());
    let after = refresh(&setup, &login).send().await;
    assert_eq!(failure!(after), is(400, "InvalidGrantException"));
    assert_eq!(
        failure!(logout().send().await),
        is(401, "UnauthorizedException")
    );
    assert!(refresh(&setup, &other).send().await.is_ok());
}
