//! Pages that list files, and what they promise of them. Knows bytes only: neither HTTP nor AWS.
//!
//! A page is made **neutral** when it comes in (links fit wherever the page is served, what is missing is
//! filled in), kept like that, and **rendered** for each request.

use bytes::Bytes;

/// A page as it is kept, or as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// CodeArtifact's own.
    pub content_type: String,
    /// Of UTF-8.
    pub body: Bytes,
}
