//! Python's simple repository API, in HTML and JSON (PEP 503, 592, 629, 658, 691, 700, 714).

mod html;
mod json;

use std::borrow::Cow;
use std::collections::HashSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::link::{self, Site, Target};
use super::{Neutral, Page, PageError, media_type, text};

/// What is not escaped in a file's name.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What stands for a neutral page's repository when its links are read. Nothing answers below `.invalid`.
const ROOT: &str = "http://codeartifact.invalid/";

/// A file that a project's page lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedFile {
    /// Its name.
    pub name: String,
    /// Decoded, below the repository's root; `None` of a file on another host.
    pub path: Option<String>,
    /// Lower-case hexadecimal.
    pub sha256: Option<String>,
    /// Whether the page offers `<file>.metadata` (PEP 658).
    pub has_core_metadata: bool,
}

/// A file of a public index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicFile {
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Its name: no slash, no backslash, no control characters.
    pub name: String,
    /// Where it is, `http` or `https`, without a name, password or fragment. Not yet whether it may be asked.
    pub url: Url,
}

/// A public index's page, as it is served here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    /// Its links are `public/<sha256>/<file>`, relative to the page.
    pub page: Page,
    /// What those links stand for.
    pub files: Vec<PublicFile>,
    /// How many files it no longer has, as they have no SHA-256 or no URL.
    pub dropped: usize,
}

enum Form {
    Html,
    Json,
}

/// What to do with a file or a link.
enum Fate {
    Keep,
    Rewrite(String),
    Drop,
}

/// Makes a page fit wherever it is served as `…/simple/<name>/`: links below `root` become relative to
/// the page, links to others stay only with a SHA-256.
///
/// `asked` is the page's URL at CodeArtifact, `root` the repository's: `…/pypi/<repository>/`.
pub fn neutral(page: &Page, asked: &Url, root: &Url) -> Result<Neutral, PageError> {
    let body = text(&page.body)?;
    let (edits, dropped) = match form(page)? {
        Form::Html => html::neutral(body, asked, root)?,
        Form::Json => json::neutral(body, asked, root)?,
    };
    Ok(Neutral {
        page: with_body(page, edits.apply(&page.body)),
        dropped,
    })
}

/// The files that a neutral page at `path` (`simple/<name>/`) lists, but for those that no path can name.
pub fn files(page: &Page, path: &str) -> Result<Vec<IndexedFile>, PageError> {
    let body = text(&page.body)?;
    let Ok(root) = Url::parse(ROOT) else {
        return Ok(Vec::new());
    };
    let mut asked = root.clone();
    asked.set_path(path);
    match form(page)? {
        Form::Html => html::files(body, &asked, &root),
        Form::Json => json::files(body, &asked, &root),
    }
}

/// The page with metadata offered for these wheels (by their file names) where nothing is offered yet. A page
/// that cannot be read stays as it is.
#[must_use]
pub fn with_core_metadata<S: std::hash::BuildHasher>(
    page: &Page,
    wheels: &HashSet<String, S>,
) -> Page {
    if wheels.is_empty() {
        return page.clone();
    }
    let has_metadata = |name: &str| wheels.contains(name);
    let edits = form(page).and_then(|form| {
        let body = text(&page.body)?;
        match form {
            Form::Html => html::offer_metadata(body, &has_metadata),
            Form::Json => json::offer_metadata(body, &has_metadata),
        }
    });
    match edits {
        Ok(edits) => with_body(page, edits.apply(&page.body)),
        Err(_) => page.clone(),
    }
}

/// A public index's page: its files are to be asked from here, by their SHA-256. It offers no metadata.
pub fn public(page: &Page, asked: &Url) -> Result<Public, PageError> {
    let body = text(&page.body)?;
    match form(page)? {
        Form::Html => {
            let (text, files, dropped) = html::public(body, asked)?;
            Ok(Public {
                page: with_body(page, text.into()),
                files,
                dropped,
            })
        }
        Form::Json => {
            let (edits, files, dropped) = json::public(body, asked)?;
            Ok(Public {
                page: with_body(page, edits.apply(&page.body)),
                files,
                dropped,
            })
        }
    }
}

/// A project's name as all its spellings have it (PEP 503); `None` of what is no project's name (PEP 508: ASCII
/// letters, digits and `-_.`, the first and the last of them a letter or a digit).
#[must_use]
pub fn normalised(name: &str) -> Option<String> {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let (first, last) = (name.bytes().next()?, name.bytes().next_back()?);
    let has_ends = first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric();
    (has_ends && name.bytes().all(is_of_it)).then(|| folded(name))
}

/// Any text, or a part of a name, with the letters and separators that all spellings share (PEP 503). ASCII alone:
/// a letter that merely looks like one is another.
#[must_use]
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        if !matches!(character, '-' | '_' | '.') {
            folded.push(character.to_ascii_lowercase());
        } else if !folded.ends_with('-') {
            folded.push('-');
        }
    }
    folded
}

/// A file's path with its project's name in the one spelling: `simple/<normalised>/…`; any other path as it is.
#[must_use]
pub fn in_one_spelling(path: &str) -> Cow<'_, str> {
    let below = path.strip_prefix("simple/");
    let parts = below.and_then(|below| below.split_once('/'));
    match parts.and_then(|(project, rest)| Some((project, normalised(project)?, rest))) {
        Some((project, name, rest)) if name != project => format!("simple/{name}/{rest}").into(),
        Some(_) | None => path.into(),
    }
}

fn with_body(page: &Page, body: bytes::Bytes) -> Page {
    Page {
        content_type: page.content_type.clone(),
        body,
    }
}

fn form(page: &Page) -> Result<Form, PageError> {
    let media_type = media_type(&page.content_type)?;
    let versioned = media_type.strip_prefix("application/vnd.pypi.simple.");
    match (media_type.as_str(), versioned) {
        ("text/html", _) | (_, Some("v1+html")) => Ok(Form::Html),
        ("application/json", _) | (_, Some("v1+json")) => Ok(Form::Json),
        (_, Some(other)) => {
            let version = other.split('+').next().unwrap_or_default();
            Err(PageError::Version(
                version.trim_start_matches('v').to_owned(),
            ))
        }
        (_, None) => Err(PageError::ContentType(page.content_type.clone())),
    }
}

/// `1.x` is the only version that there is; what a client of it does with another is not known (PEP 629).
fn check_version(version: Option<&str>) -> Result<(), PageError> {
    let Some(version) = version.map(str::trim) else {
        return Ok(());
    };
    let major = version.split('.').next().unwrap_or_default();
    if major == "1" {
        Ok(())
    } else {
        Err(PageError::Version(version.to_owned()))
    }
}

/// Of a link as it stands on a page, and whether a SHA-256 stands beside it.
fn fate(site: &Site, found: &str, has_sha256: bool) -> Fate {
    let fitting = match site.target(found) {
        Target::Ours(url) => site.relative(&url),
        Target::Foreign(url) if has_sha256 || link::sha256(&url).is_some() => url.into(),
        Target::Foreign(_) | Target::Nowhere => return Fate::Drop,
    };
    if fitting == found {
        Fate::Keep
    } else {
        Fate::Rewrite(fitting)
    }
}

/// Of a public page's link; `None` if it leads to nothing that can be checked.
fn public_file(
    site: &Site,
    found: &str,
    sha256: Option<String>,
    name: Option<String>,
) -> Option<PublicFile> {
    let mut url = site.web(found)?;
    let sha256 = sha256.or_else(|| link::sha256(&url))?;
    let name = match name {
        Some(name) => name,
        None => link::file_name(&url)?,
    };
    url.set_fragment(None);
    link::is_file_name(&name).then_some(PublicFile { sha256, name, url })
}

impl PublicFile {
    /// Its link, relative to the project's page.
    fn link(&self) -> String {
        let name = utf8_percent_encode(&self.name, PLAIN);
        format!("public/{}/{name}", self.sha256)
    }
}

#[cfg(test)]
mod tests;
