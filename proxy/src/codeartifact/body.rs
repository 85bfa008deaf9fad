//! Bodies: pages, read whole; and files, which mend themselves on their way.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use futures_util::future::BoxFuture;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, Response, StatusCode, Version};
use prometheus::IntCounter;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::client::{Answer, Client, PATIENCE, Place, Question, Rest};
use super::public::PublicFileSource;
use super::repositories::Doubt;
use super::{Address, LONGEST_PAGE_BYTES, PageMemory, Room, Upstream};
use crate::checksum::{Expected, ExpectedChecksum};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::object::ObjectAttributes;
use crate::remote::{Body, NoWitness, ObjectHead, Witness};
use crate::request;

/// What is read of an error's body, and what is shown of it, in bytes.
const LONGEST_TEXT_BYTES: u64 = 8 * 1024;
const SHOWN_TEXT_CHARACTERS: usize = 300;
/// A body that is silent for so long is taken as cut.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// Resumptions in a row that bring next to nothing.
const FRUITLESS_RESUMPTIONS: u32 = 4;
/// What a resumption has to bring to have been worth it, unless the body ends before.
const WORTHWHILE_BYTES: u64 = 4 * 1024;

/// A body that is all there.
pub(super) struct WholeBody {
    head: ObjectHead,
    bytes: Option<Bytes>,
}

impl WholeBody {
    pub(super) fn boxed(attributes: ObjectAttributes, bytes: Bytes) -> Box<dyn Body> {
        Self::promised(attributes, bytes, Vec::new())
    }

    /// The same, of which more is promised than its length.
    pub(super) fn promised(
        attributes: ObjectAttributes,
        bytes: Bytes,
        checksums: Vec<ExpectedChecksum>,
    ) -> Box<dyn Body> {
        let expected = Expected {
            length: attributes.length,
            checksums,
        };
        Box::new(Self {
            head: ObjectHead {
                attributes,
                expected,
            },
            bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
        })
    }
}

impl Body for WholeBody {
    fn head(&self) -> &ObjectHead {
        &self.head
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, Error>> {
        let bytes = self.bytes.take();
        Box::pin(async move { Ok(bytes) })
    }

    fn witness(&self) -> Box<dyn Witness> {
        Box::new(NoWitness)
    }
}

/// Reads a page whole, in the room that it takes. Compressed ones, though asked for otherwise, are unpacked.
pub(super) async fn page_of(
    response: Response<SdkBody>,
    memory: &PageMemory,
) -> Result<(Bytes, Room), Error> {
    let (head, body) = response.into_parts();
    let told = text(&head.headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let mut room = memory.room(told.unwrap_or_default()).await?;
    let bytes = read_in(body, LONGEST_PAGE_BYTES, Some(&mut room)).await?;
    match text(&head.headers, &CONTENT_ENCODING) {
        None | Some("identity") => Ok((bytes, room)),
        Some("gzip") => {
            room.fit(LONGEST_PAGE_BYTES).await?;
            let unpacked = request::spawn_blocking(move || unpacked(&bytes)).await;
            let unpacked = unpacked
                .unwrap_or_else(|_| Err(Error::unavailable("unpacking a page ended unexpectedly")));
            Ok((unpacked?, room))
        }
        Some(other) => Err(Error::unavailable(format!(
            "a page has come in the encoding `{other}`, though none was asked for"
        ))),
    }
}

fn unpacked(bytes: &[u8]) -> Result<Bytes, Error> {
    let mut unpacked = Vec::new();
    let mut reader = GzDecoder::new(bytes).take(LONGEST_PAGE_BYTES + 1);
    let read = reader.read_to_end(&mut unpacked);
    let read =
        read.map_err(|error| Error::unavailable(format!("a page cannot be unpacked ({error})")))?;
    if read as u64 > LONGEST_PAGE_BYTES {
        return Err(too_long(LONGEST_PAGE_BYTES));
    }
    Ok(unpacked.into())
}

/// Reads a body whole, up to so many bytes.
pub(super) async fn read(body: SdkBody, most: u64) -> Result<Bytes, Error> {
    read_in(body, most, None).await
}

async fn read_in(body: SdkBody, most: u64, mut room: Option<&mut Room>) -> Result<Bytes, Error> {
    let mut body = ByteStream::new(body);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let next = timeout(SILENCE_TIMEOUT, body.next()).await;
        let next = next.map_err(|_| Error::unavailable("a body fell silent"))?;
        let Some(bytes) = next else { break };
        let bytes =
            bytes.map_err(|error| Error::unavailable(format!("a body broke off ({error})")))?;
        let length = (first.len() + all.len() + bytes.len()) as u64;
        if length > most {
            return Err(too_long(most));
        }
        if let Some(room) = &mut room {
            room.fit(length).await?;
        }
        if first.is_empty() && all.is_empty() {
            first = bytes;
            continue;
        }
        if !first.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn too_long(most: u64) -> Error {
    Error::unavailable(format!(
        "what has come is longer than {most} bytes, which no page is"
    ))
}

/// What an error's body says, in a line of its own: for people.
pub(super) async fn text_of(body: SdkBody) -> String {
    let Ok(bytes) = read(body, LONGEST_TEXT_BYTES).await else {
        return "no text".to_owned();
    };
    let text = String::from_utf8_lossy(&bytes);
    // CodeArtifact's own form, and npm's.
    let said = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|json| {
            let said = ["message", "Message", "error"]
                .into_iter()
                .find_map(|key| json.get(key)?.as_str());
            said.map(str::to_owned)
        });
    let text = said.unwrap_or_else(|| text.into_owned());
    let words: Vec<_> = text
        .split(|it: char| it.is_whitespace() || it.is_control())
        .collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let line: String = words
        .join(" ")
        .chars()
        .take(SHOWN_TEXT_CHARACTERS)
        .collect();
    if line.is_empty() {
        "no text".to_owned()
    } else {
        line.trim_end_matches('.').to_owned()
    }
}

/// Who sends a file, and can be asked for its rest.
pub(super) enum Source {
    /// A repository of CodeArtifact.
    CodeArtifact {
        client: Arc<Client>,
        address: Address,
        /// Whether the host of assets has sent it.
        is_of_assets: bool,
        /// What is told if its bytes are not as promised.
        doubt: Option<Doubt>,
        login_wait: Duration,
    },
    /// A public index.
    Public(PublicFileSource),
}

/// The body of a file on its way. Whatever breaks off goes on at the same place of the same file.
pub(super) struct FileBody {
    source: Source,
    head: ObjectHead,
    body: ByteStream,
    position: u64,
    resumed_at: u64,
    fruitless: u32,
    received: IntCounter,
    place: Option<Place>,
}

impl FileBody {
    /// A file of CodeArtifact.
    pub(super) fn of_codeartifact(
        client: &Arc<Client>,
        address: &Address,
        answer: Answer,
        (checksums, doubt): (Vec<ExpectedChecksum>, Option<Doubt>),
        login_wait: Duration,
    ) -> Result<Box<dyn Body>, Error> {
        let source = Source::CodeArtifact {
            client: Arc::clone(client),
            address: address.clone(),
            is_of_assets: answer.is_of_assets,
            doubt,
            login_wait,
        };
        let received = received(client.metrics(), address.upstream());
        Self::open(
            source,
            answer.response,
            checksums,
            received,
            Some(answer.place),
        )
    }

    pub(super) fn open(
        source: Source,
        response: Response<SdkBody>,
        checksums: Vec<ExpectedChecksum>,
        received: IntCounter,
        place: Option<Place>,
    ) -> Result<Box<dyn Body>, Error> {
        let attributes = attributes(response.headers())?;
        if response.status() != StatusCode::OK {
            return Err(Error::unavailable(
                "a part of a file has come, where all of it was asked for",
            ));
        }
        let expected = Expected {
            length: attributes.length,
            checksums,
        };
        Ok(Box::new(Self {
            source,
            head: ObjectHead {
                attributes,
                expected,
            },
            body: ByteStream::new(response.into_body()),
            position: 0,
            resumed_at: 0,
            fruitless: 0,
            received,
            place,
        }))
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        let length = self.head.attributes.length;
        while self.position < length {
            let cause = match timeout(SILENCE_TIMEOUT, self.body.next()).await {
                Ok(Some(Ok(bytes))) if bytes.is_empty() => continue,
                Ok(Some(Ok(bytes))) => {
                    self.position += bytes.len() as u64;
                    self.received.inc_by(bytes.len() as u64);
                    return Ok(Some(bytes));
                }
                Ok(Some(Err(error))) => error.to_string(),
                Ok(None) => "the body ended early".to_owned(),
                Err(_) => format!("silence for {} s", SILENCE_TIMEOUT.as_secs()),
            };
            self.resume(&cause).await?;
        }
        Ok(None)
    }

    async fn resume(&mut self, cause: &str) -> Result<(), Error> {
        let position = self.position;
        let brought = position - self.resumed_at;
        self.fruitless = if brought < WORTHWHILE_BYTES {
            self.fruitless + 1
        } else {
            1
        };
        self.resumed_at = position;
        let Some(etag) = self.head.attributes.etag.clone() else {
            return Err(Error::unavailable(format!(
                "the download broke off ({cause})"
            )));
        };
        let path = self.source.path();
        if self.fruitless > FRUITLESS_RESUMPTIONS {
            warn!(path, position, cause, "a download cannot be mended");
            return Err(Error::unavailable(format!(
                "the download keeps breaking off ({cause})"
            )));
        }
        info!(path, position, cause, "a download broke off and is resumed");
        // The broken connection's place is taken again with the new one's.
        self.place = None;
        let (response, place) = self.source.rest(position, &etag).await?;
        self.place = place;
        if position > 0 {
            goes_on(&response, position, &self.head.attributes)?;
        } else if attributes(response.headers())? != self.head.attributes {
            return Err(Error::Changed);
        }
        self.body = ByteStream::new(response.into_body());
        Ok(())
    }
}

impl Body for FileBody {
    fn head(&self) -> &ObjectHead {
        &self.head
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, Error>> {
        Box::pin(self.receive())
    }

    fn witness(&self) -> Box<dyn Witness> {
        match &self.source {
            Source::CodeArtifact {
                doubt: Some(doubt), ..
            } => Box::new(doubt.clone()),
            Source::CodeArtifact { doubt: None, .. } | Source::Public(_) => Box::new(NoWitness),
        }
    }
}

impl Source {
    /// For the log.
    fn path(&self) -> String {
        match self {
            Self::CodeArtifact { address, .. } => address.path().to_owned(),
            Self::Public(source) => source.path().to_owned(),
        }
    }

    /// The same file from `from` on, if it is still the one of this entity tag; all of it, if that is its begin.
    async fn rest(
        &self,
        from: u64,
        etag: &str,
    ) -> Result<(Response<SdkBody>, Option<Place>), Error> {
        let (client, address, is_of_assets, login_wait) = match self {
            Self::CodeArtifact {
                client,
                address,
                is_of_assets,
                doubt: _,
                login_wait,
            } => (client, address, *is_of_assets, *login_wait),
            Self::Public(source) => return Ok((source.rest(from, etag).await?, None)),
        };
        let mut question = Question::of(address);
        question.rest = (from > 0).then_some(Rest {
            from,
            etag,
            is_of_assets,
        });
        let until = Instant::now() + login_wait;
        loop {
            // Readers wait for a login here as they do before the first byte.
            let tried = client.credentials().generation();
            match client.ask(&question, PATIENCE).await {
                Ok(answer) => return Ok((answer.response, Some(answer.place))),
                Err(error @ Error::LoginRequired(_)) => {
                    if !client
                        .credentials()
                        .login_returned(tried, until, None)
                        .await
                    {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What is counted of a repository's bodies.
pub(super) fn received(metrics: &Metrics, upstream: &Upstream) -> IntCounter {
    let alias: &str = &upstream.config.alias;
    metrics
        .codeartifact
        .received_bytes
        .with_label_values(&[alias])
}

/// Length and validators of a file. A length is always told: something in between that takes it away must not make
/// a file an empty one.
pub(super) fn attributes(headers: &HeaderMap) -> Result<ObjectAttributes, Error> {
    let length = text(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let length = length.ok_or_else(length_untold)?;
    let last_modified =
        text(headers, &LAST_MODIFIED).and_then(|date| httpdate::parse_http_date(date).ok());
    let epoch = |at: std::time::SystemTime| {
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    Ok(ObjectAttributes {
        length,
        // A weak one does not tell bytes apart.
        etag: text(headers, &ETAG)
            .filter(|etag| !etag.starts_with("W/"))
            .map(str::to_owned),
        last_modified: last_modified.and_then(epoch),
        content_type: text(headers, &CONTENT_TYPE).map(str::to_owned),
        content_encoding: text(headers, &CONTENT_ENCODING)
            .filter(|encoding| *encoding != "identity" && !encoding.is_empty())
            .map(str::to_owned),
    })
}

/// Reads a file of untold length whole, up to the longest page's, where its end is told by the connection's own
/// framing: one that ends with its connection may have been cut anywhere.
pub(super) async fn measured(
    mut response: Response<SdkBody>,
    memory: &PageMemory,
) -> Result<(ObjectAttributes, Bytes, Room), Error> {
    let is_framed = response.version() == Version::HTTP_2
        || text(response.headers(), &TRANSFER_ENCODING)
            .is_some_and(|encoding| encoding.to_ascii_lowercase().ends_with("chunked"));
    if !is_framed {
        return Err(length_untold());
    }
    let body = std::mem::replace(response.body_mut(), SdkBody::empty());
    let mut room = memory.room(0).await?;
    let bytes = read_in(body, LONGEST_PAGE_BYTES, Some(&mut room)).await?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, bytes.len().into());
    Ok((attributes(headers)?, bytes, room))
}

fn length_untold() -> Error {
    Error::unavailable("it is not said how long the file is")
}

/// Fails unless an answer brings the rest of this very file from here on.
fn goes_on(response: &Response<SdkBody>, from: u64, file: &ObjectAttributes) -> Result<(), Error> {
    let length = file.length;
    if text(response.headers(), &ETAG) != file.etag.as_deref() {
        return Err(Error::Changed);
    }
    let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
    let range = text(response.headers(), &CONTENT_RANGE).filter(|_| is_part);
    let range = range.and_then(|range| range.strip_prefix("bytes "));
    let told = range.and_then(|range| {
        let (bytes, total) = range.split_once('/')?;
        let (start, end) = bytes.split_once('-')?;
        Some((
            start.parse::<u64>().ok()?,
            end.parse::<u64>().ok()?,
            total.parse::<u64>().ok()?,
        ))
    });
    match told {
        Some((start, end, total)) if start == from && total == length && end + 1 == length => {
            Ok(())
        }
        Some(_) | None => Err(Error::Corrupt(
            "a download goes on at another place than asked for".into(),
        )),
    }
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[tokio::test]
    async fn what_is_read_whole_is_bounded() {
        let all = read(SdkBody::from("12345"), 5).await.expect("all of it");
        assert_eq!(&all[..], b"12345");
        assert!(matches!(
            read(SdkBody::from("12345"), 4).await,
            Err(Error::Unavailable(_))
        ));
        assert!(read(SdkBody::empty(), 0).await.expect("nothing").is_empty());
    }

    #[tokio::test]
    async fn a_compressed_page_is_unpacked_and_a_bomb_is_not() {
        let packed = |bytes: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes).expect("memory");
            encoder.finish().expect("memory")
        };
        let response = |body: Vec<u8>, encoding: &str| {
            let response = Response::builder().header(CONTENT_ENCODING, encoding);
            response.body(SdkBody::from(body)).expect("a response")
        };
        let memory = PageMemory::default();
        let page_of = async |response| page_of(response, &memory).await.map(|(page, _)| page);
        let page = page_of(response(packed(b"<html>"), "gzip")).await;
        assert_eq!(&page.expect("a page")[..], b"<html>");
        assert!(page_of(response(b"x".to_vec(), "br")).await.is_err());
        let no_gzip = response(b"no gzip".to_vec(), "gzip");
        assert!(page_of(no_gzip).await.is_err());
        let bomb = packed(&vec![
            0;
            usize::try_from(LONGEST_PAGE_BYTES).expect("fits") + 1
        ]);
        assert!(page_of(response(bomb, "gzip")).await.is_err());
    }

    #[tokio::test]
    async fn an_errors_text_is_one_short_line() {
        for (body, text) in [
            (
                "{\"message\": \"Unsupported\\n media type.\"}",
                "Unsupported media type",
            ),
            ("{\"error\": \"conflict\"}", "conflict"),
            ("plain \x1b[31m text", "plain [31m text"),
            ("", "no text"),
        ] {
            assert_eq!(text_of(SdkBody::from(body)).await, text);
        }
        let long = "x".repeat(1_000);
        assert_eq!(
            text_of(SdkBody::from(long)).await.len(),
            SHOWN_TEXT_CHARACTERS
        );
    }

    #[test]
    fn a_rest_is_taken_of_the_same_file_at_the_place_it_was_asked_for_alone() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, "10".parse().expect("a value"));
        headers.insert(ETAG, "\"a\"".parse().expect("a value"));
        let file = attributes(&headers).expect("attributes");
        for (status, range, is_taken) in [
            (206, "bytes 7-9/10", true),
            (206, "bytes 6-9/10", false),
            (206, "bytes 7-8/10", false),
            (206, "bytes 7-9/11", false),
            (206, "bytes 7-9/*", false),
            (206, "nonsense", false),
            (200, "bytes 7-9/10", false),
        ] {
            let part = |etag: &str| {
                let part = Response::builder().status(status);
                let part = part.header(CONTENT_RANGE, range).header(ETAG, etag);
                part.body(SdkBody::empty()).expect("a response")
            };
            let goes_on = |etag| goes_on(&part(etag), 7, &file);
            assert_eq!(goes_on("\"a\"").is_ok(), is_taken, "{status} {range}");
            assert!(matches!(goes_on("\"b\""), Err(Error::Changed)));
        }
    }

    #[tokio::test]
    async fn a_file_of_untold_length_is_measured_where_its_end_is_told() {
        let memory = PageMemory::default();
        let response = |encoding: Option<&str>, version| {
            let mut response = Response::builder().version(version);
            if let Some(encoding) = encoding {
                response = response.header(TRANSFER_ENCODING, encoding);
            }
            response.body(SdkBody::from("12345")).expect("a response")
        };
        let measured = async |response| measured(response, &memory).await;
        for told in [
            response(Some("chunked"), Version::HTTP_11),
            response(None, Version::HTTP_2),
        ] {
            let (attributes, bytes, _room) = measured(told).await.expect("a file");
            assert_eq!((attributes.length, &bytes[..]), (5, &b"12345"[..]));
        }
        assert!(measured(response(None, Version::HTTP_11)).await.is_err());
    }

    #[test]
    fn a_file_of_untold_length_is_no_empty_file() {
        let mut headers = HeaderMap::new();
        assert!(attributes(&headers).is_err());
        headers.insert(CONTENT_LENGTH, "0".parse().expect("a value"));
        headers.insert(ETAG, "W/\"weak\"".parse().expect("a value"));
        let attributes = attributes(&headers).expect("attributes");
        assert_eq!((attributes.length, attributes.etag), (0, None));
    }
}
