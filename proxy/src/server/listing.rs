//! Folders: a page for people, links for coursier, JSON for scripts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::Response;
use http::HeaderValue;
use http::header::VARY;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use quick_cache::sync::Cache;
use serde::Serialize;
use tracing::info;

use super::app::{App, Bucket};
use super::html::human_size;
use super::negotiation::{json, prefers_json};
use super::verdict::Verdict;
use crate::artifact::FolderKey;
use crate::error::Error;
use crate::origin::Listing;

/// Entries on one page; S3 gives no more at once.
const PAGE_ENTRIES: i32 = 1000;
/// A page that was seen lately is shown again while S3 does not answer.
const STALE_FOR: Duration = Duration::from_hours(1);
const MOST_PAGES: usize = 64;
/// Everything but the unreserved characters of RFC 3986, so that a name with `:` is no scheme.
const LINK: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Looks into folders, and remembers some pages.
pub(super) struct Listings {
    bucket: String,
    pages: Cache<(FolderKey, String), Arc<Page>>,
}

/// One page, as the template and JSON clients see it.
#[derive(Serialize)]
struct Page {
    bucket: String,
    folder: String,
    is_top: bool,
    entries: Vec<Entry>,
    /// The link to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    rendered_at: Instant,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    link: String,
    is_folder: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    /// For people: `1.5 MiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    /// `cache` where a copy is on this machine, else `s3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
}

impl Listings {
    pub(super) fn new(bucket: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            pages: Cache::new(MOST_PAGES),
        }
    }

    pub(super) async fn answer(
        &self,
        (app, bucket): (&App, &Bucket),
        folder: &FolderKey,
        request: &Parts,
    ) -> Result<Response, Error> {
        let after = after(request.uri.query());
        let id = (folder.clone(), after.clone().unwrap_or_default());
        let listed = Self::list(bucket, folder, after.as_deref()).await;
        let (page, verdict) = match listed {
            Ok((listing, cached)) => {
                let page = Arc::new(self.page(folder, &listing, &cached));
                if page.entries.is_empty() && !folder.as_str().is_empty() && after.is_none() {
                    return Err(Error::NotFound);
                }
                self.pages.insert(id, Arc::clone(&page));
                (page, Verdict::Listed)
            }
            Err(error) => match self.pages.get(&id) {
                Some(page)
                    if error.leaves_stale_copy_usable()
                        && page.rendered_at.elapsed() < STALE_FOR =>
                {
                    info!(folder = folder.as_str(), %error, "a folder is shown as it was");
                    (page, Verdict::ListedStale)
                }
                Some(_) | None => return Err(error),
            },
        };
        let mut response = if prefers_json(&request.headers) {
            json(&*page)
        } else {
            app.pages().render("listing.html", &*page)
        };
        let vary = HeaderValue::from_static("Accept");
        response.headers_mut().insert(VARY, vary);
        if response.status().is_success() {
            verdict.mark(&mut response);
        }
        Ok(response)
    }

    /// Names in a folder, from the bucket, and whether each is cached.
    async fn list(
        bucket: &Bucket,
        folder: &FolderKey,
        after: Option<&str>,
    ) -> Result<(Listing, Vec<bool>), Error> {
        let listing = Box::pin(bucket.origin.list(folder, after, PAGE_ENTRIES)).await?;
        let key = |name: &str| folder.artifact(name);
        let keys: Vec<_> = listing
            .objects
            .iter()
            .map(|object| key(&object.name))
            .collect();
        let cached = bucket.fetcher.cached(&keys).await;
        Ok((listing, cached))
    }

    fn page(&self, folder: &FolderKey, listing: &Listing, cached: &[bool]) -> Page {
        let folders = listing.folders.iter().map(|folder| Entry {
            link: link(&folder.name),
            name: folder.name.clone(),
            is_folder: true,
            size_bytes: None,
            size: None,
            modified: None,
            source: None,
        });
        let objects = listing
            .objects
            .iter()
            .zip(cached)
            .map(|(object, cached)| Entry {
                link: link(&object.name),
                name: object.name.clone(),
                is_folder: false,
                size_bytes: Some(object.size_bytes),
                size: Some(human_size(object.size_bytes)),
                modified: object.last_modified.and_then(date),
                source: Some(if *cached { "cache" } else { "s3" }),
            });
        Page {
            bucket: self.bucket.clone(),
            folder: format!("/{folder}"),
            is_top: folder.as_str().is_empty(),
            entries: folders.chain(objects).collect(),
            next: listing
                .next_after
                .as_ref()
                .map(|name| format!("?after={}", utf8_percent_encode(name, LINK))),
            rendered_at: Instant::now(),
        }
    }
}

fn after(query: Option<&str>) -> Option<String> {
    let value = query?
        .split('&')
        .find_map(|pair| pair.strip_prefix("after="))?;
    let value = percent_decode_str(value).decode_utf8().ok()?;
    (!value.is_empty()).then(|| value.into_owned())
}

/// Relative, so that it holds behind any prefix; a folder keeps its slash.
fn link(name: &str) -> String {
    let (name, slash) = name
        .strip_suffix('/')
        .map_or((name, ""), |name| (name, "/"));
    // A folder without a name (of a key with `//`): `/` alone would lead to the top.
    let here = if name.is_empty() { "./" } else { "" };
    format!("{here}{}{slash}", utf8_percent_encode(name, LINK))
}

fn date(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds)
        .ok()
        .map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative_and_encoded() {
        assert_eq!(link("1.0/"), "1.0/");
        assert_eq!(link("a b+c#d?.jar"), "a%20b%2Bc%23d%3F.jar");
        assert_eq!(link("scheme:x"), "scheme%3Ax");
        assert_eq!(link("a//"), "a%2F/");
        assert_eq!(link("/"), ".//");
    }

    #[test]
    fn the_page_after_a_name_is_asked_for_by_query() {
        assert_eq!(after(Some("x=1&after=a%20b")).as_deref(), Some("a b"));
        assert_eq!(after(Some("after=")), None);
        assert_eq!(after(None), None);
    }
}
