//! An upload as twine and uv send it: a form of several parts, of any size.
//! <https://docs.pypi.org/api/upload/>, <https://www.rfc-editor.org/rfc/rfc7578>

use std::collections::HashMap;

use bytes::{Buf, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use memchr::memmem;

use crate::codeartifact::asset::Received;
use crate::service::{ErrorAnswer, PlainBody};

/// The most that the head of a part, or a field that is no file, may have, in bytes. READMEs are fields.
const MOST_FIELD_BYTES: usize = 8 * 1024 * 1024;

/// What was uploaded.
#[derive(Default)]
pub(crate) struct Upload {
    fields: HashMap<String, String>,
    /// The file's name, and the file.
    pub(crate) file: Option<(String, Received)>,
}

impl Upload {
    /// A field that must be there.
    pub(crate) fn field(&self, name: &str) -> Result<&str, ErrorAnswer> {
        self.optional(name)
            .ok_or_else(|| malformed(&format!("the field `{name}` is missing")))
    }

    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Reads a request's body to its end.
    pub(crate) async fn read(headers: &HeaderMap, body: PlainBody) -> Result<Self, ErrorAnswer> {
        let boundary = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let boundary = boundary.and_then(boundary_of);
        let boundary = boundary.ok_or_else(|| malformed("it is no multipart/form-data"))?;
        let mut source = Source {
            body,
            // So the first delimiter looks like all others.
            held: BytesMut::from("\r\n"),
            is_complete: false,
        };
        let delimiter = format!("\r\n--{boundary}");
        let mut upload = Self::default();
        source.until(delimiter.as_bytes(), |_| Ok(())).await?;
        loop {
            let line = source.line().await?;
            if line.starts_with("--") {
                return Ok(upload);
            }
            upload.part(&mut source, delimiter.as_bytes()).await?;
        }
    }

    async fn part(&mut self, source: &mut Source, delimiter: &[u8]) -> Result<(), ErrorAnswer> {
        let mut disposition = String::new();
        loop {
            let line = source.line().await?;
            if line.is_empty() {
                break;
            }
            if line
                .to_ascii_lowercase()
                .starts_with("content-disposition:")
            {
                disposition = line;
            }
        }
        let name = parameter(&disposition, "name");
        let name = name.ok_or_else(|| malformed("a part has no name"))?;
        if let Some(file_name) = parameter(&disposition, "filename") {
            let mut file = Received::default();
            source
                .until(delimiter, |bytes| {
                    file.push(bytes);
                    Ok(())
                })
                .await?;
            self.file = Some((file_name, file));
            return Ok(());
        }
        let mut value = Vec::new();
        source
            .until(delimiter, |bytes| {
                value.extend_from_slice(bytes);
                if value.len() > MOST_FIELD_BYTES {
                    return Err(malformed(&format!("the field `{name}` is too long")));
                }
                Ok(())
            })
            .await?;
        let value = String::from_utf8_lossy(&value).into_owned();
        // Of a field that comes several times, such as `classifiers`, nobody asks for more than the first.
        self.fields.entry(name).or_insert(value);
        Ok(())
    }
}

/// A body that is read piece by piece.
struct Source {
    body: PlainBody,
    held: BytesMut,
    is_complete: bool,
}

impl Source {
    /// Gives everything up to `end` to `take`, and passes over `end`.
    async fn until(
        &mut self,
        end: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), ErrorAnswer>,
    ) -> Result<(), ErrorAnswer> {
        loop {
            if let Some(at) = memmem::find(&self.held, end) {
                take(&self.held[..at])?;
                self.held.advance(at + end.len());
                return Ok(());
            }
            // The end may have begun already.
            let sure = (self.held.len() + 1).saturating_sub(end.len());
            take(&self.held[..sure])?;
            self.held.advance(sure);
            self.more().await?;
        }
    }

    /// The text up to the next end of a line.
    async fn line(&mut self) -> Result<String, ErrorAnswer> {
        let mut line = Vec::new();
        self.until_line_end(&mut line).await?;
        String::from_utf8(line).map_err(|_| malformed("a part's head is no text"))
    }

    async fn until_line_end(&mut self, line: &mut Vec<u8>) -> Result<(), ErrorAnswer> {
        self.until(b"\r\n", |bytes| {
            line.extend_from_slice(bytes);
            if line.len() > MOST_FIELD_BYTES {
                return Err(malformed("a part's head is too long"));
            }
            Ok(())
        })
        .await
    }

    async fn more(&mut self) -> Result<(), ErrorAnswer> {
        while !self.is_complete {
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.held.extend_from_slice(&data);
                        return Ok(());
                    }
                }
                Some(Err(error)) => return Err(malformed(&format!("the body broke off: {error}"))),
                None => self.is_complete = true,
            }
        }
        Err(malformed("the body ends before its last boundary"))
    }
}

fn boundary_of(content_type: &str) -> Option<String> {
    let (media_type, parameters) = content_type.split_once(';')?;
    if !media_type
        .trim()
        .eq_ignore_ascii_case("multipart/form-data")
    {
        return None;
    }
    parameters.split(';').find_map(|field| {
        let value = field.trim().strip_prefix("boundary=")?;
        Some(value.trim_matches('"').to_owned())
    })
}

/// A parameter of a `Content-Disposition`.
fn parameter(disposition: &str, name: &str) -> Option<String> {
    disposition.split(';').skip(1).find_map(|field| {
        let (key, value) = field.trim().split_once('=')?;
        (key == name).then(|| value.trim_matches('"').to_owned())
    })
}

fn malformed(what: &str) -> ErrorAnswer {
    ErrorAnswer::new(
        400,
        "BadRequest",
        &format!("The upload cannot be read: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use bytes::Bytes;
    use futures_util::stream;
    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::service::BoxError;

    async fn read(text: &str, piece: usize) -> Result<Upload, ErrorAnswer> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_static("multipart/form-data; boundary=\"b-1\"");
        headers.insert(CONTENT_TYPE, value);
        let pieces: Vec<_> = text
            .as_bytes()
            .chunks(piece)
            .map(|piece| Ok::<_, BoxError>(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let body = BodyExt::boxed_unsync(StreamBody::new(stream::iter(pieces)));
        Upload::read(&headers, body).await
    }

    #[tokio::test]
    async fn a_form_is_read_however_it_is_cut() {
        let form = "--b-1\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nacme-tool\r\n--b-1\r\n\
                    Content-Disposition: form-data; name=\"content\"; filename=\"a.whl\"\r\n\
                    Content-Type: application/octet-stream\r\n\r\nPK\r\n--b-\r\n\r\n--b-1--\r\n";
        for piece in 1..form.len() {
            let upload = read(form, piece).await.expect("a form");
            assert_eq!(upload.field("name"), Ok("acme-tool"));
            let (name, file) = upload.file.expect("a file");
            assert_eq!(name, "a.whl");
            let asset = file.finish(SystemTime::UNIX_EPOCH);
            let bytes = asset.bytes().map(AsRef::as_ref);
            assert_eq!(bytes, Some(b"PK\r\n--b-\r\n".as_slice()));
        }
    }

    #[tokio::test]
    async fn half_a_form_is_refused() {
        let form = "--b-1\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nacme";
        let refused = read(form, 7).await.map(|_| ()).expect_err("refused");
        assert_eq!(refused.status, 400);
    }
}
