//! What can be asked for: one page or file of one configured repository, and the key that it is kept under.

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

use super::table::{Table, Upstream};
use crate::artifact::{ArtifactKey, KeyError};
use crate::config::Format;

/// No client's `Accept` is longer, in bytes.
const MOST_ACCEPT_BYTES: usize = 400;
/// What stands between a page's path and the `Accept` that it was asked for with; no path has it. The number is of how
/// pages are made neutral: one that was kept by another way is asked for anew.
const FORM: &str = "/@1:accept=";

/// One page or file of one repository.
#[derive(Clone, Debug)]
pub struct Address {
    upstream: Arc<Upstream>,
    format: Format,
    /// Decoded, without a `/` at its begin.
    path: String,
    kind: Kind,
    /// Of a page: as the client has sent it.
    accept: Option<String>,
}

/// What an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A list of files that changes: a project's page (`simple/<name>/`) or a packument.
    Page,
    /// A file of a package.
    File,
    /// Anything else that a client may ask (`-/ping`, `simple/`): passed on, and not kept.
    Other,
}

/// Why something cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// As for any other artifact.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The repository is not configured with this format.
    #[error("repository `{alias}` is not served as {format}; its `formats` say which are")]
    Format {
        /// Its name.
        alias: String,
        /// What was asked for.
        format: String,
    },
    /// It would be taken for a page.
    #[error("the path holds `{FORM}`, which no package's name does")]
    Reserved,
    /// Longer than any client's.
    #[error("the Accept header is longer than {MOST_ACCEPT_BYTES} bytes")]
    Accept,
}

impl Address {
    /// What a request names. `path` is percent-encoded, behind `/codeartifact/<alias>/<format>/`.
    pub fn parse(
        upstream: &Arc<Upstream>,
        format: Format,
        path: &str,
        accept: Option<&str>,
    ) -> Result<Self, AddressError> {
        if !upstream.config.formats.contains(&format) {
            return Err(AddressError::Format {
                alias: upstream.config.alias.clone(),
                format: format.to_string(),
            });
        }
        let path = percent_decode_str(path).decode_utf8();
        let path = path.map_err(|_| KeyError::NotUtf8)?.into_owned();
        if path.contains(FORM) {
            return Err(AddressError::Reserved);
        }
        let kind = Kind::of(format, &path);
        let accept = accept.filter(|_| kind == Kind::Page).unwrap_or_default();
        if accept.len() > MOST_ACCEPT_BYTES {
            return Err(AddressError::Accept);
        }
        let address = Self {
            upstream: Arc::clone(upstream),
            format,
            path,
            kind,
            accept: (kind == Kind::Page).then(|| accept.to_owned()),
        };
        address.checked_key()?;
        Ok(address)
    }

    /// What a key names, where its repository is still configured.
    #[must_use]
    pub fn of_key(table: &Table, key: &str) -> Option<Self> {
        let mut parts = key.splitn(4, '/');
        let (place, repository) = (parts.next()?, parts.next()?);
        let format = Format::of_name(parts.next()?)?;
        let rest = parts.next()?;
        let upstream = table.by_name(&format!("{place}/{repository}"))?;
        let (path, accept) = match rest.rsplit_once(FORM) {
            Some((path, accept)) => {
                let accept = percent_decode_str(accept).decode_utf8().ok()?;
                // The slash at the end of a project's page is a part of its path.
                let slash = if format == Format::Pypi { "/" } else { "" };
                (format!("{path}{slash}"), Some(accept.into_owned()))
            }
            None => (rest.to_owned(), None),
        };
        Some(Self {
            upstream: Arc::clone(upstream),
            format,
            kind: Kind::of(format, &path),
            path,
            accept,
        })
    }

    /// A key as people read it, without what a page was asked for with.
    pub(crate) fn shown(key: &ArtifactKey) -> &str {
        let key = key.as_str();
        key.split_once(FORM).map_or(key, |(path, _)| path)
    }

    /// Whether a key names a page.
    pub(super) fn is_page(key: &str) -> bool {
        key.contains(FORM)
    }

    fn checked_key(&self) -> Result<ArtifactKey, KeyError> {
        let (name, path) = (self.upstream.name(), self.path.as_str());
        let format = self.format;
        match &self.accept {
            Some(accept) => {
                let accept = utf8_percent_encode(accept, NON_ALPHANUMERIC);
                let path = path.trim_end_matches('/');
                ArtifactKey::new(&format!("{name}/{format}/{path}{FORM}{accept}"))
            }
            // Never kept, and it may well end in a slash.
            None if self.kind == Kind::Other => {
                ArtifactKey::new(&format!("{name}/{format}/{path}-"))
            }
            None => ArtifactKey::new(&format!("{name}/{format}/{path}")),
        }
    }

    /// What it is kept under; `None` for what is not kept.
    #[must_use]
    pub fn key(&self) -> Option<ArtifactKey> {
        match self.kind {
            Kind::Page | Kind::File => self.checked_key().ok(),
            Kind::Other => None,
        }
    }

    /// The same place in another form, or another place of the same repository.
    #[must_use]
    pub fn at(&self, path: &str, accept: Option<&str>) -> Option<Self> {
        let encoded = utf8_percent_encode(path, NON_ALPHANUMERIC).to_string();
        Self::parse(&self.upstream, self.format, &encoded, accept).ok()
    }

    /// Whose it is.
    #[must_use]
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// Which of its formats.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Decoded, without a `/` at its begin.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it names.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Of a page: what the client accepts, unchanged; empty if it does not say.
    #[must_use]
    pub fn accept(&self) -> Option<&str> {
        self.accept.as_deref()
    }
}

impl Kind {
    /// Of a decoded path.
    #[must_use]
    pub fn of(format: Format, path: &str) -> Self {
        match format {
            Format::Pypi => {
                // What stands elsewhere is no file of the simple API, and nothing promises what it is.
                match path.strip_prefix("simple/") {
                    None | Some("") => Self::Other,
                    Some(rest) if rest.trim_end_matches('/').contains('/') => {
                        if path.ends_with('/') {
                            Self::Other
                        } else {
                            Self::File
                        }
                    }
                    Some(_) => Self::Page,
                }
            }
            Format::Npm => {
                if path.starts_with("-/") || path.is_empty() || path.ends_with('/') {
                    Self::Other
                } else if path.contains("/-/") {
                    Self::File
                } else {
                    Self::Page
                }
            }
            Format::Maven if path.is_empty() || path.ends_with('/') => Self::Other,
            Format::Maven => Self::File,
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::config::CodeArtifactUpstream;

    fn table() -> Table {
        Table::new(vec![CodeArtifactUpstream::example()])
    }

    #[test]
    fn a_key_is_shown_without_what_was_accepted() {
        for (path, accept, shown) in [
            (
                "simple/x/",
                Some("application/vnd.pypi.simple.v1+json"),
                "simple/x",
            ),
            ("simple/x/1/x-1.tar.gz", None, "simple/x/1/x-1.tar.gz"),
        ] {
            let address = parse(Format::Pypi, path, accept).expect("an address");
            let key = address.key().expect("a key");
            let expected = format!("acme-012345678901.eu-central-1/all/pypi/{shown}");
            assert_eq!(Address::shown(&key), expected);
        }
    }

    fn parse(format: Format, path: &str, accept: Option<&str>) -> Result<Address, AddressError> {
        let table = table();
        let upstream = table.by_alias("main").expect("an upstream");
        Address::parse(upstream, format, path, accept)
    }

    #[test]
    fn kinds_are_told_by_format_and_path() {
        for (format, path, kind) in [
            (Format::Pypi, "simple/", Kind::Other),
            (Format::Pypi, "", Kind::Other),
            (Format::Pypi, "simple", Kind::Other),
            (Format::Pypi, "requests/json", Kind::Other),
            (Format::Pypi, "simple/requests/", Kind::Page),
            (Format::Pypi, "simple/requests", Kind::Page),
            (Format::Pypi, "simple/requests/2.0/r-2.0.tar.gz", Kind::File),
            (Format::Npm, "left-pad", Kind::Page),
            (Format::Npm, "@acme/pad", Kind::Page),
            (Format::Npm, "@acme/pad/-/pad-1.0.0.tgz", Kind::File),
            (Format::Npm, "-/ping", Kind::Other),
            (Format::Maven, "g/a/1/a-1.jar", Kind::File),
            (Format::Maven, "g/a/", Kind::Other),
        ] {
            assert_eq!(Kind::of(format, path), kind, "{format} {path}");
        }
    }

    #[test]
    fn an_address_is_found_again_by_its_key() {
        let accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.1";
        for (format, path, accept) in [
            (Format::Pypi, "simple/requests/", Some(accept)),
            (Format::Pypi, "simple/requests/", None),
            (Format::Pypi, "simple/requests/2.0/r-2.0.tar.gz", None),
            (Format::Npm, "%40acme%2fpad", Some("*/*")),
            (Format::Maven, "g/a/1/a-1.jar", None),
        ] {
            let address = parse(format, path, accept).expect("an address");
            let key = address.key().expect("a key");
            let again = Address::of_key(&table(), key.as_str()).expect("the same");
            assert_eq!(again.path(), address.path());
            assert_eq!(again.accept(), address.accept());
            assert_eq!(again.kind(), address.kind());
            assert_eq!(again.key(), Some(key));
        }
    }

    #[test]
    fn what_is_not_kept_may_end_in_a_slash() {
        for (format, path) in [
            (Format::Pypi, ""),
            (Format::Pypi, "simple/"),
            (Format::Maven, "g/a/"),
            (Format::Npm, "-/ping"),
        ] {
            let address = parse(format, path, None).expect("an address");
            assert_eq!((address.path(), address.key()), (path, None));
        }
        assert!(parse(Format::Maven, "g/../", None).is_err());
    }

    #[test]
    fn what_no_client_asks_for_is_refused() {
        assert!(parse(Format::Pypi, "simple/../../x", None).is_err());
        assert!(parse(Format::Maven, "a%00b", None).is_err());
        let reserved = parse(Format::Npm, "left-pad%2f@1:accept=/-/x.tgz", None);
        assert_eq!(reserved.expect_err("reserved"), AddressError::Reserved);
        let long = "x".repeat(MOST_ACCEPT_BYTES + 1);
        let refused = parse(Format::Pypi, "simple/requests/", Some(&long));
        assert_eq!(refused.expect_err("too long"), AddressError::Accept);
    }
}
