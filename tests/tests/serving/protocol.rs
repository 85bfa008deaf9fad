//! HTTP as clients speak it.

use std::net::{Ipv6Addr, SocketAddr};

use tests::{Pending, raw_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{End, World, get_and_close, read_to_end, rest_of};

async fn raw(world: &World, request: &str) -> String {
    let answer = raw_request(world.proxy.address(), request.as_bytes()).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_405_with_allow() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    for method in ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        for path in ["/g/a-1.jar", "/g/", "/"] {
            let answer = world.proxy.request(method, path, &[]).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
    assert_eq!(world.aws.counters().total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_refused_before_its_body() {
    let world = World::new().await;
    let request = "PUT /g/a-1.jar HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
                   Expect: 100-continue\r\n\r\n";
    let answer = raw(&world, request).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn expect_100_continue_does_no_harm() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let request = "GET /g/a-1.jar HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
                   Connection: close\r\n\r\n";
    let answer = raw(&world, request).await;
    let last = answer.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
    assert!(last.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(last.ends_with("the jar"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_to_h2c_is_ignored() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let request = "GET /g/a-1.jar HTTP/1.1\r\nHost: localhost\r\n\
                   Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
                   HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n";
    let answer = raw(&world, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("the jar"));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_is_spoken() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let (answer, end) = read_to_end(&world.proxy, "GET /g/a-1.jar HTTP/1.0\r\n\r\n").await;
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.0 200 "), "{answer}");
    assert!(answer.contains("content-length: 7"), "{answer}");
    assert!(answer.ends_with("the jar"));
    assert_eq!(end, End::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_loopbacks_are_served_on_one_port() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let port = world.proxy.address().port();
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        assert!(world.proxy.log().contains("no IPv6 loopback"));
        return;
    }
    let answer = Pending::begin(v6, "GET", "/g/a-1.jar", &[]).await;
    assert_eq!(answer.finish().await.body, "the jar");
    assert_eq!(world.proxy.get("/g/a-1.jar").await.body, "the jar");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_takes_many_requests_pipelined_ones_too() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let request = "GET /g/a-1.jar HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(9);
    let all = format!("{request}{}", get_and_close("/g/a-1.jar"));
    let (answer, end) = read_to_end(&world.proxy, &all).await;
    let answer = String::from_utf8_lossy(&answer);
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 10);
    assert_eq!(answer.matches("the jar").count(), 10);
    assert_eq!(end, End::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_or_too_large_headers_are_431_and_harm_nobody() {
    let world = World::new().await;
    let many = "X-A: b\r\n".repeat(300);
    let large = format!("X-A: {}\r\n", "b".repeat(500_000));
    assert_eq!(status_line(&world, &many).await, "HTTP/1.1 431");
    // The proxy closes before it has read everything, and the reset may overtake its answer.
    let refused = status_line(&world, &large).await;
    assert!(["HTTP/1.1 431", ""].contains(&&*refused), "{refused}");
    assert_eq!(world.proxy.get("/healthz").await.status, 200);
}

/// The start of the answer to a request with these headers, if one comes.
async fn status_line(world: &World, headers: &str) -> String {
    let stream = TcpStream::connect(world.proxy.address()).await;
    let mut stream = stream.expect("accepted");
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let _may_fail = stream.write_all(request.as_bytes()).await;
    let mut start = [0; 12];
    match stream.read_exact(&mut start).await {
        Ok(_) => String::from_utf8_lossy(&start).into_owned(),
        Err(_) => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_is_refused() {
    let world = World::new().await;
    for nonsense in [
        "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        "hello\r\n\r\n",
        "GET /\u{0}x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let answer = raw(&world, nonsense).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{answer}"
        );
    }
    let mut stream = TcpStream::connect(world.proxy.address())
        .await
        .expect("accepted");
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: local")
        .await
        .expect("sent");
    stream.shutdown().await.expect("closed for writing");
    let (answer, _) = rest_of(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"));
}
