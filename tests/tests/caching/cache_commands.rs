//! The cache's folder: who may use it, what is not ours in it, and the commands that look at it.

use simulated_aws::SimulatedAws;
use tests::{Proxy, ProxyBuilder, Scratch, eventually};

use crate::support::{fetch_into_cache, object_path, put, run, write};

async fn filled(scratch: &Scratch) -> (SimulatedAws, Proxy) {
    let aws = scratch.aws().await;
    for (key, length) in [
        ("com/a/a-1.jar", 200_000),
        ("com/a/a-1.pom", 500),
        ("org/b/b-1.jar", 1_000),
    ] {
        put(&aws, key, length);
    }
    let proxy = Proxy::start(scratch, &aws).await;
    for key in ["com/a/a-1.jar", "com/a/a-1.pom", "org/b/b-1.jar"] {
        fetch_into_cache(&proxy, scratch, &aws, key).await;
    }
    (aws, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_folder_says_so_and_exits() {
    let scratch = Scratch::new();
    let (aws, proxy) = filled(&scratch).await;
    let second = run(ProxyBuilder::new(&scratch).aws(&aws).command(&["serve"])).await;
    assert_eq!(second.code(), Some(1));
    let folder = scratch.cache().display().to_string();
    assert!(
        second
            .stderr()
            .contains(&format!("{folder} is in use by another bazel-proxy")),
        "{}",
        second.stderr()
    );
    assert!(
        proxy.get("/com/a/a-1.jar").await.is_hit(),
        "the first lives"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_program_are_reported_and_left_alone() {
    let scratch = Scratch::new();
    let cache = scratch.cache();
    std::fs::create_dir_all(cache.join("com/google")).expect("a folder");
    write(
        &cache.join("com/google/guava.jar"),
        b"of the Python original",
    );
    write(&cache.join("guava.jar.etag"), b"\"abc\"");
    let (_aws, proxy) = filled(&scratch).await;
    assert!(proxy.log().contains("are left alone"), "{}", proxy.log());
    assert!(proxy.log().contains("files=2"));
    let again = proxy.kill_9();
    for command in ["ls", "verify", "purge"] {
        assert_eq!(
            run(again.command(&["cache", command])).await.code(),
            Some(0)
        );
    }
    let left = std::fs::read(cache.join("com/google/guava.jar")).expect("it is there");
    assert_eq!(left, b"of the Python original");
    assert!(cache.join("guava.jar.etag").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn ls_names_what_is_cached_beside_a_running_proxy() {
    let scratch = Scratch::new();
    let (_aws, proxy) = filled(&scratch).await;
    let builder = ProxyBuilder::new(&scratch).without("S3_BUCKET_NAME");
    let all = run(builder.command(&["cache", "ls"])).await;
    assert_eq!(all.code(), Some(0));
    for word in [
        "200000",
        "com/a/a-1.jar",
        "com/a/a-1.pom",
        "org/b/b-1.jar",
        "3 objects",
    ] {
        assert!(all.stdout().contains(word), "{word}: {}", all.stdout());
    }
    let some = run(builder.command(&["cache", "ls", "com/a/"])).await;
    assert!(some.stdout().contains("2 objects"), "{}", some.stdout());
    assert!(!some.stdout().contains("org/b"));
    let verified = run(builder.command(&["cache", "verify", "com/"])).await;
    assert_eq!(verified.code(), Some(0));
    assert!(verified.stdout().contains("2 whole, 0 broken"));
    assert!(proxy.get("/com/a/a-1.jar").await.is_hit());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_beside_a_running_proxy_takes_effect_also_for_objects_in_memory() {
    let scratch = Scratch::new();
    let (aws, proxy) = filled(&scratch).await;
    // In memory, and served from there.
    assert!(proxy.get("/com/a/a-1.pom").await.is_hit());
    let purged = run(ProxyBuilder::new(&scratch).command(&["cache", "purge", "com/"])).await;
    assert_eq!(purged.code(), Some(0));
    assert!(
        purged.stdout().contains("removed 2 objects"),
        "{}",
        purged.stdout()
    );
    assert!(!object_path(&scratch, &aws, "com/a/a-1.jar").exists());

    assert!(!proxy.get("/com/a/a-1.jar").await.is_hit());
    assert!(proxy.get("/org/b/b-1.jar").await.is_hit(), "not purged");
    let purged_at = std::time::Instant::now();
    eventually("memory follows", async || {
        !proxy.get("/com/a/a-1.pom").await.is_hit()
    })
    .await;
    // Two seconds are promised; the rest is for a machine that is busy with other tests.
    assert!(purged_at.elapsed().as_secs() < 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_of_everything_removes_broken_files_too() {
    let scratch = Scratch::new();
    let (aws, proxy) = filled(&scratch).await;
    let path = object_path(&scratch, &aws, "com/a/a-1.jar");
    write(&path, b"broken");
    let folder = object_path(&scratch, &aws, "org/b/b-1.jar");
    std::fs::remove_file(&folder).expect("removed");
    std::fs::create_dir_all(folder.join("x")).expect("a folder in its place");
    let purged = run(ProxyBuilder::new(&scratch).command(&["cache", "purge"])).await;
    assert_eq!(purged.code(), Some(0), "{}", purged.stderr());
    let objects = scratch.cache().join("v1/objects");
    assert!(crate::support::files_below(&objects).is_empty());
    assert!(!folder.exists());
    assert_eq!(proxy.get("/com/a/a-1.jar").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_had_enough_of_ls_is_no_failure() {
    let scratch = Scratch::new();
    let (_aws, _proxy) = filled(&scratch).await;
    let mut ls = ProxyBuilder::new(&scratch).command(&["cache", "ls"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    ls.stdout(writer).stderr(std::process::Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || ls.spawn()?.wait_with_output());
    let ended = ended.await.expect("no panic").expect("it runs");
    assert!(ended.status.success());
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_made_is_a_clear_error() {
    let scratch = Scratch::new();
    write(&scratch.path().join("file"), b"");
    let folder = scratch.path().join("file/cache").display().to_string();
    let builder = ProxyBuilder::new(&scratch).env("CACHE_DIR", &folder);
    let ended = run(builder.command(&["serve"])).await;
    assert_eq!(ended.code(), Some(1));
    for word in [folder.as_str(), "Not a directory", "CACHE_DIR"] {
        assert!(ended.stderr().contains(word), "{word}: {}", ended.stderr());
    }
}
