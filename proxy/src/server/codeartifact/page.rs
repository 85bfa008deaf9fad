//! Pages that list files: rendered for whoever asks.

use std::collections::HashSet;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::super::content::Answer;
use super::super::hold::authority;
use super::super::verdict::Verdict;
use super::Asked;
use super::file::is_wheel;
use super::rendered::Rendered;
use crate::artifact::ArtifactKey;
use crate::codeartifact::index::{self, Page};
use crate::codeartifact::{Address, CodeArtifact};
use crate::config::Format;
use crate::error::Error;
use crate::request::spawn_blocking;

/// Rendering more than this is no work for a thread that others wait for.
const SMALL_BYTES: usize = 128 * 1024;
/// Of so many wheels of a page, the last, it is looked up whether they are cached: indexes list the newest last.
const MOST_WHEELS: usize = 512;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What a client accepts, as it says so; of several headers, all of them.
pub(super) fn accept(request: &Parts) -> Option<String> {
    let values = request.headers.get_all(ACCEPT).iter();
    let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// A page, with links that hold where the client is.
pub(super) async fn answer(asked: &Asked<'_>) -> Result<Answer, Error> {
    let address = asked.address;
    let key = address.key().ok_or(Error::NotFound)?;
    let base = base(asked)?;
    let found = asked.codeartifact.find_page(address).await?;
    let (verdict, pages) = (found.verdict(), asked.app.rendered_pages());
    let known = found.sha256();
    let rendered = if let Some(rendered) = known.and_then(|of| pages.get(&key, &base, of)) {
        rendered
    } else {
        // A page, what it becomes, and whoever else reads one.
        let memory = asked.codeartifact.page_memory();
        let _room = memory.room(found.length()).await?;
        let known = known.map(str::to_owned);
        let served = found.read().await?;
        let of = match known {
            Some(known) => known,
            None => sha256(&served.page.body).await?,
        };
        if let Some(rendered) = pages.get(&key, &base, &of) {
            rendered
        } else {
            let rendered = render(asked.codeartifact, address, served.page, &base).await?;
            pages.keep((key, base), of, &rendered);
            rendered
        }
    };
    let mut answer = rendered.answer(asked.request, said());
    Verdict::Found(verdict).mark(&mut answer);
    Ok(answer)
}

/// What stands in all answers: a client may keep a page, but asks each time, as anything may have been published.
fn said() -> HeaderMap {
    HeaderMap::from_iter([
        (VARY, HeaderValue::from_static("Accept")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ])
}

/// What links of a packument begin with: npm knows no relative ones. Empty for other formats.
fn base(asked: &Asked<'_>) -> Result<String, Error> {
    match asked.address.format() {
        Format::Pypi | Format::Maven => Ok(String::new()),
        Format::Npm => match authority(asked.request) {
            Some(authority) => {
                let scheme = scheme(&asked.request.headers);
                Ok(format!("{scheme}://{authority}{}", asked.base))
            }
            None => Err(Error::Rejected {
                status: 400,
                message: "a packument names hosts: say in a Host header what this one is called"
                    .to_owned(),
            }),
        },
    }
}

/// How the client speaks to whoever stands before this proxy. A client that makes it up has wrong links, and nobody
/// else has: pages are remembered with what their links begin with.
pub(super) fn scheme(headers: &HeaderMap) -> &'static str {
    match headers.get(X_FORWARDED_PROTO) {
        Some(scheme) if scheme.as_bytes().eq_ignore_ascii_case(b"https") => "https",
        Some(_) | None => "http",
    }
}

async fn render(
    codeartifact: &CodeArtifact,
    address: &Address,
    page: Page,
    base: &str,
) -> Result<Rendered, Error> {
    match address.format() {
        Format::Maven => Ok(Rendered::of(&page.content_type, page.body)),
        Format::Npm => {
            let base = base.to_owned();
            at_leisure(page.body.len(), move || {
                let page = index::npm::rendered(&page, &base);
                Rendered::of(&page.content_type, page.body)
            })
            .await
        }
        Format::Pypi => {
            let size = page.body.len();
            let of = address.clone();
            let (page, wheels) = at_leisure(size, move || {
                let wheels = wheels_without_metadata(&page, &of);
                (page, wheels)
            })
            .await?;
            let cached = cached(codeartifact, wheels).await;
            at_leisure(size, move || {
                let page = if cached.is_empty() {
                    page
                } else {
                    index::pypi::with_core_metadata(&page, &cached)
                };
                Rendered::of(&page.content_type, page.body)
            })
            .await
        }
    }
}

/// Wheels that nothing is offered of, by name and key. A page that cannot be read is shown as it is.
fn wheels_without_metadata(page: &Page, address: &Address) -> Vec<(String, ArtifactKey)> {
    let files = index::pypi::files(page, address.path()).unwrap_or_default();
    let wheels = files
        .into_iter()
        .filter(|file| !file.has_core_metadata && is_wheel(&file.name));
    let wheels = wheels.filter_map(|file| {
        let key = address.at(file.path.as_deref()?, None)?.key()?;
        Some((file.name, key))
    });
    let mut wheels: Vec<_> = wheels.collect();
    wheels.split_off(wheels.len().saturating_sub(MOST_WHEELS))
}

async fn cached(
    codeartifact: &CodeArtifact,
    wheels: Vec<(String, ArtifactKey)>,
) -> HashSet<String> {
    if wheels.is_empty() {
        return HashSet::new();
    }
    let (names, keys): (Vec<_>, Vec<_>) = wheels.into_iter().unzip();
    let are_cached = codeartifact.fetcher().cached(&keys).await;
    names
        .into_iter()
        .zip(are_cached)
        .filter_map(|(name, cached)| cached.then_some(name))
        .collect()
}

/// What tells a page's bytes from others'.
async fn sha256(body: &Bytes) -> Result<String, Error> {
    let (size, body) = (body.len(), body.clone());
    at_leisure(size, move || hex::encode(Sha256::digest(&body))).await
}

/// Where nobody waits for the thread, if it takes long.
async fn at_leisure<T: Send + 'static>(
    size_bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if size_bytes <= SMALL_BYTES {
        return Ok(work());
    }
    let done = spawn_blocking(work).await;
    done.map_err(|_| Error::unavailable("a page could not be rendered"))
}
