//! What S3 answers when it does not answer with the object.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use simulated_aws::{Action, WrongRegion};

use crate::setup::{BUCKET, KEY_ID, Setup, failure, is};

#[tokio::test]
async fn a_missing_key_is_a_secret_to_those_who_may_not_list() {
    let setup = Setup::new().await;
    let get = || {
        setup
            .client()
            .get_object()
            .bucket(BUCKET)
            .key("none")
            .send()
    };
    let head = || {
        setup
            .client()
            .head_object()
            .bucket(BUCKET)
            .key("none")
            .send()
    };
    assert_eq!(failure!(get().await), is(404, "NoSuchKey"));
    assert_eq!(failure!(head().await).0, 404);
    setup.aws.identities().deny(KEY_ID, Action::ListBucket);
    assert_eq!(failure!(get().await), is(403, "AccessDenied"));
    let error = head().await.unwrap_err();
    let raw = error.raw_response().unwrap();
    assert_eq!(raw.status().as_u16(), 403);
    assert_eq!(raw.body().bytes(), Some(&b""[..]));
    assert!(raw.headers().get("x-amz-request-id").is_some());
    setup.aws.identities().allow(KEY_ID, Action::ListBucket);
    assert_eq!(failure!(get().await).0, 404);
}

#[tokio::test]
async fn a_permission_can_be_denied() {
    let setup = Setup::new().await;
    setup.put("k", "x");
    setup.aws.identities().deny(KEY_ID, Action::GetObject);
    let get = setup
        .client()
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await;
    assert_eq!(failure!(get), is(403, "AccessDenied"));
    assert!(
        setup
            .client()
            .list_objects_v2()
            .bucket(BUCKET)
            .send()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let setup = Setup::new().await;
    let get = setup
        .client()
        .get_object()
        .bucket("missing")
        .key("k")
        .send()
        .await;
    assert_eq!(failure!(get), is(404, "NoSuchBucket"));
}

#[tokio::test]
async fn a_wrong_region_is_pointed_out() {
    let setup = Setup::new().await;
    setup.put("k", "x");
    setup.aws.s3().set_bucket_region(BUCKET, "eu-west-1");
    let error = setup
        .client()
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap_err();
    let raw = error.raw_response().unwrap();
    assert_eq!(raw.status().as_u16(), 301);
    assert_eq!(raw.headers().get("x-amz-bucket-region"), Some("eu-west-1"));
    setup
        .aws
        .s3()
        .set_wrong_region(WrongRegion::AuthorizationHeaderMalformed);
    let error = setup
        .client()
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap_err();
    let raw = error.raw_response().unwrap();
    assert_eq!(raw.status().as_u16(), 400);
    let body = String::from_utf8_lossy(raw.body().bytes().unwrap()).into_owned();
    assert!(
        body.contains("<Code>AuthorizationHeaderMalformed</Code>"),
        "{body}"
    );
    assert!(body.contains("<Region>eu-west-1</Region>"), "{body}");
    let right = Client::from_conf(setup.config().region(Region::new("eu-west-1")).build());
    assert!(
        right
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .is_ok()
    );
}
