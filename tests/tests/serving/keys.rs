//! Names of artifacts, the odd ones.

use simulated_aws::Operation;
use tests::raw_request;

use crate::world::{World, get_and_close};

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_fetched_cached_and_asked_for_as_they_are() {
    let world = World::new().await;
    let long = format!("g/{}", "k".repeat(1022));
    for (path, key) in [
        ("/g/a+b.jar", "g/a+b.jar"),
        ("/g/c%2Bd.jar", "g/c+d.jar"),
        ("/g/with%20space.jar", "g/with space.jar"),
        ("/g/gr%C3%BC%C3%9Fe-%E6%97%A5.jar", "g/grüße-日.jar"),
        ("/g%2Fencoded%2Fslash.jar", "g/encoded/slash.jar"),
        ("/g//double.jar", "g//double.jar"),
        ("//leading.jar", "/leading.jar"),
        ("/g/percent%2525.jar", "g/percent%25.jar"),
        ("/g/a&b=c;d@e!$'(),~*.jar", "g/a&b=c;d@e!$'(),~*.jar"),
        ("/g/q%3Fx.jar", "g/q?x.jar"),
        ("/g/hash%23.jar", "g/hash#.jar"),
        ("/g/..a/b..", "g/..a/b.."),
        (&format!("/{long}"), &long),
    ] {
        world.put(key, key.as_bytes());
        let miss = world.proxy.get(path).await;
        assert_eq!(
            (miss.status.as_u16(), miss.text()),
            (200, key.to_owned()),
            "{path}"
        );
        let hit = world.warm(path).await;
        assert_eq!(hit.text(), key);
        assert_eq!(world.gets(key), 1, "{path}");
        assert_eq!(world.proxy.head(path).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_artifact_however_it_is_written() {
    let world = World::new().await;
    world.put("g/a-1.jar", b"the jar");
    world.warm("/g/a-1.jar").await;
    for path in [
        "/g/%61-1.jar",
        "/g%2fa-1.jar",
        "/g/a-1.jar?w=3",
        "/g/a-1.jar?",
    ] {
        assert!(world.proxy.get(path).await.is_hit(), "{path}");
    }
    assert_eq!(world.gets("g/a-1.jar"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_differ_by_case_and_by_every_byte() {
    let world = World::new().await;
    let keys = [
        "g/A.jar",
        "g/a.jar",
        "g/e\u{301}.jar",
        "g/\u{e9}.jar",
        "g/a.jar ",
    ];
    for key in keys {
        world.put(key, format!("[{key}]"));
    }
    for _ in 0..2 {
        for path in [
            "/g/A.jar",
            "/g/a.jar",
            "/g/e%CC%81.jar",
            "/g/%C3%A9.jar",
            "/g/a.jar%20",
        ] {
            let answer = world.proxy.get(path).await;
            let expected = keys[["/g/A.jar", "/g/a.jar", "/g/e%CC%81.jar", "/g/%C3%A9.jar"]
                .iter()
                .position(|known| *known == path)
                .unwrap_or(4)];
            assert_eq!(answer.text(), format!("[{expected}]"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_cannot_be_keys_are_400_and_reach_nothing() {
    let world = World::new().await;
    let too_long = format!("/{}", "k".repeat(1025));
    for path in [
        "/..",
        "/../etc/passwd",
        "/g/../../etc/passwd",
        "/g/%2e%2e/secret",
        "/g/%2E%2E%2Fsecret",
        "/%2e%2e/",
        "/g/./a.jar",
        "/g/a%00.jar",
        "/g/a%0d%0ax.jar",
        "/g/%ff.jar",
        "/g/%7f.jar",
        &too_long,
    ] {
        let answer = raw_request(world.proxy.address(), get_and_close(path).as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    assert_eq!(world.aws.counters().total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_cache_folder_can_be_fetched_by_name() {
    let world = World::new().await;
    world.put("g/a-1.jar", crate::world::noise(3_000_000));
    let pause = std::time::Duration::from_secs(3);
    let fault = simulated_aws::Fault::on(Operation::GetObject).key("g/a-1.jar");
    world.aws.faults().add(fault.delay_body(1_000_000, pause));
    let running = world.proxy.begin("GET", "/g/a-1.jar", &[]).await;
    let mut files = Vec::new();
    tests::eventually("the download is staged", async || {
        files = files_below(&world.scratch.cache());
        files.iter().any(|file| file.contains("staging/"))
    })
    .await;
    for file in files {
        for path in [
            format!("/{file}"),
            format!("/g/a-1.jar/{file}"),
            format!("//{file}"),
        ] {
            assert_eq!(world.proxy.get(&path).await.status, 404, "{path}");
        }
    }
    assert_eq!(running.finish().await.body.len(), 3_000_000);
}

/// The files below a folder, by their path in it.
fn files_below(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                found.push(name.display().to_string());
            }
        }
    }
    found
}
