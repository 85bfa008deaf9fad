//! HAProxy as clients see it, with the configuration that is shipped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::clients::{CURL, HAPROXY, are_installed};
use tests::commands::{Ended, client, run, succeed};
use tests::scratch::ACCESS_KEY;
use tests::{HaProxy, Pending, eventually, get, raw_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::artifacts::put;
use crate::team::Team;

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_starts_before_its_proxies_have_names_and_with_up_to_nine() {
    if !are_installed(&[HAPROXY]) {
        return;
    }
    for count in [1, 3, 9] {
        let mut check = HaProxy::command(&["-c"]);
        for number in 1..=count {
            let name = format!("bazel-proxy-{number}.not-there-yet.invalid:9000");
            check.env(format!("PROXY_{number}"), name);
        }
        let checked = succeed(check, Duration::from_mins(1)).await;
        let disabled = checked.stderr.matches("could not resolve address").count();
        assert_eq!(disabled, count, "{}", checked.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_living_proxy_the_answer_is_503_with_a_word_and_heals() {
    let Some(mut team) = Team::new().await else {
        return;
    };
    let jar = put(&team.aws, "g/a-1.jar", 10_000);
    let absent: Vec<_> = team.numbers().map(|number| team.kill_9(number)).collect();
    for number in team.numbers() {
        team.haproxy.wait_for(number, "DOWN").await;
    }
    let answer = get(team.address(), "/g/a-1.jar").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("None of the team's proxies answers"));
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(answer.header("cache-status"), "", "it is no proxy's word");
    assert_eq!(get(team.haproxy.numbers(), "/healthz").await.status, 200);
    for absent in absent {
        team.bring_back(absent).await;
    }
    assert!(get(team.address(), "/g/a-1.jar").await.body == jar.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_are_served_and_misses_explained_while_no_proxy_has_credentials() {
    let Some(team) = Team::with(&[], |proxy| proxy.env("LOGIN_WAIT", "0")).await else {
        return;
    };
    let jar = put(&team.aws, "g/a-1.jar", 10_000);
    assert_eq!(get(team.address(), "/g/a-1.jar").await.status, 200);
    team.holds(1).await;
    team.aws.identities().remove(ACCESS_KEY.0);
    let missed = get(team.address(), "/g/b-1.jar").await;
    assert_eq!(missed.status, 503);
    assert!(
        missed.text().contains("AWS login required"),
        "{}",
        missed.text()
    );
    assert!(!missed.verdict().is_empty(), "it is a proxy's word");
    let home = get(team.address(), "/g/a-1.jar").await;
    let number = home.header("x-served-by").trim_start_matches("proxy-");
    let number = number.parse().expect("its number");
    eventually("its home is not ready", async || {
        // A miss there, so that it finds out.
        team.proxy(number).get("/g/c-1.jar").await;
        team.proxy(number).get("/readyz").await.status == 503
    })
    .await;
    let hit = get(team.address(), "/g/a-1.jar").await;
    assert!(hit.is_hit() && hit.body == jar.body);
}

/// A proxy that lives, and hangs up on every request for anything else, of which it counts those of a method.
async fn that_hangs_up(method: &'static str, asked: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = Arc::clone(&asked);
            tokio::spawn(async move {
                let mut head = vec![0; 64 * 1024];
                let length = stream.read(&mut head).await.unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                if head.contains(" /healthz ") {
                    let answer =
                        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    let _sent = stream.write_all(answer).await;
                } else if head.starts_with(method) {
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn what_publishes_is_sent_once_and_a_question_again() {
    if !are_installed(&[HAPROXY]) {
        return;
    }
    for (method, is_asked_again) in [("GET", true), ("PUT", false), ("POST", false)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut proxies = Vec::new();
        for _ in 0..3 {
            proxies.push(that_hangs_up(method, Arc::clone(&asked)).await);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let haproxy = HaProxy::start(folder.path(), &proxies, &[]).await;
        let path = "/codeartifact/main/maven/com/acme/a/1/a-1.jar";
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\
             Connection: close\r\n\r\njar"
        );
        let answer = raw_request(haproxy.address(), request.as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 50"), "{method}: {answer}");
        let asked = asked.load(Ordering::Relaxed);
        assert_eq!(asked > 1, is_asked_again, "{method}: {asked} times");
        assert!(asked > 0, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_own_numbers_and_page_are_not_shown_to_clients() {
    let Some(team) = Team::new().await else {
        return;
    };
    for path in ["/metrics", "/status", "/metrics?x=1"] {
        let answer = get(team.address(), path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text().contains("Ask a proxy itself"));
    }
    assert_eq!(get(team.address(), "/readyz").await.status, 200);
    let own = get(team.haproxy.numbers(), "/metrics").await.text();
    assert!(own.contains("haproxy_backend_http_responses_total"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soft_stop_of_haproxy_lets_answers_end() {
    let Some(mut team) = Team::new().await else {
        return;
    };
    // More than all buffers on the way hold.
    let jar = put(&team.aws, "g/big-1.jar", 24_000_000);
    let answer = Pending::begin(team.address(), "GET", "/g/big-1.jar", &[]).await;
    team.haproxy.signal(Signal::SIGUSR1);
    let address = team.address();
    eventually("nobody new is let in", async || {
        std::net::TcpStream::connect(address).is_err()
    })
    .await;
    let answer = answer.finish().await;
    assert_eq!(answer.broken, None);
    assert!(answer.body == jar.body);
    let status = team.haproxy.ended().await;
    assert!(status.success(), "{status}");
}

/// A team that speaks TLS, and what curl trusts it by; `None` where a part is missing.
struct Secured {
    team: Team,
    authority: String,
}

impl Secured {
    async fn new() -> Option<Self> {
        if !are_installed(&[CURL]) {
            return None;
        }
        let (team, authority) = Team::with_tls().await?;
        Some(Self { team, authority })
    }

    /// What curl prints of an answer by `format`.
    async fn curl(&self, scheme: &str, path: &str, format: &str, more: &[&str]) -> Ended {
        let mut curl = client("curl", &self.team.scratch.home());
        curl.args(["-q", "-sS", "--max-time", "50", "-o", "body", "-w", format])
            .args(["--cacert", &self.authority])
            .args(more)
            .arg(format!("{scheme}://{}{path}", self.team.address()));
        run(curl, Duration::from_mins(1)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_it_speaks_tls_and_nothing_else() {
    let Some(secured) = Secured::new().await else {
        return;
    };
    let jar = put(&secured.team.aws, "g/a-1.jar", 300_000);
    for (version, flag) in [("1.1", "--http1.1"), ("2", "--http2")] {
        let format = "%{http_code} %{http_version}";
        let ended = secured.curl("https", "/g/a-1.jar", format, &[flag]).await;
        assert_eq!(ended.text(), format!("200 {version}"), "{}", ended.stderr);
        let body = std::fs::read(secured.team.scratch.home().join("body"));
        assert!(body.expect("a body") == jar.body);
    }
    let old = ["--tls-max", "1.1"];
    assert_ne!(
        secured.curl("https", "/g/a-1.jar", "", &old).await.code(),
        0
    );
    let plain = secured
        .curl("http", "/g/a-1.jar", "%{http_code}", &[])
        .await;
    assert_ne!(plain.code(), 0);
    assert_eq!(plain.text(), "000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_a_login_comes_back_over_tls_to_the_same_proxy() {
    let Some(secured) = Secured::new().await else {
        return;
    };
    secured.team.aws.identities().remove(ACCESS_KEY.0);
    let format = "%{http_code} %{redirect_url} %header{x-served-by}";
    let bazel = ["-A", "bazel/7.4.0"];
    let ask = |path: &'static str| secured.curl("https", path, format, &bazel);
    let (first, second) = tokio::join!(ask("/g/a%2Bb.jar"), ask("/g/a%2Bb.jar?w=1"));
    let home = first.text();
    let home = home.rsplit(' ').next().unwrap_or_default();
    let url = format!("https://{}/g/a%2Bb.jar", secured.team.address());
    assert_eq!(first.text(), format!("307 {url}?w=1 {home}"));
    assert_eq!(second.text(), format!("307 {url}?w=2 {home}"));
    assert!(home.starts_with("proxy-"), "{home}");
}
