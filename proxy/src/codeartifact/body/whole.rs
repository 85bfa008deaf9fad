//! Bodies that are read whole: pages, errors, and files of untold length.

use std::io::Read as _;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Response, Version};
use tokio::time::timeout;

use super::super::{LONGEST_PAGE_BYTES, PageMemory, Room};
use super::{SILENCE_TIMEOUT, attributes, length_untold, text};
use crate::checksum::{Expected, ExpectedChecksum};
use crate::error::Error;
use crate::object::ObjectAttributes;
use crate::remote::{Body, NoWitness, ObjectHead, Witness};
use crate::request;

/// What is read of an error's body, and what is shown of it, in bytes.
const LONGEST_TEXT_BYTES: u64 = 8 * 1024;
const SHOWN_TEXT_CHARACTERS: usize = 300;

/// A body that is all there.
pub(in crate::codeartifact) struct WholeBody {
    head: ObjectHead,
    bytes: Option<Bytes>,
}

impl WholeBody {
    pub(in crate::codeartifact) fn boxed(
        attributes: ObjectAttributes,
        bytes: Bytes,
    ) -> Box<dyn Body> {
        Self::promised(attributes, bytes, Vec::new())
    }

    /// The same, of which more is promised than its length.
    pub(in crate::codeartifact) fn promised(
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
pub(in crate::codeartifact) async fn page_of(
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
pub(in crate::codeartifact) async fn read(body: SdkBody, most: u64) -> Result<Bytes, Error> {
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
pub(in crate::codeartifact) async fn text_of(body: SdkBody) -> String {
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

/// Reads a file of untold length whole, up to the longest page's, where its end is told by the connection's own
/// framing: one that ends with its connection may have been cut anywhere.
pub(in crate::codeartifact) async fn measured(
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
}
