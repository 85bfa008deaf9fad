//! Prometheus itself takes the numbers.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::clients::{PROMETHEUS, PROMTOOL, are_installed};
use tests::{Scratch, commands, eventually, get};

use crate::world::{Numbers, World};

/// A proxy that has something to tell.
async fn busy() -> World {
    let world = World::new().await;
    world.put("g/a-1.jar", vec![7; 300_000]);
    world.warm("/g/a-1.jar").await;
    assert_eq!(world.proxy.get("/g/none.jar").await.status, 404);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_to_complain_about() {
    if !are_installed(&[PROMTOOL]) {
        return;
    }
    let world = busy().await;
    let numbers = Numbers::of(&world.proxy).await;
    assert!(numbers.text().contains("_bucket{"), "{}", numbers.text());
    let file = world.scratch.path().join("metrics");
    #[expect(clippy::disallowed_methods, reason = "a scratch file")]
    std::fs::write(&file, numbers.text()).expect("a scratch file");
    let mut command = commands::client("/bin/sh", &world.scratch.home());
    command.arg("-c").arg(r#""$0" check metrics < "$1""#);
    command.arg(PROMTOOL.path()).arg(&file);
    let checked = commands::succeed(command, Duration::from_secs(20)).await;
    assert_eq!((checked.text().as_str(), checked.stderr.as_str()), ("", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_scrapes_the_proxy() {
    if !are_installed(&[PROMETHEUS]) {
        return;
    }
    let world = busy().await;
    let scratch = Scratch::new();
    let target = world.proxy.address();
    let file = scratch.path().join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs:\n- job_name: bazel-proxy\n  static_configs:\n  - targets: ['{target}']\n"
    );
    #[expect(clippy::disallowed_methods, reason = "a scratch file")]
    std::fs::write(&file, text).expect("a scratch file");
    let prometheus = Prometheus::start(&scratch, &file).await;
    let value = r#"bazel_proxy_requests_total{verdict="not-found",status="404"}"#;
    eventually("Prometheus knows what the proxy counted", async || {
        prometheus.query(value).await.as_deref() == Some("1")
    })
    .await;
    let state = r#"bazel_proxy_credentials_state{state="valid"}"#;
    assert_eq!(prometheus.query(state).await.as_deref(), Some("1"));
    let quantile =
        "histogram_quantile(0.9, sum by (le) (bazel_proxy_first_byte_seconds_bucket)) > 0";
    assert!(prometheus.query(quantile).await.is_some());
}

/// A running Prometheus; killed when dropped.
struct Prometheus {
    child: std::process::Child,
    address: std::net::SocketAddr,
}

impl Prometheus {
    async fn start(scratch: &Scratch, config: &std::path::Path) -> Self {
        // Prometheus cannot be asked which port it was given: one that was free a moment ago.
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let log = std::fs::File::create(scratch.path().join("prometheus.log")).expect("a log");
        let mut command = Command::new(PROMETHEUS.path());
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                scratch.path().join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log));
        let child = command.spawn().expect("Prometheus starts");
        let prometheus = Self { child, address };
        eventually("Prometheus is ready", async || {
            let connected = tokio::net::TcpStream::connect(address).await;
            connected.is_ok() && get(address, "/-/ready").await.status == 200
        })
        .await;
        prometheus
    }

    /// The value of the one series that an expression gives.
    async fn query(&self, expression: &str) -> Option<String> {
        let mut path = "/api/v1/query?query=".to_owned();
        for byte in expression.bytes() {
            write!(path, "%{byte:02X}").expect("written");
        }
        let answer = get(self.address, &path).await;
        let answer: serde_json::Value = serde_json::from_str(&answer.text()).ok()?;
        let results = answer["data"]["result"].as_array()?;
        let [result] = results.as_slice() else {
            return None;
        };
        Some(result["value"][1].as_str()?.to_owned())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Fails only where it has ended.
        let _outcome = self.child.kill();
        let _status = self.child.wait();
    }
}
