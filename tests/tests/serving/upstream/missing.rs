//! A 404 sends builds elsewhere: what makes one, where another proxy was asked.

use simulated_aws::Action;
use tests::scratch::ACCESS_KEY;

use super::{Office, WithoutLogin, must_be};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_does_not_find_is_asked_of_s3() {
    let office = Office::new().await;
    // It will be remembered there for some seconds.
    assert_eq!(office.team.get("/g/a-1.jar").await.status, 404);
    office.put("g/a-1.jar", b"just published");
    for (number, method) in ["GET", "HEAD"].into_iter().enumerate() {
        let laptop = office.laptop().await;
        let answer = laptop.proxy.request(method, "/g/a-1.jar", &[]).await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.text());
        assert_eq!(office.asked_by_laptops(), number + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_finds_is_404() {
    let office = Office::new().await;
    let laptop = office.laptop().await;
    for method in ["GET", "HEAD"] {
        let path = format!("/g/{method}.jar");
        let answer = laptop.proxy.request(method, &path, &[]).await;
        assert_eq!(answer.status, 404, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_the_upstreams_404_is_s3s_word() {
    let pair = WithoutLogin::new().await;
    for method in ["GET", "HEAD"] {
        let path = format!("/g/{method}.jar");
        let answer = pair.laptop.request(method, &path, &[]).await;
        assert_eq!(answer.status, 404, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_may_not_read_is_not_missing() {
    let read = vec![Action::GetObject];
    // Without this one, S3 does not tell the team what is missing and what is denied.
    let read_and_list = vec![Action::GetObject, Action::ListBucket];
    for (denied, status) in [(read, 403), (read_and_list, 404)] {
        let office = Office::new().await;
        office.put("g/a-1.jar", b"the jar");
        for action in denied {
            office.aws.identities().deny(ACCESS_KEY.0, action);
        }
        assert_eq!(office.team.get("/g/a-1.jar").await.status, status);
        let laptop = office.laptop().await;
        must_be(&laptop.proxy.get("/g/a-1.jar").await, b"the jar");
        assert_eq!(office.asked_by_laptops(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_denied_there_waits_for_a_login_here() {
    let pair = WithoutLogin::through(async |_| None, |laptop| laptop.env("LOGIN_WAIT", "0")).await;
    pair.put("g/a-1.jar", b"the jar");
    for action in [Action::GetObject, Action::ListBucket] {
        pair.world.aws.identities().deny(ACCESS_KEY.0, action);
    }
    assert_eq!(pair.team.get("/g/a-1.jar").await.status, 404);
    for method in ["GET", "HEAD"] {
        let answer = pair.laptop.request(method, "/g/a-1.jar", &[]).await;
        assert_eq!(answer.status, 503, "{method}");
    }
}
