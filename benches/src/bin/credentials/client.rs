//! One kept connection, and the least that an SDK does with an answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Told;

/// No answer is waited for longer; an SDK gives up after a second or two.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer's head and document.
const MOST_BYTES: usize = 16 * 1024;

/// A connection that is opened anew after an error.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What an SDK would go on with.
pub(crate) struct Given {
    /// Whose credentials; another one after each renewal.
    pub(crate) access_key: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            buffer: vec![0; MOST_BYTES],
        }
    }

    /// Fails for everything but credentials that have not ended.
    pub(crate) fn ask(&mut self, token: &str) -> Told<Given> {
        let given = self.exchange(token);
        if given.is_err() {
            self.stream = None;
        }
        given
    }

    fn exchange(&mut self, token: &str) -> Told<Given> {
        let text = |error: std::io::Error| error.to_string();
        let address = self.address;
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(text)?;
                stream.set_nodelay(true).map_err(text)?;
                stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
                none.insert(stream)
            }
        };
        let request = format!(
            "GET /v1/credentials HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).map_err(text)?;
        let mut filled = 0;
        loop {
            if let Some(document) = whole(&self.buffer[..filled])? {
                return given(document);
            }
            let free = &mut self.buffer[filled..];
            if free.is_empty() {
                return Err("the answer is too long".to_owned());
            }
            match stream.read(free).map_err(text)? {
                0 => return Err("the connection ended".to_owned()),
                read => filled += read,
            }
        }
    }
}

/// The body, once all of it is there.
fn whole(received: &[u8]) -> Told<Option<&[u8]>> {
    const MOST_HEADERS: usize = 32;
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(received).map_err(|error| error.to_string())?;
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    let named = |name: &str| {
        let mut headers = head.headers.iter();
        headers.find(|header| header.name.eq_ignore_ascii_case(name))
    };
    let body_bytes = named("content-length")
        .and_then(|header| {
            std::str::from_utf8(header.value)
                .ok()?
                .parse::<usize>()
                .ok()
        })
        .ok_or("an answer without Content-Length")?;
    let Some(body) = received.get(length..length + body_bytes) else {
        return Ok(None);
    };
    if head.code != Some(200) {
        let status = head.code.unwrap_or_default();
        return Err(format!("{status}: {}", String::from_utf8_lossy(body)));
    }
    Ok(Some(body))
}

fn given(document: &[u8]) -> Told<Given> {
    let document = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    let field = |name: &str| {
        let (_, rest) = document.split_once(&format!("\"{name}\":\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let access_key = field("AccessKeyId").ok_or("no AccessKeyId")?.to_owned();
    let end = field("Expiration").ok_or("no Expiration")?;
    if !end.ends_with('Z') || end <= now().as_str() {
        return Err(format!("credentials that have ended at {end}"));
    }
    Ok(Given { access_key })
}

/// As `Expiration` is written, so that texts can be compared.
fn now() -> String {
    let now = jiff::Timestamp::now();
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_good_credentials_are_given() {
        let answer = |status: &str, end: &str| {
            let body = format!(r#"{{"AccessKeyId":"ASIA","Expiration":"{end}"}}"#);
            let length = body.len();
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
        };
        let of = |text: &str| whole(text.as_bytes()).map(|body| body.map(given));
        let good = answer("200 OK", "2999-01-01T00:00:00Z");
        let found = of(&good).expect("an answer").expect("whole");
        assert_eq!(found.expect("credentials").access_key, "ASIA");
        assert!(of(&good[..good.len() - 1]).expect("half of it").is_none());
        let ended = answer("200 OK", "2020-01-01T00:00:00Z");
        assert!(of(&ended).expect("an answer").expect("whole").is_err());
        assert!(of(&answer("503 Busy", "2999-01-01T00:00:00Z")).is_err());
    }
}
