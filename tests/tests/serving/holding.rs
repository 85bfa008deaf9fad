//! A miss without a login waits for it, as long as its client bears, instead of failing the build.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use simulated_aws::{Fault, Operation, SimulatedAws};
use tests::{Answer, Proxy, ProxyBuilder, Scratch, eventually};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::world::{get_and_close, noise, raise_file_limit};

const BAZEL: &str = "bazel/7.4.0";
const CURL: &str = "curl/8.5.0";
/// Two seconds are promised from the login to the artifact; a busy machine may take a little longer.
const SOON: Duration = Duration::from_secs(4);
/// What takes less did not wait for anything.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A proxy whose session has ended, and what brings the next one.
struct Scene {
    proxy: Proxy,
    aws: SimulatedAws,
    scratch: Scratch,
}

impl Scene {
    /// Nobody has noticed the end yet.
    async fn before(login_wait: &str) -> Self {
        Self::with(|proxy| proxy.env("LOGIN_WAIT", login_wait)).await
    }

    async fn with(configure: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        raise_file_limit();
        let scratch = Scratch::new();
        let aws = scratch.aws().await;
        for name in ["ASIA1", "ASIA2", "ASIA3"] {
            let token = format!("{name}-token");
            aws.identities().add_session(name, "s", &token, None);
        }
        let builder = ProxyBuilder::new(&scratch).aws(&aws).profile("team");
        // Far apart, so that what is seen here is not the check's doing.
        let builder = configure(builder.env("CHECK_INTERVAL", "1h").env("METADATA_TTL", "0"));
        let scene = Self {
            proxy: {
                scratch.write_credentials(&session("ASIA1"));
                builder.start().await
            },
            aws,
            scratch,
        };
        for number in 0..12 {
            scene.put(&format!("g/{number}.jar"), b"bytes");
        }
        scene
    }

    /// The proxy knows that a login is needed.
    async fn logged_out(login_wait: &str) -> Self {
        let scene = Self::before(login_wait).await;
        scene.end("ASIA1").await;
        scene
    }

    async fn end(&self, name: &str) {
        self.aws.identities().expire(name);
        eventually("the end is noticed", async || {
            self.readiness().await["credentials"] == "login-required"
        })
        .await;
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        self.aws
            .s3()
            .put("artifacts", key, bytes)
            .expect("an object");
    }

    fn log_in(&self, name: &str) {
        self.scratch.write_credentials(&session(name));
    }

    async fn readiness(&self) -> Value {
        let text = self.proxy.get("/readyz").await.text();
        serde_json::from_str(&text).expect("JSON")
    }

    async fn until_waiting(&self, requests: usize) {
        eventually("the requests wait", async || {
            self.readiness().await["waiting"] == requests
        })
        .await;
    }

    async fn ask(&self, user_agent: &str, method: &str, path: &str) -> Answer {
        let headers = [("user-agent", user_agent)];
        self.proxy.request(method, path, &headers).await
    }
}

fn session(name: &str) -> String {
    format!(
        "[team]\naws_access_key_id = {name}\naws_secret_access_key = s\naws_session_token = {name}-token\n"
    )
}

async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    (future.await, started.elapsed())
}

fn assert_held(answer: &Answer) {
    assert!(answer.verdict().ends_with("; held"), "{}", answer.verdict());
}

fn assert_is_end_of_patience(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_of_any_client_waits_and_goes_on_with_the_login() {
    let scene = Scene::logged_out("1m").await;
    let clients = [
        BAZEL,
        "Gradle/4.4.1 (Linux)",
        "Gradle/8.10.2 (Linux)",
        "Apache-Maven/3.8.7 (Java 17)",
        "Coursier/2.1.8",
        "pip/23.0.1",
        "poetry/1.8.2",
        "uv/0.5.1",
        "Mozilla/5.0",
        CURL,
    ];
    let paths: Vec<_> = (0..clients.len())
        .map(|number| format!("/g/{number}.jar"))
        .collect();
    let asked = clients.iter().zip(&paths);
    let misses = join_all(asked.map(|(client, path)| scene.ask(client, "GET", path)));
    let login = async {
        scene.until_waiting(clients.len()).await;
        scene.log_in("ASIA2");
        Instant::now()
    };
    let (answers, logged_in) = tokio::join!(misses, login);
    assert!(logged_in.elapsed() < SOON, "{:?}", logged_in.elapsed());
    for (answer, client) in answers.iter().zip(clients) {
        assert_eq!(answer.status, 200, "{client}: {}", answer.text());
        assert_eq!(answer.body, "bytes");
        assert_eq!(answer.verdict(), "bazel-proxy; fwd=uri-miss; stored; held");
    }
    scene.until_waiting(0).await;
    assert!(scene.proxy.log().contains(r#"verdict="miss" held=true"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_that_finds_out_about_the_end_waits_too() {
    let scene = Scene::before("1m").await;
    scene.aws.identities().expire("ASIA1");
    let login = async {
        scene.until_waiting(1).await;
        scene.log_in("ASIA2");
    };
    let (answer, ()) = tokio::join!(scene.ask(CURL, "GET", "/g/1.jar"), login);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_held(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_ranges_and_listings_wait_alike() {
    let scene = Scene::logged_out("1m").await;
    let range = [("range", "bytes=1-2"), ("user-agent", CURL)];
    let login = async {
        scene.until_waiting(4).await;
        scene.log_in("ASIA2");
    };
    let (head, part, missing, listing, ()) = tokio::join!(
        scene.ask(BAZEL, "HEAD", "/g/1.jar"),
        scene.proxy.get_with("/g/2.jar", &range),
        scene.ask(CURL, "GET", "/g/none.jar"),
        scene.ask("Coursier/2.1.8", "GET", "/g/"),
        login,
    );
    assert_eq!(
        (head.status.as_u16(), head.header("content-length")),
        (200, "5")
    );
    assert_eq!((part.status.as_u16(), part.text().as_str()), (206, "yt"));
    assert_eq!(missing.status, 404, "what is missing is still told");
    assert_eq!(listing.status, 200);
    assert!(listing.text().contains("7.jar"));
    for answer in [&head, &part, &missing, &listing] {
        assert_held(answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_a_program_is_seen_soon_while_a_miss_waits() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    let answer = |name: &str| {
        format!(
            r#"{{"Version":1,"AccessKeyId":"{name}","SecretAccessKey":"s","SessionToken":"{name}-token"}}"#
        )
    };
    for name in ["ASIA1", "ASIA2"] {
        aws.identities()
            .add_session(name, "s", &format!("{name}-token"), None);
    }
    aws.identities().expire("ASIA1");
    aws.s3()
        .put("artifacts", "g/1.jar", b"bytes")
        .expect("an object");
    let file = scratch.path().join("answer.json");
    // Not one of the files that are watched.
    write_credentials_answer(&file, &answer("ASIA1"));
    scratch.write_config(&format!(
        "[profile team]\ncredential_process = cat {}\n",
        file.display()
    ));
    let builder = ProxyBuilder::new(&scratch).aws(&aws).profile("team");
    let proxy = builder.env("CHECK_INTERVAL", "1h").start().await;
    let login = async {
        eventually("it waits", async || {
            proxy.get("/readyz").await.text().contains("\"waiting\":1")
        })
        .await;
        write_credentials_answer(&file, &answer("ASIA2"));
        Instant::now()
    };
    let (answer, logged_in) = tokio::join!(proxy.get("/g/1.jar"), login);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(logged_in.elapsed() < SOON, "{:?}", logged_in.elapsed());
}

#[expect(
    clippy::disallowed_methods,
    reason = "what a credential_process prints"
)]
fn write_credentials_answer(path: &std::path::Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, path).expect("renamed");
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_and_running_downloads_are_served_while_others_wait() {
    let scene = Scene::before("1m").await;
    let jar = noise(2_000_000);
    scene.put("g/large.jar", &jar);
    let path = "/g/1.jar";
    eventually("it is cached", async || {
        scene.proxy.get(path).await.is_hit()
    })
    .await;
    let pause = Duration::from_secs(3);
    let slowly = Fault::on(Operation::GetObject).key("g/large.jar");
    scene.aws.faults().add(slowly.delay_body(1_000_000, pause));
    let first = scene.proxy.begin("GET", "/g/large.jar", &[]).await;
    scene.end("ASIA1").await;

    let others = async {
        scene.until_waiting(1).await;
        let (hit, took) = timed(scene.proxy.get(path)).await;
        assert!(hit.is_hit());
        assert!(took < AT_ONCE, "{took:?}");
        let second = scene.proxy.get("/g/large.jar").await;
        assert_eq!(second.verdict(), "bazel-proxy; fwd=uri-miss; collapsed");
        assert!(second.body == jar);
        assert!(first.finish().await.body == jar);
        scene.until_waiting(1).await;
        scene.log_in("ASIA2");
    };
    let (waited, ()) = tokio::join!(scene.ask(CURL, "GET", "/g/2.jar"), others);
    assert_eq!(waited.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_in_ranges_waits_for_the_login_in_its_middle() {
    let scene = Scene::before("1m").await;
    let jar = noise(60_000_000);
    scene.put("g/large.jar", &jar);
    let slowly = Fault::on(Operation::GetObject).key("g/large.jar");
    scene.aws.faults().add(slowly.rate(10_000_000));
    let mut answer = scene.proxy.begin("GET", "/g/large.jar", &[]).await;
    let gets = || {
        let counters = scene.aws.counters();
        counters.count_key(Operation::GetObject, "g/large.jar")
    };
    let mut received = Vec::new();
    while gets() < 3 {
        let bytes = answer.next().await.expect("more").expect("no error");
        received.extend_from_slice(&bytes);
    }
    scene.aws.identities().expire("ASIA1");
    let login = async {
        eventually("a range is refused, and a login is needed", async || {
            scene.readiness().await["credentials"] == "login-required"
        })
        .await;
        scene.log_in("ASIA2");
    };
    let (rest, ()) = tokio::join!(answer.finish(), login);
    assert_eq!(rest.broken, None);
    assert!([&received[..], &rest.body].concat() == jar);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_metadata_and_a_page_seen_before_are_shown_at_once() {
    let scene = Scene::before("1m").await;
    let metadata = "/g/maven-metadata.xml";
    scene.put("g/maven-metadata.xml", b"<metadata/>");
    eventually("it is cached", async || {
        scene.proxy.get(metadata).await.is_hit()
    })
    .await;
    assert_eq!(scene.proxy.get("/g/").await.status, 200);
    scene.end("ASIA1").await;
    let (stale, took) = timed(scene.proxy.get(metadata)).await;
    assert_eq!(stale.verdict(), "bazel-proxy; hit; detail=stale");
    assert!(took < AT_ONCE, "{took:?}");
    let (page, took) = timed(scene.proxy.get("/g/")).await;
    assert_eq!(page.verdict(), "bazel-proxy; hit; detail=stale");
    assert!(took < AT_ONCE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bazel_is_sent_to_the_same_place_until_login_wait_ends() {
    let scene = Scene::logged_out("16").await;
    let file = "/g/1.jar";
    let odd = "/g/a%2Bb%20%C3%A9.jar?x=%2F&w=-3";
    let ((plain, took), encoded, head, folder) = tokio::join!(
        timed(scene.ask(BAZEL, "GET", file)),
        scene.ask(BAZEL, "GET", odd),
        scene.ask(BAZEL, "HEAD", file),
        scene.ask(BAZEL, "GET", "/g/?after=3.jar"),
    );
    assert!((15.0..18.0).contains(&took.as_secs_f64()), "{took:?}");
    let url = scene.proxy.url();
    for (answer, location) in [
        (&plain, format!("{file}?w=1")),
        (&encoded, format!("{url}/g/a%2Bb%20%C3%A9.jar?x=%2F&w=1")),
        (&head, format!("{file}?w=1")),
        (&folder, "/g/?after=3.jar&w=1".to_owned()),
    ] {
        assert_eq!(answer.status, 307);
        assert_eq!(answer.header("location"), location);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_held(answer);
    }
    let (end, took) = timed(scene.ask(BAZEL, "GET", plain.header("location"))).await;
    assert_is_end_of_patience(&end);
    assert!((1.0..4.0).contains(&took.as_secs_f64()), "{took:?}");

    scene.log_in("ASIA2");
    eventually("the redirect leads to the artifact", async || {
        let answer = scene.ask(BAZEL, "GET", plain.header("location")).await;
        answer.body == "bytes"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_was_never_given_ends_the_wait() {
    let scene = Scene::logged_out("30").await;
    for query in [
        "w=2",
        "w=39",
        "w=99999999999999999999",
        "w=0&w=7",
        "w=-1&w=40",
    ] {
        let path = format!("/g/1.jar?{query}");
        let (answer, took) = timed(scene.ask(BAZEL, "GET", &path)).await;
        assert_is_end_of_patience(&answer);
        assert!(took < AT_ONCE, "{query}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_patience_is_503_with_the_command_to_run() {
    let scene = Scene::logged_out("1500ms").await;
    for (method, path) in [("GET", "/g/1.jar"), ("HEAD", "/g/1.jar"), ("GET", "/g/")] {
        // Who asks six times by itself has a sixth of it each time.
        for (client, least) in [
            (CURL, 1.5),
            (BAZEL, 1.5),
            ("Apache-Maven/3.9.9", 1.5),
            ("pip/23.0.1", 0.25),
        ] {
            let (answer, took) = timed(scene.ask(client, method, path)).await;
            assert_is_end_of_patience(&answer);
            assert_eq!(
                answer.verdict(),
                "bazel-proxy; fwd=uri-miss; detail=login-required; held"
            );
            assert!(
                (least..least + 2.5).contains(&took.as_secs_f64()),
                "{client}: {took:?}"
            );
            let text = answer.text();
            let command = "aws sso login --profile team";
            assert!(method == "HEAD" || text.contains(command), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_login_wait_a_miss_is_503_at_once() {
    let scene = Scene::logged_out("0").await;
    for client in [BAZEL, CURL] {
        let (answer, took) = timed(scene.ask(client, "GET", "/g/1.jar")).await;
        assert_is_end_of_patience(&answer);
        assert!(took < AT_ONCE, "{took:?}");
        assert!(!answer.verdict().contains("held"), "{}", answer.verdict());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_still_bad_token_parks_again_and_the_next_one_goes_on() {
    let scene = Scene::logged_out("1m").await;
    scene.aws.identities().expire("ASIA2");
    let login = async {
        scene.until_waiting(1).await;
        scene.aws.counters().reset();
        scene.log_in("ASIA2");
        let refused = || scene.aws.counters().count(Operation::GetObject);
        eventually("it is tried", async || refused() > 0).await;
        scene.until_waiting(1).await;
        assert!(refused() <= 2, "{} tries of a bad token", refused());
        scene.log_in("ASIA3");
    };
    let (answer, ()) = tokio::join!(scene.ask(CURL, "GET", "/g/1.jar"), login);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_held(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_still_bad_token_does_not_renew_the_patience() {
    let scene = Scene::logged_out("4").await;
    scene.aws.identities().expire("ASIA2");
    let login = async {
        scene.until_waiting(1).await;
        scene.log_in("ASIA2");
    };
    let ((answer, took), ()) = tokio::join!(timed(scene.ask(CURL, "GET", "/g/1.jar")), login);
    assert_is_end_of_patience(&answer);
    assert!((4.0..7.0).contains(&took.as_secs_f64()), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parked_cost_little_and_all_go_on_with_one_download_a_key() {
    const REQUESTS: usize = 1000;
    const KEYS: usize = 100;
    let scene = Scene::logged_out("2m").await;
    for number in 0..KEYS {
        scene.put(&format!("many/{number}.jar"), b"bytes");
    }
    let before = scene.proxy.resident_bytes();
    scene.aws.counters().reset();
    let paths: Vec<_> = (0..REQUESTS)
        .map(|number| format!("/many/{}.jar", number % KEYS))
        .collect();
    let misses = join_all(paths.iter().map(|path| scene.ask(CURL, "GET", path)));
    let login = async {
        scene.until_waiting(REQUESTS).await;
        let after = scene.proxy.resident_bytes();
        println!(
            "resident: {} KiB before, {} KiB with {REQUESTS} parked",
            before >> 10,
            after >> 10
        );
        assert!(after < 64 << 20, "{after} bytes are resident");
        let health = healthz_time(&scene.proxy).await;
        println!("/healthz: {health:?}");
        assert!(health < Duration::from_millis(5), "{health:?}");
        assert_eq!(scene.aws.counters().total(), 0, "S3 is left alone");
        scene.log_in("ASIA2");
        Instant::now()
    };
    let (answers, logged_in) = tokio::join!(misses, login);
    println!("all served {:?} after the login", logged_in.elapsed());
    assert!(logged_in.elapsed() < SOON * 2, "{:?}", logged_in.elapsed());
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_held(answer);
    }
    for number in 0..KEYS {
        let key = format!("many/{number}.jar");
        let gets = scene.aws.counters().count_key(Operation::GetObject, &key);
        assert_eq!(gets, 1, "{key}");
    }
    let told = |words: &str| scene.proxy.log().matches(words).count();
    assert_eq!(told("misses wait for a login"), 1);
    assert_eq!(told("the misses that wait go on"), 1);
    assert_eq!(told(&format!("requests={REQUESTS}")), 1);
}

/// The median of some answers: one may meet a busy machine.
async fn healthz_time(proxy: &Proxy) -> Duration {
    let mut times = Vec::new();
    for _ in 0..21 {
        let (answer, took) = timed(proxy.get("/healthz")).await;
        assert_eq!(answer.status, 200);
        times.push(took);
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_gives_up_leaves_nothing_behind() {
    let scene = Scene::logged_out("1h").await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = TcpStream::connect(scene.proxy.address())
            .await
            .expect("accepted");
        let request = get_and_close("/g/1.jar");
        client.write_all(request.as_bytes()).await.expect("sent");
        clients.push(client);
    }
    scene.until_waiting(20).await;
    drop(clients);
    scene.until_waiting(0).await;
    scene.aws.counters().reset();
    scene.log_in("ASIA2");
    assert_eq!(scene.proxy.get("/g/2.jar").await.status, 200);
    assert_eq!(
        scene
            .aws
            .counters()
            .count_key(Operation::GetObject, "g/1.jar"),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_answers_the_parked_with_503() {
    let mut scene = Scene::logged_out("1h").await;
    let stop = async {
        scene.until_waiting(3).await;
        scene.proxy.terminate();
        Instant::now()
    };
    let (bazel, curl, listing, stopped) = tokio::join!(
        scene.ask(BAZEL, "GET", "/g/1.jar"),
        scene.ask(CURL, "GET", "/g/1.jar"),
        scene.ask(CURL, "GET", "/g/"),
        stop
    );
    assert!(stopped.elapsed() < AT_ONCE, "{:?}", stopped.elapsed());
    for answer in [bazel, curl, listing] {
        assert_is_end_of_patience(&answer);
    }
    assert!(scene.proxy.ended().await.success());
    assert!(
        stopped.elapsed() < Duration::from_secs(5),
        "{:?}",
        stopped.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_no_login_cures_is_not_held() {
    let scene = Scene::with(|proxy| proxy.env("AWS_PROFILE", "somebody-else")).await;
    let (answer, took) = timed(scene.ask(CURL, "GET", "/g/1.jar")).await;
    assert_is_end_of_patience(&answer);
    assert!(!answer.verdict().contains("held"), "{}", answer.verdict());
    assert!(took < SOON, "{took:?}");
    // The fix counts for the next request.
    let fixed = session("ASIA2").replace("[team]", "[somebody-else]");
    scene.scratch.write_credentials(&fixed);
    eventually("it is served", async || {
        scene.ask(CURL, "GET", "/g/1.jar").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_outlasts_passing_trouble_of_the_credentials() {
    let scratch = Scratch::new();
    let aws = scratch.aws().await;
    aws.identities()
        .add_session("ASIA1", "s", "ASIA1-token", None);
    aws.s3()
        .put("artifacts", "g/1.jar", b"bytes")
        .expect("an object");
    let file = scratch.path().join("answer.json");
    scratch.write_config(&format!(
        "[profile team]\ncredential_process = cat {}\n",
        file.display()
    ));
    let builder = ProxyBuilder::new(&scratch).aws(&aws).profile("team");
    let proxy = builder.env("CHECK_INTERVAL", "1h").start().await;
    let mend = async {
        eventually("it waits", async || {
            let text = proxy.get("/readyz").await.text();
            text.contains("offline") && text.contains("\"waiting\":1")
        })
        .await;
        let answer = r#"{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"s","SessionToken":"ASIA1-token"}"#;
        write_credentials_answer(&file, answer);
    };
    let (answer, ()) = tokio::join!(proxy.get("/g/1.jar"), mend);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_off_without_a_login_goes_on_after_it() {
    const RATE: u64 = 1_000_000;
    let scene = Scene::before("1m").await;
    let body = noise(3_000_000);
    scene.put("g/big.jar", &body);
    let slow = Fault::on(Operation::GetObject).key("g/big.jar").rate(RATE);
    scene
        .aws
        .faults()
        .add(slow.cut_with_reset(2 * RATE).times(1));
    let mut download = scene
        .proxy
        .begin("GET", "/g/big.jar", &[("user-agent", CURL)])
        .await;
    let first = download.next().await.expect("more").expect("bytes");
    scene.end("ASIA1").await;
    let rest = tokio::spawn(download.finish());
    eventually("it broke off", async || {
        scene.proxy.log().contains("a download broke off")
    })
    .await;
    scene.scratch.write_credentials(&session("ASIA2"));
    let rest = rest.await.expect("no panic");
    assert_eq!(rest.broken, None);
    assert!([first, rest.body].concat() == body, "every byte, in order");
}
