//! A proxy in a given state, with work under way.

use std::time::Duration;

use serde_json::Value;
use simulated_aws::packages::Wheel;
use simulated_aws::{Fault, Operation};
use tests::scratch::BUCKET;
use tests::sso_world::{REFRESH_GRANT, in_state};
use tests::{Answer, Proxy, SsoWorld, eventually};

/// Every state of the keeper.
pub(crate) const STATES: [&str; 7] = [
    "valid",
    "refreshing",
    "login-required",
    "offline",
    "clock-skew",
    "denied",
    "config-error",
];
/// The role that is assumed where the clock is wrong.
const ROLE: &str = "arn:aws:iam::111122223333:role/Deployer";
/// Nothing here waits so long.
const LOGIN_WAIT: &str = "5m";
/// A name that means something to HTML, to scripts and to terminals.
pub(crate) const HOSTILE: &str = "g/<img src=x onerror=alert(1)>'\"&{{7*7}}`id`\u{202e}.jar";
/// The same in a request's path.
pub(crate) const HOSTILE_PATH: &str =
    "/g/%3Cimg%20src=x%20onerror=alert(1)%3E'%22&%7B%7B7*7%7D%7D%60id%60%E2%80%AE.jar";

pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) world: SsoWorld,
}

fn refused_renewal(code: &str) -> Fault {
    on_refresh().respond(400, code)
}

fn on_refresh() -> Fault {
    Fault::on(Operation::CreateToken).grant_type(REFRESH_GRANT)
}

impl Scene {
    /// Signed in, and everything works.
    pub(crate) async fn new() -> Self {
        let world = SsoWorld::new().await;
        let _login = world.sign_in();
        Self::start(world, "valid").await
    }

    /// A proxy in this state.
    pub(crate) async fn in_state(state: &str) -> Self {
        let world = SsoWorld::new().await;
        let fault = match state {
            "valid" => None,
            "refreshing" => Some(on_refresh().hang()),
            "login-required" => Some(refused_renewal("InvalidGrantException")),
            "offline" => Some(on_refresh().reset()),
            "clock-skew" => {
                Some(Fault::on(Operation::AssumeRole).respond(403, "RequestTimeTooSkewed"))
            }
            "denied" => {
                Some(Fault::on(Operation::GetRoleCredentials).respond(403, "ForbiddenException"))
            }
            "config-error" => Some(refused_renewal("InvalidRequestException")),
            other => panic!("no such state: {other}"),
        };
        let _login = match state {
            "valid" | "clock-skew" | "denied" => world.sign_in(),
            _ => world.sign_in_long_ago(),
        };
        if let Some(fault) = fault {
            world.aws.faults().add(fault);
        }
        Self::start(world, state).await
    }

    /// Signed in, with a repository of CodeArtifact that was asked for a package, and one that there is not.
    #[expect(clippy::disallowed_methods, reason = "a scratch file")]
    pub(crate) async fn with_packages() -> Self {
        let world = SsoWorld::new().await;
        let _login = world.sign_in();
        let service = world.aws.codeartifact();
        let repository = service.add_repository("acme", "012345678901", "us-west-2", "all");
        repository.put_wheel(&Wheel::new("acme-first", "1.0"));
        let file = world.scratch.path().join("codeartifact.yaml");
        let upstreams = ["main: {publish: true, domain: acme", "none: {domain: other"];
        let upstreams = upstreams.map(|begin| {
            format!(
                "  {begin}, domain_owner: \"012345678901\", region: us-west-2, repository: all}}\n"
            )
        });
        let text = format!("codeartifact:\n{}", upstreams.concat());
        std::fs::write(&file, text).expect("a configuration");
        let file = file.display().to_string();
        let builder = world.builder().env("BAZEL_PROXY_CONFIG_FILE", &file);
        let proxy = builder.start().await;
        in_state(&proxy, "valid").await;
        let scene = Self { proxy, world };
        for (alias, status) in [("main", 200), ("none", 503)] {
            let path = format!("/codeartifact/{alias}/pypi/simple/acme-first/");
            let answer = scene.proxy.get(&path).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
        }
        scene
    }

    async fn start(world: SsoWorld, state: &str) -> Self {
        let mut builder = world.builder().env("LOGIN_WAIT", LOGIN_WAIT);
        if state == "clock-skew" {
            let chain = format!("[profile deploy]\nrole_arn = {ROLE}\nsource_profile = team\n");
            world.scratch.write_config(&(world.config() + &chain));
            builder = builder.env("AWS_PROFILE", "deploy");
        }
        let proxy = builder.start().await;
        in_state(&proxy, state).await;
        Self { proxy, world }
    }

    /// Signed in, and then the session has ended; somebody has noticed.
    pub(crate) async fn logged_out() -> Self {
        let scene = Self::new().await;
        scene.log_out().await;
        scene
    }

    pub(crate) async fn log_out(&self) {
        let sso = self.world.aws.sso();
        sso.end_sessions();
        sso.expire_role_credentials();
        let path = self.world.new_artifact();
        let missed = self.miss_of("curl/8.5.0", &path);
        let noticed = in_state(&self.proxy, "login-required");
        tokio::select! {
            answer = missed => panic!("it does not wait: {}", answer.status),
            _ = noticed => {}
        }
        self.waiting(0).await;
    }

    /// Puts an object into the bucket, and gives its path.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) -> String {
        let put = self.world.aws.s3().put(BUCKET, key, bytes);
        put.expect("an object");
        format!("/{key}")
    }

    /// From now on, bodies of this object come slowly.
    pub(crate) fn slow_down(&self, key: &str, bytes_per_second: u64) {
        let slowly = Fault::on(Operation::GetObject).key(key);
        self.world.aws.faults().add(slowly.rate(bytes_per_second));
    }

    /// Fetches something into the cache and out of it.
    pub(crate) async fn hit(&self, path: &str) -> Answer {
        let mut hit = None;
        eventually("it is a hit", async || {
            let answer = self.proxy.get(path).await;
            let is_hit = answer.is_hit();
            hit = Some(answer);
            is_hit
        })
        .await;
        hit.expect("found above")
    }

    pub(crate) async fn miss_of(&self, user_agent: &str, path: &str) -> Answer {
        let headers = [("user-agent", user_agent)];
        let asked = self.proxy.begin("GET", path, &headers).await;
        asked.finish().await
    }

    /// What the page tells a program.
    pub(crate) async fn status(&self) -> Value {
        status(&self.proxy).await
    }

    /// What it shows a person.
    pub(crate) async fn html(&self) -> String {
        let accept = [("accept", "text/html")];
        let answer = self.proxy.get_with("/status", &accept).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    /// Waits until so many requests are told of as waiting.
    pub(crate) async fn waiting(&self, requests: usize) -> Value {
        self.until("the requests wait", |status| {
            status["parked"]["requests"] == requests
        })
        .await
    }

    /// Waits until the page tells what is wanted, and gives all of it.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        eventually(what, async || {
            last = self.status().await;
            is_so(&last)
        })
        .await;
        last
    }
}

/// What the page tells a program.
pub(crate) async fn status(proxy: &Proxy) -> Value {
    let accept = [("accept", "application/json")];
    let answer = proxy.get_with("/status", &accept).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_str(&answer.text()).expect("JSON")
}

/// Seconds from one time of the page to another.
pub(crate) fn seconds_between(earlier: &Value, later: &Value) -> i64 {
    let time = |value: &Value| {
        let text = value.as_str().expect("a time");
        text.parse::<jiff::Timestamp>().expect("RFC 3339")
    };
    time(later).duration_since(time(earlier)).as_secs()
}

/// Long enough for a test, and over soon enough where nobody waits for it.
pub(crate) const LONG: Duration = Duration::from_mins(1);
