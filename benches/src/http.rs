//! A client that measures: raw, blocking HTTP/1.1 on one kept connection.
//!
//! It does as little as a client can (one thread, one large buffer used again and again, no look at the bytes), so
//! that what is measured is the server, also at several GB/s.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Received in one call where there is so much.
const BUFFER_BYTES: usize = 256 * 1024;
/// Nothing that is measured is silent for so long.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MOST_HEADERS: usize = 64;

/// A connection that is kept from request to request.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

/// One answer, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// From sending the request to the first byte of the body; of an empty one, to the end of the head.
    pub(crate) first_byte: Duration,
    /// From sending the request to the last byte of the body.
    pub(crate) total: Duration,
    /// How many bytes the body had, as `Content-Length` promised.
    pub(crate) body_bytes: u64,
    /// `Cache-Status`, where the server says it.
    pub(crate) cache_status: Option<String>,
}

/// What the head of an answer says about what follows.
#[derive(Debug)]
struct Head {
    status: u16,
    /// How much of what was received is the head.
    length: usize,
    content_length: Option<u64>,
    cache_status: Option<String>,
}

impl Connection {
    /// Connects, without a request yet.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_TIMEOUT))?;
        stream.set_write_timeout(Some(SILENCE_TIMEOUT))?;
        Ok(Self {
            stream,
            address,
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// Reads the whole of what is at `path`.
    ///
    /// Fails for every answer but a 200 with a `Content-Length` and a body of that length.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answered> {
        self.ask("GET", path, "", 200, |_| ())
    }

    /// Reads bytes `first` to `last`, both included; fails for every answer but a 206. For the tests of the origin:
    /// what is measured asks for whole objects.
    #[cfg(test)]
    pub(crate) fn get_range(&mut self, path: &str, first: u64, last: u64) -> io::Result<Answered> {
        let range = format!("Range: bytes={first}-{last}\r\n");
        self.ask("GET", path, &range, 206, |_| ())
    }

    /// Asks for the head only; fails for every answer but a 200.
    pub(crate) fn head(&mut self, path: &str) -> io::Result<Answered> {
        self.ask("HEAD", path, "", 200, |_| ())
    }

    /// As [`Connection::get`], with the body: to compare it, not to measure.
    pub(crate) fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        self.ask("GET", path, "", 200, |bytes| body.extend_from_slice(bytes))?;
        Ok(body)
    }

    fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        expected_status: u16,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<Answered> {
        let address = self.address;
        let named = |error: io::Error| {
            let text = format!("{method} http://{address}{path}: {error}");
            io::Error::new(error.kind(), text)
        };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        let sent = Instant::now();
        self.stream.write_all(request.as_bytes()).map_err(named)?;
        let (head, received) = self.read_head().map_err(named)?;
        if head.status != expected_status {
            let told = String::from_utf8_lossy(&self.buffer[head.length..received]);
            let told = format!(
                "answered with {} instead of {expected_status}: {told}",
                head.status
            );
            return Err(named(io::Error::other(told)));
        }
        let length = match (method, head.content_length) {
            ("HEAD", _) => 0,
            (_, Some(length)) => length,
            (_, None) => return Err(named(io::Error::other("answered without Content-Length"))),
        };
        let with_head = (received - head.length) as u64;
        if with_head > length {
            return Err(named(io::Error::other(
                "more bytes than Content-Length says",
            )));
        }
        take(&self.buffer[head.length..received]);
        let mut first_byte = (with_head > 0 || length == 0).then(|| sent.elapsed());
        let mut left = length - with_head;
        while left > 0 {
            let most =
                usize::try_from(left).map_or(self.buffer.len(), |left| left.min(self.buffer.len()));
            let count = self.receive(0, most).map_err(named)?;
            first_byte = first_byte.or_else(|| Some(sent.elapsed()));
            take(&self.buffer[..count]);
            left -= count as u64;
        }
        let total = sent.elapsed();
        Ok(Answered {
            first_byte: first_byte.unwrap_or(total),
            total,
            body_bytes: length,
            cache_status: head.cache_status,
        })
    }

    /// The head, and how much has been received: what lies beyond the head is of the body.
    fn read_head(&mut self) -> io::Result<(Head, usize)> {
        let mut received = 0;
        loop {
            if received == self.buffer.len() {
                return Err(io::Error::other("a head that does not end"));
            }
            received += self.receive(received, self.buffer.len())?;
            if let Some(head) = Head::parse(&self.buffer[..received])? {
                return Ok((head, received));
            }
        }
    }

    /// Receives at least one byte into the buffer between these positions.
    fn receive(&mut self, from: usize, to: usize) -> io::Result<usize> {
        loop {
            match self.stream.read(&mut self.buffer[from..to]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Head {
    /// `None` where it has not ended yet.
    fn parse(received: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let status = parsed.parse(received).map_err(io::Error::other)?;
        let httparse::Status::Complete(length) = status else {
            return Ok(None);
        };
        let header = |name: &str| {
            let mut headers = parsed.headers.iter();
            let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| String::from_utf8_lossy(header.value).into_owned())
        };
        Ok(Some(Self {
            status: parsed.code.unwrap_or_default(),
            length,
            content_length: header("Content-Length").and_then(|length| length.parse().ok()),
            cache_status: header("Cache-Status"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::{BUCKET, Content, Origin};

    fn origin(length: usize) -> (Origin, Content, String) {
        let origin = Origin::start().expect("an origin");
        let content = Content::random(length, 1);
        origin.put("a.jar", &content);
        (origin, content, format!("/{BUCKET}/a.jar"))
    }

    #[test]
    fn a_body_is_read_to_its_end_and_the_connection_is_kept() {
        let (origin, content, path) = origin(3 * 1024 * 1024 + 1);
        let mut connection = Connection::open(origin.address()).expect("a connection");
        assert_eq!(connection.read(&path).expect("a body"), content.bytes()[..]);
        let answered = connection.get(&path).expect("an answer");
        assert_eq!(answered.body_bytes, content.bytes().len() as u64);
        assert!(answered.first_byte <= answered.total);
        let part = connection.get_range(&path, 5, 14).expect("a part");
        assert_eq!(part.body_bytes, 10);
        connection.head(&path).expect("a head");
        let asked = origin.asked("a.jar").expect("counted");
        let asked: Vec<_> = asked.iter().map(|one| (one.range, one.written)).collect();
        let whole = (None, content.bytes().len() as u64);
        assert_eq!(asked, [whole, whole, (Some((5, 14)), 10)]);
    }

    #[test]
    fn an_error_is_named() {
        let (origin, _, _) = origin(1);
        let mut connection = Connection::open(origin.address()).expect("a connection");
        let error = connection.get("/artifacts/b.jar").expect_err("none");
        let error = error.to_string();
        assert!(
            error.contains("/artifacts/b.jar: answered with 404"),
            "{error}"
        );
        assert!(error.contains("NoSuchKey"), "{error}");
    }

    #[test]
    fn latency_stands_before_the_first_byte_and_the_rate_before_the_last() {
        let (origin, _, path) = origin(1_000_000);
        origin.set_latency(Duration::from_millis(20));
        origin.set_rate(Some(10_000_000));
        let mut connection = Connection::open(origin.address()).expect("a connection");
        let answered = connection.get(&path).expect("an answer");
        // Neither can be shorter, however busy the machine is.
        assert!(
            answered.first_byte >= Duration::from_millis(20),
            "{answered:?}"
        );
        assert!(answered.total >= Duration::from_millis(120), "{answered:?}");
    }
}
