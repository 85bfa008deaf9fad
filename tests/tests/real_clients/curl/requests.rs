//! Requests beside plain downloads: heads, old and new versions of HTTP, names, writes.

use simulated_aws::Operation;

use super::Bench;

/// The status line and the headers of `curl -i` or `curl -I`, in lower case.
fn head(output: &str) -> String {
    let head = output.split("\r\n\r\n").next().unwrap_or_default();
    head.to_ascii_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_head_shows_the_object_without_downloading_it() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let miss = head(&bench.curl(&["-f", "-I", &bench.url()]).await.text());
    assert_eq!(bench.aws.counters().count(Operation::GetObject), 0);
    assert_eq!(bench.aws.counters().count(Operation::HeadObject), 1);

    bench.fetch(&["-fO", &bench.url()], "tool-1.0.jar").await;
    let hit = head(&bench.curl(&["-f", "-I", &bench.url()]).await.text());
    for head in [&miss, &hit] {
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-length: 300000"), "{head}");
        assert!(head.contains("accept-ranges: bytes"), "{head}");
    }
    let line = |head: &str, name: &str| {
        let line = head.lines().find(|line| line.starts_with(name));
        line.map_or_else(|| panic!("no {name} in {head}"), str::to_owned)
    };
    for name in ["etag:", "last-modified:", "content-type:"] {
        assert_eq!(line(&miss, name), line(&hit, name));
    }
    let missing = format!("{}/none.jar", bench.proxy.url());
    assert_eq!(bench.curl(&["-f", "-I", &missing]).await.code(), 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_with_http_1_0_gets_the_whole_object() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    for _ in ["cold", "from the cache"] {
        let arguments = [
            "-f",
            "-0",
            "-o",
            "old",
            "-w",
            "%{http_code} %{size_download}",
        ];
        let ended = bench
            .curl(&[&arguments[..], &[&bench.url()]].concat())
            .await;
        assert_eq!(ended.text(), "200 300000", "{}", ended.stderr);
        assert!(bench.file("old") == bench.object);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_that_offers_http_2_is_answered_in_http_1_1() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let arguments = [
        "-f",
        "--http2",
        "-o",
        "new",
        "-w",
        "%{http_version} %{http_code}",
    ];
    let ended = bench
        .curl(&[&arguments[..], &[&bench.url()]].concat())
        .await;
    assert_eq!(ended.text(), "1.1 200", "{}", ended.stderr);
    assert!(bench.file("new") == bench.object);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reaches_localhost_in_every_spelling() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let mut spellings = vec![
        ("127.0.0.1", "-4"),
        ("localhost", "-4"),
        ("LocalHost", "-4"),
    ];
    if std::net::TcpListener::bind(("::1", 0)).is_ok() {
        spellings.extend([("[::1]", "-6"), ("localhost", "-6")]);
    } else {
        eprintln!("this machine has no ::1");
    }
    for (spelling, family) in spellings {
        let url = bench.url().replace("127.0.0.1", spelling);
        let arguments = ["-f", "--globoff", family, "-o", "named", &url];
        let body = bench.fetch(&arguments, "named").await;
        assert!(body == bench.object, "{family} {url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_may_use_the_proxy_as_a_forward_proxy_for_its_own_name() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let proxy = bench.proxy.url();
    // An absolute-form target, as some clients send it whatever the server is.
    let arguments = [
        "-f",
        "--noproxy",
        "",
        "-x",
        &proxy,
        "-o",
        "absolute",
        &bench.url(),
    ];
    assert!(bench.fetch(&arguments, "absolute").await == bench.object);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_is_told_that_uploads_go_to_the_bucket() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    // Large enough for curl to ask with `Expect: 100-continue` first.
    bench.put_file("large", &vec![7; 2_000_000]);
    for method in [&["-T", "large"][..], &["-X", "DELETE"], &["-d", "@large"]] {
        let arguments = ["-i", "-H", "Expect: 100-continue", &bench.url()];
        let ended = bench.curl(&[method, &arguments].concat()).await;
        let head = head(&ended.text());
        assert!(head.starts_with("http/1.1 405"), "{method:?}: {head}");
        assert!(head.contains("allow: get, head"), "{head}");
    }
    assert_eq!(bench.aws.counters().total(), 0);
}
