//! Downloads to files: whole, resumed, only when changed.

use simulated_aws::Operation;
use tests::eventually;
use tests::scratch::BUCKET;

use super::{Bench, KEY};

const FILE: &str = "tool-1.0.jar";

#[tokio::test(flavor = "multi_thread")]
async fn curl_saves_the_exact_bytes_cold_and_from_the_cache() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    for _ in ["cold", "from the cache"] {
        assert!(bench.fetch(&["-fO", &bench.url()], FILE).await == bench.object);
    }
    eventually("the copy is in place", async || {
        bench.proxy.get(&format!("/{KEY}")).await.is_hit()
    })
    .await;
    assert_eq!(bench.aws.counters().count(Operation::GetObject), 1);
    bench.aws.go_offline().await.expect("offline");
    assert!(bench.fetch(&["-fO", &bench.url()], FILE).await == bench.object);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_fails_on_a_missing_object_and_leaves_no_file() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let missing = format!("{}/org/example/none.jar", bench.proxy.url());
    let ended = bench.curl(&["-fO", &missing]).await;
    assert_eq!(ended.code(), 22, "{}", ended.stderr);
    assert!(ended.stderr.contains("404"), "{}", ended.stderr);
    assert!(!bench.folder().join("none.jar").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_resumes_a_partial_file_on_a_miss_and_on_a_hit() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    for have in [100_000, 299_999] {
        bench.put_file(FILE, &bench.object[..have]);
        let arguments = ["-f", "-C", "-", "-O", "-w", "%{http_code}", &bench.url()];
        let ended = bench.curl(&arguments).await;
        assert_eq!(ended.text(), "206", "{}", ended.stderr);
        assert!(bench.file(FILE) == bench.object);
    }
    assert_eq!(bench.aws.counters().count(Operation::GetObject), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_finds_a_complete_file_complete() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    bench.put_file(FILE, &bench.object);
    let arguments = ["-C", "-", "-O", "-w", "%{http_code}", &bench.url()];
    let ended = bench.curl(&arguments).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(ended.text(), "416");
    assert!(bench.file(FILE) == bench.object);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_downloads_again_only_what_is_newer_than_its_file() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    // -R gives the file S3's own time.
    bench.fetch(&["-f", "-R", "-O", &bench.url()], FILE).await;
    let again = [
        "-f",
        "-z",
        FILE,
        "-o",
        "new",
        "-w",
        "%{http_code}",
        &bench.url(),
    ];
    let ended = bench.curl(&again).await;
    assert_eq!(ended.text(), "304", "{}", ended.stderr);
    let long_ago = "Thu, 01 Jan 1998 00:00:00 GMT";
    let older = [
        "-f",
        "-z",
        long_ago,
        "-o",
        "new",
        "-w",
        "%{http_code}",
        &bench.url(),
    ];
    assert_eq!(bench.curl(&older).await.text(), "200");
    assert!(bench.file("new") == bench.object);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_compares_an_etag_that_it_saved_also_after_a_restart() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let save = ["-f", "--etag-save", "etag", "-O", &bench.url()];
    bench.fetch(&save, FILE).await;
    let compare = [
        "-f",
        "--etag-compare",
        "etag",
        "-o",
        "new",
        "-w",
        "%{http_code}",
        &bench.url(),
    ];
    assert_eq!(bench.curl(&compare).await.text(), "304");

    eventually("the copy is in place", async || {
        bench.proxy.get(&format!("/{KEY}")).await.is_hit()
    })
    .await;
    let port = bench.proxy.address().port().to_string();
    let killed = bench.proxy.kill_9();
    bench.aws.go_offline().await.expect("offline");
    let proxy = killed.env("PROXY_PORT", &port).start().await;
    let bench = Bench { proxy, ..bench };
    let ended = bench.curl(&compare).await;
    assert_eq!(ended.text(), "304", "{}", ended.stderr);

    bench.put_file("etag", b"\"another\"\n");
    assert_eq!(bench.curl(&compare).await.text(), "200");
    assert!(bench.file("new") == bench.object);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_the_ranges_that_it_asks_for() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let end = bench.object.len();
    let ranges = [
        ("0-0", 0..1),
        ("1000-1999", 1000..2000),
        ("299000-", 299_000..end),
        ("-500", end - 500..end),
    ];
    for (range, bytes) in ranges {
        let arguments = [
            "-f",
            "--range",
            range,
            "-o",
            "part",
            "-w",
            "%{http_code}",
            &bench.url(),
        ];
        assert_eq!(bench.curl(&arguments).await.text(), "206", "{range}");
        assert!(bench.file("part") == bench.object[bytes], "{range}");
    }
    let beyond = bench
        .curl(&["-f", "--range", "300000-", &bench.url()])
        .await;
    assert_eq!(beyond.code(), 22);
    assert!(beyond.stderr.contains("416"), "{}", beyond.stderr);
    assert_eq!(bench.aws.counters().count(Operation::GetObject), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_parallel_curl_transfers_are_one_download() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let copies = format!("{}?copy=[1-40]", bench.url());
    let arguments = ["-f", "-Z", "--parallel-immediate", "-o", "copy-#1", &copies];
    let ended = bench.curl(&arguments).await;
    assert!(ended.status.success(), "{}", ended.stderr);
    for copy in 1..=40 {
        assert!(bench.file(&format!("copy-{copy}")) == bench.object);
    }
    let counters = bench.aws.counters();
    assert_eq!(counters.count_key(Operation::GetObject, KEY), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_fetches_keys_with_odd_characters() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let keys = [
        ("g++/a b+c.jar", "g++/a%20b+c.jar"),
        ("grüße/ключ.jar", "grüße/ключ.jar"),
        ("100%/#1?.jar", "100%25/%231%3F.jar"),
    ];
    for (key, path) in keys {
        bench.aws.s3().put(BUCKET, key, key).expect("an object");
        let url = format!("{}/{path}", bench.proxy.url());
        // --globoff: brackets and braces are as they are.
        let body = bench
            .fetch(&["-f", "--globoff", "-o", "odd", &url], "odd")
            .await;
        assert_eq!(String::from_utf8_lossy(&body), key);
    }
}
