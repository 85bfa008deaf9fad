//! Bazel, which downloads what a lock file names by URL and hash: wheels, tarballs and jars.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use tests::clients::{BAZEL, are_installed};
use tests::commands::succeed;

use super::{LIMIT, Place};
use crate::world::World;

/// The files of `first`, as a lock file has them: below the index.
async fn locked(world: &World) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for name in ["acme-first", "acme-first-base"] {
        let (path, sha256) = world.locked_wheel(name).await;
        files.push((path, sha256));
    }
    for path in [
        "/npm/@acme/first/-/first-1.0.0.tgz",
        "/maven/com/acme/first/1.0/first-1.0.jar",
    ] {
        let body = world.get(path).await.body;
        files.push((path.to_owned(), hex::encode(Sha256::digest(&body))));
    }
    files
}

/// A project that needs all of them, with the rules that every ruleset for such packages downloads by.
fn write_project(place: &Place, index: &str, files: &[(String, String)]) {
    let mut workspace = "workspace(name = \"app\")\n\
         load(\"@bazel_tools//tools/build_defs/repo:http.bzl\", \"http_file\")\n"
        .to_owned();
    let mut sources = String::new();
    for (number, (path, sha256)) in files.iter().enumerate() {
        let file = path.rsplit('/').next().unwrap_or_default();
        let rule = format!(
            "http_file(name = \"file_{number}\", urls = [\"{index}{path}\"], sha256 = \"{sha256}\", \
             downloaded_file_path = \"{file}\")\n"
        );
        workspace.push_str(&rule);
        let written = write!(sources, "\"@file_{number}//file\", ");
        written.expect("written");
    }
    place.write("ws/WORKSPACE", workspace);
    place.write(
        "ws/BUILD",
        format!(
            "genrule(name = \"all\", srcs = [{sources}], outs = [\"sums.txt\"], \
             cmd = \"sha256sum $(SRCS) > $@\")\n"
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bazel_downloads_what_a_lock_names_cold_and_offline() {
    if !are_installed(&[BAZEL]) {
        return;
    }
    let world = World::seeded(&["first"]).await;
    let files = locked(&world).await;
    let counters = world.sso.aws.counters().clone();
    let place = Place::new(&world.index());
    write_project(&place, &world.index(), &files);
    let build = async |way: &str| {
        let mut bazel = place.command(BAZEL.path());
        bazel.current_dir(place.file("ws")).args([
            &format!("--output_user_root={}", place.file("root").display()),
            &format!(
                "--output_base={}",
                place.file(&format!("root/{way}")).display()
            ),
            "--nohome_rc",
            "--batch",
            "build",
            "--repository_cache=",
            "//:all",
        ]);
        succeed(bazel, LIMIT).await;
        let sums = place.text("ws/bazel-bin/sums.txt");
        for (path, sha256) in &files {
            assert!(sums.contains(sha256), "{way}: {path} is not in {sums}");
        }
    };
    build("cold").await;
    world.sso.aws.go_offline().await.expect("offline");
    counters.reset();
    build("offline").await;
    assert_eq!(counters.total(), 0, "the files are in the cache");
    let mut writable = place.command("/bin/chmod");
    writable.args(["-R", "u+w"]).arg(place.file("root"));
    succeed(writable, LIMIT).await;
}
