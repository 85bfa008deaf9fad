//! A web page that rebinds its name to this machine reads nothing.

use tests::raw_request;

use crate::world::World;

async fn status(world: &World, request: &str) -> u16 {
    let answer = raw_request(world.proxy.address(), request.as_bytes()).await;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    status
        .parse()
        .unwrap_or_else(|_| panic!("no status: {answer}"))
}

fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_names_are_refused_everywhere() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    for host in [
        "evil.example",
        "evil.example:9000",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "bazel-proxy",
        "",
        "user@evil.example",
    ] {
        for path in ["/g/a-1.jar", "/", "/healthz", "/readyz"] {
            let request = get(path, &format!("Host: {host}\r\n"));
            assert_eq!(status(&world, &request).await, 421, "{host}{path}");
        }
    }
    assert_eq!(world.aws.counters().total(), 0, "nothing reached S3");
}

#[tokio::test(flavor = "multi_thread")]
async fn own_names_are_served() {
    let world =
        World::with(|proxy| proxy.env("PROXY_ALLOWED_HOSTS", "bazel-proxy, Build.Example")).await;
    for host in [
        "localhost",
        "LocalHost:9000",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]:9000",
        "192.168.1.7",
        "bazel-proxy:9000",
        "build.example",
    ] {
        let request = get("/healthz", &format!("Host: {host}\r\n"));
        assert_eq!(status(&world, &request).await, 200, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_target_is_served_and_checked_too() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    let own = get(
        "http://localhost:9000/g/a-1.jar",
        "Host: localhost:9000\r\n",
    );
    assert_eq!(status(&world, &own).await, 200);
    let foreign = get("http://evil.example/g/a-1.jar", "Host: localhost\r\n");
    assert_eq!(status(&world, &foreign).await, 421);
    let foreign = get("http://localhost/g/a-1.jar", "Host: evil.example\r\n");
    assert_eq!(status(&world, &foreign).await, 421);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_no_host_or_two_is_malformed() {
    let world = World::new().await;
    assert_eq!(status(&world, &get("/healthz", "")).await, 400);
    let two = get("/healthz", "Host: localhost\r\nHost: evil.example\r\n");
    assert_eq!(status(&world, &two).await, 400);
}
