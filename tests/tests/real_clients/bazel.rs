//! Bazel: `http_jar`, `http_file`, `jvm_maven_import_external` and a downloader rewrite.

use std::process::Command;

use crate::bucket::write;
use crate::build::{Build, LIMIT, Place, cold_warm_and_offline, remove};
use crate::clients::{BAZEL, SAMPLE_JARS, are_installed};
use tests::commands::succeed;

pub(crate) struct Bazel;

/// Bazel with its start-up options. Never `--nosystem_rc`: Debian's own file names the
/// install base.
fn bazel(place: &Place) -> Command {
    let mut command = place.command("bazel");
    command.args([&root(place), "--nohome_rc", "--max_idle_secs=60"]);
    command
}

fn root(place: &Place) -> String {
    format!("--output_user_root={}", place.folder("root").display())
}

impl Build for Bazel {
    const PROJECT: &'static str = "bazel";

    fn prepare(&self, place: &Place) {
        place.at_the_end("bazel", &[&root(place), "--nohome_rc", "shutdown"]);
        // What Bazel has fetched is read-only, and could not be removed.
        let root = place.folder("root").display().to_string();
        place.at_the_end("chmod", &["-R", "u+w", &root]);
    }

    async fn build(&self, place: &Place) -> String {
        let mut build = bazel(place);
        let cache = place.folder("cache").display().to_string();
        build
            .arg("build")
            .arg(format!("--repository_cache={cache}"))
            .arg("//:greeting");
        succeed(build, place.limit).await;
        let product = place.project().join("bazel-bin/greeting.txt");
        let text = std::fs::read_to_string(product).expect("the product");
        text.trim().to_owned()
    }

    async fn forget(&self, place: &Place) {
        let mut clean = bazel(place);
        clean.args(["clean", "--expunge"]);
        succeed(clean, LIMIT).await;
        remove(place, &place.folder("cache")).await;
    }

    /// Without S3 nobody can say that the first of the two repositories lacks an artifact, so the
    /// answer is 503 and Bazel would ask eight times before it goes on.
    fn prepare_for_offline(&self, place: &Place) {
        let path = place.project().join("WORKSPACE");
        let text = std::fs::read_to_string(&path).expect("the WORKSPACE");
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.contains("/no/such/repository/"))
            .collect();
        assert!(lines.len() < text.lines().count());
        write(&path, &(lines.join("\n") + "\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bazel_builds_cold_warm_and_after_a_kill_without_aws() {
    if are_installed(&[BAZEL, SAMPLE_JARS]) {
        cold_warm_and_offline(&Bazel, "hello, lezaB").await;
    }
}
