//! The format of cache files, byte by byte: files of version 1 stay readable.

use std::path::PathBuf;

use tests::{Proxy, ProxyBuilder, Scratch, workspace_folder};

use crate::support::{object_path_of, run};

const REPOSITORY: &str = "http://127.0.0.1:9/golden/maven/";

/// A proxy over the committed files; its S3 is a port where nobody listens.
fn builder(scratch: &Scratch) -> ProxyBuilder {
    for name in ["golden-1.pom", "golden-1.jar"] {
        let path = object_path_of(scratch, REPOSITORY, &format!("g/{name}"));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        std::fs::copy(fixture(name), path).expect("copied");
    }
    ProxyBuilder::new(scratch)
        .env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        .env("S3_BUCKET_NAME", "golden")
        .env("S3_PREFIX", "maven")
}

fn fixture(name: &str) -> PathBuf {
    workspace_folder()
        .join("tests/fixtures/cache-v1")
        .join(name)
}

fn numbers() -> String {
    use std::fmt::Write as _;
    (0..17_000).fold(String::new(), |mut text, number| {
        writeln!(text, "{number:07}").expect("written to memory");
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_format_version_1_are_served_with_their_bytes_and_validators() {
    let scratch = Scratch::new();
    let proxy: Proxy = builder(&scratch).start().await;

    let small = proxy.get("/g/golden-1.pom").await;
    assert!(small.is_hit());
    assert_eq!(
        small.body,
        "<project><artifactId>golden</artifactId></project>\n"
    );
    assert_eq!(small.header("etag").len(), 34);
    assert_eq!(
        small.header("last-modified"),
        "Tue, 14 Nov 2023 22:13:20 GMT"
    );

    let large = proxy.get("/g/golden-1.jar").await;
    assert!(large.is_hit());
    assert_eq!(large.broken, None);
    assert!(large.body == numbers().as_bytes());
    for (header, value) in [
        ("etag", "\"0123456789abcdef0123456789abcdef-2\""),
        ("last-modified", "Tue, 14 Nov 2023 22:13:22 GMT"),
        ("content-length", "136000"),
        ("x-checksum-md5", "014b74d9d2d1ac55a40899933bfc5c9d"),
        (
            "x-checksum-sha1",
            "6bbb6c3f38c7362ad651ba42335bdd3130f5572b",
        ),
        (
            "x-checksum-sha256",
            "e54b8fc35aa4acb0206fa5a3dba2bd6d89fffc1157d5720b1106eb3b4ff6338b",
        ),
    ] {
        assert_eq!(large.header(header), value, "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_format_version_1_are_whole_and_stay_untouched() {
    let scratch = Scratch::new();
    let proxy = builder(&scratch).start().await;
    proxy.get("/g/golden-1.jar").await;
    let verified = run(builder(&scratch).command(&["cache", "verify"])).await;
    assert_eq!(verified.stdout(), "2 whole, 0 broken\n");
    for name in ["golden-1.pom", "golden-1.jar"] {
        let path = object_path_of(&scratch, REPOSITORY, &format!("g/{name}"));
        let (now, then) = (std::fs::read(path), std::fs::read(fixture(name)));
        assert!(now.expect("a file") == then.expect("a file"), "{name}");
    }
}
