//! Where a link of a page leads: below the repository, to someone else, or nowhere that a client should go.

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// How long a file's name may be, in bytes, as on disk.
const MOST_NAME_BYTES: usize = 255;

/// A page, and what its links are told by.
#[derive(Debug)]
pub(super) struct Site {
    /// The page's own URL, as a folder.
    page: Url,
    /// What its links start from: the page, or what its `<base>` says.
    base: Url,
    /// What the repository's files and pages lie below.
    root: Url,
}

/// Where a link leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Below the root.
    Ours(Url),
    /// To another host, without a name or password.
    Foreign(Url),
    /// To another scheme, to the repository's host but past the repository, or it is no link.
    Nowhere,
}

impl Site {
    pub(super) fn new(asked: &Url, root: &Url, base: Option<&str>) -> Self {
        let page = folder(asked);
        let base = base.and_then(|base| page.join(base).ok());
        Self {
            base: base.unwrap_or_else(|| page.clone()),
            page,
            root: folder(root),
        }
    }

    /// Where a link leads on the web, without a name or password: of no use to a client, and perhaps secret.
    pub(super) fn web(&self, link: &str) -> Option<Url> {
        let mut url = self.base.join(link).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https");
        let is_bare = url.set_username("").is_ok() && url.set_password(None).is_ok();
        (is_web && is_bare).then_some(url)
    }

    pub(super) fn target(&self, link: &str) -> Target {
        let Some(url) = self.web(link) else {
            return Target::Nowhere;
        };
        if url.origin() == self.root.origin() {
            if url.path().starts_with(self.root.path()) {
                return Target::Ours(url);
            }
            return Target::Nowhere;
        }
        match (url.host(), self.root.host()) {
            (Some(Host::Domain(host)), Some(Host::Domain(ours)))
                if host.trim_end_matches('.') == ours.trim_end_matches('.') =>
            {
                Target::Nowhere
            }
            (_, _) => Target::Foreign(url),
        }
    }

    /// A link of our own as it stands on the page: good at any URL that ends as the page's own.
    pub(super) fn relative(&self, ours: &Url) -> String {
        let (page, path) = (self.page.path(), ours.path());
        let common = page.bytes().zip(path.bytes());
        let common = common.take_while(|(left, right)| left == right).count();
        // Both begin with a slash, and a slash is a whole character.
        let folder = page[..common].rfind('/').map_or(0, |at| at + 1);
        let up = page[folder..].matches('/').count();
        let rest = &path[folder..];
        let mut link = "../".repeat(up);
        let first = rest.split('/').next().unwrap_or_default();
        let has_no_begin = rest.is_empty() && (ours.query(), ours.fragment()) == (None, None);
        if up == 0 && (has_no_begin || rest.starts_with('/') || first.contains(':')) {
            link.push_str("./");
        }
        link.push_str(rest);
        with_rest(link, ours)
    }

    /// A link of our own as it stands behind the root's URL.
    pub(super) fn below_root(&self, ours: &Url) -> String {
        let path = ours.path().strip_prefix(self.root.path());
        with_rest(path.unwrap_or_default().to_owned(), ours)
    }
    /// The decoded path below the root; `None` of what is no UTF-8.
    pub(super) fn path(&self, ours: &Url) -> Option<String> {
        let path = ours.path().strip_prefix(self.root.path())?;
        let path = percent_decode_str(path).decode_utf8().ok()?;
        Some(path.into_owned())
    }
}

/// A URL's path and what stands behind it.
fn with_rest(path: String, of: &Url) -> String {
    let mut link = path;
    for (mark, part) in [('?', of.query()), ('#', of.fragment())] {
        if let Some(part) = part {
            link.push(mark);
            link.push_str(part);
        }
    }
    link
}

/// With a slash at its end, and nothing behind it.
fn folder(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

/// The name of the file that a link leads to; `None` if it leads to no file.
pub(super) fn file_name(url: &Url) -> Option<String> {
    let name = url.path().rsplit('/').next()?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    is_file_name(&name).then(|| name.into_owned())
}

pub(super) fn is_file_name(name: &str) -> bool {
    let has_foreign = |character: char| character.is_control() || "/\\".contains(character);
    (1..=MOST_NAME_BYTES).contains(&name.len())
        && !name.contains(has_foreign)
        && !matches!(name, "." | "..")
}

/// The SHA-256 of a link's fragment (`#sha256=…`, PEP 503), in lower case.
pub(super) fn sha256(url: &Url) -> Option<String> {
    let mut parts = url.fragment()?.split('&');
    let value = parts.find_map(|part| part.strip_prefix("sha256="))?;
    hexadecimal(value, 32)
}

/// In lower case, if it is that many bytes in hexadecimal digits.
pub(super) fn hexadecimal(value: &str, bytes: usize) -> Option<String> {
    let is_right = value.len() == 2 * bytes && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_right.then(|| value.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "https://acme-0123.d.codeartifact.eu-central-1.amazonaws.com/pypi/all/";

    fn site(base: Option<&str>) -> Site {
        let root = Url::parse(ROOT).expect("a URL");
        let page = root.join("simple/requests/").expect("a URL");
        Site::new(&page, &root, base)
    }

    fn relative(site: &Site, link: &str) -> Option<String> {
        match site.target(link) {
            Target::Ours(url) => Some(site.relative(&url)),
            Target::Foreign(_) | Target::Nowhere => None,
        }
    }

    #[test]
    fn our_own_links_become_relative_to_the_page() {
        let site = site(None);
        let absolute = format!("{ROOT}simple/requests/2.0/r-2.0.whl#sha256=00");
        let user = absolute.replace("https://", "https://aws:secret@");
        let port = absolute.replace(".com/", ".com:443/");
        for (link, expected) in [
            (absolute.as_str(), "2.0/r-2.0.whl#sha256=00"),
            (user.as_str(), "2.0/r-2.0.whl#sha256=00"),
            (port.as_str(), "2.0/r-2.0.whl#sha256=00"),
            ("2.0/r-2.0.whl#sha256=00", "2.0/r-2.0.whl#sha256=00"),
            ("/pypi/all/simple/requests/2.0/a?b=c", "2.0/a?b=c"),
            ("../requests-x/1/a", "../requests-x/1/a"),
            ("../../packages/a", "../../packages/a"),
            ("../", "../"),
            ("./", "./"),
            ("#top", "#top"),
            ("./a:b", "./a:b"),
            (".//evil.example/a", ".//evil.example/a"),
            ("2.0/a%2Fb", "2.0/a%2Fb"),
        ] {
            let found = relative(&site, link);
            assert_eq!(found.as_deref(), Some(expected), "{link}");
            assert_eq!(relative(&site, expected).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_leads_past_the_repository_leads_nowhere() {
        let site = site(None);
        let plain = ROOT.replace("https", "http");
        let dot = ROOT.replace(".com/", ".com./");
        for link in [
            "../../../other/simple/x/",
            "/",
            "/pypi/all",
            "%2e%2e/../../..",
            "mailto:a@b.example",
            "javascript:alert(1)",
            "data:,x",
            "ftp://a.example/b",
            "https://[",
            plain.as_str(),
            dot.as_str(),
        ] {
            assert_eq!(site.target(link), Target::Nowhere, "{link}");
        }
    }

    #[test]
    fn foreign_links_keep_no_password() {
        let site = site(None);
        for link in [
            "https://u:p@files.example/a",
            "//files.example/a",
            "\\\\files.example/a",
        ] {
            let expected = Url::parse("https://files.example/a").expect("a URL");
            assert_eq!(site.target(link), Target::Foreign(expected), "{link}");
        }
    }

    #[test]
    fn a_base_moves_all_links() {
        let moved = site(Some("../../packages/"));
        let file = relative(&moved, "a.whl");
        assert_eq!(file.as_deref(), Some("../../packages/a.whl"));
        let away = site(Some("https://files.example/x/"));
        assert!(matches!(away.target("a.whl"), Target::Foreign(_)));
    }
}
