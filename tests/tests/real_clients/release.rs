//! What makes a release: workflows, scripts, archives, the formula.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tests::commands::{Ended, client, run, succeed};
use tests::{Scratch, bazel_proxy_program, sso_watcher_program, workspace_folder};

use crate::bucket::{files_below, write};
use crate::clients::{ACTIONLINT, RUBY, SHELLCHECK, are_installed};

const LIMIT: Duration = Duration::from_mins(2);
const TARGETS: [&str; 4] = [
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-gnu",
];

/// A script of the workspace, to be run with these arguments.
fn script(path: &str, home: &Path, arguments: &[&str]) -> Command {
    let program = workspace_folder().join(path).display().to_string();
    let mut command = client(&program, home);
    command.args(arguments);
    command
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Both programs as they are built here, in one folder.
fn programs() -> PathBuf {
    let proxy = bazel_proxy_program();
    assert_eq!(proxy.parent(), sso_watcher_program().parent());
    proxy.parent().expect("a folder").to_owned()
}

async fn package(target: &str, programs: &Path, scratch: &Scratch) -> Ended {
    let out = scratch.path().join("out").display().to_string();
    let programs = programs.display().to_string();
    let arguments = [target, &programs, &out];
    run(
        script(".github/release/package", scratch.path(), &arguments),
        LIMIT,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workflows_pass_actionlint() {
    if !are_installed(&[ACTIONLINT, SHELLCHECK]) {
        return;
    }
    let scratch = Scratch::new();
    let workflows = files_below(&workspace_folder().join(".github/workflows"));
    assert_eq!(workflows.len(), 2);
    let actionlint = ACTIONLINT.path().display().to_string();
    let mut command = client(&actionlint, scratch.path());
    command.arg("-no-color").args(&workflows);
    let ended = succeed(command, LIMIT).await;
    assert_eq!(ended.text(), "");

    // It does look: a workflow with a mistake is found out.
    let wrong = scratch.path().join("wrong.yml");
    let text = std::fs::read_to_string(&workflows[0]).expect("a workflow");
    write(
        &wrong,
        &text.replacen("runs-on: ubuntu-24.04", "runs-on: ubuntu-4.10", 1),
    );
    let mut command = client(&actionlint, scratch.path());
    command.arg("-no-color").arg(&wrong);
    assert_eq!(run(command, LIMIT).await.code(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_script_passes_shellcheck() {
    if !are_installed(&[SHELLCHECK]) {
        return;
    }
    let scratch = Scratch::new();
    let root = workspace_folder();
    let folders = [".ci", ".github/release", "deploy", "tests/clients"];
    let mut scripts: Vec<_> = folders
        .iter()
        .flat_map(|folder| files_below(&root.join(folder)))
        .collect();
    scripts.push(root.join("tests/install-clients.sh"));
    scripts.push(root.join("benches/compare.sh"));
    scripts.retain(|path| {
        let bytes = std::fs::read(path).expect("a file");
        bytes.starts_with(b"#!/usr/bin/env bash\n") || bytes.starts_with(b"#!/bin/sh\n")
    });
    assert!(scripts.len() > 15, "{scripts:?}");
    let mut command = client("shellcheck", scratch.path());
    command
        .args(["--external-sources", "--source-path=SCRIPTDIR"])
        .args(&scripts);
    succeed(command, LIMIT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_holds_both_programs_and_what_their_users_need() {
    let scratch = Scratch::new();
    // The programs of tests are not static, which macOS does not ask for.
    let packed = package("x86_64-apple-darwin", &programs(), &scratch).await;
    assert_eq!(packed.code(), 0, "{}", packed.stderr);
    let name = format!("bazel-proxy-{}-x86_64-apple-darwin", version());
    let archive = scratch.path().join("out").join(format!("{name}.tar.gz"));
    assert_eq!(packed.text().trim(), archive.display().to_string());
    let mut tar = client("tar", scratch.path());
    tar.arg("-xzf").arg(&archive);
    succeed(tar, LIMIT).await;
    let folder = scratch.path().join(&name);
    for file in [
        ".env.example",
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "examples/aws-config/config",
    ] {
        let original = std::fs::read(workspace_folder().join(file)).expect("the original");
        assert!(
            std::fs::read(folder.join(file)).expect("a copy") == original,
            "{file}"
        );
    }
    for program in ["bazel-proxy", "sso-watcher"] {
        let path = folder.join(program).display().to_string();
        let mut command = client(&path, scratch.path());
        command.arg("--version");
        let said = succeed(command, LIMIT).await.text();
        assert_eq!(said, format!("{program} {}\n", version()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_for_linux_that_is_not_static_is_not_packed() {
    let scratch = Scratch::new();
    let packed = package("x86_64-unknown-linux-gnu", &programs(), &scratch).await;
    assert_eq!(packed.code(), 1);
    assert!(packed.stderr.contains("is not static"), "{}", packed.stderr);
    assert!(files_below(&scratch.path().join("out")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_program_for_linux_is_packed() {
    let scratch = Scratch::new();
    // Small stand-ins, linked as a release is.
    let source = scratch.path().join("program.rs");
    write(
        &source,
        &format!("fn main() {{ println!(\"program {}\"); }}", version()),
    );
    for program in ["bazel-proxy", "sso-watcher"] {
        let mut rustc = Command::new("rustc");
        rustc.args(["-C", "target-feature=+crt-static", "-o"]);
        rustc.arg(scratch.path().join(program)).arg(&source);
        succeed(rustc, LIMIT).await;
    }
    let packed = package("x86_64-unknown-linux-gnu", scratch.path(), &scratch).await;
    assert_eq!(packed.code(), 0, "{}", packed.stderr);
    let name = format!("bazel-proxy-{}-x86_64-unknown-linux-gnu.tar.gz", version());
    assert!(packed.text().trim().ends_with(&name), "{}", packed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_formula_names_the_archives_of_its_release_by_their_checksums() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    for target in TARGETS {
        write(
            &out.join(format!("bazel-proxy-1.2.3-{target}.tar.gz")),
            target,
        );
    }
    write(&out.join("bazel-proxy.cdx.json"), "{}");
    let folder = out.display().to_string();
    let finish = |repository: &str| {
        script(
            ".github/release/finish",
            scratch.path(),
            &["1.2.3", repository, &folder],
        )
    };
    succeed(finish("Example/Bazel-Proxy"), LIMIT).await;
    let mut check = client("sha256sum", scratch.path());
    check
        .current_dir(&out)
        .args(["--check", "--strict", "SHA256SUMS"]);
    let checked = succeed(check, LIMIT).await.text();
    assert_eq!(checked.matches(": OK").count(), 5, "{checked}");
    let formula = std::fs::read_to_string(out.join("bazel-proxy.rb")).expect("a formula");
    for target in TARGETS {
        let url = format!(
            "url \"https://github.com/Example/Bazel-Proxy/releases/download/v1.2.3/bazel-proxy-1.2.3-{target}.tar.gz\"\n      \
             sha256 \"{}\"\n",
            hex::encode(Sha256::digest(target))
        );
        assert!(formula.contains(&url), "{url}\n{formula}");
    }
    assert!(
        !formula.contains("@VERSION@")
            && !formula.contains("@REPOSITORY@")
            && !formula.contains("@SHA256")
    );
    if are_installed(&[RUBY]) {
        let mut ruby = client("ruby", scratch.path());
        ruby.arg("-wc").arg(out.join("bazel-proxy.rb"));
        let said = succeed(ruby, LIMIT).await;
        assert_eq!(
            (said.text().as_str(), said.stderr.as_str()),
            ("Syntax OK\n", "")
        );
    }

    let missing = out.join(format!("bazel-proxy-1.2.3-{}.tar.gz", TARGETS[2]));
    std::fs::remove_file(missing).expect("removed");
    let ended = run(finish("Example/Bazel-Proxy"), LIMIT).await;
    assert_ne!(ended.code(), 0);
    assert!(
        ended.stderr.contains("has no checksum of"),
        "{}",
        ended.stderr
    );
    assert_ne!(run(finish("no repository"), LIMIT).await.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_not_the_version_is_no_release() {
    let scratch = Scratch::new();
    let tagged = |tag: String| script(".github/release/version", scratch.path(), &[&tag]);
    let said = succeed(tagged(format!("v{}", version())), LIMIT)
        .await
        .text();
    assert_eq!(said, format!("version={}\n", version()));
    for tag in ["v99.0.0".to_owned(), version().to_owned(), String::new()] {
        let ended = run(tagged(tag), LIMIT).await;
        assert_eq!((ended.code(), ended.text().as_str()), (1, ""));
        assert!(
            ended.stderr.contains("change the version first"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notes_of_a_release_are_its_part_of_the_change_log() {
    let scratch = Scratch::new();
    let notes = script(".github/release/notes", scratch.path(), &[version()]);
    let said = succeed(notes, LIMIT).await.text();
    assert!(
        said.contains("### Added") && !said.contains("\n## "),
        "{said}"
    );
}
