//! Lock files: the same over new tokens and restarts, with the proxy's own URLs and hashes that hold.

use tests::clients::{Part, are_installed};

use crate::clients::{Client, LIMIT, Npm, Pip, Place, Pnpm, Poetry, Uv, python, run_all, uv};
use crate::world::{ACCEPT_JSON, World};

/// A client that writes a lock file: how, and which.
type Locking = (&'static dyn Client, &'static str);

const LOCKING: [Locking; 4] = [
    (&Uv, "uv.lock"),
    (&Poetry, "poetry.lock"),
    (&Npm, "package-lock.json"),
    (&Pnpm, "pnpm-lock.yaml"),
];

async fn locked(world: &World, (client, file): Locking) -> String {
    let place = Place::new(&world.index());
    let name = crate::world::package(client.format(), "first");
    let lock = client
        .lock(&place, &name)
        .expect("a client with a lock file");
    let ended = run_all(vec![lock], LIMIT).await;
    assert!(
        ended.status.success(),
        "{client:?}: {}{}",
        ended.text(),
        ended.stderr
    );
    place.text(file)
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_files_are_the_same_after_a_new_token_and_a_restart() {
    let parts: Vec<Part> = LOCKING
        .iter()
        .flat_map(|(client, _)| client.parts())
        .collect();
    if !are_installed(&parts) {
        return;
    }
    let world = World::seeded(&["first"]).await;
    let mut before = Vec::new();
    for locking in LOCKING {
        before.push(locked(&world, locking).await);
    }
    let port = world.proxy.address().port().to_string();
    world.service().revoke_tokens();
    let World {
        proxy,
        repository,
        sso,
    } = world;
    // Nothing of the pages is left, either.
    let killed = proxy.kill_9().env("PROXY_PORT", &port);
    std::fs::remove_dir_all(sso.scratch.cache()).expect("the cache, removed");
    let proxy = killed.start().await;
    let world = World {
        proxy,
        repository,
        sso,
    };
    for (locking, before) in LOCKING.into_iter().zip(before) {
        let after = locked(&world, locking).await;
        assert_eq!(after, before, "{:?}", locking.0);
        for secret in world.secrets() {
            assert!(!after.contains(&secret), "{:?}: {after}", locking.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_takes_hashes_and_asks_for_the_metadata_of_wheels() {
    if !are_installed(&Pip.parts()) {
        return;
    }
    let world = World::seeded(&["first"]).await;
    let mut requirements = String::new();
    for name in ["acme-first", "acme-first-base"] {
        let (_, sha256) = world.locked_wheel(name).await;
        let line = format!("{name}==1.0 --hash=sha256:{sha256}\n");
        requirements.push_str(&line);
    }
    let pip = async |requirements: &str| {
        let place = Place::new(&world.index());
        place.write("requirements.txt", requirements);
        let mut pip = python(&place, "pip");
        pip.args([
            "install",
            "--no-cache-dir",
            "--require-hashes",
            "--target",
            "out",
        ])
        .args([
            "--root-user-action=ignore",
            "-r",
            "requirements.txt",
            "--index-url",
        ])
        .arg(format!("{}/pypi/simple/", world.index()));
        let ended = run_all(vec![pip], LIMIT).await;
        (ended.status.success(), ended.stderr)
    };
    let (succeeded, said) = pip(&requirements).await;
    assert!(succeeded, "{said}");
    let first = requirements.find("sha256:").expect("a hash") + 7;
    let mut other = requirements.clone();
    other.replace_range(first..first + 8, "00000000");
    let (succeeded, said) = pip(&other).await;
    assert!(!succeeded && said.contains("DO NOT MATCH"), "{said}");

    // Without hashes on the command line, the metadata alone is read until it is clear what is wanted.
    let place = Place::new(&world.index());
    let mut pip = python(&place, "pip");
    pip.args([
        "download",
        "--no-cache-dir",
        "--dest",
        "out",
        "acme-first",
        "--index-url",
    ])
    .arg(format!("{}/pypi/simple/", world.index()));
    let ended = run_all(vec![pip], LIMIT).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    let log = world.proxy.log();
    assert!(log.contains(".whl.metadata"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_sees_the_upload_time_for_exclude_newer() {
    if !are_installed(&Uv.parts()) {
        return;
    }
    let world = World::seeded(&["first"]).await;
    for (newer, is_found) in [("2100-01-01", true), ("2000-01-01", false)] {
        let place = Place::new(&world.index());
        let mut uv = uv(&place);
        uv.args(["pip", "install", "--target", "out", "acme-first"])
            .args(["--exclude-newer", newer, "--default-index"])
            .arg(format!("{}/pypi/simple/", world.index()));
        let ended = run_all(vec![uv], LIMIT).await;
        assert_eq!(
            ended.status.success(),
            is_found,
            "{newer}: {}",
            ended.stderr
        );
    }
    let page = world.get_as("/pypi/simple/acme-first/", ACCEPT_JSON).await;
    assert!(page.text().contains("upload-time"), "{}", page.text());
}
