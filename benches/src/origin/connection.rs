//! One client, one request after the other.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use super::Shared;
use super::answer::Answer;
use super::pace::Pace;
use super::record::Writing;
use super::request::{MOST_HEAD_BYTES, Request};

/// A connection and what has been received of its next request.
pub(super) struct Connection<'a> {
    stream: TcpStream,
    shared: &'a Shared,
    received: Vec<u8>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(stream: TcpStream, shared: &'a Shared) -> Self {
        Self {
            stream,
            shared,
            received: Vec::new(),
        }
    }

    /// Answers until the client closes or breaks off.
    pub(super) fn run(mut self) -> io::Result<()> {
        while let Some(request) = self.next()? {
            let latency = self.shared.latency();
            if !latency.is_zero() {
                thread::sleep(latency);
            }
            self.answer(&Answer::to(&request, self.shared))?;
            if request.closes || self.shared.is_stopping() {
                break;
            }
        }
        Ok(())
    }

    /// The next request; `None` where the client has closed between two.
    fn next(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some((request, length)) = Request::parse(&self.received)? {
                self.received.drain(..length);
                return Ok(Some(request));
            }
            if self.received.len() > MOST_HEAD_BYTES {
                return Err(io::Error::other("a head that does not end"));
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let writing = answer
            .object
            .as_ref()
            .map(|part| self.shared.record.begin(&part.key, part.range, part.start));
        let wrote = |bytes: usize| {
            if let Some(writing) = &writing {
                Writing::wrote(writing, bytes as u64);
            }
        };
        let mut head = answer.head.as_bytes();
        let mut left = &answer.body[..];
        let mut pace = Pace::new(self.shared.bytes_per_second(), Instant::now());
        while !head.is_empty() || !left.is_empty() {
            let (piece, wait) = pace.next(left.len(), Instant::now());
            if !wait.is_zero() {
                thread::sleep(wait);
            }
            let (mut now, later) = left.split_at(piece);
            // The head goes with the first bytes: one segment for a small object.
            while !head.is_empty() || !now.is_empty() {
                let slices = [IoSlice::new(head), IoSlice::new(now)];
                let count = match self.stream.write_vectored(&slices) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                let of_head = count.min(head.len());
                head = &head[of_head..];
                now = &now[count - of_head..];
                wrote(count - of_head);
            }
            left = later;
        }
        Ok(())
    }
}
