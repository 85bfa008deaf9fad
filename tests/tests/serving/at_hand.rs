//! Hits go a short way where nothing has to be waited for, and everything else a long one: nobody can tell
//! them apart.

use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use sha1::Digest as _;
use simulated_aws::ObjectAttributes;
use tests::scratch::BUCKET;
use tests::{Answer, eventually};

use crate::world::{World, noise};

/// Empty; kept in memory at once; kept when asked for a second time; a file.
const LENGTHS: [usize; 4] = [0, 3_000, 40_000, 300_000];
/// Of those.
const LARGEST_IN_MEMORY: usize = 40_000;
const MODIFIED: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
/// More than it takes from the first hit, from the file, to those from memory with a prepared head.
const TIMES: usize = 5;
/// What another proxy says of itself. Requests of proxies always go the long way.
const VIA: (&str, &str) = ("via", "1.1 bazel-proxy-0123456789abcdef");
const REPOSITORY: &str = "x-bazel-proxy-repository";

/// An artifact in the bucket, and how the proxy can be asked for it.
struct Artifact {
    bytes: Vec<u8>,
    /// As S3 gives it.
    etag: String,
    path: String,
    /// The same with every letter of its name encoded.
    encoded_path: String,
}

/// A request, and what of its answer depends on it.
#[derive(Clone, Debug)]
struct Asked {
    method: &'static str,
    headers: Vec<(&'static str, String)>,
    status: u16,
    content_length: Option<String>,
    content_range: Option<String>,
    body: Range<usize>,
}

impl Artifact {
    async fn put(world: &World, name: &str, length: usize) -> Self {
        let bytes = noise(length);
        let attributes = ObjectAttributes {
            last_modified: Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
            ..ObjectAttributes::default()
        };
        world.put_with(&format!("g/{name}.jar"), &bytes, attributes);
        let path = format!("/g/{name}.jar");
        let asked = world.proxy.head(&path).await;
        assert_eq!(asked.verdict(), "bazel-proxy; fwd=method", "of S3's");
        let encoded = name.bytes().map(|byte| format!("%{byte:02X}"));
        let encoded = encoded.collect::<Vec<_>>().concat();
        Self {
            bytes,
            etag: asked.header("etag").to_owned(),
            path,
            encoded_path: format!("/%67/{encoded}.j%61r"),
        }
    }

    /// Every kind of request.
    fn all_asked(&self) -> Vec<Asked> {
        let etag = self.etag.as_str();
        let head = |asked: Asked| Asked {
            method: "HEAD",
            body: 0..0,
            ..asked
        };
        // The HTTP library writes a length where there is none, but not to a HEAD; it drops a wrong one
        // likewise.
        let bare_head = |status, headers: &[_]| Asked {
            content_length: None,
            ..head(Self::bare(status, headers))
        };
        vec![
            self.whole(&[]),
            head(self.whole(&[])),
            head(self.whole(&[("range", "bytes=0-0")])),
            bare_head(304, &[("if-none-match", etag)]),
            bare_head(412, &[("if-match", "\"x\"")]),
            self.range("bytes=10-99", 10..100),
            self.range(
                "bytes=-5",
                self.bytes.len().saturating_sub(5)..self.bytes.len(),
            ),
            self.range("bytes=999999-", 999_999..999_999),
            self.whole(&[("range", "bytes=0-0"), ("if-range", "\"x\"")]),
            Self::bare(304, &[("if-none-match", etag)]),
            Self::bare(304, &[("if-none-match", "*")]),
            Self::bare(304, &[("if-modified-since", MODIFIED)]),
            Self::bare(412, &[("if-match", "\"x\"")]),
        ]
    }

    fn whole(&self, headers: &[(&'static str, &str)]) -> Asked {
        Asked {
            content_length: Some(self.bytes.len().to_string()),
            body: 0..self.bytes.len(),
            ..Self::bare(200, headers)
        }
    }

    fn range(&self, range: &str, bytes: Range<usize>) -> Asked {
        let length = self.bytes.len();
        let asked = [("range", range)];
        if bytes.is_empty() || bytes.end > length {
            return Asked {
                content_range: Some(format!("bytes */{length}")),
                ..Self::bare(416, &asked)
            };
        }
        let (first, last) = (bytes.start, bytes.end - 1);
        Asked {
            content_length: Some(bytes.len().to_string()),
            content_range: Some(format!("bytes {first}-{last}/{length}")),
            body: bytes,
            ..Self::bare(206, &asked)
        }
    }

    /// Without a body.
    fn bare(status: u16, headers: &[(&'static str, &str)]) -> Asked {
        let headers = headers.iter();
        Asked {
            method: "GET",
            headers: headers
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            status,
            // A 304 tells no length, of what it does not send.
            content_length: (status != 304).then(|| "0".to_owned()),
            content_range: None,
            body: 0..0,
        }
    }

    /// All headers of an answer of a hit that do not differ from request to request.
    fn headers_of_a_hit(&self, asked: &Asked) -> Vec<(String, String)> {
        let mut headers = self.validators(asked);
        let md5 = self.etag.trim_matches('"').to_owned();
        headers.extend([
            ("cache-status", "bazel-proxy; hit".to_owned()),
            ("x-checksum-md5", md5),
            (
                "x-checksum-sha1",
                hex::encode(sha1::Sha1::digest(&self.bytes)),
            ),
            (
                "x-checksum-sha256",
                hex::encode(sha2::Sha256::digest(&self.bytes)),
            ),
        ]);
        let headers = headers.into_iter();
        let mut headers: Vec<_> = headers
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        headers.sort();
        headers
    }

    /// What is said by every answer, of a hit or not.
    fn validators(&self, asked: &Asked) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("accept-ranges", "bytes".to_owned()),
            ("content-type", "application/java-archive".to_owned()),
            ("etag", self.etag.clone()),
            ("last-modified", MODIFIED.to_owned()),
        ];
        let length = asked.content_length.clone();
        headers.extend(length.map(|length| ("content-length", length)));
        let range = asked.content_range.clone();
        headers.extend(range.map(|range| ("content-range", range)));
        headers
    }

    /// Asks so, with these headers besides.
    async fn ask(
        &self,
        world: &World,
        path: &str,
        asked: &Asked,
        besides: &[(&str, &str)],
    ) -> Answer {
        let headers = asked.headers.iter();
        let headers = headers.map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<_> = headers.chain(besides.iter().copied()).collect();
        let answer = world.proxy.request(asked.method, path, &headers).await;
        assert_eq!(answer.status, asked.status, "{path} {asked:?}");
        assert_eq!(answer.broken, None, "{path} {asked:?}");
        assert!(
            answer.body == self.bytes[asked.body.clone()],
            "{path} {asked:?}"
        );
        assert!(
            answer.headers.values().all(|value| value != "-"),
            "{path} {asked:?} {:?}",
            answer.headers
        );
        answer
    }

    /// Asks until it is a hit; all answers before are right, too.
    async fn becomes_a_hit(&self, world: &World, asked: &Asked) {
        eventually("it is a hit", async || {
            let answer = self.ask(world, &self.path, asked, &[]).await;
            for (name, value) in self.validators(asked) {
                assert_eq!(answer.header(name), value, "{name} {asked:?}");
            }
            answer.is_hit()
        })
        .await;
    }

    /// Asks for a hit the short way, under each of its names, and the long way.
    async fn is_answered_the_same(&self, world: &World, asked: &Asked) {
        let expected = self.headers_of_a_hit(asked);
        for path in [&self.path, &self.encoded_path] {
            let answer = self.ask(world, path, asked, &[]).await;
            assert_eq!(lasting(&answer.headers), expected, "{path} {asked:?}");
            let id = answer.header("x-request-id");
            assert_eq!(id.len(), 16, "one of the proxy's: {id}");

            let own = [("x-request-id", "build-7.3_a")];
            let answer = self.ask(world, path, asked, &own).await;
            assert_eq!(lasting(&answer.headers), expected, "{path} {asked:?}");
            assert_eq!(answer.header("x-request-id"), own[0].1);

            let mut answer = self.ask(world, path, asked, &[VIA, own[0]]).await;
            assert!(answer.headers.remove(REPOSITORY).is_some());
            assert_eq!(lasting(&answer.headers), expected, "{path} {asked:?}");
            assert_eq!(answer.header("x-request-id"), own[0].1);
        }
    }
}

/// All headers, each as often as it is there, but those that are of one request.
fn lasting(headers: &HeaderMap) -> Vec<(String, String)> {
    for name in ["date", "x-request-id"] {
        assert_eq!(headers.get_all(name).iter().count(), 1, "{name}");
    }
    let text = |value: &http::HeaderValue| value.to_str().expect("text").to_owned();
    let lasting = headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    let mut lasting: Vec<_> = lasting
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    lasting.sort();
    lasting
}

/// How many objects the proxy has in memory.
async fn objects_in_memory(world: &World) -> usize {
    let numbers = world.proxy.get("/metrics").await.text();
    let mut lines = numbers.lines();
    let objects = lines.find_map(|line| line.strip_prefix("bazel_proxy_memory_cache_objects "));
    let objects = objects.and_then(|objects| objects.parse().ok());
    objects.unwrap_or_else(|| panic!("not told:\n{numbers}"))
}

/// An artifact in memory.
async fn in_memory(world: &World) -> Artifact {
    let artifact = Artifact::put(world, "a-1", 3_000).await;
    let whole = artifact.whole(&[]);
    artifact.becomes_a_hit(world, &whole).await;
    for _ in 0..TIMES {
        artifact.is_answered_the_same(world, &whole).await;
    }
    assert_eq!(objects_in_memory(world).await, 1);
    artifact
}

/// Nothing in an answer is of the artifact.
fn assert_gives_nothing(answer: &Answer, artifact: &Artifact) {
    let said = format!("{:?}", answer.headers);
    assert!(!said.contains(artifact.etag.trim_matches('"')), "{said}");
    let parts = answer.body.windows(8);
    let mut of_it = parts.filter(|part| artifact.bytes.windows(8).any(|bytes| bytes == *part));
    assert!(of_it.next().is_none(), "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_request_is_answered_the_same_from_its_miss_on() {
    let world = World::new().await;
    for length in LENGTHS {
        // What the first hit has been asked is what its head was prepared for, so each has one of its own.
        let kinds = Artifact::put(&world, "kinds", length)
            .await
            .all_asked()
            .len();
        for kind in 0..kinds {
            let name = format!("{length}-{kind}");
            let artifact = Artifact::put(&world, &name, length).await;
            let asked = artifact.all_asked().swap_remove(kind);
            if asked.method == "HEAD" {
                // It downloads nothing.
                world.warm(&artifact.path).await;
            }
            artifact.becomes_a_hit(&world, &asked).await;
            for _ in 0..TIMES {
                artifact.is_answered_the_same(&world, &asked).await;
            }
            assert_eq!(world.gets(&artifact.path[1..]), 1, "{asked:?}");
        }
        let in_memory = LENGTHS
            .iter()
            .filter(|kept| **kept <= length.min(LARGEST_IN_MEMORY));
        assert_eq!(objects_in_memory(&world).await, in_memory.count() * kinds);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_changes_the_answer_of_the_next() {
    let world = World::new().await;
    for length in LENGTHS {
        let artifact = Artifact::put(&world, &format!("{length}"), length).await;
        artifact.becomes_a_hit(&world, &artifact.whole(&[])).await;
        let mut all = artifact.all_asked();
        for _ in 0..TIMES {
            for asked in &all {
                artifact.is_answered_the_same(&world, asked).await;
            }
            // In another order, so that each comes behind another.
            all.reverse();
            all.rotate_left(3);
        }
        assert_eq!(world.gets(&artifact.path[1..]), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_gets_nothing_of_what_is_in_memory() {
    let world = World::new().await;
    let artifact = in_memory(&world).await;
    for host in ["evil.example", "evil.example:9000", "127.0.0.1.nip.io"] {
        for path in [&artifact.path, &artifact.encoded_path] {
            for asked in artifact.all_asked() {
                let headers = asked.headers.iter();
                let headers = headers.map(|(name, value)| (*name, value.as_str()));
                let headers: Vec<_> = headers.chain([("host", host)]).collect();
                let answer = world.proxy.request(asked.method, path, &headers).await;
                assert_eq!(answer.status, 421, "{host} {path} {asked:?}");
                assert_gives_nothing(&answer, &artifact);
            }
        }
    }
    artifact
        .is_answered_the_same(&world, &artifact.whole(&[]))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_what_is_in_memory_is_405() {
    let world = World::new().await;
    let artifact = in_memory(&world).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in [&artifact.path, &artifact.encoded_path] {
            let answer = world.proxy.request(method, path, &[]).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET, HEAD");
            assert_gives_nothing(&answer, &artifact);
        }
    }
    artifact
        .is_answered_the_same(&world, &artifact.whole(&[]))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_told_the_repository_of_what_is_in_memory() {
    let world = World::new().await;
    let artifact = in_memory(&world).await;
    let repository = format!("s3://{BUCKET}/");
    for asked in artifact.all_asked() {
        let answer = artifact.ask(&world, &artifact.path, &asked, &[VIA]).await;
        assert!(answer.is_hit());
        assert_eq!(answer.header(REPOSITORY), repository, "{asked:?}");
        for via in [&[][..], &[("via", "1.1 squid")]] {
            let answer = artifact.ask(&world, &artifact.path, &asked, via).await;
            assert!(
                !answer.headers.contains_key(REPOSITORY),
                "{via:?} {asked:?}"
            );
        }
    }
    // No sensible chain is so long.
    let circle = [VIA.1; 8].join(", ");
    let answer = world
        .proxy
        .get_with(&artifact.path, &[("via", &circle)])
        .await;
    assert_eq!(answer.status, 508);
    assert_gives_nothing(&answer, &artifact);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_in_memory_does_not_shadow_a_page_of_its_name() {
    let world = World::new().await;
    let pages = [
        ("metrics", "/%6Detrics"),
        ("healthz", "/%68ealthz"),
        ("readyz", "/read%79z"),
        ("status", "/statu%73"),
    ];
    for (already, (name, encoded)) in pages.into_iter().enumerate() {
        world.put(name, "an artifact, and no page");
        let page = format!("/{name}");
        let before = world.proxy.get(&page).await;
        world.warm(encoded).await;
        for _ in 0..TIMES {
            let artifact = world.proxy.get(encoded).await;
            assert_eq!(artifact.body, "an artifact, and no page");
            assert_eq!(artifact.verdict(), "bazel-proxy; hit");
            for method in ["GET", "HEAD"] {
                let after = world.proxy.request(method, &page, &[]).await;
                assert_eq!(after.status, before.status, "{method} {page}");
                for name in ["content-type", "cache-status", "etag", "accept-ranges"] {
                    assert_eq!(after.header(name), before.header(name), "{page} {name}");
                }
                assert!(!after.text().contains("an artifact"), "{page}");
            }
        }
        assert_eq!(objects_in_memory(&world).await, already + 1);
        assert!(!before.text().contains("an artifact") && !before.body.is_empty());
        assert_eq!(
            (before.verdict(), before.header("etag")),
            ("", ""),
            "{page}"
        );
        assert_eq!(world.gets(name), 1);
    }
}
