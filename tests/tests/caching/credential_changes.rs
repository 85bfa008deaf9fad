//! Credentials that end, come back and change, with no restart and no failed hit.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use simulated_aws::{Operation, SimulatedAws};
use tests::{Answer, Proxy, ProxyBuilder, Scratch, eventually};

use crate::support::{fetch_into_cache, put, write};

const OLD: Session = Session(
    "ASIAOLDOLDOLDOLDOLD0",
    "old-secret-key",
    "old-session-token",
);
const NEW: Session = Session(
    "ASIANEWNEWNEWNEWNEW0",
    "new-secret-key",
    "new-session-token",
);

#[derive(Clone, Copy)]
struct Session(&'static str, &'static str, &'static str);

impl Session {
    fn as_profile(self) -> String {
        let Self(id, secret, token) = self;
        format!(
            "[team]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
             aws_session_token = {token}\n"
        )
    }

    fn as_process_answer(self) -> String {
        let Self(id, secret, token) = self;
        format!(
            r#"{{"Version":1,"AccessKeyId":"{id}","SecretAccessKey":"{secret}","SessionToken":"{token}"}}"#
        )
    }
}

fn builder(scratch: &Scratch, aws: &SimulatedAws) -> ProxyBuilder {
    let builder = ProxyBuilder::new(scratch).aws(aws).profile("team");
    // Far apart, so that what is seen here is not the check's doing.
    builder
        .env("CHECK_INTERVAL", "1h")
        // Nobody waits: what an answer says while the login is away is looked at.
        .env("LOGIN_WAIT", "0")
        .env("LOG_LEVEL", "debug")
}

/// Both sessions are known to AWS, and `g/<number>.jar` is there to be fetched.
async fn aws_with_sessions(scratch: &Scratch) -> SimulatedAws {
    let aws = scratch.aws().await;
    for Session(id, secret, token) in [OLD, NEW] {
        aws.identities().add_session(id, secret, token, None);
    }
    for number in 0..60 {
        put(&aws, &format!("g/{number}.jar"), 1_000 + number);
    }
    aws
}

fn assert_login_required(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    let text = answer.text();
    assert!(text.contains("aws sso login --profile team"), "{text}");
}

fn assert_no_secret_in_log(proxy: &Proxy) {
    for Session(_, secret, token) in [OLD, NEW] {
        assert!(!proxy.log().contains(secret), "{}", proxy.log());
        assert!(!proxy.log().contains(token), "{}", proxy.log());
    }
}

/// Waits until a miss works. The promise is 2 s; the bound leaves room for a busy machine.
async fn assert_works_soon(proxy: &Proxy, path: &str) {
    let changed_at = Instant::now();
    eventually("a miss works", async || proxy.get(path).await.status == 200).await;
    let took = changed_at.elapsed();
    assert!(took.as_secs() < 6, "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_is_503_with_the_command_to_run_and_hits_go_on() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    scratch.write_credentials(&OLD.as_profile());
    let proxy = builder(&scratch, &aws).start().await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/0.jar").await;
    aws.identities().expire(OLD.0);

    for path in ["/g/1.jar", "/g/2.jar", "/g/not-there.jar"] {
        assert_login_required(&proxy.get(path).await);
        assert_eq!(proxy.head(path).await.status, 503);
        assert!(proxy.get("/g/0.jar").await.is_hit());
    }
    assert_eq!(proxy.get("/g/").await.status, 503, "a listing is no hit");
    let ready = proxy.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("login-required"), "{}", ready.text());
    assert_eq!(proxy.get("/healthz").await.status, 200);

    scratch.write_credentials(&NEW.as_profile());
    assert_works_soon(&proxy, "/g/1.jar").await;
    assert_eq!(proxy.get("/g/not-there.jar").await.status, 404);
    assert_no_secret_in_log(&proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_written_in_place_take_effect() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    scratch.write_credentials(&OLD.as_profile());
    aws.identities().expire(OLD.0);
    let proxy = builder(&scratch, &aws).start().await;
    assert_login_required(&proxy.get("/g/1.jar").await);
    // Truncated first and written in two pieces, as some tools do.
    let file = std::fs::File::create(scratch.home().join(".aws/credentials"));
    let mut file = file.expect("a file");
    let text = NEW.as_profile();
    let (one, two) = text.split_at(text.len() / 2);
    file.write_all(one.as_bytes()).expect("written");
    file.sync_all().expect("on disk");
    assert!(
        proxy.get("/g/1.jar").await.status == 503,
        "half a file is none"
    );
    file.write_all(two.as_bytes()).expect("written");
    assert_works_soon(&proxy, "/g/1.jar").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_appear_after_the_start_take_effect() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    std::fs::remove_dir_all(scratch.home().join(".aws")).expect("no ~/.aws");
    let proxy = builder(&scratch, &aws).start().await;
    let refused = proxy.get("/g/1.jar").await;
    assert_eq!(refused.status, 503);
    assert!(
        refused.text().contains("~/.aws/credentials"),
        "{}",
        refused.text()
    );
    std::fs::create_dir(scratch.home().join(".aws")).expect("~/.aws");
    scratch.write_credentials(&NEW.as_profile());
    assert_works_soon(&proxy, "/g/1.jar").await;
    assert_no_secret_in_log(&proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_config_file_fails_no_hit_and_heals() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    scratch.write_credentials(&NEW.as_profile());
    let proxy = builder(&scratch, &aws).start().await;
    fetch_into_cache(&proxy, &scratch, &aws, "g/0.jar").await;
    let again = proxy.kill_9();
    scratch.write_config("[profile team\nthis is = not closed\n");
    let proxy = again.start().await;
    assert!(proxy.get("/g/0.jar").await.is_hit());
    let refused = proxy.get("/g/1.jar").await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("config"), "{}", refused.text());
    scratch.write_config("[profile team]\nregion = us-west-2\n");
    assert_works_soon(&proxy, "/g/1.jar").await;
    assert_no_secret_in_log(&proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_file_broken_while_running_leaves_good_credentials_in_use() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    scratch.write_credentials(&NEW.as_profile());
    let proxy = builder(&scratch, &aws).start().await;
    assert_eq!(proxy.get("/g/0.jar").await.status, 200);
    scratch.write_config("[profile team\nthis is = not closed\n");
    eventually("the change is seen", async || {
        proxy.log().contains("the old ones go on serving")
    })
    .await;
    assert_eq!(proxy.get("/g/1.jar").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_credentials_already_in_the_file_are_used_unseen_by_the_client() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    let process = Process::new(&scratch, OLD);
    let proxy = builder(&scratch, &aws).start().await;
    assert_eq!(proxy.get("/g/0.jar").await.status, 200);
    aws.identities().expire(OLD.0);
    process.answer_with(NEW);
    aws.counters().reset();

    let answer = proxy.get("/g/1.jar").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = aws.counters().log();
    let keys: Vec<_> = asked
        .iter()
        .filter_map(|call| call.access_key_id.as_deref())
        .collect();
    assert_eq!(keys, [OLD.0, NEW.0], "one refusal, one more try");
    assert_eq!(process.runs(), 2);
    assert_no_secret_in_log(&proxy);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_misses_with_an_ended_token_make_one_reload() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    let process = Process::new(&scratch, OLD);
    let proxy = builder(&scratch, &aws).start().await;
    assert_eq!(proxy.get("/g/0.jar").await.status, 200);
    aws.identities().expire(OLD.0);
    process.answer_with(NEW);

    let paths: Vec<_> = (1..=50).map(|number| format!("/g/{number}.jar")).collect();
    let misses = paths.iter().map(|path| proxy.get(path));
    for answer in futures_util::future::join_all(misses).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(process.runs(), 2, "one at the start, one for all");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_misses_without_new_credentials_hammer_neither_aws_nor_the_source() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    let process = Process::new(&scratch, OLD);
    let proxy = builder(&scratch, &aws).start().await;
    assert_eq!(proxy.get("/g/0.jar").await.status, 200);
    aws.identities().expire(OLD.0);
    let started = Instant::now();
    for _ in 0..3 {
        let paths: Vec<_> = (1..=50).map(|number| format!("/g/{number}.jar")).collect();
        let misses = paths.iter().map(|path| proxy.get(path));
        for answer in futures_util::future::join_all(misses).await {
            assert_login_required(&answer);
        }
    }
    // One at the start, one for the refusal, then at most one in two seconds.
    let most = 3 + usize::try_from(started.elapsed().as_secs() / 2).expect("few");
    assert!(process.runs() <= most, "{} runs", process.runs());
    let refused = aws.counters().count(Operation::GetObject);
    assert!(
        refused <= 60,
        "{refused} calls with a token known to have ended"
    );
}

/// A profile whose `credential_process` tells how often it was run.
struct Process {
    answer: PathBuf,
    runs: PathBuf,
}

impl Process {
    fn new(scratch: &Scratch, session: Session) -> Self {
        let path = |name: &str| scratch.path().join(name);
        let process = Self {
            answer: path("answer.json"),
            runs: path("runs"),
        };
        process.answer_with(session);
        let script = path("credentials.sh");
        let (runs, answer) = (process.runs.display(), process.answer.display());
        write(&script, format!("echo run >> {runs}\ncat {answer}\n"));
        scratch.write_config(&format!(
            "[profile team]\ncredential_process = /bin/sh {}\n",
            script.display()
        ));
        process
    }

    fn answer_with(&self, session: Session) {
        write(&self.answer, session.as_process_answer());
    }

    fn runs(&self) -> usize {
        let runs = std::fs::read_to_string(&self.runs).unwrap_or_default();
        runs.lines().count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_interval_gives_whatever_is_wrong_a_new_chance() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    let process = Process::new(&scratch, OLD);
    aws.identities().expire(OLD.0);
    let builder = builder(&scratch, &aws).env("CHECK_INTERVAL", "1s");
    let proxy = builder.start().await;
    assert_login_required(&proxy.get("/g/1.jar").await);
    let before = process.runs();
    // No request comes, and no watched file changes.
    process.answer_with(NEW);
    eventually("it was checked", async || process.runs() > before).await;
    assert_works_soon(&proxy, "/g/1.jar").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_level_of_the_log_tells_a_secret() {
    let scratch = Scratch::new();
    let aws = aws_with_sessions(&scratch).await;
    scratch.write_credentials(&OLD.as_profile());
    let builder = builder(&scratch, &aws).env("LOG_LEVEL", "trace");
    let proxy = builder.start().await;
    assert_eq!(proxy.get("/g/0.jar").await.status, 200);
    aws.identities().expire(OLD.0);
    assert_login_required(&proxy.get("/g/1.jar").await);
    scratch.write_credentials(&NEW.as_profile());
    assert_works_soon(&proxy, "/g/1.jar").await;
    // The SDK writes whole requests at `trace`, and is heard up to `debug` only.
    let log = proxy.log();
    assert!(log.contains("DEBUG aws_runtime"), "the level is in force");
    assert!(!log.contains("TRACE aws_"), "{log}");
    assert_no_secret_in_log(&proxy);
}
