//! Pages that list files, and what they promise of them. Knows bytes only: neither HTTP nor AWS.
//!
//! A page is made **neutral** when it comes in (links fit wherever the page is served, what is missing is
//! filled in), kept like that, and **rendered** for each request.
//!
//! * Pages are edited, not written anew: what is not a link or a promise stays as it is, byte for byte. Only a
//!   public HTML page is written anew, as it comes from strangers: what a client sees in it is what was seen here.
//! * A link that leads neither below the repository nor to a file with a hash does not reach a client.
//! * Whatever the bytes are, nothing here panics.

mod edits;
mod json;
mod link;
pub mod maven;
pub mod npm;
pub mod pypi;
mod sri;
pub mod wheel;

use bytes::Bytes;
use thiserror::Error;

/// A page as it came, or as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The `Content-Type`.
    pub content_type: String,
    /// All of it.
    pub body: Bytes,
}

/// A page whose links fit wherever it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neutral {
    /// What is kept.
    pub page: Page,
    /// How many links it no longer has, as they led elsewhere without a hash, or nowhere.
    pub dropped: usize,
}

/// What is wrong with a page.
#[derive(Debug, Error)]
pub enum PageError {
    /// It is of no form that lists files.
    #[error("the page is `{0}`, which is no list of files that is known here")]
    ContentType(String),
    /// It says that it is written in something else than UTF-8.
    #[error("the page is written in `{0}`; only UTF-8 is read here")]
    Charset(String),
    /// It is not what it says.
    #[error("the page is no UTF-8 from its byte {0} on")]
    NotUtf8(usize),
    /// A client of version 1 must not read it.
    #[error("the page has version `{0}` of the simple repository API; only 1.x is read here")]
    Version(String),
    /// It cannot be read, or says one thing twice.
    #[error("{what} cannot be read: {error}")]
    Json {
        /// The page, or which part of it.
        what: String,
        /// What is wrong with it, and where in that part.
        error: serde_json::Error,
    },
    /// It names a file that no path can.
    #[error("the page lists `{0}`, which is no file name")]
    FileName(String),
}

/// The media type without its parameters, in lower case; refuses other encodings than UTF-8.
fn media_type(content_type: &str) -> Result<String, PageError> {
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        let value = value.trim().trim_matches('"');
        let is_known = ["utf-8", "utf8", "us-ascii"];
        let is_known = is_known.iter().any(|it| it.eq_ignore_ascii_case(value));
        if name.trim().eq_ignore_ascii_case("charset") && !is_known {
            return Err(PageError::Charset(value.to_owned()));
        }
    }
    Ok(media_type)
}

fn text(body: &[u8]) -> Result<&str, PageError> {
    std::str::from_utf8(body).map_err(|error| PageError::NotUtf8(error.valid_up_to()))
}
