//! One connection that stays open, and asks for one thing after the other.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Outcome;

/// Callgrind slows the program fifty times down; that is still far from this.
const PATIENCE: Duration = Duration::from_mins(1);
const MOST_HEAD_BYTES: usize = 16 * 1024;

/// A request, and what has to come back for the count to be of the path that is meant.
pub(crate) struct Request {
    pub(crate) text: String,
    pub(crate) status: u16,
    pub(crate) body_bytes: usize,
}

/// What a path's verdict is known by.
pub(crate) struct Answer {
    pub(crate) entity_tag: Option<String>,
    pub(crate) cache_status: String,
}

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Outcome<Self> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let stream = connect().map_err(|error: std::io::Error| format!("{address}: {error}"))?;
        Ok(Self {
            stream,
            buffer: vec![0; 1024 * 1024],
        })
    }

    /// Asks, and reads the answer to its last byte.
    pub(crate) fn ask(&mut self, request: &Request) -> Outcome<Answer> {
        let line = request.text.lines().next().unwrap_or_default();
        self.exchange(request)
            .map_err(|problem| format!("{line}: {problem}"))
    }

    fn exchange(&mut self, request: &Request) -> Outcome<Answer> {
        let io = |error: std::io::Error| error.to_string();
        self.stream.write_all(request.text.as_bytes()).map_err(io)?;
        let mut received = Vec::with_capacity(MOST_HEAD_BYTES);
        let end = loop {
            if let Some(end) = received.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            if received.len() > MOST_HEAD_BYTES {
                return Err(format!("more than {MOST_HEAD_BYTES} bytes of headers"));
            }
            let room = self.buffer.len().min(MOST_HEAD_BYTES);
            let read = self.stream.read(&mut self.buffer[..room]).map_err(io)?;
            if read == 0 {
                return Err("the connection was closed before the end of the headers".into());
            }
            received.extend_from_slice(&self.buffer[..read]);
        };
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        let status = format!("HTTP/1.1 {} ", request.status);
        if !head.starts_with(&status) {
            return Err(format!("not answered with {}, but: {head}", request.status));
        }
        if request.status == 200 && header(&head, "content-length").is_none() {
            return Err(format!("an answer without Content-Length: {head}"));
        }
        let mut left = request
            .body_bytes
            .checked_sub(received.len() - end)
            .ok_or("more bytes than the body should have")?;
        while left > 0 {
            let room = left.min(self.buffer.len());
            let read = self.stream.read(&mut self.buffer[..room]).map_err(io)?;
            if read == 0 {
                return Err(format!("the body ends {left} bytes early"));
            }
            left -= read;
        }
        Ok(Answer {
            entity_tag: header(&head, "etag").map(str::to_owned),
            cache_status: header(&head, "cache-status").unwrap_or_default().to_owned(),
        })
    }
}

fn header<'head>(head: &'head str, name: &str) -> Option<&'head str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
