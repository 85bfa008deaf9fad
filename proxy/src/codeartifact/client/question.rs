//! What is asked, and how it is written.

use http::HeaderValue;
use http::Request;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, IF_MATCH, IF_NONE_MATCH, RANGE, USER_AGENT,
};
use http::request::Builder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::codeartifact::token::Token;
use crate::codeartifact::{Address, Kind};
use crate::config::Format;
use crate::error::Error;
use crate::peer;

/// What is written as it is in a URL's path. A `+`, which some servers take for a space, is not.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'@')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A question about one page or file.
#[derive(Clone, Copy, Debug)]
pub(in crate::codeartifact) struct Question<'a> {
    pub(in crate::codeartifact) address: &'a Address,
    /// As the client has sent it; empty: it has sent none.
    pub(in crate::codeartifact) accept: &'a str,
    /// Behind the path, without its `?`.
    pub(in crate::codeartifact) query: Option<&'a str>,
    /// Whether there is a copy at hand: then nothing is waited for longer than it is worth.
    pub(in crate::codeartifact) has_copy: bool,
    /// The copy's entity tag.
    pub(in crate::codeartifact) unless: Option<&'a str>,
    /// Where a body goes on that has broken off.
    pub(in crate::codeartifact) rest: Option<Rest<'a>>,
}

/// The rest of a body.
#[derive(Clone, Copy, Debug)]
pub(in crate::codeartifact) struct Rest<'a> {
    /// The first byte's place.
    pub(in crate::codeartifact) from: u64,
    /// Its entity tag, quotes included.
    pub(in crate::codeartifact) etag: &'a str,
    /// Who has sent its begin: the host of assets, or CodeArtifact itself.
    pub(in crate::codeartifact) is_of_assets: bool,
}

impl<'a> Question<'a> {
    /// About all of it.
    pub(in crate::codeartifact) fn of(address: &'a Address) -> Self {
        Self {
            address,
            accept: address.accept().unwrap_or_default(),
            query: None,
            has_copy: false,
            unless: None,
            rest: None,
        }
    }

    pub(super) fn operation(&self) -> &'static str {
        match self.address.kind() {
            Kind::Page => "page",
            Kind::File => "file",
            Kind::Other => "other",
        }
    }
}

impl Question<'_> {
    /// The request, for CodeArtifact or for the host of assets: that gets nothing that it does not need.
    pub(super) fn request(&self, is_of_assets: bool, token: &Token) -> Result<Builder, Error> {
        let mut request = Request::get("/")
            .header(USER_AGENT, peer::USER_AGENT)
            // Bodies are compared with checksums, byte by byte.
            .header(ACCEPT_ENCODING, "identity");
        if !is_of_assets {
            request = request.header(AUTHORIZATION, authorization(token)?);
            if !self.accept.is_empty() {
                request = request.header(ACCEPT, self.accept);
            }
        }
        if let Some(etag) = self.unless {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(rest) = self.rest.filter(|rest| rest.is_of_assets == is_of_assets) {
            request = request
                .header(RANGE, format!("bytes={}-", rest.from))
                .header(IF_MATCH, rest.etag);
        }
        Ok(request)
    }
}

pub(super) fn authorization(token: &Token) -> Result<HeaderValue, Error> {
    let value = HeaderValue::from_str(token.authorization().expose());
    let mut value = value.map_err(|_| Error::unavailable("CodeArtifact's token is none"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Where an address is, below the repository's own URL.
pub(in crate::codeartifact) fn url(
    root: &Url,
    address: &Address,
    query: Option<&str>,
) -> Result<Url, Error> {
    let path = address.path();
    let encoded = utf8_percent_encode(path, IN_PATH).to_string();
    let encoded = match (address.format(), address.kind()) {
        // The one name with a slash in it, as npm itself writes it.
        (Format::Npm, Kind::Page) if path.starts_with('@') => encoded.replacen('/', "%2f", 1),
        // Without its slash, it would be a redirect.
        (Format::Pypi, Kind::Page) if !path.ends_with('/') => format!("{encoded}/"),
        (Format::Pypi | Format::Npm | Format::Maven, _) => encoded,
    };
    let mut url = Url::parse(&format!("{root}{encoded}"))
        .map_err(|_| Error::unavailable("this path is none of a URL"))?;
    // A path that climbs was refused at the door; here nothing may leave the repository either.
    if !url.path().starts_with(root.path()) {
        return Err(Error::NotFound);
    }
    url.set_query(query);
    Ok(url)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::codeartifact::Table;
    use crate::config::CodeArtifactUpstream;

    fn address(format: Format, path: &str) -> Address {
        let table = Table::new(vec![CodeArtifactUpstream::example()]);
        let upstream = table.by_alias("main").expect("an upstream");
        Address::parse(upstream, format, path, None).expect("an address")
    }

    #[test]
    fn paths_are_written_as_their_own_clients_write_them() {
        let root = Url::parse("https://host/repo/").expect("a URL");
        for (format, path, asked) in [
            (Format::Pypi, "", ""),
            (Format::Pypi, "simple/requests", "simple/requests/"),
            (Format::Pypi, "simple/requests/", "simple/requests/"),
            (
                Format::Pypi,
                "simple/a/1/a-1%2Blocal.whl",
                "simple/a/1/a-1%2Blocal.whl",
            ),
            (Format::Npm, "@acme/pad", "@acme%2fpad"),
            (Format::Npm, "%40acme%2Fpad", "@acme%2fpad"),
            (
                Format::Npm,
                "@acme/pad/-/pad-1.tgz",
                "@acme/pad/-/pad-1.tgz",
            ),
            (
                Format::Maven,
                "g/a/1/a%20b%3F%23.jar",
                "g/a/1/a%20b%3F%23.jar",
            ),
        ] {
            let url = url(&root, &address(format, path), None).expect("a URL");
            assert_eq!(url.as_str(), format!("https://host/repo/{asked}"), "{path}");
        }
        let ping = url(
            &root,
            &address(Format::Npm, "-/v1/search"),
            Some("text=a&size=1"),
        );
        assert_eq!(
            ping.expect("a URL").as_str(),
            "https://host/repo/-/v1/search?text=a&size=1"
        );
    }

    #[test]
    fn the_host_of_assets_is_told_nothing_of_ours() {
        let address = address(Format::Pypi, "simple/a/1/a.whl");
        let token = Token::for_tests("hidden");
        let mut question = Question::of(&address);
        question.accept = "application/x";
        let etag = "\"x\"";
        question.rest = Some(Rest {
            from: 7,
            etag,
            is_of_assets: true,
        });
        let headers = |is_of_assets| {
            let request = question.request(is_of_assets, &token).expect("a request");
            request.body(()).expect("a request").into_parts().0.headers
        };
        let (home, assets) = (headers(false), headers(true));
        assert!(home.contains_key(AUTHORIZATION) && home.contains_key(ACCEPT));
        assert!(!home.contains_key(RANGE));
        assert!(!assets.contains_key(AUTHORIZATION) && !assets.contains_key(ACCEPT));
        assert_eq!(
            (&assets[RANGE], &assets[IF_MATCH]),
            (
                &HeaderValue::from_static("bytes=7-"),
                &HeaderValue::from_static(etag)
            )
        );
        assert!(!format!("{home:?}").contains("Basic"), "{home:?}");
    }
}
