//! Proxies that ask themselves.

use std::net::TcpListener;

use tests::{Proxy, ProxyBuilder, Scratch};

use super::{Office, must_be};

/// Ports that are free now.
fn ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("its address").port())
}

async fn proxy(office: &Office, scratch: &Scratch, port: u16, upstream: u16) -> Proxy {
    ProxyBuilder::new(scratch)
        .aws(&office.aws)
        .env("PROXY_PORT", &port.to_string())
        .env(
            "UPSTREAM_PROXY_URL",
            &format!("http://127.0.0.1:{upstream}"),
        )
        .start()
        .await
}

const WARNING: &str = "the upstream asks this very proxy in its turn";

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_its_own_upstream_says_so_and_asks_s3() {
    let office = Office::new().await;
    office.put("g/a-1.jar", b"the jar");
    office.put("g/b-1.jar", b"the jar");
    let scratch = Scratch::new();
    let [port] = ports();
    let proxy = proxy(&office, &scratch, port, port).await;
    must_be(&proxy.get("/g/a-1.jar").await, b"the jar");
    must_be(&proxy.get("/g/b-1.jar").await, b"the jar");
    assert_eq!(proxy.head("/g/c-1.jar").await.status, 404);
    assert_eq!(proxy.log().matches(WARNING).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_that_ask_each_other_in_a_circle_say_so_and_ask_s3() {
    let office = Office::new().await;
    office.put("g/a-1.jar", b"the jar");
    office.put("g/b-1.jar", b"the jar");
    let scratches = [Scratch::new(), Scratch::new(), Scratch::new()];
    let [one, two, three] = ports();
    let first = proxy(&office, &scratches[0], one, two).await;
    let second = proxy(&office, &scratches[1], two, three).await;
    let third = proxy(&office, &scratches[2], three, one).await;
    must_be(&first.get("/g/a-1.jar").await, b"the jar");
    assert!(third.log().contains(WARNING), "{}", third.log());
    assert_eq!(office.gets("g/a-1.jar"), 1);
    must_be(&second.get("/g/b-1.jar").await, b"the jar");
    assert_eq!(office.gets("g/b-1.jar"), 1);
}
