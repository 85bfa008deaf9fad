//! A laptop's proxy that asks the team's before S3.
//!
//! All sign with different keys, so S3's log tells who has asked.

mod absence;
mod circles;
mod commands;
mod lies;
mod logins;
mod metadata;
mod missing;

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;

use futures_util::future::join_all;
use simulated_aws::{ObjectAttributes, Operation, SimulatedAws};
use tests::scratch::BUCKET;
use tests::sso_world::{PROFILE, in_state};
use tests::{Answer, Proxy, ProxyBuilder, Scratch, SsoWorld, StandIn, eventually};

use crate::world::noise;

/// What laptops sign with, where somebody has logged in.
const LAPTOP_KEY: (&str, &str) = ("AKIALAPTOPLAPTOPLAPT", "laptop-secret");

/// AWS, and the team's proxy, which signs with [`tests::scratch::ACCESS_KEY`].
struct Office {
    team: Proxy,
    aws: SimulatedAws,
    _scratch: Scratch,
}

/// A laptop, with a home and a cache of its own.
struct Laptop {
    proxy: Proxy,
    scratch: Scratch,
}

impl Office {
    async fn new() -> Self {
        Self::with(|team| team).await
    }

    async fn with(configure: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        let scratch = Scratch::new();
        let aws = scratch.aws().await;
        aws.identities().add_static(LAPTOP_KEY.0, LAPTOP_KEY.1);
        let team = configure(ProxyBuilder::new(&scratch).aws(&aws));
        Self {
            team: team.start().await,
            aws,
            _scratch: scratch,
        }
    }

    fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let put = self.aws.s3().put(BUCKET, key, bytes);
        put.expect("an object");
    }

    fn put_with(&self, key: &str, bytes: impl AsRef<[u8]>, attributes: ObjectAttributes) {
        let put = self.aws.s3().put_with(BUCKET, key, bytes, attributes);
        put.expect("an object");
    }

    /// A laptop on which somebody has logged in.
    async fn laptop(&self) -> Laptop {
        self.laptop_with(&self.team.url(), |laptop| laptop).await
    }

    async fn laptop_with(
        &self,
        upstream: &str,
        configure: impl FnOnce(ProxyBuilder) -> ProxyBuilder,
    ) -> Laptop {
        let scratch = Scratch::new();
        let builder = ProxyBuilder::new(&scratch)
            .aws(&self.aws)
            .env("AWS_ACCESS_KEY_ID", LAPTOP_KEY.0)
            .env("AWS_SECRET_ACCESS_KEY", LAPTOP_KEY.1)
            .env("UPSTREAM_PROXY_URL", upstream);
        let proxy = configure(builder).start().await;
        Laptop { proxy, scratch }
    }

    /// How often laptops have asked S3.
    fn asked_by_laptops(&self) -> usize {
        let log = self.aws.counters().log();
        let asked = log
            .iter()
            .filter(|call| call.access_key_id.as_deref() == Some(LAPTOP_KEY.0));
        asked.count()
    }

    fn gets(&self, key: &str) -> u64 {
        self.aws.counters().count_key(Operation::GetObject, key)
    }
}

/// A team with its proxy, and a laptop on which nobody has logged in.
struct WithoutLogin {
    laptop: Proxy,
    team: Proxy,
    world: SsoWorld,
    _office: Scratch,
    _between: Option<StandIn>,
}

impl WithoutLogin {
    async fn new() -> Self {
        Self::through(async |_| None, |laptop| laptop).await
    }

    /// With something between the two.
    async fn through(
        between: impl AsyncFnOnce(SocketAddr) -> Option<StandIn>,
        configure: impl FnOnce(ProxyBuilder) -> ProxyBuilder,
    ) -> Self {
        let world = SsoWorld::new().await;
        let office = Scratch::new();
        let team = ProxyBuilder::new(&office).aws(&world.aws);
        let team = team.env("METADATA_TTL", "0").start().await;
        let between = between(team.address()).await;
        let url = between.as_ref().map_or_else(|| team.url(), StandIn::url);
        let laptop = ProxyBuilder::new(&world.scratch)
            .aws(&world.aws)
            .profile(PROFILE)
            .env("CHECK_INTERVAL", "1h")
            .env("UPSTREAM_PROXY_URL", &url);
        let laptop = configure(laptop).start().await;
        in_state(&laptop, "login-required").await;
        Self {
            laptop,
            team,
            world,
            _office: office,
            _between: between,
        }
    }

    fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let put = self.world.aws.s3().put(BUCKET, key, bytes);
        put.expect("an object");
    }
}

fn must_be(answer: &Answer, bytes: &[u8]) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.broken, None);
    assert!(answer.body == bytes, "{} bytes", answer.body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_is_asked_once_for_all_laptops() {
    let office = Office::new().await;
    let jar = noise(3_000_000);
    office.put("g/a-1.jar", &jar);
    let laptops = join_all((0..4).map(|_| office.laptop())).await;
    let answers = laptops.iter().map(|laptop| laptop.proxy.get("/g/a-1.jar"));
    for answer in join_all(answers).await {
        must_be(&answer, &jar);
        assert_eq!(answer.verdict(), "bazel-proxy; fwd=uri-miss; stored");
    }
    assert_eq!(office.gets("g/a-1.jar"), 1);
    assert_eq!(office.asked_by_laptops(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptop_keeps_what_it_was_given() {
    let office = Office::new().await;
    office.put("g/a-1.jar", b"the jar");
    let laptop = office.laptop().await;
    let first = laptop.proxy.get("/g/a-1.jar").await;
    must_be(&first, b"the jar");
    drop(office.team);
    office.aws.go_offline().await.expect("offline");
    let mut again = first.clone();
    eventually("it is cached", async || {
        again = laptop.proxy.get("/g/a-1.jar").await;
        again.is_hit()
    })
    .await;
    must_be(&again, b"the jar");
    for header in ["etag", "last-modified", "content-type", "x-checksum-sha256"] {
        assert_ne!(again.header(header), "", "{header}");
        assert_eq!(again.header(header), first.header(header), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_on_one_laptop_asks_the_upstream_once() {
    let office = Office::new().await;
    let jar = noise(2_000_000);
    office.put("g/a-1.jar", &jar);
    let laptop = office.laptop().await;
    let crowd = (0..50).map(|_| laptop.proxy.get("/g/a-1.jar"));
    for answer in join_all(crowd).await {
        must_be(&answer, &jar);
    }
    let metrics = laptop.proxy.get("/metrics").await.text();
    for line in [
        "bazel_proxy_upstream_requests_total{outcome=\"object\"} 1\n",
        "bazel_proxy_upstream_received_bytes_total 2000000\n",
        "bazel_proxy_s3_received_bytes_total 0\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_and_ranges_are_answered_through_the_upstream() {
    let office = Office::new().await;
    let jar = noise(1_000_000);
    office.put("g/a-1.jar", &jar);
    office.put("g/b-1.jar", &jar);
    let laptop = office.laptop().await;
    let head = laptop.proxy.head("/g/a-1.jar").await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), "1000000");
    let range = [("range", "bytes=500000-500009")];
    let part = laptop.proxy.get_with("/g/b-1.jar", &range).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.body, jar[500_000..=500_009]);
    assert_eq!(office.asked_by_laptops(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_reaches_the_upstream_as_it_was_meant() {
    let office = Office::new().await;
    let laptop = office.laptop().await;
    for (key, path) in [
        ("g/a+b.jar", "/g/a+b.jar"),
        ("g/a b%.jar", "/g/a%20b%25.jar"),
        ("g/größe.jar", "/g/gr%C3%B6%C3%9Fe.jar"),
        ("g//a;b=c,d@e!$&'()*~.jar", "/g//a;b=c,d@e!$&'()*~.jar"),
        ("g/?a#b.jar", "/g/%3Fa%23b.jar"),
        ("/a.jar", "//a.jar"),
    ] {
        office.put(key, key);
        let answer = laptop.proxy.get(path).await;
        must_be(&answer, key.as_bytes());
    }
    assert_eq!(office.asked_by_laptops(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn laptops_list_folders_at_s3() {
    let office = Office::new().await;
    office.put("g/a-1.jar", b"the jar");
    let laptop = office.laptop().await;
    let page = laptop.proxy.get("/g/").await;
    assert!(page.text().contains("a-1.jar"), "{}", page.text());
    assert_eq!(office.asked_by_laptops(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_behind_tls_is_trusted_by_the_ca_bundle() {
    let office = Office::new().await;
    let jar = noise(300_000);
    office.put("g/a-1.jar", &jar);
    let (front, authority) = StandIn::tls(office.team.address()).await;
    let url = format!("https://{}", front.address());
    let roots = Scratch::new();
    let bundle = roots.path().join("roots.pem");
    let mut file = File::create(&bundle).expect("a file");
    file.write_all(authority.as_bytes()).expect("written");
    let bundle = bundle.display().to_string();
    let trusting = office.laptop_with(&url, |laptop| laptop.env("AWS_CA_BUNDLE", &bundle));
    must_be(&trusting.await.proxy.get("/g/a-1.jar").await, &jar);
    assert_eq!(office.asked_by_laptops(), 0);
    let wary = office.laptop_with(&url, |laptop| laptop).await;
    must_be(&wary.proxy.get("/g/a-1.jar").await, &jar);
    assert_eq!(office.asked_by_laptops(), 1);
    assert!(wary.proxy.log().contains("certificate"), "it is named");
}
