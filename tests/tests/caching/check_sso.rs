//! `bazel-proxy check` with the profiles of `examples/aws-config`: from the profile to the bucket, each
//! step that can fail on its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use simulated_aws::{Fault, Operation, SimulatedAws};
use sso_session::config::{CredentialSource, SsoProfile, resolve};
use sso_session::location::Locations;
use tests::{ProxyBuilder, Scratch, eventually};

use crate::check::{assert_failed, check};
use crate::full_disk::SmallDisk;
use crate::support::{Finished, write};

const STEPS: [&str; 8] = [
    "configuration",
    "cache",
    "profile",
    "token",
    "registration",
    "refresh",
    "role",
    "bucket",
];

/// The example's profiles over a simulated AWS in which they may be used.
struct World {
    aws: SimulatedAws,
    scratch: Scratch,
}

impl World {
    async fn new() -> Self {
        let scratch = Scratch::new();
        let aws = scratch.aws().await;
        aws.sso().assign("111122223333", "ArtifactReader");
        scratch.copy_example_config();
        Self { aws, scratch }
    }

    /// Somebody has logged in with `build`.
    async fn logged_in() -> Self {
        let world = Self::new().await;
        world.log_in();
        world
    }

    fn log_in(&self) {
        let login = self.aws.sso().sign_in();
        let written = login.write_in_place(&self.tokens(), "my-company");
        written.expect("a token");
    }

    /// A token so near its end that its renewal is due.
    fn log_in_near_the_end(&self) {
        self.aws.sso().set_access_token_life(Duration::from_mins(2));
        self.log_in();
        // By its file it is an old one, so its life is no short one.
        let file = std::fs::File::options().write(true).open(self.token());
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        file.and_then(|file| file.set_modified(long_ago))
            .expect("set");
        self.aws
            .sso()
            .set_access_token_life(Duration::from_hours(1));
    }

    fn sso(&self, profile: &str) -> SsoProfile {
        let home = self.scratch.home().display().to_string();
        let locations = Locations::from_vars(&|name| (name == "HOME").then(|| home.clone()));
        match resolve(&locations, &|_| None, profile).map(|profile| profile.source) {
            Ok(CredentialSource::Sso(sso)) => sso,
            other => panic!("{profile}: {other:?}"),
        }
    }

    fn tokens(&self) -> PathBuf {
        self.scratch.home().join(".aws/sso/cache")
    }

    fn token(&self) -> PathBuf {
        self.tokens()
            .join(self.sso("build").session.token_file_name())
    }

    fn registration(&self) -> PathBuf {
        let session = self.sso("build").session;
        self.tokens().join(session.registration_file_name())
    }

    fn signal(&self) -> PathBuf {
        self.scratch
            .home()
            .join(".aws/sso-renewer/login-required.json")
    }

    fn builder(&self) -> ProxyBuilder {
        ProxyBuilder::new(&self.scratch)
            .aws(&self.aws)
            .profile("build")
    }

    async fn check(&self) -> Finished {
        self.check_with(&[]).await
    }

    async fn check_with(&self, arguments: &[&str]) -> Finished {
        let ended = check(&self.builder(), arguments).await;
        assert!(!self.signal().exists(), "check asks nobody for a login");
        ended
    }

    fn refreshes(&self) -> u64 {
        self.aws.counters().count(Operation::CreateToken)
    }
}

/// Each line's verdict and step.
fn lines(ended: &Finished) -> Vec<(String, String)> {
    let text = ended.stdout();
    let lines = text.lines().filter_map(|line| {
        let (verdict, rest) = line.split_once(' ')?;
        let step = rest.split_whitespace().next()?;
        (!verdict.is_empty()).then(|| (verdict.to_owned(), step.to_owned()))
    });
    lines.collect()
}

/// All steps are told, in order, with these not tried.
fn assert_steps(ended: &Finished, failed: &[&str], skipped: &[&str]) {
    let expected: Vec<_> = STEPS
        .iter()
        .map(|&step| {
            let verdict = if failed.contains(&step) {
                "FAIL"
            } else if skipped.contains(&step) {
                "skip"
            } else {
                "ok"
            };
            (verdict.to_owned(), step.to_owned())
        })
        .collect();
    assert_eq!(lines(ended), expected, "{}", ended.stdout());
    let code = i32::from(!failed.is_empty());
    assert_eq!(ended.code(), Some(code), "{}", ended.stdout());
}

fn assert_says(ended: &Finished, words: &[&str]) {
    let text = ended.stdout();
    for word in words {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a readable file")
}

#[tokio::test(flavor = "multi_thread")]
async fn check_goes_through_an_sso_profile_step_by_step() {
    let world = World::logged_in().await;
    let before = read(&world.token());
    let ended = world.check().await;
    assert_steps(&ended, &[], &[]);
    assert_says(
        &ended,
        &[
            "role `ArtifactReader` in account 111122223333",
            "sso-session `my-company`",
            "renewable, next at about",
            "the token carries its client",
        ],
    );
    assert_eq!(world.refreshes(), 0, "nothing was due");
    assert_eq!(read(&world.token()), before);
    let secrets = [&before[..], &ended.stdout()].map(|text| text.contains("refreshToken"));
    assert_eq!(secrets, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_profile_of_the_example_passes_check() {
    let world = World::logged_in().await;
    let legacy = world.aws.sso().sign_in_without_refresh();
    let url = world.aws.sso().start_url();
    let written = legacy.write_in_place(&world.tokens(), url);
    written.expect("a token");
    for (profile, word) in [
        ("build in europe", "profile `build in europe`"),
        ("build-through-vpc", "profile `build-through-vpc`"),
        (
            "artifacts",
            "then arn:aws:iam::444455556666:role/ArtifactReader",
        ),
        ("legacy", "a person has to log in again"),
    ] {
        let ended = world.check_with(&["--profile", profile]).await;
        assert_steps(&ended, &[], &[]);
        assert_says(&ended, &[word]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_line_of_a_broken_profile() {
    let world = World::logged_in().await;
    let config = read(&world.scratch.home().join(".aws/config"));
    let broken = config.replacen("sso_session = my-company", "sso_session = my-compny", 1);
    world.scratch.write_config(&broken);
    let ended = world.check().await;
    assert_failed(
        &ended,
        "profile",
        &["line ", "my-compny", "aws configure sso"],
    );
    assert_says(&ended, &["skip  credentials", "skip  bucket"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_login_that_nobody_made() {
    let world = World::new().await;
    let ended = world.check().await;
    assert_steps(&ended, &["token"], &["refresh", "role", "bucket"]);
    assert_says(
        &ended,
        &["nobody has logged in", "`aws sso login --profile build`"],
    );
    let chained = world.check_with(&["--profile", "artifacts"]).await;
    assert_steps(&chained, &["token"], &["refresh", "role", "bucket"]);
    assert_says(&chained, &["`aws sso login --profile build`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_token_that_is_none() {
    let world = World::logged_in().await;
    write(&world.token(), "{\"accessToken\": \"half");
    let ended = world.check().await;
    assert_steps(&ended, &["token"], &["refresh", "role", "bucket"]);
    assert_says(
        &ended,
        &["not a whole JSON object", "`aws sso login --profile build`"],
    );
    assert!(!ended.stdout().contains("half"), "no content is shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_token_that_has_ended_for_good() {
    let world = World::new().await;
    world.aws.sso().set_access_token_life(Duration::ZERO);
    let login = world.aws.sso().sign_in_without_refresh();
    let written = login.write_in_place(&world.tokens(), "my-company");
    written.expect("a token");
    let ended = world.check().await;
    assert_steps(&ended, &["token"], &["refresh", "role", "bucket"]);
    assert_says(&ended, &["ended 20", "`aws sso login --profile build`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_registration_that_breaks_every_login() {
    let world = World::logged_in().await;
    write(&world.registration(), "{");
    let ended = world.check().await;
    assert_steps(&ended, &["registration"], &[]);
    let path = world.registration().display().to_string();
    assert_says(&ended, &[&format!("`mv {path} {path}.rejected`")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_when_the_registration_ends() {
    let world = World::logged_in().await;
    let registration = |end: &str| {
        let json = format!(
            "{{\"clientId\": \"c\", \"clientSecret\": \"hidden\", \"expiresAt\": \"{end}\"}}"
        );
        write(&world.registration(), json);
    };
    registration("2999-01-02T03:04:05Z");
    let ended = world.check().await;
    assert_steps(&ended, &[], &[]);
    assert_says(&ended, &["until 2999-01-02T03:04:05Z"]);
    registration("2001-01-02T03:04:05Z");
    let ended = world.check().await;
    assert_steps(&ended, &[], &[]);
    assert_says(&ended, &["the next login makes a new one"]);
    assert!(!ended.stdout().contains("hidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_renews_a_token_whose_time_has_come() {
    let world = World::new().await;
    world.log_in_near_the_end();
    let before = read(&world.token());
    let ended = world.check().await;
    assert_steps(&ended, &[], &[]);
    assert_says(&ended, &["renewed, until"]);
    assert_eq!(world.refreshes(), 1);
    assert_ne!(read(&world.token()), before, "it is in its file");
    let again = world.check().await;
    assert_says(&again, &["renewable, next at about"]);
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_beside_a_running_proxy_spends_no_refresh_token_twice() {
    let world = World::new().await;
    world.log_in_near_the_end();
    let proxy = world.builder().start().await;
    let ended = world.check().await;
    assert_steps(&ended, &[], &[]);
    eventually("the proxy has its token", async || {
        proxy.get("/readyz").await.status == 200
    })
    .await;
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_neither_asks_for_a_login_nor_takes_a_request_back() {
    let world = World::logged_in().await;
    let request = "{\"profile\": \"build\", \"ssoSession\": \"my-company\", \"generation\": 1}";
    std::fs::create_dir_all(world.signal().with_file_name("")).expect("a folder");
    write(&world.signal(), request);
    for near_the_end in [false, true] {
        if near_the_end {
            world.log_in_near_the_end();
            let ended = Fault::on(Operation::CreateToken).respond(400, "InvalidGrantException");
            world.aws.faults().add(ended);
        }
        let ended = check(&world.builder(), &[]).await;
        let expected: &[&str] = if near_the_end { &["refresh"] } else { &[] };
        assert_steps(&ended, expected, &[]);
        assert_eq!(read(&world.signal()), request);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_session_that_cannot_be_renewed_any_more() {
    let world = World::new().await;
    world.log_in_near_the_end();
    world
        .aws
        .faults()
        .add(Fault::on(Operation::CreateToken).respond(400, "InvalidGrantException"));
    let ended = world.check().await;
    assert_steps(&ended, &["refresh"], &[]);
    assert_says(
        &ended,
        &["InvalidGrantException", "`aws sso login --profile build`"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_passing_trouble_from_an_ended_session() {
    let world = World::new().await;
    world.log_in_near_the_end();
    world
        .aws
        .faults()
        .add(Fault::on(Operation::CreateToken).respond(500, "InternalServerException"));
    let ended = world.check().await;
    assert_steps(&ended, &["refresh"], &[]);
    assert_says(&ended, &["could not be renewed now", "HTTPS_PROXY"]);
    assert!(
        !ended.stdout().contains("aws sso login"),
        "{}",
        ended.stdout()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_who_else_has_to_act() {
    let world = World::new().await;
    world.log_in_near_the_end();
    let refused = |code: &str| Fault::on(Operation::CreateToken).respond(400, code);
    for (fault, words) in [
        (
            refused("AccessDeniedException").reason("KMS_AccessDenied"),
            ["another one does not help", "Ask the administrator"],
        ),
        (
            refused("InvalidRequestException"),
            ["its configuration is wrong", "Check sso_region"],
        ),
        (
            refused("InvalidScopeException"),
            [
                "Run `aws sso login --profile build` once",
                "sso_registration_scopes",
            ],
        ),
    ] {
        let id = world.aws.faults().add(fault);
        let ended = world.check().await;
        assert_steps(&ended, &["refresh"], &[]);
        assert_says(&ended, &words);
        world.aws.faults().remove(id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_on_a_read_only_folder_names_it_and_spends_nothing() {
    let world = World::new().await;
    let Some(disk) = SmallDisk::mount(&world.scratch, "1m") else {
        return;
    };
    let parent = world.scratch.home().join(".aws/sso");
    std::fs::create_dir(&parent).expect("a folder");
    std::os::unix::fs::symlink(disk.folder(), world.tokens()).expect("a link");
    world.log_in_near_the_end();
    disk.remount("ro");
    let ended = world.check().await;
    assert_steps(&ended, &["refresh"], &[]);
    assert_says(&ended, &["Read-only file system", "writable"]);
    assert_eq!(world.refreshes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_state_folder_that_cannot_be() {
    let world = World::logged_in().await;
    write(&world.scratch.path().join("file"), "");
    let folder = world.scratch.path().join("file/state");
    let folder = folder.display().to_string();
    let builder = world.builder().env("SSO_STATE_DIR", &folder);
    let ended = check(&builder, &[]).await;
    assert_steps(&ended, &["refresh"], &[]);
    assert_says(&ended, &[&folder, "SSO_STATE_DIR"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_which_scope_brings_refresh_tokens() {
    let world = World::new().await;
    let config = read(&world.scratch.home().join(".aws/config"));
    let without = config.replace("sso_registration_scopes = sso:account:access\n", "");
    world.scratch.write_config(&without);
    let login = world.aws.sso().sign_in_without_refresh();
    let written = login.write_in_place(&world.tokens(), "my-company");
    written.expect("a token");
    let ended = world.check().await;
    assert_steps(&ended, &[], &[]);
    assert_says(
        &ended,
        &["Add sso_registration_scopes = sso:account:access to [sso-session my-company]"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_role_that_is_not_ours() {
    let world = World::logged_in().await;
    world.aws.sso().unassign("111122223333", "ArtifactReader");
    let ended = world.check().await;
    assert_steps(&ended, &["role"], &["bucket"]);
    assert_says(
        &ended,
        &["`ArtifactReader` in account 111122223333", "sso_role_name"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_role_on_top_that_may_not_be_assumed() {
    let world = World::logged_in().await;
    world
        .aws
        .faults()
        .add(Fault::on(Operation::AssumeRole).respond(403, "AccessDenied"));
    let ended = world.check_with(&["--profile", "artifacts"]).await;
    assert_steps(&ended, &["role"], &["bucket"]);
    assert_says(
        &ended,
        &["arn:aws:iam::444455556666:role", "sts:AssumeRole"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_session_that_was_ended_elsewhere() {
    let world = World::logged_in().await;
    world.aws.sso().end_sessions();
    let ended = world.check().await;
    assert_steps(&ended, &["role"], &["bucket"]);
    assert_says(&ended, &["`aws sso login --profile build`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_with_sso_still_names_a_missing_bucket() {
    let world = World::logged_in().await;
    let builder = world.builder().env("S3_BUCKET_NAME", "no-such-bucket");
    let ended = check(&builder, &[]).await;
    assert_steps(&ended, &["bucket"], &[]);
    assert_says(&ended, &["`no-such-bucket`", "S3_BUCKET_NAME"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_check_writes_down_what_it_renewed() {
    let world = World::new().await;
    world.log_in_near_the_end();
    let before = read(&world.token());
    let slow = Fault::on(Operation::CreateToken).delay(Duration::from_secs(3));
    world.aws.faults().add(slow);
    let mut command = world.builder().command(&["check"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn();
    let child = child.expect("check starts");
    eventually("the refresh token is spent", async || {
        world.refreshes() == 1
    })
    .await;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("interrupted");
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    let ended = ended.await.expect("waited for").expect("its end");
    assert_eq!(ended.status.code(), Some(130));
    assert_ne!(read(&world.token()), before, "the new token is in its file");
}
