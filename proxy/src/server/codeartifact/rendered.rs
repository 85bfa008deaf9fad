//! Bytes that were made for clients: with a tag of their own, in answers to conditions and ranges, and remembered for
//! a while.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_TYPE, ETAG};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::super::artifact::with_object;
use super::super::content::{Answer, Content};
use crate::artifact::ArtifactKey;
use crate::codeartifact::unsharded;
use crate::object::ObjectAttributes;

/// Half a SHA-256 tells pages apart.
const TAG_BYTES: usize = 16;
/// What remembered pages may take in memory, and about how many they are.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// What remembering one takes beside its bytes, about.
const PLACE_BYTES: u64 = 1024;
const USUAL_PAGES: usize = 256;
/// Which wheels are cached, a page says as of then.
const OF_WHEELS: Duration = Duration::from_secs(2);

/// What clients are given of a page.
#[derive(Clone, Debug)]
pub(super) struct Rendered {
    content_type: String,
    attributes: ObjectAttributes,
    body: Bytes,
}

/// Pages that were asked for lately, so that asking again costs no rendering. One for the process.
pub(in crate::server) struct RenderedPages(Cache<(ArtifactKey, String), Arc<Kept>, Weight>);

struct Kept {
    /// The SHA-256 of which it was made.
    of: String,
    made: Instant,
    rendered: Rendered,
}

#[derive(Clone)]
struct Weight;

impl Weighter<(ArtifactKey, String), Arc<Kept>> for Weight {
    fn weight(&self, _key: &(ArtifactKey, String), kept: &Arc<Kept>) -> u64 {
        kept.rendered.body.len() as u64 + PLACE_BYTES
    }
}

impl Rendered {
    pub(super) fn of(content_type: &str, body: Bytes) -> Self {
        let tag = hex::encode(&Sha256::digest(&body)[..TAG_BYTES]);
        Self {
            content_type: content_type.to_owned(),
            attributes: ObjectAttributes {
                length: body.len() as u64,
                etag: Some(format!("\"{tag}\"")),
                last_modified: None,
                content_type: None,
                content_encoding: None,
            },
            body,
        }
    }

    /// By the request's conditions and its range; `said` is in each answer.
    pub(super) fn answer(&self, request: &Parts, mut said: HeaderMap) -> Answer {
        said.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let etag = self.attributes.etag.as_deref().unwrap_or_default();
        for (name, value) in [(CONTENT_TYPE, self.content_type.as_str()), (ETAG, etag)] {
            // One that is no header's value is left out rather than failing the answer.
            if let Ok(value) = HeaderValue::from_str(value) {
                said.insert(name, value);
            }
        }
        with_object(request, &self.attributes, said, |start, end| {
            let at = |at: u64| {
                usize::try_from(at)
                    .unwrap_or(usize::MAX)
                    .min(self.body.len())
            };
            Content::Bytes(self.body.slice(at(start)..at(end)))
        })
    }
}

impl Default for RenderedPages {
    fn default() -> Self {
        Self(unsharded(USUAL_PAGES, MOST_BYTES, Weight))
    }
}

impl RenderedPages {
    /// What was made for this base of the bytes with this SHA-256.
    pub(super) fn get(&self, key: &ArtifactKey, base: &str, of: &str) -> Option<Rendered> {
        let kept = self.0.get(&(key.clone(), base.to_owned()))?;
        // Only Python's pages say something of the cache; theirs is no base.
        let is_old = base.is_empty() && kept.made.elapsed() >= OF_WHEELS;
        (!is_old && kept.of == of).then(|| kept.rendered.clone())
    }

    pub(super) fn keep(&self, (key, base): (ArtifactKey, String), of: String, rendered: &Rendered) {
        let kept = Kept {
            of,
            made: Instant::now(),
            rendered: rendered.clone(),
        };
        self.0.insert((key, base), Arc::new(kept));
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::{CONTENT_LENGTH, CONTENT_RANGE, IF_NONE_MATCH, IF_RANGE, RANGE};
    use http_body_util::BodyExt as _;

    use super::*;

    fn rendered(body: &'static str) -> Rendered {
        Rendered::of("text/html", Bytes::from_static(body.as_bytes()))
    }

    fn asked(method: &str, headers: &[(http::HeaderName, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri("/x");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    fn tag(rendered: &Rendered) -> String {
        let answer = rendered.answer(&asked("GET", &[]), HeaderMap::new());
        answer.headers()[ETAG].to_str().expect("text").to_owned()
    }

    async fn body(answer: Answer) -> Bytes {
        let body = answer.into_body().collect().await;
        body.expect("a body").to_bytes()
    }

    #[tokio::test]
    async fn conditions_and_ranges_are_of_the_rendered_bytes() {
        let page = rendered("0123456789");
        assert_ne!(tag(&page), tag(&rendered("012345678")));
        let whole = page.answer(&asked("GET", &[]), HeaderMap::new());
        assert_eq!(whole.headers()[CONTENT_LENGTH], "10");
        assert_eq!(whole.headers()[CONTENT_TYPE], "text/html");
        assert_eq!(body(whole).await, "0123456789");

        let known = asked("GET", &[(IF_NONE_MATCH, &tag(&page))]);
        let answer = page.answer(&known, HeaderMap::new());
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);

        let tag = tag(&page);
        let part = asked("GET", &[(RANGE, "bytes=-3"), (IF_RANGE, &tag)]);
        let answer = page.answer(&part, HeaderMap::new());
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(answer.headers()[CONTENT_RANGE], "bytes 7-9/10");
        assert_eq!(body(answer).await, "789");

        let head = page.answer(&asked("HEAD", &[]), HeaderMap::new());
        assert_eq!(head.headers()[CONTENT_LENGTH], "10");
        assert!(body(head).await.is_empty());
    }

    #[test]
    fn a_large_page_is_remembered_too() {
        let pages = RenderedPages::default();
        let key = ArtifactKey::new("a/b").expect("a key");
        let body = vec![b'x'; 60 << 20];
        let large = Rendered::of("text/html", Bytes::from(body));
        pages.keep(
            (key.clone(), "http://x/".to_owned()),
            "of".to_owned(),
            &large,
        );
        assert!(pages.get(&key, "http://x/", "of").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_remembered_for_its_bytes_and_base() {
        let pages = RenderedPages::default();
        let key = ArtifactKey::new("a/b").expect("a key");
        let (old, new) = ("old", "new");
        for base in ["", "http://localhost/"] {
            let place = (key.clone(), base.to_owned());
            pages.keep(place, old.to_owned(), &rendered("x"));
            assert!(pages.get(&key, base, old).is_some());
            assert!(pages.get(&key, base, new).is_none());
        }
        assert!(pages.get(&key, "http://127.0.0.1/", old).is_none());
        tokio::time::advance(OF_WHEELS).await;
        assert!(pages.get(&key, "", old).is_none());
        assert!(pages.get(&key, "http://localhost/", old).is_some());
    }
}
