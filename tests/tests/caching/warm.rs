//! `bazel-proxy warm`: a build's artifacts are in the cache before the build.

mod formats;
mod trouble;

use std::process::{Command, Stdio};
use std::sync::Once;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest as _, Sha256};
use simulated_aws::{Fault, Operation, SimulatedAws};
use tests::scratch::BUCKET;
use tests::{Proxy, ProxyBuilder, Scratch, StandIn, eventually, throughout};

use crate::support::{Finished, bytes, put, run, write};

/// A proxy over an empty bucket, and lists to warm it with. Fields are dropped in this order.
struct World {
    proxy: Proxy,
    aws: SimulatedAws,
    scratch: Scratch,
}

impl World {
    async fn new() -> Self {
        raise_file_limit();
        let scratch = Scratch::new();
        let aws = scratch.aws().await;
        let proxy = Proxy::start(&scratch, &aws).await;
        Self {
            proxy,
            aws,
            scratch,
        }
    }

    /// Puts a text into the bucket.
    fn put_text(&self, key: &str, text: &str) {
        self.aws.s3().put(BUCKET, key, text).expect("an object");
    }

    /// Puts a module with these files, by their endings, into the bucket.
    fn put_module(&self, folder: &str, name: &str, endings: &[&str]) {
        for ending in endings {
            self.put_text(
                &format!("{folder}/{name}{ending}"),
                &format!("{name}{ending}"),
            );
        }
    }

    /// Writes a list, and returns its path.
    fn list(&self, name: &str, text: &str) -> String {
        let path = self.scratch.path().join(name);
        write(&path, text);
        path.display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let port = self.proxy.address().port().to_string();
        let builder = ProxyBuilder::new(&self.scratch)
            .without("S3_BUCKET_NAME")
            .env("PROXY_PORT", &port);
        builder.command(&[&["warm"], arguments].concat())
    }

    /// Warms with a list.
    async fn warm(&self, text: &str) -> Finished {
        let list = self.list("list", text);
        run(self.command(&[&list])).await
    }

    fn gets(&self) -> u64 {
        self.aws.counters().count(Operation::GetObject)
    }

    /// Whether all of these are in the cache, as a build finds them.
    async fn has(&self, keys: &[&str]) {
        for key in keys {
            let answer = self.proxy.get(&format!("/{key}")).await;
            assert!(
                answer.is_hit(),
                "{key}: {} {}",
                answer.status,
                answer.verdict()
            );
        }
    }
}

fn raise_file_limit() {
    static RAISED: Once = Once::new();
    RAISED.call_once(|| {
        let limit = Resource::RLIMIT_NOFILE;
        let (_, hard) = getrlimit(limit).expect("the limit of open files");
        setrlimit(limit, hard, hard).expect("raised to what is allowed");
    });
}

/// Asserts that a run went well, and what it said.
fn assert_done(ended: &Finished, words: &str) {
    assert_eq!(
        ended.code(),
        Some(0),
        "{}{}",
        ended.stdout(),
        ended.stderr()
    );
    assert!(ended.stdout().starts_with(words), "{}", ended.stdout());
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_asks_s3_for_nothing_and_moves_no_bytes() {
    let world = World::new().await;
    put(&world.aws, "g/large-1.bin", 5_000_000);
    put(&world.aws, "g/small-1.jar", 1000);
    let list = "g/large-1.bin\ng/small-1.jar\n";
    assert_done(
        &world.warm(list).await,
        "2 fetched (4.77 MiB), 0 already there, 0 missing",
    );
    world.has(&["g/large-1.bin", "g/small-1.jar"]).await;
    world.aws.counters().reset();
    assert_done(&world.warm(list).await, "0 fetched (0 B), 2 already there");
    assert_eq!(world.aws.counters().total(), 0);
    let log = world.proxy.log();
    let hits = log.lines().filter(|line| line.contains("status=304"));
    assert!(
        hits.filter(|line| line.contains("verdict=\"hit\"")).count() >= 2,
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_cache_is_verified_when_warm_has_ended() {
    let world = World::new().await;
    put(&world.aws, "g/slow-1.jar", 3_000_000);
    let slow = Fault::on(Operation::GetObject).rate(2_000_000);
    world.aws.faults().add(slow);
    assert_done(&world.warm("g/slow-1.jar").await, "1 fetched");
    world.aws.go_offline().await.expect("offline");
    world.has(&["g/slow-1.jar"]).await;
    let answer = world.proxy.get("/g/slow-1.jar").await;
    assert_eq!(answer.header("x-checksum-sha256"), sha256(&answer.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_keys_are_fetched_once_each() {
    let world = World::new().await;
    let keys: Vec<_> = (0..2000)
        .map(|n| format!("com/example/m{n}/1.0/m{n}-1.0.jar"))
        .collect();
    for key in &keys {
        world.put_text(key, key);
    }
    let list = world.list("list", &keys.join("\n"));
    for words in ["2000 fetched", "0 fetched (0 B), 2000 already there"] {
        // On a machine that is busy with other tests.
        let minutes = std::time::Duration::from_mins(3);
        let ended = tests::commands::succeed(world.command(&[&list]), minutes).await;
        assert!(ended.text().starts_with(words), "{}", ended.text());
        assert_eq!(world.gets(), 2000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_jobs_are_fetched_at_once() {
    let world = World::new().await;
    for number in 0..12 {
        put(&world.aws, &format!("g/{number}.jar"), 100);
    }
    let keys: Vec<_> = (0..12).map(|number| format!("g/{number}.jar")).collect();
    let list = world.list("list", &keys.join("\n"));
    let hung = world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).hang());
    let running = tokio::spawn(run(world.command(&["--jobs", "3", &list])));
    eventually("three are asked for", async || {
        world.aws.faults().played(hung) == 3
    })
    .await;
    let second = std::time::Duration::from_secs(1);
    throughout(second, "three at once", async || world.gets() == 3).await;
    world.aws.faults().remove(hung);
    assert_done(&running.await.expect("no panic"), "12 fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_may_come_from_standard_input() {
    let world = World::new().await;
    put(&world.aws, "g/a-1.jar", 100);
    let mut command = world.command(&["-"]);
    let list = std::fs::File::open(world.list("list", "# one\ng/a-1.jar\n")).expect("a list");
    command.stdin(Stdio::from(list));
    assert_done(&run(command).await, "1 fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_proxy_is_warmed_by_its_url_over_tls_too() {
    let world = World::new().await;
    put(&world.aws, "maven/g/a-1.jar", 100_000);
    let (front, authority) = StandIn::tls(world.proxy.address()).await;
    let bundle = world.list("roots.pem", &authority);
    let list = world.list("list", "g/a-1.jar");
    let url = format!("https://{}/maven/", front.address());
    let builder = ProxyBuilder::new(&world.scratch)
        .env("AWS_CA_BUNDLE", &bundle)
        // Nothing on this machine is behind a forward proxy.
        .env("HTTPS_PROXY", "http://127.0.0.1:1");
    let ended = run(builder.command(&["warm", "--url", &url, &list])).await;
    assert_done(&ended, "1 fetched");
    world.has(&["maven/g/a-1.jar"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_says_where_it_is_and_the_next_one_goes_on() {
    let world = World::new().await;
    let keys: Vec<_> = (0..20).map(|number| format!("g/{number}.jar")).collect();
    for key in &keys {
        put(&world.aws, key, 100);
    }
    let hung = world
        .aws
        .faults()
        .add(Fault::on(Operation::GetObject).skip_first(5).hang());
    let mut command = world.command(&["--jobs", "2"]);
    command.arg(world.list("list", &keys.join("\n")));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    eventually("it hangs", async || world.aws.faults().played(hung) == 2).await;
    kill(pid, Signal::SIGINT).expect("interrupted");
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output());
    let ended = tests::within(tests::PATIENCE, "its end", ended).await;
    let ended = ended.expect("no panic").expect("its output");
    assert_eq!(ended.status.code(), Some(130));
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        said.starts_with("5 fetched") && said.contains("15 left"),
        "{said}"
    );
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        said.contains("the same command goes on from here"),
        "{said}"
    );

    world.aws.faults().remove(hung);
    let asked = world.gets();
    let next = world.warm(&keys.join("\n")).await;
    assert_eq!(next.code(), Some(0), "{}", next.stderr());
    // The two that hung went on without their client.
    assert_eq!(world.gets() - asked, 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_is_quiet_and_a_failure_is_told_all_the_same() {
    let world = World::new().await;
    put(&world.aws, "g/a-1.jar", 100);
    let list = world.list("list", "g/a-1.jar");
    let ended = run(world.command(&["--quiet", &list])).await;
    assert_done(&ended, "1 fetched");
    assert_eq!(ended.stderr(), "");
    let list = world.list("list", "g/b-1.jar");
    let ended = run(world.command(&["--quiet", &list])).await;
    assert_eq!(ended.code(), Some(1));
    assert_eq!(ended.stderr(), "missing: g/b-1.jar\n");
}

/// Bytes whose digest a list can name.
fn jar(seed: u64) -> Vec<u8> {
    bytes(70_000, seed)
}
