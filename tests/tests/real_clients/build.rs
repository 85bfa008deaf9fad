//! A build in the three ways that count: cold, warm, and with nothing but the proxy's cache left; and
//! over a login that ends and comes back, by hand (`ended_login`) and by the agent (`watched_login`); and
//! without a login, where it was fetched ahead (`warmed`).

mod ended_login;
mod warmed;
mod watched_login;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use simulated_aws::{Call, Operation};
use tests::{Proxy, ProxyBuilder};
use tokio::sync::Mutex;

use crate::bucket::World;
use crate::request_log::{Logged, requests};
use tests::commands::{client, succeed};

/// No build works longer, on a busy machine either.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// Whoever keeps two cores busy, or measures time, takes turns with the others.
pub(crate) static TURN: Mutex<()> = Mutex::const_new(());

/// A build tool with its project.
pub(crate) trait Build {
    /// The project's folder below `tests/fixtures`.
    const PROJECT: &'static str;

    /// Builds the project in `place.project()` and returns what its product says.
    async fn build(&self, place: &Place) -> String;

    /// Forgets all that the tool ever downloaded.
    async fn forget(&self, place: &Place);

    /// Says what to do at the end of the test.
    fn prepare(&self, _place: &Place) {}

    /// Makes a project fit for a day without S3.
    fn prepare_for_offline(&self, _place: &Place) {}
}

/// Where one tool works.
pub(crate) struct Place {
    /// Before the scratch, so that it is dropped before it.
    at_the_end: AtTheEnd,
    pub(crate) world: World,
    folder: PathBuf,
    /// How long the build may take, waiting included.
    pub(crate) limit: Duration,
}

/// Commands that clear up after a tool, each with a limit of its own, whether the test panics or not.
#[derive(Default)]
struct AtTheEnd(std::sync::Mutex<Vec<Command>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        for command in self.0.get_mut().into_iter().flatten() {
            // Nothing more can be done about one that fails.
            let _outcome = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

impl Place {
    async fn new(limit: Duration) -> Self {
        let world = World::new().await;
        let folder = world.scratch.path().join("tool");
        std::fs::create_dir(&folder).expect("a folder for the tool");
        Self {
            at_the_end: AtTheEnd::default(),
            world,
            folder,
            limit,
        }
    }

    /// Runs `program` with these arguments, for at most 30 s, when the test ends.
    pub(crate) fn at_the_end(&self, program: &str, arguments: &[&str]) {
        let mut command = self.command("timeout");
        command
            .args(["-k", "5", "30", program])
            .args(arguments)
            .stdin(Stdio::null());
        self.at_the_end
            .0
            .lock()
            .expect("no panic in it")
            .push(command);
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.join("ws")
    }

    /// Any folder of the tool's own.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A tool's command, in the project.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = client(program, &self.folder);
        command.current_dir(self.project());
        command
    }

    /// Runs the class that a build has put into `jar`, with its real dependencies.
    pub(crate) async fn greeting(&self, jar: &str, name: &str) -> String {
        let dependencies = [
            "com/google/guava/guava/31.1-jre/guava-31.1-jre.jar",
            "org/apache/commons/commons-lang3/3.12.0/commons-lang3-3.12.0.jar",
        ];
        let mut path = self.project().join(jar).display().to_string();
        for key in dependencies {
            path = format!("{path}:{}", self.world.object(key).display());
        }
        let mut java = self.command("java");
        java.args(["-cp", &path, "example.Greeter", name]);
        succeed(java, LIMIT).await.text().trim().to_owned()
    }
}

/// Builds cold; then warm, with the tool's caches empty; then once more after the proxy was killed
/// and came back without AWS.
pub(crate) async fn cold_warm_and_offline(tool: &impl Build, expected: &str) {
    let _turn = TURN.lock().await;
    let place = Place::new(LIMIT).await;
    let proxy = ProxyBuilder::new(&place.world.scratch)
        .aws(&place.world.aws)
        // Short, so that the warm build has to ask again for what may change.
        .env("METADATA_TTL", "1")
        .start()
        .await;
    let port = proxy.address().port().to_string();
    copy_project(tool, &place, &proxy);
    tool.prepare(&place);

    let cold = observed(tool, &place, &proxy, "cold").await;
    assert_eq!(cold.product, expected);
    assert_single_downloads(&cold.calls);

    tool.forget(&place).await;
    let warm = observed(tool, &place, &proxy, "warm").await;
    assert_eq!(warm.product, expected);
    assert_nothing_immutable_is_asked_again(&place.world, &warm.calls);

    tool.forget(&place).await;
    let killed = proxy.kill_9();
    place.world.aws.go_offline().await.expect("offline");
    let proxy = killed.env("PROXY_PORT", &port).start().await;
    tool.prepare_for_offline(&place);
    let offline = observed(tool, &place, &proxy, "killed, AWS offline").await;
    assert_eq!(offline.product, expected);
    assert!(offline.calls.is_empty(), "{:?}", offline.calls);
}

fn copy_project<T: Build>(_tool: &T, place: &Place, proxy: &Proxy) {
    place
        .world
        .copy_project(T::PROJECT, &place.project(), &proxy.url());
}

struct Observed {
    product: String,
    calls: Vec<Call>,
}

/// Builds, and checks all that holds for every build: nothing but hits, misses and true 404s.
async fn observed<T: Build>(tool: &T, place: &Place, proxy: &Proxy, way: &str) -> Observed {
    let counters = place.world.aws.counters();
    counters.reset();
    let seen = requests(&proxy.log()).len();
    let started = Instant::now();
    let product = tool.build(place).await;
    let duration = started.elapsed();

    let asked = requests(&proxy.log()).split_off(seen);
    let held = asked.iter().find(|request| request.is_held);
    assert_eq!(held, None, "with credentials nobody is held");
    let by_status = true_answers(&asked, place, proxy);
    let calls = counters.log();
    eprintln!(
        "{} {way}: {:.1} s, answers {by_status:?}, {} calls to S3",
        T::PROJECT,
        duration.as_secs_f64(),
        calls.len(),
    );
    Observed { product, calls }
}

/// Counts the answers: nothing but hits, misses and true 404s, and the redirects of those that are held.
fn true_answers(asked: &[Logged], place: &Place, proxy: &Proxy) -> BTreeMap<u16, usize> {
    assert!(!asked.is_empty(), "the build asked the proxy for nothing");
    let mut by_status = BTreeMap::<u16, usize>::new();
    for request in asked {
        *by_status.entry(request.status).or_default() += 1;
        let key = request.path.trim_start_matches('/');
        let exists = place.world.object(key).is_file();
        match request.status {
            200 | 206 | 304 => assert!(exists, "{request:?}"),
            307 => assert!(request.is_held, "{request:?}"),
            404 => assert!(!exists, "invented: {request:?}"),
            other => panic!("{other} for a build: {request:?}\n{}", proxy.log()),
        }
    }
    by_status
}

fn may_change(key: &str) -> bool {
    key.contains("maven-metadata")
}

fn downloads(calls: &[Call]) -> impl Iterator<Item = &Call> {
    let gets = calls
        .iter()
        .filter(|call| call.operation == Operation::GetObject);
    gets.filter(|call| call.if_none_match.is_none())
}

fn assert_single_downloads(calls: &[Call]) {
    let mut times = BTreeMap::<&str, usize>::new();
    for call in downloads(calls) {
        *times
            .entry(call.key.as_deref().expect("a key"))
            .or_default() += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "downloaded more than once: {twice:?}");
    assert!(!times.is_empty(), "a cold build downloads");
}

/// What never changes is not asked for again; what may change is only revalidated.
fn assert_nothing_immutable_is_asked_again(world: &World, calls: &[Call]) {
    for call in calls {
        let key = call.key.as_deref().expect("a key");
        let is_missing = !world.object(key).exists();
        let is_revalidation = may_change(key) && call.if_none_match.is_some();
        assert!(is_missing || is_revalidation, "asked again: {call:?}");
    }
}

/// Removes a folder of a tool; some tools make theirs read-only.
pub(crate) async fn remove(place: &Place, folder: &Path) {
    for (program, flags) in [("chmod", ["-R", "u+w"]), ("rm", ["-rf", "--"])] {
        if folder.exists() {
            let mut command = place.command(program);
            command.args(flags).arg(folder);
            succeed(command, LIMIT).await;
        }
    }
}
