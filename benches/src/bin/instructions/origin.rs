//! The bucket: as little of S3 as the program asks for, and the same in every run.
//!
//! An object's length is the last number of its key, and its bytes depend on nothing else. No signature is verified:
//! the simulated AWS does that, and is slower for it.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use md5::{Digest as _, Md5};

use crate::Outcome;

const MOST_OBJECT_BYTES: usize = 64 * 1024 * 1024;

struct Object {
    bytes: Bytes,
    entity_tag: String,
}

#[derive(Default)]
struct Objects(Mutex<HashMap<usize, Arc<Object>>>);

/// Serves until the process ends; each connection has a thread.
pub(crate) fn start() -> Outcome<SocketAddr> {
    let bind = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok((listener.local_addr()?, listener))
    };
    let (address, listener) =
        bind().map_err(|error: std::io::Error| format!("the origin's port: {error}"))?;
    let objects = Arc::new(Objects::default());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let objects = Arc::clone(&objects);
            thread::spawn(move || {
                // The program closes its connections as it likes.
                let _closed = serve(&stream, &objects);
            });
        }
    });
    Ok(address)
}

fn serve(stream: &TcpStream, objects: &Objects) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if lines.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut range = None;
        loop {
            let mut line = String::new();
            lines.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("range")
            {
                range = Some(value.trim().to_owned());
            }
        }
        let answer = answer(&first, range.as_deref(), objects);
        (&mut &*stream).write_all(&answer)?;
    }
}

fn answer(first: &str, range: Option<&str>, objects: &Objects) -> Vec<u8> {
    let mut words = first.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = target.split('?').next().unwrap_or_default();
    let Some(object) = length(path).map(|length| objects.get(length)) else {
        let body =
            "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
        return format!(
            "HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n{COMMON}\r\n{body}",
            body.len()
        )
        .into_bytes();
    };
    let whole = object.bytes.len();
    let part = range.and_then(|range| bounds(range, whole));
    let (status, (start, end)) = match part {
        Some(part) => ("206 Partial Content", part),
        None => ("200 OK", (0, whole)),
    };
    let content_range = part.map_or_else(String::new, |(start, end)| {
        format!("Content-Range: bytes {start}-{}/{whole}\r\n", end - 1)
    });
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nLast-Modified: Wed, 01 Oct 2025 12:00:00 GMT\r\nETag: \"{}\"\r\nAccept-Ranges: bytes\r\n\
         Content-Type: application/java-archive\r\n{content_range}Content-Length: {}\r\n{COMMON}\r\n",
        object.entity_tag,
        end - start
    )
    .into_bytes();
    if method == "GET" {
        answer.extend_from_slice(&object.bytes[start..end]);
    }
    answer
}

/// What S3 says with every answer.
const COMMON: &str = "x-amz-id-2: aGVsbG8gZnJvbSB0aGUgb3RoZXIgc2lkZSBvZiB0aGUgbG9vcGJhY2s=\r\n\
    x-amz-request-id: 4442587FB7D0A2F9\r\nServer: AmazonS3\r\n";

/// The length that a key such as `…/artifact-000001-4096.jar` promises.
fn length(path: &str) -> Option<usize> {
    let (_, number) = path.strip_suffix(".jar")?.rsplit_once('-')?;
    number
        .parse()
        .ok()
        .filter(|length| *length <= MOST_OBJECT_BYTES)
}

/// Start and end of `bytes=first-last`, within an object of `whole` bytes.
fn bounds(range: &str, whole: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start = first.parse().ok()?;
    let end = match last {
        "" => whole,
        last => last.parse::<usize>().ok()?.saturating_add(1).min(whole),
    };
    (start < end).then_some((start, end))
}

impl Objects {
    fn get(&self, length: usize) -> Arc<Object> {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let object = objects.entry(length).or_insert_with(|| {
            let mut random = fastrand::Rng::with_seed(1);
            let bytes: Bytes = std::iter::repeat_with(|| random.u8(..))
                .take(length)
                .collect();
            let entity_tag = hex::encode(Md5::digest(&bytes));
            Arc::new(Object { bytes, entity_tag })
        });
        Arc::clone(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_how_long_its_object_is() {
        assert_eq!(length("/bucket/a/artifact-000001-4096.jar"), Some(4096));
        assert_eq!(length("/bucket/a/artifact-000001-4096.jar.sha1"), None);
        assert_eq!(length("/bucket"), None);
    }

    #[test]
    fn a_range_ends_with_the_object() {
        assert_eq!(bounds("bytes=0-9", 5), Some((0, 5)));
        assert_eq!(bounds("bytes=2-3", 5), Some((2, 4)));
        assert_eq!(bounds("bytes=2-", 5), Some((2, 5)));
        assert_eq!(bounds("bytes=5-", 5), None);
    }
}
