//! Several processes renew one token, and each refresh token is good for one use.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use tests::sso_world::{PROFILE, in_state, json_file, readiness};
use tests::{Proxy, ProxyBuilder, Scratch, SsoWorld};

use crate::support::must_be_503;

/// A process that renews the world's token whenever it is told to.
struct Racer {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Racer {
    fn start(world: &SsoWorld) -> Self {
        let name = |path: std::path::PathBuf| path.file_name().map(std::ffi::OsStr::to_owned);
        let state = world.signal_path();
        let mut child = Command::new(env!("CARGO_BIN_EXE_renew-at-once"))
            .arg(world.token_folder())
            .arg(state.parent().expect("a folder"))
            .arg(name(world.token_path()).expect("a name"))
            .arg(name(world.registration_path()).expect("a name"))
            .arg(world.aws.sso().region())
            .arg(world.aws.endpoint_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self {
            child,
            input,
            output,
        }
    }

    fn go(&mut self) {
        self.input.write_all(b"go\n").expect("told");
    }

    fn outcome(&mut self) -> String {
        self.output.next().expect("an outcome").expect("a line")
    }
}

impl Drop for Racer {
    fn drop(&mut self) {
        let _outcome = self.child.kill();
        let _outcome = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_that_renew_at_once_lose_no_refresh() {
    const PROCESSES: usize = 8;
    const ROUNDS: u64 = 30;
    let world = SsoWorld::new().await;
    let _login = world.sign_in();
    let mut racers: Vec<_> = (0..PROCESSES).map(|_| Racer::start(&world)).collect();
    let (mut granted, mut outcomes) = (0, 0);
    for round in 0..ROUNDS {
        let before = json_file(&world.token_path()).expect("a token");
        racers.iter_mut().for_each(Racer::go);
        for racer in &mut racers {
            let outcome = tokio::task::block_in_place(|| racer.outcome());
            outcomes += 1;
            granted += u64::from(outcome == "granted");
            let is_good = outcome == "granted" || outcome == "found";
            assert!(is_good, "round {round}: {outcome}");
        }
        let after = json_file(&world.token_path()).expect("a token");
        assert_ne!(after["accessToken"], before["accessToken"]);
    }
    // Whoever reads late renews the renewed token: each is spent once, all the same.
    println!("{granted} of {outcomes} renewals were calls");
    assert_eq!(granted, world.aws.sso().refreshes());
    assert_eq!(world.refreshes_tried() as u64, granted);
    assert!(granted >= ROUNDS);
    assert_eq!(world.refreshes_refused(), 0);
    assert_eq!(world.aws.sso().sessions_alive(), 1);
    let state = world.signal_path();
    let lock = state.with_file_name("refresh.lock");
    assert!(!lock.exists(), "given back");
}

/// A second container on the same home, with the cache and the log of `own`.
async fn second(world: &SsoWorld, own: &Scratch) -> Proxy {
    let builder = ProxyBuilder::new(own).aws(&world.aws);
    builder
        .profile(PROFILE)
        .env("LOGIN_WAIT", "0")
        .env("CHECK_INTERVAL", "1h")
        .env("HOME", &world.scratch.home().display().to_string())
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_proxies_on_one_home_share_its_session() {
    const RENEWALS: u64 = 8;
    let world = SsoWorld::new().await;
    let sso = world.aws.sso();
    let life = Duration::from_secs(2);
    sso.set_access_token_life(life)
        .set_role_credentials_life(life);
    let _login = world.sign_in();
    let own = Scratch::new();
    let proxies = [world.start().await, second(&world, &own).await];
    while sso.refreshes() < RENEWALS {
        for answer in join_all(proxies.iter().map(|proxy| world.miss(proxy))).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    assert_eq!(world.refreshes_refused(), 0, "none lost");
    assert_eq!(sso.sessions_alive(), 1);
    assert_eq!(world.signal(), None);

    // One login is enough for both.
    sso.end_sessions();
    for proxy in &proxies {
        in_state(proxy, "login-required").await;
        must_be_503(&world.miss(proxy).await, "login-required");
    }
    let signal = world.signalled().await;
    assert_eq!(signal["ssoSession"], "corp");
    sso.set_access_token_life(Duration::from_hours(1))
        .set_role_credentials_life(Duration::from_hours(1));
    let _login = world.sign_in();
    for proxy in &proxies {
        world.served(proxy).await;
        assert_eq!(readiness(proxy).await["credentials"], "valid");
    }
    world.unsignalled().await;
}
