//! The service as clients see it, over a table made by hand.

use std::path::Path;
use std::time::SystemTime;

use aws_credential_types::Credentials as AwsCredentials;
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER,
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sso_session::secret::Secret;
use tokio::sync::watch;

use super::*;
use crate::config::Place;
use crate::container_credentials::{Surroundings, Tokens};
use crate::credentials::{Credentials, Identity, Valid};
use crate::error::Trouble;

const APP_TOKEN: &str = "the-token-of-app-0001";
const BATCH_TOKEN: &str = "the-token-of-batch-02";
const APP_ROLE: &str = "arn:aws:iam::123456789012:role/app";
const ALLOWED_ROLE: &str = "arn:aws-cn:iam::210987654321:role/path/allowed";
const OTHER_ROLE: &str = "arn:aws:iam::123456789012:role/other";

/// The service, and what its keepers publish.
pub(super) struct World {
    pub(super) service: CredentialsService,
    app: watch::Sender<State>,
    batch: watch::Sender<State>,
    _allowed: watch::Sender<State>,
    table: watch::Sender<Arc<Table>>,
}

/// What a client saw.
struct Seen {
    status: u16,
    headers: http::HeaderMap,
    text: String,
}

impl Seen {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// The message of an error that is told in both spellings.
    fn message(&self) -> String {
        let body = self.json();
        assert_eq!(
            (&body["code"], &body["message"]),
            (&body["Code"], &body["Message"])
        );
        assert!(body["code"].is_string());
        body["message"].as_str().expect("a message").to_owned()
    }
}

fn valid(access_key_id: &str, left: Duration) -> State {
    ending(access_key_id, now() + left)
}

/// Of an hour of which fourteen minutes are left: a renewal is due.
fn old(access_key_id: &str) -> State {
    let loaded_at = now() - Duration::from_mins(46);
    let end = now() + Duration::from_mins(14);
    State::Valid(Arc::new(loaded(access_key_id, loaded_at, end)))
}

fn ending(access_key_id: &str, expiry: SystemTime) -> State {
    State::Valid(Arc::new(loaded(access_key_id, now(), expiry)))
}

fn loaded(access_key_id: &str, loaded_at: SystemTime, expiry: SystemTime) -> Valid {
    let token = Some("session-token".to_owned());
    let expiry = Some(expiry);
    Valid {
        credentials: AwsCredentials::new(access_key_id, "secret-key", token, expiry, "test"),
        generation: 1,
        identity: Identity {
            account_id: Some("123456789012".to_owned()),
            ..Identity::of_profile("dev")
        },
        loaded_at,
        loaded: Instant::now(),
    }
}

fn supply(role: Option<&str>, state: State) -> (Arc<Supply>, watch::Sender<State>) {
    let (sender, _) = watch::channel(state);
    let credentials = Credentials::published_by(&sender);
    (
        Arc::new(Supply::new(role.map(str::to_owned), credentials)),
        sender,
    )
}

fn surroundings() -> Surroundings {
    Surroundings {
        troubles: vec!["a file cannot be read".to_owned()],
        allowed_hosts: vec!["creds".to_owned()],
        log_health_checks: false,
    }
}

impl World {
    pub(super) fn new() -> Self {
        let hour = Duration::from_hours(1);
        let (app_supply, app) = supply(Some(APP_ROLE), valid("ASIAAPP", hour));
        let (batch_supply, batch) = supply(None, valid("ASIABATCH", hour));
        let (allowed, allowed_state) = supply(Some(ALLOWED_ROLE), valid("ASIAALLOWED", hour));
        let service = |name: &str, token, supply, allowed| {
            Arc::new(Service {
                name: name.to_owned(),
                tokens: Arc::new(Tokens::new(&Secret::new(token))),
                supply,
                allowed,
                place: Place {
                    file: Path::new("services.yaml").into(),
                    line: 1,
                    column: 1,
                },
            })
        };
        let services = vec![
            service("app", APP_TOKEN, app_supply, vec![allowed]),
            service("batch", BATCH_TOKEN, batch_supply, Vec::new()),
        ];
        let table = Table::new(services).with(surroundings());
        let (table, tables) = watch::channel(Arc::new(table));
        let (in_force, metrics) = (InForce::new(tables), Arc::new(Metrics::new()));
        let hosts = ["proxy".to_owned()];
        Self {
            service: CredentialsService::new(in_force, &hosts, metrics),
            app,
            batch,
            _allowed: allowed_state,
            table,
        }
    }

    fn surround(&self, surroundings: Surroundings) {
        let services = self.table.borrow().services().to_vec();
        let table = Table::new(services).with(surroundings);
        self.table.send_replace(Arc::new(table));
    }

    fn replace_supply(&self, name: &str, supply: &Arc<Supply>) {
        let mut services = self.table.borrow().services().to_vec();
        for service in services.iter_mut().filter(|service| service.name == name) {
            *service = Arc::new(Service {
                name: name.to_owned(),
                tokens: Arc::clone(&service.tokens),
                supply: Arc::clone(supply),
                allowed: Vec::new(),
                place: service.place.clone(),
            });
        }
        self.table.send_replace(Arc::new(Table::new(services)));
    }

    fn drop_service(&self, name: &str) {
        let services = self.table.borrow().services().to_vec();
        let left = services.into_iter().filter(|service| service.name != name);
        self.table
            .send_replace(Arc::new(Table::new(left.collect())));
    }

    async fn ask(
        &self,
        build: impl FnOnce(http::request::Builder) -> http::request::Builder,
    ) -> Seen {
        let request = Request::builder().header(HOST, "127.0.0.1:1338");
        let (request, ()) = build(request).body(()).expect("a request").into_parts();
        let peer = SocketAddr::from(([127, 0, 0, 1], 4242));
        let (head, body) = self.service.answer_head(&request, peer).await.into_parts();
        assert_eq!(head.headers[CACHE_CONTROL], "no-store");
        assert!(head.headers.contains_key(ID_HEADER));
        let body = body.collect().await.expect("a body").to_bytes();
        if request.method != Method::HEAD {
            assert_eq!(head.headers[CONTENT_LENGTH], body.len().to_string());
        }
        Seen {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).expect("UTF-8"),
        }
    }

    async fn get(&self, path: &str, token: &str) -> Seen {
        self.ask(|request| request.uri(path).header(AUTHORIZATION, token))
            .await
    }

    async fn look(&self, path: &str) -> Seen {
        self.ask(|request| request.uri(path)).await
    }

    async fn metrics(&self) -> String {
        let text = super::super::numbers::text(&self.service.0.metrics, None, Some(&self.service));
        String::from_utf8(text.await.expect("numbers")).expect("UTF-8")
    }
}

#[tokio::test]
async fn every_path_gives_the_same_credentials_in_the_form_that_sdks_read() {
    let world = World::new();
    for path in [
        "/",
        "/v1/credentials",
        "/creds/",
        "/role/app",
        "/role/%61pp/",
        "/v1/credentials?x=1",
    ] {
        let seen = world.get(path, APP_TOKEN).await;
        assert_eq!(seen.status, 200, "{path}: {}", seen.text);
        assert_eq!(seen.headers[CONTENT_TYPE], "application/json");
        let document = seen.json();
        assert_eq!(document["AccessKeyId"], "ASIAAPP");
        assert_eq!(document["SecretAccessKey"], "secret-key");
        assert_eq!(document["Token"], "session-token");
        assert_eq!(document["AccountId"], "123456789012");
        let expiration = document["Expiration"].as_str().expect("a date");
        assert_eq!(
            (expiration.len(), expiration.ends_with('Z')),
            (20, true),
            "{expiration}"
        );
        assert!(document.get("Code").is_none());
    }
    for header in [
        "Bearer the-token-of-app-0001",
        "bearer the-token-of-app-0001",
        " the-token-of-app-0001 ",
    ] {
        assert_eq!(world.get("/creds", header).await.status, 200, "{header}");
    }
    assert_eq!(
        world.get("/creds", BATCH_TOKEN).await.json()["AccessKeyId"],
        "ASIABATCH"
    );
}

#[tokio::test]
async fn a_head_is_told_the_length_and_given_nothing() {
    let world = World::new();
    let length = world.get("/creds", APP_TOKEN).await.text.len();
    let seen = world
        .ask(|request| {
            request
                .method("HEAD")
                .uri("/creds")
                .header(AUTHORIZATION, APP_TOKEN)
        })
        .await;
    assert_eq!((seen.status, seen.text.as_str()), (200, ""));
    assert_eq!(seen.headers[CONTENT_LENGTH], length.to_string());
    let refused = world
        .ask(|request| request.method("HEAD").uri("/creds"))
        .await;
    assert_eq!((refused.status, refused.text.as_str()), (401, ""));
    let posted = world
        .ask(|request| request.method("POST").uri("/creds"))
        .await;
    assert_eq!(
        (posted.status, &posted.headers[ALLOW]),
        (405, &http::HeaderValue::from_static("GET, HEAD"))
    );
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let world = World::new();
    let mut told = Vec::new();
    for path in [
        "/role/app",
        "/role/nobody",
        &format!("/role-arn/{APP_ROLE}"),
        "/role-arn/arn:nothing",
    ] {
        let seen = world.get(path, "not-a-token-of-anyone").await;
        assert_eq!(seen.status, 401, "{path}");
        told.push(seen.message());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("bazel-proxy env"), "{told:?}");
    let missing = world.look("/creds").await;
    assert_eq!(missing.status, 401);
    assert!(
        missing
            .message()
            .contains("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    );
    let twice = |request: http::request::Builder| {
        let request = request.uri("/creds").header(AUTHORIZATION, APP_TOKEN);
        request.header(AUTHORIZATION, APP_TOKEN)
    };
    assert_eq!(world.ask(twice).await.status, 401);
    // Beginnings, other ends and other cases are no tokens.
    for wrong in [
        "the-token-of-app-000",
        "the-token-of-app-00011",
        "THE-TOKEN-OF-APP-0001",
        "",
    ] {
        assert_eq!(world.get("/creds", wrong).await.status, 401, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_fails_too_often_is_told_429_and_who_has_the_token_never_is() {
    let world = World::new();
    for _ in 0..10 {
        assert_eq!(
            world.get("/creds", "guess-guess-guess-gue").await.status,
            401
        );
    }
    let limited = world.get("/creds", "guess-guess-guess-gue").await;
    assert_eq!(
        (limited.status, &limited.headers[RETRY_AFTER]),
        (429, &http::HeaderValue::from(1))
    );
    assert!(limited.message().contains("wait 1 s"));
    assert_eq!(world.get("/creds", APP_TOKEN).await.status, 200);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(
        world.get("/creds", "guess-guess-guess-gue").await.status,
        401
    );
    let numbers = world.metrics().await;
    let line = r#"bazel_proxy_container_credentials_turned_away_total{reason="rate-limited"} 1"#;
    assert!(numbers.contains(line), "{numbers}");
}

#[tokio::test]
async fn a_token_is_good_for_its_own_service_and_its_own_roles() {
    let world = World::new();
    for name in ["batch", "nobody"] {
        let seen = world.get(&format!("/role/{name}"), APP_TOKEN).await;
        assert_eq!(seen.status, 403);
        assert!(seen.message().contains("service `app`"), "{}", seen.text);
    }
    for (arn, key) in [(APP_ROLE, "ASIAAPP"), (ALLOWED_ROLE, "ASIAALLOWED")] {
        let raw = world.get(&format!("/role-arn/{arn}"), APP_TOKEN).await;
        assert_eq!(raw.json()["AccessKeyId"], key);
        let escaped = arn.replace(':', "%3A").replace('/', "%2F");
        let escaped = world.get(&format!("/role-arn/{escaped}/"), APP_TOKEN).await;
        assert_eq!(escaped.json()["AccessKeyId"], key);
    }
    let denied = world
        .get(&format!("/role-arn/{OTHER_ROLE}"), APP_TOKEN)
        .await;
    assert_eq!(denied.status, 403);
    let message = denied.message();
    assert!(
        message.contains("`app`") && message.contains(ALLOWED_ROLE),
        "{message}"
    );
    let none = world
        .get(&format!("/role-arn/{ALLOWED_ROLE}"), BATCH_TOKEN)
        .await;
    assert_eq!(none.status, 403);
    assert!(!none.message().contains("210987654321"));
}

#[tokio::test(start_paused = true)]
async fn trouble_is_told_with_what_to_run_and_ends_with_its_cause() {
    let world = World::new();
    let trouble = || {
        Trouble::new(
            "the session has ended",
            "Run `aws sso login --profile dev`.",
        )
    };
    for (state, status, code) in [
        (State::LoginRequired(trouble()), 503, "LoginRequired"),
        (State::Offline(trouble()), 503, "Unavailable"),
        (State::Refreshing, 503, "Unavailable"),
        (State::ClockSkew(trouble()), 503, "ClockSkew"),
        (State::Denied(trouble()), 403, "AccessDenied"),
        (State::ConfigError(trouble()), 424, "Misconfigured"),
    ] {
        let is_told = state.trouble().is_some();
        world.app.send_replace(state);
        let before = Instant::now();
        let seen = world.get("/v1/credentials", APP_TOKEN).await;
        assert_eq!((seen.status, &seen.json()["Code"]), (status, &code.into()));
        assert_eq!(seen.headers.contains_key(RETRY_AFTER), status == 503);
        let message = seen.message();
        assert_eq!(
            message.contains("the session has ended. Run `aws sso login --profile dev`."),
            is_told
        );
        if code == "LoginRequired" {
            assert_eq!(
                before.elapsed(),
                Duration::ZERO,
                "nobody waits for a person"
            );
        }
        assert!(before.elapsed() < Duration::from_secs(1));
    }
    world
        .app
        .send_replace(valid("ASIANEW", Duration::from_hours(1)));
    assert_eq!(
        world.get("/v1/credentials", APP_TOKEN).await.json()["AccessKeyId"],
        "ASIANEW"
    );
}

#[tokio::test(start_paused = true)]
async fn credentials_that_have_ended_are_never_handed_out() {
    let world = World::new();
    world
        .app
        .send_replace(ending("ASIAOLD", now() - Duration::from_secs(1)));
    let seen = world.get("/creds", APP_TOKEN).await;
    assert_eq!(seen.status, 503, "{}", seen.text);
    assert!(!seen.text.contains("ASIAOLD"));
    assert_eq!(world.look("/readyz/app").await.status, 503);
}

#[tokio::test]
async fn a_removed_service_is_refused_at_once_and_leaves_no_numbers() {
    let world = World::new();
    assert_eq!(world.get("/creds", BATCH_TOKEN).await.status, 200);
    assert!(world.metrics().await.contains(r#"service="batch""#));
    world.drop_service("batch");
    assert_eq!(world.get("/creds", BATCH_TOKEN).await.status, 401);
    let numbers = world.metrics().await;
    assert!(!numbers.contains("batch"), "{numbers}");
    assert!(numbers.contains("credproxy_active_services_total 1"));
}

#[tokio::test(start_paused = true)]
async fn who_waited_is_given_nothing_once_the_service_is_gone_or_another() {
    let world = World::new();
    let waiting = async |change: &dyn Fn()| {
        world.batch.send_replace(old("ASIAOLD"));
        let change = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            change();
        };
        let before = Instant::now();
        let (seen, ()) = tokio::join!(world.get("/creds", BATCH_TOKEN), change);
        assert!(before.elapsed() > Duration::from_millis(100), "it waited");
        tokio::time::advance(Duration::from_mins(1)).await;
        seen
    };
    let unrelated = waiting(&|| world.surround(Surroundings::default())).await;
    assert_eq!(unrelated.json()["AccessKeyId"], "ASIAOLD");
    let (other, _state) = supply(Some(OTHER_ROLE), old("ASIAOTHER"));
    let changed = waiting(&|| world.replace_supply("batch", &other)).await;
    assert_eq!(
        (changed.status, changed.text.contains("ASIA")),
        (503, false)
    );
    assert!(changed.message().contains("changed"), "{}", changed.text);
    let world = World::new();
    world.batch.send_replace(old("ASIAOLD"));
    let gone = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.drop_service("batch");
    };
    let (gone, ()) = tokio::join!(world.get("/creds", BATCH_TOKEN), gone);
    assert_eq!((gone.status, gone.text.contains("ASIA")), (401, false));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_ahead_is_told_by_readiness() {
    let world = World::new();
    world
        .app
        .send_replace(ending("ASIAOLD", now() - Duration::from_secs(1)));
    let app = world.look("/readyz/app").await;
    assert_eq!(
        (app.status, &app.json()["state"]),
        (503, &"clock-skew".into())
    );
    let told = world.get("/readyz/app", APP_TOKEN).await;
    let cure = told.json()["cure"].as_str().map(str::to_owned);
    assert!(cure.is_some_and(|cure| cure.contains("Set the clock")));
    assert_eq!(
        world.get("/creds", APP_TOKEN).await.json()["Code"],
        "ClockSkew"
    );
}

#[tokio::test]
async fn readiness_is_told_for_each_service_and_without_accounts() {
    let world = World::new();
    let health = world.look("/health").await;
    assert_eq!(
        health.json(),
        serde_json::json!({ "status": "healthy", "services": 2 })
    );
    let ready = world.look("/readyz").await;
    assert_eq!(ready.status, 200);
    let app = &ready.json()["services"][0];
    assert_eq!(
        (&app["name"], &app["role"], &app["state"]),
        (&"app".into(), &"app".into(), &"valid".into())
    );
    assert!(app["expires_at"].is_string());
    assert!(!ready.text.contains("123456789012"), "{}", ready.text);
    let reason = "arn:aws:iam::123456789012:role/app may not be assumed with ASIAKEY";
    let trouble = Trouble::with_command(reason, "aws sso login", |run| format!("Run `{run}`."));
    world.batch.send_replace(State::LoginRequired(trouble));
    let ready = world.look("/readyz").await;
    assert_eq!(ready.status, 503);
    let batch = &ready.json()["services"][1];
    assert_eq!(batch["ready"], false);
    assert_eq!(
        (&batch["state"], &batch["command"]),
        (&"login-required".into(), &"aws sso login".into())
    );
    // Its own token has a service told more of itself, and of nobody else.
    let of_batch = world.get("/readyz/batch", BATCH_TOKEN).await;
    assert_eq!(
        (of_batch.status, &of_batch.json()["reason"]),
        (503, &reason.into())
    );
    assert_eq!(of_batch.json()["cure"], "Run `aws sso login`.");
    assert_eq!(
        world
            .get("/readyz/batch", "a-wrong-token-of-batch")
            .await
            .status,
        401
    );
    for told in [
        ready,
        world.look("/readyz/batch").await,
        world.get("/readyz/batch", APP_TOKEN).await,
        world.get("/readyz", BATCH_TOKEN).await,
    ] {
        assert_eq!(told.status, 503);
        for secret in ["123456789012", "ASIA"] {
            assert!(!told.text.contains(secret), "{}", told.text);
        }
    }
    for (path, status) in [
        ("/readyz/app", 200),
        ("/readyz/batch", 503),
        ("/readyz/nobody", 404),
        ("/livez", 200),
        ("/health", 200),
        ("/metrics", 200),
        ("/nothing", 404),
    ] {
        assert_eq!(world.look(path).await.status, status, "{path}");
    }
    // The guard is before these, too.
    let relayed = world.ask(|request| request.uri("/readyz").header("x-forwarded-for", "10.0.0.1"));
    assert_eq!(relayed.await.status, 403);
}

#[tokio::test]
async fn foreign_hosts_are_refused_and_configured_names_are_not() {
    let world = World::new();
    let status = async |host: &str| {
        let request = Request::builder().header(HOST, host).uri("/creds");
        let (request, ()) = request.body(()).expect("a request").into_parts();
        let peer = SocketAddr::from(([127, 0, 0, 1], 4242));
        let answer = world.service.answer_head(&request, peer).await;
        answer.status().as_u16()
    };
    for (host, expected) in [("creds:1338", 401), ("proxy", 401), ("evil.example", 421)] {
        assert_eq!(status(host).await, expected, "{host}");
    }
    world.surround(Surroundings {
        allowed_hosts: vec!["other".to_owned()],
        ..surroundings()
    });
    for (host, expected) in [("creds:1338", 421), ("proxy", 401), ("other", 401)] {
        assert_eq!(status(host).await, expected, "{host}");
    }
}

mod log {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn take(&self) -> String {
            let bytes = std::mem::take(&mut *self.0.lock().expect("no panic"));
            String::from_utf8(bytes).expect("UTF-8")
        }
    }

    #[tokio::test]
    async fn an_issuance_is_one_line_and_no_line_has_a_token() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone());
        // With one alone, tracing would ask the thread that comes first whether a line is wanted, which may be
        // another test's.
        let _second = tracing::Dispatch::new(tracing_subscriber::registry());
        let _guard = tracing::subscriber::set_default(subscriber.finish());
        let world = World::new();
        let request = |request: http::request::Builder| {
            let request = request.uri("/role/app").header(AUTHORIZATION, APP_TOKEN);
            request.header("user-agent", "Boto3/1.44")
        };
        assert_eq!(world.ask(request).await.status, 200);
        let told = lines.take();
        assert_eq!(told.lines().count(), 1, "{told}");
        for part in [
            "INFO",
            "bazel_proxy::audit",
            "service=\"app\"",
            APP_ROLE,
            "profile=\"dev\"",
            "127.0.0.1:4242",
            "expires_at=",
            "Boto3/1.44",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        for number in 0..30 {
            let _refused = world
                .get("/creds", &format!("wrong-token-wrong-{number}"))
                .await;
        }
        let _health = world.look("/health").await;
        let refused = lines.take();
        // Ten, and one that says that there are more.
        assert_eq!(refused.lines().count(), 11, "{refused}");
        assert!(
            refused.contains("WARN") && !refused.contains("/health"),
            "{refused}"
        );
        for all in [told, refused] {
            for secret in [
                "the-token",
                "wrong-token",
                "secret-key",
                "session-token",
                "ASIA",
            ] {
                assert!(!all.contains(secret), "{secret} in {all}");
            }
        }
        world.surround(Surroundings {
            log_health_checks: true,
            ..surroundings()
        });
        let _health = world.look("/health").await;
        assert!(lines.take().contains("path=\"/health\""));
    }
}

#[tokio::test]
async fn every_number_is_documented_and_every_documented_one_is_there() {
    let world = World::new();
    let _issued = world.get("/creds", APP_TOKEN).await;
    let _refused = world.look("/creds").await;
    let numbers = world.metrics().await;
    assert!(numbers.contains("bazel_proxy_container_credentials_not_in_force 1"));
    let is_ours = |name: &&str| {
        name.starts_with("bazel_proxy_container_credentials_") || name.starts_with("credproxy_")
    };
    let mut told = Vec::new();
    let mut help = "";
    for line in numbers.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').expect("a help").1;
        } else if let Some(rest) = line.strip_prefix("# TYPE ").filter(is_ours) {
            let (name, kind) = rest.split_once(' ').expect("a type");
            told.push(format!("{name}|{kind}|{help}"));
        }
    }
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/METRICS.md");
    let document = std::fs::read_to_string(document).expect("the document");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut documented: Vec<_> = rows
        .filter(is_ours)
        .filter_map(|row| {
            let mut cells = row.split(" | ");
            let (name, kind) = (cells.next()?.trim_end_matches('`'), cells.next()?);
            let meaning = cells.nth(1)?.trim_end_matches(" |");
            Some(format!("{name}|{kind}|{meaning}"))
        })
        .collect();
    told.sort();
    documented.sort();
    assert_eq!(told, documented);
    let plain = Metrics::new();
    let text = super::super::numbers::text(&plain, None, None)
        .await
        .expect("numbers");
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(
        !text.contains("container_credentials") && !text.contains("credproxy"),
        "{text}"
    );
}
