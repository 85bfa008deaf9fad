//! Faults on demand.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use simulated_aws::{Fault, Operation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{BUCKET, Setup, failure, is};

async fn with_object(bytes: usize) -> Setup {
    let setup = Setup::new().await;
    setup.put("a/b.jar", vec![b'x'; bytes]);
    setup
}

async fn get(client: &Client) -> Result<Vec<u8>, String> {
    let got = client
        .get_object()
        .bucket(BUCKET)
        .key("a/b.jar")
        .send()
        .await;
    let got = got.map_err(|error| format!("{error:?}"))?;
    let body = got
        .body
        .collect()
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(body.to_vec())
}

/// What a plain socket sees: the body's bytes and the end of the connection.
async fn raw_get(setup: &Setup) -> (usize, Option<ErrorKind>) {
    let presigning = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_mins(1));
    let get = setup.client().get_object().bucket(BUCKET).key("a/b.jar");
    let url = get.presigned(presigning.unwrap()).await.unwrap();
    let path = url.uri().strip_prefix(&setup.aws.endpoint_url()).unwrap();
    let address = setup.aws.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut answer, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    let end = loop {
        match stream.read(&mut chunk).await {
            Ok(0) => break None,
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
            Err(error) => break Some(error.kind()),
        }
    };
    let head = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4);
    (answer.len() - head.unwrap_or(answer.len()), end)
}

#[tokio::test]
async fn an_error_comes_so_many_times() {
    let setup = with_object(10).await;
    let slow_down = Fault::on(Operation::GetObject)
        .key("a/b.jar")
        .times(1)
        .respond(503, "SlowDown");
    let id = setup.aws.faults().add(slow_down);
    let first = setup
        .client()
        .get_object()
        .bucket(BUCKET)
        .key("a/b.jar")
        .send()
        .await;
    assert_eq!(failure!(first), is(503, "SlowDown"));
    assert!(get(&setup.client()).await.is_ok());
    assert_eq!(setup.aws.faults().played(id), 1);
    assert_eq!(setup.aws.counters().count_status(503), 1);
    setup
        .aws
        .faults()
        .add(Fault::any().times(1).respond(503, "SlowDown"));
    let retrying = setup.config().retry_config(RetryConfig::standard()).build();
    assert!(get(&Client::from_conf(retrying)).await.is_ok());
}

#[tokio::test]
async fn a_reset_comes_in_the_middle_of_the_body() {
    let setup = with_object(100_000).await;
    setup
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).cut_with_reset(40_000));
    assert!(get(&setup.client()).await.is_err());
    let (bytes, end) = raw_get(&setup).await;
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    assert!(bytes <= 40_000, "{bytes}");
}

#[tokio::test]
async fn an_early_end_comes_at_the_exact_byte() {
    let setup = with_object(1_000_000).await;
    for at in [0, 1, 40_000, 999_999] {
        setup.aws.faults().clear();
        setup
            .aws
            .faults()
            .add(Fault::on(Operation::GetObject).cut_with_fin(at));
        assert!(get(&setup.client()).await.is_err(), "{at}");
        assert_eq!(raw_get(&setup).await, (usize::try_from(at).unwrap(), None));
    }
}

#[tokio::test]
async fn a_reset_can_be_the_whole_answer() {
    let setup = with_object(10).await;
    setup.aws.faults().add(Fault::any().reset());
    assert_eq!(raw_get(&setup).await, (0, Some(ErrorKind::ConnectionReset)));
    assert!(get(&setup.client()).await.is_err());
}

#[tokio::test]
async fn a_hung_request_is_released_by_removing_its_fault() {
    let setup = with_object(10).await;
    let id = setup
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).hang());
    let client = setup.client();
    let mut hung = Box::pin(get(&client));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut hung).await;
    assert!(early.is_err());
    assert_eq!(setup.aws.counters().count(Operation::GetObject), 1);
    assert_eq!(setup.aws.counters().log()[0].status, None);
    setup.aws.faults().remove(id);
    assert_eq!(hung.await.unwrap().len(), 10);
}

#[tokio::test]
async fn stopping_ends_hung_requests() {
    let setup = with_object(10).await;
    setup.aws.faults().add(Fault::any().hang());
    let client = setup.client();
    let hung = tokio::spawn(async move { get(&client).await });
    while setup.aws.counters().total() == 0 {
        tokio::task::yield_now().await;
    }
    setup.aws.stop().await;
    assert!(hung.await.unwrap().is_err());
}

#[tokio::test]
async fn delays_rates_and_pauses_take_their_time() {
    let setup = with_object(10_000).await;
    let client = setup.client();
    for fault in [
        Fault::any().delay(Duration::from_millis(400)),
        Fault::any().rate(25_000),
        Fault::any().delay_body(5_000, Duration::from_millis(400)),
    ] {
        let id = setup.aws.faults().add(fault.clone());
        let before = Instant::now();
        assert_eq!(get(&client).await.unwrap().len(), 10_000);
        let took = before.elapsed();
        assert!(took >= Duration::from_millis(300), "{took:?} for {fault:?}");
        assert!(took < Duration::from_secs(5), "{took:?} for {fault:?}");
        setup.aws.faults().remove(id);
    }
}

#[tokio::test]
async fn a_spoiled_byte_is_caught_by_the_checksum() {
    let setup = with_object(100_000).await;
    setup
        .aws
        .faults()
        .add(Fault::any().flip_byte(70_000).times(1));
    let error = get(&setup.client()).await.unwrap_err();
    assert!(error.to_lowercase().contains("checksum"), "{error}");
    assert!(get(&setup.client()).await.is_ok());
}

#[tokio::test]
async fn an_absent_aws_refuses_connections_and_comes_back() {
    let setup = with_object(10).await;
    let client = setup.client();
    assert!(get(&client).await.is_ok());
    setup.aws.go_offline().await.unwrap();
    let refused = TcpStream::connect(setup.aws.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(get(&client).await.is_err());
    setup.aws.go_online().await.unwrap();
    assert!(get(&client).await.is_ok());
}

#[tokio::test]
async fn dropping_closes_the_port() {
    let setup = with_object(10).await;
    let address = setup.aws.address();
    drop(setup);
    let gone = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .unwrap();
}
