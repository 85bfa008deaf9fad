//! URLs in lists: whether they are this repository's, and which key they name.

use std::net::IpAddr;

use http::Uri;

use crate::artifact::{ArtifactKey, RequestPath};

/// The hosts by which build tools call the repository that is asked, and where it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OurHosts {
    names: Vec<String>,
    /// Empty, or beginning with a slash and not ending in one.
    folder: String,
}

impl OurHosts {
    /// These names, besides all of loopback, with the repository at `/`.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase());
        Self {
            names: names.collect(),
            folder: String::new(),
        }
    }

    /// The same, with the repository in this folder, which is a URL's path.
    #[must_use]
    pub fn at(self, folder: &str) -> Self {
        let folder = folder.trim_end_matches('/').to_owned();
        Self { folder, ..self }
    }

    /// Whether a URL is of this repository.
    #[must_use]
    pub fn has(&self, url: &str) -> bool {
        self.uri(url).is_some()
    }

    /// The key that a URL of this repository asks for; `None` for another one's, or a folder's.
    #[must_use]
    pub fn key(&self, url: &str) -> Option<ArtifactKey> {
        let uri = self.uri(url)?;
        match RequestPath::parse(uri.path().strip_prefix(&self.folder)?, 0) {
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
        let is_in_folder = uri
            .path()
            .strip_prefix(&self.folder)
            .is_some_and(|rest| rest.starts_with('/'));
        let is_our_host = is_loopback || self.names.contains(&host);
        (is_http && is_our_host && is_in_folder).then_some(uri)
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

    #[test]
    fn a_repository_in_a_folder_has_keys_below_it_only() {
        let ours = OurHosts::default().at("/maven/");
        let key = ours.key("http://localhost/maven/g/a.jar").expect("ours");
        assert_eq!(key.as_str(), "g/a.jar");
        for url in ["http://localhost/g/a.jar", "http://localhost/maven-2/a.jar"] {
            assert!(!ours.has(url), "{url}");
        }
    }
}
