//! What is missing, and a repository that does not answer as it should.

use std::process::Stdio;
use std::time::Duration;

use simulated_aws::{Fault, Operation};
use tests::{PATIENCE, SsoWorld, eventually, within};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{World, assert_done};
use crate::support::{Finished, put, run, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_artifact_is_a_failure_and_a_missing_guess_is_none() {
    let world = World::new().await;
    world.put_text("g/a/1/a-1.jar", "a");
    // Without a pom and checksums, as somebody has put it there by hand.
    let ended = world.warm("g:a:1\n").await;
    assert_done(&ended, "1 fetched");
    assert!(
        ended.stdout().contains("not published: 2 poms"),
        "{}",
        ended.stdout()
    );

    let ended = world.warm("g:a:1\ng:b:1\ng/c-1.jar\n").await;
    assert_eq!(ended.code(), Some(1));
    assert!(
        ended
            .stdout()
            .contains("1 already there, 2 missing, 0 failed"),
        "{}",
        ended.stdout()
    );
    let said = ended.stderr();
    for line in ["missing: g/b/1/b-1.jar", "missing: g/c-1.jar"] {
        assert!(said.lines().any(|found| found == line), "{line}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_artifact_is_a_failure_with_the_proxys_word() {
    let world = World::new().await;
    for key in ["g/a-1.jar", "g/b-1.jar"] {
        put(&world.aws, key, 100);
    }
    let denied = Fault::on(Operation::GetObject).key("g/a-1.jar");
    world.aws.faults().add(denied.respond(403, "AccessDenied"));
    let ended = world.warm("g/a-1.jar\ng/b-1.jar\n").await;
    assert_eq!(ended.code(), Some(1));
    assert!(
        ended.stdout().starts_with("1 fetched"),
        "{}",
        ended.stdout()
    );
    assert!(
        ended.stderr().contains("failed: g/a-1.jar: 403 "),
        "{}",
        ended.stderr()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_cut_is_no_failure() {
    let world = World::new().await;
    put(&world.aws, "g/a-1.jar", 3_000_000);
    let cut = Fault::on(Operation::GetObject).times(2);
    world.aws.faults().add(cut.cut_with_reset(1_000_000));
    assert_done(&world.warm("g/a-1.jar").await, "1 fetched");
    world.has(&["g/a-1.jar"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_running_proxy_it_says_how_to_have_one() {
    let mut world = World::new().await;
    world.proxy.terminate();
    assert!(world.proxy.ended().await.success());
    let ended = world.warm("g/a-1.jar").await;
    assert_eq!(ended.code(), Some(1));
    let said = ended.stderr();
    for word in [
        &world.proxy.url(),
        "no proxy answers on",
        "Start one (`bazel-proxy`)",
        "--url",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// A list of artifacts behind an SSO login, and what warms with it.
fn list_of(world: &SsoWorld, count: usize) -> std::path::PathBuf {
    let paths: Vec<_> = (0..count).map(|_| world.new_artifact()).collect();
    let list = world.scratch.path().join("list");
    write(&list, paths.join("\n"));
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_login_is_told_while_it_waits_and_then_it_goes_on() {
    let world = SsoWorld::new().await;
    let proxy = world.builder().env("LOGIN_WAIT", "5m").start().await;
    let list = list_of(&world, 20);
    let port = proxy.address().port().to_string();
    let builder = world.builder().env("PROXY_PORT", &port);
    let mut command = builder.command(&["warm", &list.display().to_string()]);
    let said = world.scratch.path().join("said");
    command.stdout(Stdio::piped());
    command.stderr(std::fs::File::create(&said).expect("a file"));
    let child = command.spawn().expect("it starts");
    let running = tokio::task::spawn_blocking(|| child.wait_with_output());
    let text = || std::fs::read_to_string(&said).expect("what it said");
    eventually("it says what to run", async || {
        text().contains("aws sso login --profile team")
    })
    .await;
    assert!(!running.is_finished());
    let _login = world.sign_in();
    let ended = within(PATIENCE, "its end", running).await;
    let ended = ended.expect("no panic").expect("its output");
    assert!(ended.status.success() && ended.stdout.starts_with(b"20 fetched"));
    let said = text();
    assert_eq!(said.matches("waiting: ").count(), 1, "{said}");
    assert_eq!(world.aws.counters().count(Operation::GetObject), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_logs_in_it_ends_with_the_command_and_the_next_run_goes_on() {
    let world = SsoWorld::new().await;
    let login = world.sign_in();
    // Each job waits so long for the login, once.
    let proxy = world.builder().env("LOGIN_WAIT", "2").start().await;
    world.served(&proxy).await;
    let list = list_of(&world, 300);
    let path = list.display().to_string();
    let port = proxy.address().port().to_string();
    let builder = world.builder().env("PROXY_PORT", &port);
    // The login ends in the middle.
    let end = Fault::on(Operation::GetObject)
        .skip_first(50)
        .respond(400, "ExpiredToken");
    let end = world.aws.faults().add(end);
    world.aws.sso().end_sessions();
    let ended = run(builder.command(&["warm", &path])).await;
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout());
    let said = ended.stderr();
    assert!(said.contains("aws sso login --profile team"), "{said}");
    assert!(
        said.contains("The same command goes on from here."),
        "{said}"
    );
    assert!(ended.stdout().contains(" left; "), "{}", ended.stdout());
    // Nobody went on asking: at most one request a job, and one more attempt of the proxy for each.
    assert!(world.aws.faults().played(end) <= 16);

    world.aws.faults().remove(end);
    drop(login);
    let _login = world.sign_in();
    world.served(&proxy).await;
    world.aws.counters().reset();
    let ended = run(builder.command(&["warm", &path])).await;
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr());
    // Fifty came before the end, but for those that `served` has asked for.
    let asked = world.aws.counters().count(Operation::GetObject);
    assert!((200..280).contains(&asked), "{asked}: {}", ended.stdout());
}

/// A server that a test answers for, one request at a time.
struct Scripted {
    address: std::net::SocketAddr,
    requests: mpsc::UnboundedReceiver<(String, TcpStream)>,
}

impl Scripted {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut head = String::new();
                    // All of it: what is left unread when the stream is closed resets it.
                    while !head.ends_with("\r\n\r\n") {
                        match stream.read_line(&mut head).await {
                            Ok(0) | Err(_) => return,
                            Ok(_) => {}
                        }
                    }
                    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    let _sent = sender.send((path, stream.into_inner()));
                });
            }
        });
        Self { address, requests }
    }

    async fn next(&mut self) -> (String, TcpStream) {
        let next = within(PATIENCE, "a request", self.requests.recv()).await;
        next.expect("a request")
    }
}

async fn answer(mut stream: TcpStream, head: &str) {
    let text = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("answered");
    stream.shutdown().await.expect("closed");
    let mut rest = Vec::new();
    // The client closes, too.
    let _read = within(PATIENCE, "its end", stream.read_to_end(&mut rest)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_asks_again_before_retry_after() {
    let world = World::new().await;
    let mut server = Scripted::start().await;
    let list = world.list("list", "g/a.jar\ng/b.jar\ng/c.jar\n");
    let url = format!("http://{}", server.address);
    let running = tokio::spawn(run(world.command(&["--jobs", "1", "--url", &url, &list])));
    let (path, health) = server.next().await;
    assert_eq!(path, "/healthz");
    answer(health, "200 OK").await;
    let (_, first) = server.next().await;
    let refused = Instant::now();
    answer(first, "503 Service Unavailable\r\nRetry-After: 3").await;
    let mut artifacts = 0;
    while artifacts < 3 {
        let (path, stream) = server.next().await;
        if path.starts_with("/readyz") {
            answer(stream, "503 Service Unavailable").await;
            continue;
        }
        assert!(
            refused.elapsed() >= Duration::from_secs(3),
            "{:?}",
            refused.elapsed()
        );
        artifacts += 1;
        answer(stream, "304 Not Modified\r\nCache-Status: bazel-proxy; hit").await;
    }
    assert_done(
        &running.await.expect("no panic"),
        "0 fetched (0 B), 3 already there",
    );
}

impl Scripted {
    /// Answers for a list of nine artifacts, three at once, with what `head` says; returns the run's end
    /// and how often artifacts were asked for.
    async fn serve(
        mut self,
        world: &World,
        head: impl Fn(&str) -> &'static str,
    ) -> (Finished, u32) {
        let keys: Vec<_> = (0..9).map(|number| format!("g/{number}.jar")).collect();
        let list = world.list("list", &keys.join("\n"));
        let url = format!("http://{}", self.address);
        let arguments = ["--jobs", "3", "--url", &url, &list];
        let running = tokio::spawn(run(world.command(&arguments)));
        let mut asked = 0;
        while !running.is_finished() {
            let next = tokio::time::timeout(Duration::from_millis(50), self.requests.recv());
            let Ok(Some((path, stream))) = next.await else {
                continue;
            };
            match path.as_str() {
                "/healthz" | "/readyz" => answer(stream, "200 OK").await,
                path => {
                    asked += 1;
                    answer(stream, head(path)).await;
                }
            }
        }
        (running.await.expect("no panic"), asked)
    }
}

const BAD_GATEWAY: &str = "502 Bad Gateway\r\nRetry-After: 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_only_answers_errors_ends_the_run() {
    let world = World::new().await;
    let server = Scripted::start().await;
    let (ended, asked) = server.serve(&world, |_| BAD_GATEWAY).await;
    assert_eq!(ended.code(), Some(1));
    // Four times each; whoever takes the place of the first two to give up may have asked, too.
    assert!((12..=20).contains(&asked), "{asked}");
    assert!(
        ended.stdout().contains(" 3 failed, 6 left; "),
        "{}",
        ended.stdout()
    );
    assert!(
        ended.stderr().contains("does not answer in order: 502"),
        "{}",
        ended.stderr()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_artifact_in_trouble_does_not_keep_the_others_from_coming() {
    let world = World::new().await;
    let server = Scripted::start().await;
    let head = |path: &str| match path {
        "/g/4.jar" => BAD_GATEWAY,
        _ => "304 Not Modified\r\nCache-Status: bazel-proxy; hit",
    };
    let (ended, asked) = server.serve(&world, head).await;
    assert_eq!((ended.code(), asked), (Some(1), 12));
    let words = "0 fetched (0 B), 8 already there, 0 missing, 1 failed; ";
    assert!(ended.stdout().starts_with(words), "{}", ended.stdout());
    assert_eq!(ended.stderr(), "failed: g/4.jar: 502\n");
}
