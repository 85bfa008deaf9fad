//! Signatures, sessions and clocks.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::presigning::PresigningConfig;

use crate::setup::{BUCKET, KEY_ID, SECRET, Setup, failure, is};

async fn with_object() -> Setup {
    let setup = Setup::new().await;
    setup.put("k", "x");
    setup
}

async fn get(client: &Client) -> (u16, String) {
    match client.get_object().bucket(BUCKET).key("k").send().await {
        Ok(_) => is(200, ""),
        failed @ Err(_) => failure!(failed),
    }
}

#[tokio::test]
async fn only_a_known_key_with_its_secret_is_served() {
    let setup = with_object().await;
    let wrong = setup.client_as(KEY_ID, "wrong", None);
    assert_eq!(get(&wrong).await, is(403, "SignatureDoesNotMatch"));
    let unknown = setup.client_as("AKIANOBODY", SECRET, None);
    assert_eq!(get(&unknown).await, is(403, "InvalidAccessKeyId"));
    let client = setup.client();
    assert_eq!(get(&client).await.0, 200);
    setup.aws.identities().remove(KEY_ID);
    assert_eq!(get(&client).await, is(403, "InvalidAccessKeyId"));
}

#[tokio::test]
async fn a_session_needs_its_token_until_it_expires() {
    let setup = with_object().await;
    let soon = setup.aws.clock().now() + Duration::from_mins(10);
    setup
        .aws
        .identities()
        .add_session("ASIA1", "s", "token", Some(soon));
    let good = setup.client_as("ASIA1", "s", Some("token"));
    assert_eq!(get(&good).await.0, 200);
    let other = setup.client_as("ASIA1", "s", Some("other"));
    assert_eq!(get(&other).await, is(400, "InvalidToken"));
    let none = setup.client_as("ASIA1", "s", None);
    assert_eq!(get(&none).await, is(403, "InvalidAccessKeyId"));
    // Ten minutes and a second on, but within the allowed skew.
    setup.aws.clock().set_offset_seconds(601);
    assert_eq!(get(&good).await, is(400, "ExpiredToken"));
    setup.aws.clock().set_offset_seconds(0);
    assert_eq!(get(&good).await.0, 200);
    setup.aws.identities().expire("ASIA1");
    assert_eq!(get(&good).await, is(400, "ExpiredToken"));
}

#[tokio::test]
async fn a_presigned_url_is_served_and_an_unsigned_one_is_denied() {
    let setup = with_object().await;
    let presigned = PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
    let url = setup
        .client()
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(presigned)
        .await
        .unwrap();
    let raw = raw_get(&setup, url.uri().split_once("127.0.0.1").unwrap().1).await;
    assert!(raw.starts_with("HTTP/1.1 200 "), "{raw}");
    let raw = raw_get(&setup, "/artifacts/k").await;
    assert!(raw.starts_with("HTTP/1.1 403 "), "{raw}");
    assert!(raw.contains("<Code>AccessDenied</Code>"), "{raw}");
}

async fn raw_get(setup: &Setup, target: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let path = &target[target.find('/').unwrap()..];
    let address = setup.aws.address();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_and_corrected() {
    let setup = with_object().await;
    for offset in [-1_000, 1_000] {
        setup.aws.clock().set_offset_seconds(offset);
        let answer = get(&setup.client()).await;
        assert_eq!(answer, is(403, "RequestTimeTooSkewed"));
        // The SDK learns the skew from the Date header and signs its retry by the server's clock.
        let retrying = setup.config().retry_config(RetryConfig::standard()).build();
        assert_eq!(get(&Client::from_conf(retrying)).await.0, 200);
    }
    setup.aws.clock().set_offset_seconds(800);
    assert_eq!(get(&setup.client()).await.0, 200);
}
