//! What S3 would say.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;

use super::request::Request;
use super::{BUCKET, Content, Shared};

/// Of all objects: none ever changes.
const LAST_MODIFIED: &str = "Wed, 01 Jan 2025 00:00:00 GMT";

/// A head, and the part of an object (or an error's text) that follows it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: Bytes,
    /// Whose bytes they are.
    pub(super) object: Option<Part>,
}

/// The part of an object that is a body.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) key: String,
    /// First and last byte of the range asked for.
    pub(super) range: Option<(u64, u64)>,
    /// Where the body begins in the object.
    pub(super) start: u64,
}

impl Answer {
    /// To this request; nothing is written here.
    pub(super) fn to(request: &Request, shared: &Shared) -> Self {
        let key = request.path.strip_prefix('/');
        let key = key.and_then(|path| path.strip_prefix(BUCKET));
        let answer = match key.map(|key| key.strip_prefix('/').unwrap_or(key)) {
            None => Self::error(404, "NoSuchBucket", "The specified bucket does not exist"),
            // A probe of the bucket, or a listing: empty, as nobody here looks at what is in it.
            Some("") => Self::listing(),
            Some(key) => {
                let content = shared.objects().get(key).cloned();
                match content {
                    Some(content) => Self::of_object(request, key, &content),
                    None => Self::error(404, "NoSuchKey", "The specified key does not exist."),
                }
            }
        };
        answer.finished(request)
    }

    fn of_object(request: &Request, key: &str, content: &Content) -> Self {
        if request
            .if_match
            .as_deref()
            .is_some_and(|etag| etag != content.etag())
        {
            let message = "At least one of the pre-conditions you specified did not hold";
            return Self::error(412, "PreconditionFailed", message);
        }
        if request.if_none_match.as_deref() == Some(content.etag()) {
            let mut answer = Self::with(304, None, Bytes::new());
            answer.describe(content);
            return answer;
        }
        let whole = content.bytes();
        let asked = request.range.as_deref().and_then(parse_range);
        let Some(asked) = asked else {
            let mut answer = Self::with(200, Some("application/octet-stream"), whole.clone());
            answer.describe(content);
            if request.wants_checksum {
                answer.line("x-amz-checksum-crc64nvme", content.crc64nvme());
                answer.line("x-amz-checksum-type", "FULL_OBJECT");
            }
            answer.object = Some(Part {
                key: key.to_owned(),
                range: None,
                start: 0,
            });
            return answer;
        };
        let Some(part) = asked.within(whole.len()) else {
            let message = "The requested range is not satisfiable";
            return Self::error(416, "InvalidRange", message);
        };
        let (first, last) = (part.start as u64, part.end as u64 - 1);
        let body = whole.slice(part);
        let mut answer = Self::with(206, Some("application/octet-stream"), body);
        answer.describe(content);
        let told = format!("bytes {first}-{last}/{}", whole.len());
        answer.line("Content-Range", &told);
        answer.object = Some(Part {
            key: key.to_owned(),
            range: Some((first, last)),
            start: first,
        });
        answer
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>{message}</Message><RequestId>BENCH</RequestId></Error>"
        );
        Self::with(status, Some("application/xml"), text.into())
    }

    fn listing() -> Self {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult \
             xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{BUCKET}</Name><Prefix/>\
             <KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>\
             </ListBucketResult>"
        );
        Self::with(200, Some("application/xml"), text.into())
    }

    fn with(status: u16, content_type: Option<&str>, body: Bytes) -> Self {
        let reason = match status {
            200 => "OK",
            206 => "Partial Content",
            304 => "Not Modified",
            404 => "Not Found",
            412 => "Precondition Failed",
            416 => "Range Not Satisfiable",
            _ => "Answer",
        };
        let mut answer = Self {
            head: format!("HTTP/1.1 {status} {reason}\r\n"),
            body,
            object: None,
        };
        answer.line("x-amz-request-id", "BENCH");
        answer.line("Server", "AmazonS3");
        answer.line("Date", &now());
        if let Some(content_type) = content_type {
            answer.line("Content-Type", content_type);
            let length = answer.body.len().to_string();
            answer.line("Content-Length", &length);
        }
        answer
    }

    fn describe(&mut self, content: &Content) {
        self.line("ETag", content.etag());
        self.line("Last-Modified", LAST_MODIFIED);
        self.line("Accept-Ranges", "bytes");
        self.line("x-amz-server-side-encryption", "AES256");
    }

    fn line(&mut self, name: &str, value: &str) {
        // Writing to a string cannot fail.
        let _never = write!(self.head, "{name}: {value}\r\n");
    }

    fn finished(mut self, request: &Request) -> Self {
        if request.closes {
            self.line("Connection", "close");
        }
        self.head.push_str("\r\n");
        if request.is_head {
            self.body = Bytes::new();
            self.object = None;
        }
        self
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the rim: an answer's Date is the clock's"
)]
fn now() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

/// One range, as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

/// Several ranges, or none that is understood, mean the whole object, as S3 has it.
fn parse_range(value: &str) -> Option<Asking> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    match (first.parse().ok(), last.parse().ok()) {
        (Some(first), Some(last)) if first <= last => Some(Asking::Between(first, last)),
        (Some(first), None) if last.is_empty() => Some(Asking::From(first)),
        (None, Some(last)) if first.is_empty() => Some(Asking::Last(last)),
        (_, _) => None,
    }
}

impl Asking {
    /// Of an object of so many bytes; `None` where none of them is asked for.
    fn within(self, length: usize) -> Option<Range<usize>> {
        let index = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
        let range = match self {
            Self::From(first) => index(first)..length,
            Self::Between(first, last) => index(first)..index(last).saturating_add(1).min(length),
            Self::Last(bytes) => length.saturating_sub(index(bytes))..length,
        };
        (range.start < range.end).then_some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(range: Option<&str>, if_match: Option<&str>, key: &str) -> Answer {
        let shared = Shared::default();
        let content = Content::new(Bytes::from_static(b"0123456789"));
        shared.objects().insert("a.jar".to_owned(), content);
        let request = Request {
            path: format!("/{BUCKET}/{key}"),
            range: range.map(str::to_owned),
            if_match: if_match.map(str::to_owned),
            wants_checksum: true,
            ..Request::default()
        };
        Answer::to(&request, &shared)
    }

    #[test]
    fn ranges_are_those_of_s3() {
        let asked = |range| {
            let answer = answer(Some(range), None, "a.jar");
            let status = answer.head.split(' ').nth(1).expect("a status").to_owned();
            (status, answer.body)
        };
        let is = |status: &str, body: &'static str| (status.to_owned(), Bytes::from(body));
        assert_eq!(asked("bytes=0-0"), is("206", "0"));
        assert_eq!(asked("bytes=8-"), is("206", "89"));
        assert_eq!(asked("bytes=8-100"), is("206", "89"));
        assert_eq!(asked("bytes=-3"), is("206", "789"));
        assert_eq!(asked("bytes=0-1,4-5"), is("200", "0123456789"));
        assert_eq!(asked("bytes=10-").0, "416");
        let told = answer(Some("bytes=2-3"), None, "a.jar").head;
        assert!(told.contains("Content-Range: bytes 2-3/10\r\n"), "{told}");
        assert!(!told.contains("checksum"), "{told}");
    }

    #[test]
    fn a_whole_object_comes_with_its_checksum() {
        let whole = answer(None, None, "a.jar");
        assert!(
            whole.head.contains("x-amz-checksum-crc64nvme: "),
            "{whole:?}"
        );
        assert!(whole.head.contains("Content-Length: 10\r\n"), "{whole:?}");
    }

    #[test]
    fn another_version_or_another_key_is_not_there() {
        let changed = answer(None, Some("\"x\""), "a.jar").head;
        assert!(changed.starts_with("HTTP/1.1 412 "), "{changed}");
        let missing = answer(None, None, "b.jar");
        assert!(missing.head.starts_with("HTTP/1.1 404 "), "{missing:?}");
        let text = String::from_utf8_lossy(&missing.body);
        assert!(text.contains("<Code>NoSuchKey</Code>"), "{text}");
    }
}
