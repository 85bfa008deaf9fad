//! What is counted.

use crate::Outcome;
use crate::client::{Answer, Request};

/// A way through the program.
pub(crate) struct Path {
    /// As the baseline and the command line call it.
    pub(crate) name: &'static str,
    /// As a person would say it.
    pub(crate) what: &'static str,
    /// What the client asks for.
    kind: Kind,
    /// Bytes of the artifact.
    pub(crate) bytes: usize,
    /// Requests in one round. Enough for what a dump itself costs not to show.
    pub(crate) requests: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The same artifact each time, which the cache has.
    Hit,
    /// The same, with the entity tag that the client was given.
    Unchanged,
    /// The same, by HEAD.
    Head,
    /// An artifact that nobody has asked for yet.
    Fill,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// All of them.
pub(crate) const PATHS: [Path; 6] = [
    Path {
        name: "hit",
        what: "a hit of 1 KiB, from memory",
        kind: Kind::Hit,
        bytes: KIB,
        requests: 200,
    },
    Path {
        name: "hit-1MiB",
        what: "a hit of 1 MiB, from a file",
        kind: Kind::Hit,
        bytes: MIB,
        requests: 30,
    },
    Path {
        name: "not-modified",
        what: "a 304 for 1 KiB",
        kind: Kind::Unchanged,
        bytes: KIB,
        requests: 200,
    },
    Path {
        name: "head",
        what: "a HEAD of 1 KiB",
        kind: Kind::Head,
        bytes: KIB,
        requests: 200,
    },
    Path {
        name: "fill-4KiB",
        what: "a miss of 4 KiB",
        kind: Kind::Fill,
        bytes: 4 * KIB,
        requests: 20,
    },
    Path {
        name: "fill-1MiB",
        what: "a miss of 1 MiB",
        kind: Kind::Fill,
        bytes: MIB,
        requests: 3,
    },
];

/// The path of this name, or a list of those that there are.
pub(crate) fn named(name: &str) -> Outcome<&'static Path> {
    PATHS.iter().find(|path| path.name == name).ok_or_else(|| {
        let names = PATHS.map(|path| path.name).join(", ");
        format!("there is no path {name}; the paths are {names}")
    })
}

impl Path {
    /// The `number`th request, whose length does not depend on the number.
    pub(crate) fn request(&self, number: u32, entity_tag: Option<&str>) -> Request {
        let number = if self.kind == Kind::Fill { number } else { 0 };
        let artifact = format!(
            "/org/example/{}/{number:06}/artifact-{number:06}-{}.jar",
            self.name, self.bytes
        );
        let (method, tag, status) = match self.kind {
            Kind::Hit | Kind::Fill => ("GET", None, 200),
            Kind::Head => ("HEAD", None, 200),
            Kind::Unchanged => match entity_tag {
                Some(tag) => ("GET", Some(tag), 304),
                None => ("GET", None, 200),
            },
        };
        Request {
            text: request_text(method, &artifact, tag),
            status,
            body_bytes: if method == "GET" && status == 200 {
                self.bytes
            } else {
                0
            },
        }
    }

    /// Whether the answer came the way that is meant.
    pub(crate) fn check(&self, answer: &Answer) -> Outcome<()> {
        let meant = match self.kind {
            Kind::Hit | Kind::Unchanged | Kind::Head => "bazel-proxy; hit",
            Kind::Fill => "bazel-proxy; fwd=uri-miss; stored",
        };
        if answer.cache_status == meant {
            return Ok(());
        }
        Err(format!(
            "{} should be answered with `Cache-Status: {meant}`, and was with `{}`",
            self.what, answer.cache_status
        ))
    }

    /// A GET that brings into the cache what the requests of a round are for.
    pub(crate) fn preparation(&self) -> Option<Request> {
        let hit = Self {
            kind: Kind::Hit,
            ..*self
        };
        (self.kind != Kind::Fill).then(|| hit.request(0, None))
    }
}

/// As Bazel asks, which is what most requests are.
fn request_text(method: &str, artifact: &str, entity_tag: Option<&str>) -> String {
    let condition = entity_tag.map_or_else(String::new, |tag| format!("If-None-Match: {tag}\r\n"));
    format!(
        "{method} {artifact} HTTP/1.1\r\nHost: localhost:9000\r\nUser-Agent: Bazel/release 7.4.1\r\n\
         Accept: */*\r\nAccept-Encoding: gzip\r\n{condition}Connection: keep-alive\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_a_path_are_of_one_length() {
        for path in &PATHS {
            let length = |number| path.request(number, Some("\"tag\"")).text.len();
            assert_eq!(length(0), length(999_999), "{}", path.name);
        }
    }

    #[test]
    fn an_unknown_path_is_answered_with_the_known_ones() {
        let problem = named("hits").err().unwrap_or_default();
        assert!(problem.contains("hit, hit-1MiB, not-modified"), "{problem}");
    }
}
