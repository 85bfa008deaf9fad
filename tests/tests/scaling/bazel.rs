//! Bazel straight before a team's proxies, one of which dies in the middle of an answer.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use simulated_aws::{Fault, Operation};
use tests::clients::{BAZEL, are_installed};
use tests::commands::{client, run};
use tests::{Pending, Scratch, eventually, workspace_folder};

use crate::artifacts::{Artifact, put};
use crate::manifests::write;
use crate::team::Team;

/// After so many bytes the first download stops.
const SENT: u64 = 2_000_000;

/// A workspace with one file to fetch. Its server is shut down when it is dropped.
struct Workspace {
    scratch: Scratch,
}

impl Workspace {
    fn of(team: &Team, artifact: &Artifact) -> Self {
        let workspace = Self {
            scratch: Scratch::new(),
        };
        let rules = workspace_folder().join("tests/fixtures/bazel/.bazelrc");
        let rules = std::fs::read_to_string(rules).expect("the rules of Debian");
        let rules = rules
            .lines()
            .filter(|line| line.starts_with("common --override_repository"));
        write(
            &workspace.folder().join(".bazelrc"),
            rules.collect::<Vec<_>>().join("\n"),
        );
        let text = format!(
            "load(\"@bazel_tools//tools/build_defs/repo:http.bzl\", \"http_file\")\n\
             http_file(name = \"big\", sha256 = \"{}\", urls = [\"http://{}/{}\"])\n",
            hex::encode(Sha256::digest(&artifact.body)),
            team.address(),
            artifact.key,
        );
        write(&workspace.folder().join("WORKSPACE"), text);
        workspace
    }

    fn folder(&self) -> PathBuf {
        self.scratch.home()
    }

    fn bazel(&self, arguments: &[&str]) -> Command {
        let mut bazel = client("bazel", &self.folder());
        bazel
            .arg(format!(
                "--output_user_root={}/root",
                self.folder().display()
            ))
            .args(["--nohome_rc", "--max_idle_secs=60"])
            .args(arguments);
        bazel
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let mut unlock = Command::new("chmod");
        unlock.args(["-R", "u+w"]).arg(self.folder());
        for mut command in [self.bazel(&["shutdown"]), unlock] {
            // Nothing more can be done about one that fails.
            let _outcome = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bazel_mends_what_a_killed_proxy_began_to_send() {
    if !are_installed(&[BAZEL]) {
        return;
    }
    let Some(mut team) = Team::new().await else {
        return;
    };
    let artifact = put(&team.aws, "g/big-1.jar", 6_000_000);
    let path = format!("/{}", artifact.key);
    let asked = Pending::begin(team.address(), "HEAD", &path, &[]).await;
    let home = asked.finish().await;
    let home = home.header("x-served-by").trim_start_matches("proxy-");
    let home = home.parse().expect("its number");
    // For longer than its proxy lives.
    let stop = Fault::on(Operation::GetObject)
        .times(1)
        .delay_body(SENT, Duration::from_mins(1));
    team.aws.faults().add(stop);

    let workspace = Workspace::of(&team, &artifact);
    let fetch = workspace.bazel(&["fetch", "@big//file"]);
    let fetched = tokio::spawn(run(fetch, Duration::from_mins(2)));
    eventually("Bazel has asked", async || {
        team.aws.counters().count(Operation::GetObject) == 1
    })
    .await;
    // Who reads along sees what Bazel has got.
    let mut along = Pending::begin(team.address(), "GET", &path, &[]).await;
    let mut seen = 0;
    while seen < SENT / 2 {
        let bytes = along.next().await.expect("more").expect("bytes");
        seen += bytes.len() as u64;
    }
    let _absent = team.kill_9(home);
    let fetched = fetched.await.expect("Bazel's end");
    assert_eq!(fetched.code(), 0, "{}", fetched.stderr);
    assert_eq!(team.aws.counters().count(Operation::GetObject), 2);
}
