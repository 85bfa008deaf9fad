//! `bazel-proxy warm` with what the tools themselves say; then the login ends, and the tools build.

use std::path::PathBuf;
use std::process::Command;

use simulated_aws::Operation;
use tests::commands::succeed;
use tests::{Proxy, eventually, workspace_folder};

use super::{Build, LIMIT, Place, TURN, copy_project};
use crate::bazel::Bazel;
use crate::bucket::write;
use crate::clients::{BAZEL, GRADLE, MAVEN, SAMPLE_JARS, are_installed};
use crate::gradle::Gradle;
use crate::maven::Maven;
use crate::request_log::requests;
use crate::shared_home::SharedHome;

/// A tool that can say what a build needs.
trait Lists: Build {
    /// Writes it down, with a proxy that is forgotten afterwards.
    async fn lists(&self, place: &Place) -> Vec<PathBuf>;
}

impl Lists for Bazel {
    /// As `REPIN=1 bazel run @maven//:pin` would write it, which takes a newer Bazel than Debian's.
    async fn lists(&self, place: &Place) -> Vec<PathBuf> {
        let lock = r#"{
          "__INPUT_ARTIFACTS_HASH": 1,
          "artifacts": {
            "com.google.guava:guava": {"shasums": {"jar": "@SHA256_com/google/guava/guava/31.1-jre/guava-31.1-jre.jar@"}, "version": "31.1-jre"},
            "junit:junit": {"shasums": {"jar": "@SHA256_junit/junit/4.13.2/junit-4.13.2.jar@"}, "version": "4.13.2"},
            "org.apache.commons:commons-lang3": {"shasums": {"jar": "@SHA256_org/apache/commons/commons-lang3/3.12.0/commons-lang3-3.12.0.jar@", "sources": null}, "version": "3.12.0"},
            "org.hamcrest:hamcrest": {"shasums": {"jar": "@SHA256_org/hamcrest/hamcrest/2.2/hamcrest-2.2.jar@"}, "version": "2.2"}
          },
          "dependencies": {},
          "repositories": {
            "http://localhost:9000/": ["com.google.guava:guava", "junit:junit", "org.apache.commons:commons-lang3", "org.hamcrest:hamcrest"]
          },
          "version": "2"
        }"#;
        let (lock_file, keys) = (place.folder("maven_install.json"), place.folder("keys"));
        write(&lock_file, &place.world.with_hashes(lock));
        write(&keys, "junit/junit/4.13.2/junit-4.13.2.pom\n");
        self.prepare_for_offline(place);
        vec![lock_file, keys]
    }
}

impl Lists for Gradle {
    async fn lists(&self, place: &Place) -> Vec<PathBuf> {
        let mut gradle = place.command("gradle");
        gradle.env("GRADLE_USER_HOME", place.folder("home"));
        gradle.args(["--no-daemon", "--console=plain", "-q", "dependencies"]);
        let said = succeed(gradle, LIMIT).await.text();
        let list = place.folder("dependencies.txt");
        write(&list, &said);
        vec![list]
    }
}

impl Lists for Maven {
    async fn lists(&self, place: &Place) -> Vec<PathBuf> {
        self.build(place).await;
        // The README's own pipe.
        let readme = workspace_folder().join("README.md");
        let readme = std::fs::read_to_string(readme).expect("the README");
        let pipe = readme
            .lines()
            .skip_while(|line| !line.starts_with("find . -name '*.jar'"));
        let pipe: Vec<_> = pipe.take_while(|line| *line != "```").collect();
        let pipe = pipe.join("\n");
        let (pipe, _) = pipe.split_once("| bazel-proxy warm -").expect("a pipe");
        let mut shell = place.command("sh");
        shell.current_dir(place.folder("repo")).args(["-c", pipe]);
        let keys = succeed(shell, LIMIT).await.text();
        let list = place.folder("keys");
        write(&list, &keys);
        vec![list]
    }
}

/// The proxy's successor on the same port, with a cache of its own.
async fn with_an_empty_cache(place: &Place, proxy: Proxy) -> Proxy {
    let port = proxy.address().port().to_string();
    let cache = place.world.scratch.path().join("another-cache");
    let builder = proxy.kill_9().env("PROXY_PORT", &port);
    builder
        .env("CACHE_DIR", &cache.display().to_string())
        .start()
        .await
}

fn warm(home: &SharedHome<'_>, proxy: &Proxy, lists: &[PathBuf]) -> Command {
    let port = proxy.address().port().to_string();
    let mut command = home.proxy().env("PROXY_PORT", &port).command(&["warm"]);
    command.args(lists);
    command
}

async fn builds_without_a_login<T: Lists>(tool: &T, expected: &str) {
    let _turn = TURN.lock().await;
    let place = Place::new(LIMIT).await;
    let (aws, scratch) = (&place.world.aws, &place.world.scratch);
    let home = SharedHome::new(scratch, aws);
    home.log_in();
    let proxy = home.proxy().start().await;
    copy_project(tool, &place, &proxy);
    tool.prepare(&place);
    let lists = tool.lists(&place).await;
    tool.forget(&place).await;
    let proxy = with_an_empty_cache(&place, proxy).await;
    let said = succeed(warm(&home, &proxy, &lists), LIMIT).await.text();

    aws.sso().end_sessions();
    aws.sso().expire_role_credentials();
    let address = proxy.address();
    let miss = tokio::spawn(tests::get(address, "/no/such.jar"));
    eventually("the login is gone", async || home.login_is_asked_for()).await;
    miss.abort();
    eventually("its end is logged", async || {
        let logged = requests(&proxy.log());
        logged.iter().any(|request| request.path == "/no/such.jar")
    })
    .await;
    aws.counters().reset();
    let seen = requests(&proxy.log()).len();
    let product = tool.build(&place).await;
    assert_eq!(product, expected);
    let asked = requests(&proxy.log()).split_off(seen);
    let hits = asked
        .iter()
        .filter(|request| request.verdict.starts_with("hit"));
    eprintln!("{} warmed: {}{} requests", T::PROJECT, said, asked.len());
    assert_eq!(hits.count(), asked.len(), "{asked:?}");
    assert_eq!(aws.counters().count(Operation::GetObject), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bazel_builds_without_a_login_after_warm() {
    if are_installed(&[BAZEL, SAMPLE_JARS]) {
        builds_without_a_login(&Bazel, "hello, lezaB").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gradle_builds_without_a_login_after_warm() {
    if are_installed(&[GRADLE, SAMPLE_JARS]) {
        builds_without_a_login(&Gradle, "hello, eldarG").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn maven_builds_without_a_login_after_warm() {
    if are_installed(&[MAVEN, SAMPLE_JARS]) {
        builds_without_a_login(&Maven, "hello, nevaM").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_maven_prints_is_understood() {
    if !are_installed(&[MAVEN, SAMPLE_JARS]) {
        return;
    }
    let _turn = TURN.lock().await;
    let place = Place::new(LIMIT).await;
    let home = SharedHome::new(&place.world.scratch, &place.world.aws);
    home.log_in();
    let proxy = home.proxy().start().await;
    copy_project(&Maven, &place, &proxy);
    let mut maven = place.command("mvn");
    let repository = place.folder("repo").display().to_string();
    maven
        .args(["-B", "-s", "settings.xml"])
        .arg(format!("-Dmaven.repo.local={repository}"))
        // Not among Debian's plugins.
        .arg("-DexcludeArtifactIds=maven-site-plugin")
        .args(
            ["list", "tree", "resolve-plugins"].map(|goal| {
                format!("org.apache.maven.plugins:maven-dependency-plugin:3.5.0:{goal}")
            }),
        );
    let said = succeed(maven, LIMIT).await.text();
    let list = place.folder("dependencies.txt");
    write(&list, &said);
    let proxy = with_an_empty_cache(&place, proxy).await;
    let warmed = succeed(warm(&home, &proxy, &[list]), LIMIT).await.text();
    eprintln!("{warmed}");
    for key in [
        "com/google/guava/guava/31.1-jre/guava-31.1-jre.jar",
        "org/apache/maven/plugins/maven-jar-plugin/3.3.0/maven-jar-plugin-3.3.0.jar.sha1",
        "com/google/inject/guice/debian/guice-debian-no_aop.jar",
    ] {
        let answer = proxy.get(&format!("/{key}")).await;
        assert!(answer.is_hit(), "{key}: {}", answer.verdict());
    }
}
