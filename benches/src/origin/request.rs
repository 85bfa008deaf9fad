//! What a client of S3 asks for.

use std::io;

use percent_encoding::percent_decode_str;

/// A head beyond this is no request of ours.
pub(super) const MOST_HEAD_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// The head of a request, without what only matters to AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) is_head: bool,
    /// Decoded, with its leading slash.
    pub(super) path: String,
    pub(super) query: String,
    pub(super) range: Option<String>,
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
    /// Whether `x-amz-checksum-mode` asks for the object's checksum.
    pub(super) wants_checksum: bool,
    pub(super) closes: bool,
}

impl Request {
    /// Parses what has come so far: the request and the length of its head, or `None` where more is to come.
    ///
    /// Fails for what is not HTTP, and for requests with a body or another method than GET and HEAD.
    pub(super) fn parse(received: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let status = parsed.parse(received);
        let status = status.map_err(|error| invalid(error.to_string()))?;
        let httparse::Status::Complete(length) = status else {
            return Ok(None);
        };
        let target = parsed.path.unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = percent_decode_str(path).decode_utf8();
        let mut request = Self {
            is_head: match parsed.method {
                Some("GET") => false,
                Some("HEAD") => true,
                method => return Err(invalid(format!("a request with {method:?}"))),
            },
            path: path.map_err(|error| invalid(error.to_string()))?.into(),
            query: query.to_owned(),
            closes: parsed.version == Some(0),
            ..Self::default()
        };
        for header in parsed.headers.iter() {
            let value = String::from_utf8_lossy(header.value);
            request.take(header.name, value.trim()).map_err(invalid)?;
        }
        Ok(Some((request, length)))
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("range") {
            self.range = Some(value.to_owned());
        } else if is("if-match") {
            self.if_match = Some(value.to_owned());
        } else if is("if-none-match") {
            self.if_none_match = Some(value.to_owned());
        } else if is("x-amz-checksum-mode") {
            self.wants_checksum = value.eq_ignore_ascii_case("enabled");
        } else if is("connection") {
            self.closes |= value.eq_ignore_ascii_case("close");
        } else if is("transfer-encoding") || (is("content-length") && value != "0") {
            return Err(format!("a request with a body ({name}: {value})"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_when_its_head_is_there() {
        let sent =
            b"GET /artifacts/a%2Bb.jar?x-id=GetObject HTTP/1.1\r\nHost: x\r\nrange: bytes=0-9\r\n\
                     X-Amz-Checksum-Mode: ENABLED\r\n\r\nGET";
        let (request, length) = Request::parse(sent).expect("HTTP").expect("whole");
        assert_eq!(length, sent.len() - 3);
        assert_eq!(request.path, "/artifacts/a+b.jar");
        assert_eq!(request.range.as_deref(), Some("bytes=0-9"));
        assert!(request.wants_checksum && !request.closes && !request.is_head);
        assert_eq!(Request::parse(&sent[..40]).expect("so far"), None);
    }

    #[test]
    fn what_would_have_a_body_is_refused() {
        for sent in [
            "PUT / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            assert!(Request::parse(sent.as_bytes()).is_err(), "{sent}");
        }
    }
}
