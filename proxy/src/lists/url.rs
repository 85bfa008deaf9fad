//! URLs in lists: whether they are this repository's, and which key they name.

use std::net::IpAddr;

use http::Uri;

use crate::artifact::{ArtifactKey, RequestPath};

/// The hosts by which build tools call the repository that is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OurHosts(Vec<String>);

impl OurHosts {
    /// These names, besides all of loopback.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(
            names
                .into_iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
        )
    }

    /// Whether a URL is of this repository.
    #[must_use]
    pub fn has(&self, url: &str) -> bool {
        self.uri(url).is_some()
    }

    /// The key that a URL of this repository asks for; `None` for another one's, or a folder's.
    #[must_use]
    pub fn key(&self, url: &str) -> Option<ArtifactKey> {
        match RequestPath::parse(self.uri(url)?.path(), 0) {
            Ok(RequestPath::Artifact(key)) => Some(key),
            Ok(RequestPath::Folder(_)) | Err(_) => None,
        }
    }

    fn uri(&self, url: &str) -> Option<Uri> {
        let uri: Uri = url.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
        let is_loopback = host == "localhost"
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        (is_http && (is_loopback || self.0.contains(&host))).then_some(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_urls_are_those_of_loopback_and_of_our_names() {
        let ours = OurHosts::new(["Proxy.Example".to_owned()]);
        for url in [
            "http://127.0.0.1:9000/g/a.jar",
            "http://[::1]:9000/g/a.jar",
            "http://LOCALHOST/g/a.jar?x",
            "https://me:secret@proxy.example/g/a.jar",
        ] {
            let key = ours.key(url).expect("ours");
            assert_eq!(key.as_str(), "g/a.jar", "{url}");
        }
        for url in [
            "https://maven.example.com/g/a.jar",
            "file:///g/a.jar",
            "g/a.jar",
            "",
        ] {
            assert!(!ours.has(url), "{url}");
        }
        assert_eq!(ours.key("http://localhost/"), None);
    }
}
