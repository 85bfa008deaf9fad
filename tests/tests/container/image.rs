//! What is in the image.

use std::process::Command;

use tests::commands::succeed;

use crate::container::Container;
use crate::shared::{IMAGE, LIMIT, engine};

#[tokio::test(flavor = "multi_thread")]
async fn the_image_is_one_static_program_on_an_empty_base() {
    let Some(engine) = engine().await else {
        return;
    };
    // Never started: it only holds the image's files.
    let id = engine.say(&["create", IMAGE]).await;
    let container = Container::new(engine, id);
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files.tar");
    let program = folder.path().join("bazel-proxy");
    let (files, path) = (files.display().to_string(), program.display().to_string());
    engine
        .say(&["export", "--output", &files, container.id()])
        .await;
    engine
        .say(&["cp", &format!("{}:/bazel-proxy", container.id()), &path])
        .await;

    let mut list = Command::new("tar");
    list.args(["--list", "--file", &files]);
    let listed = succeed(list, LIMIT).await.text();
    let paths: Vec<_> = listed.lines().filter(|path| !path.ends_with('/')).collect();
    assert!(paths.contains(&"bazel-proxy"), "{listed}");
    assert!(
        paths.contains(&"etc/ssl/certs/ca-certificates.crt"),
        "{listed}"
    );
    // Docker itself adds a few empty files, of which none is a program or a library.
    let foreign = ["bin/", "sbin/", "lib/", "lib64/", "usr/"];
    let foreign = |path: &&&str| foreign.iter().any(|folder| path.starts_with(folder));
    assert_eq!(paths.iter().find(foreign), None);

    let mut headers = Command::new("readelf");
    headers.args(["--program-headers", "--dynamic", "--wide", &path]);
    let headers = succeed(headers, LIMIT).await.text();
    assert!(!headers.contains("INTERP"), "it needs a loader: {headers}");
    assert!(
        !headers.contains("(NEEDED)"),
        "it needs libraries: {headers}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_says_what_it_is_and_how_it_is() {
    let Some(engine) = engine().await else {
        return;
    };
    let facts = engine.inspect(IMAGE).await;
    let config = &facts["Config"];
    let user = config["User"].as_str().expect("a user");
    assert!(
        !user.is_empty() && !user.starts_with('0') && !user.starts_with("root"),
        "{user}"
    );
    assert_eq!(config["Entrypoint"][0], "/bazel-proxy");
    let check = &config["Healthcheck"]["Test"];
    assert_eq!(check.as_array().map(Vec::len), Some(3), "no shell: {check}");
    assert_eq!(check[0], "CMD");
    assert_eq!(check[2], "healthcheck");
    assert_eq!(
        config["Labels"]["org.opencontainers.image.title"],
        "bazel-proxy"
    );
    assert_eq!(config["Labels"]["org.opencontainers.image.licenses"], "MIT");
    assert!(config["ExposedPorts"]["9000/tcp"].is_object(), "{config}");
    let bytes = facts["Size"].as_u64().expect("a size");
    assert!(bytes < 100 << 20, "{bytes} bytes");
}
