//! Which repository of CodeArtifact a URL is about, and what is asked of it.

use std::sync::Arc;

use http::Method;

use crate::codeartifact::{Address, Kind, Table, Upstream};
use crate::config::Format;

/// What all of them are below.
const TOP: &str = "/codeartifact/";
/// Digits of an account's id.
const ACCOUNT_DIGITS: usize = 12;

/// What a path of CodeArtifact's names.
#[derive(Debug)]
pub(in crate::server) enum Route<'a> {
    /// A place in a repository that is configured.
    Place(Place<'a>),
    /// Above all places: what somebody opens to see what there is.
    Above(Vec<Arc<Upstream>>),
    /// A repository that is not: never looked for anywhere.
    NotServed {
        /// Says which.
        reason: String,
        /// Of what it would be, so that its client is told in its way.
        format: Option<Format>,
    },
}

/// A place in a repository.
#[derive(Debug)]
pub(in crate::server) struct Place<'a> {
    pub(super) upstream: Arc<Upstream>,
    pub(super) format: Format,
    /// What stands before the path, `/` at both ends.
    pub(super) base: &'a str,
    /// Percent-encoded, below `base`.
    pub(super) path: &'a str,
}

/// What is to be done with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// To answer with what is there.
    Read,
    /// To put something there.
    Publish,
}

impl<'a> Route<'a> {
    /// Whether a path may be one of CodeArtifact's, whatever is configured: nearly none of the bucket's is.
    pub(in crate::server) fn may_be(path: &str) -> bool {
        let by_place = || {
            let mut parts = path.split('/').skip(1);
            parts.next().is_some_and(is_number) && parts.next().is_some()
        };
        path.starts_with(TOP) || by_place()
    }

    /// `None` for paths that are none of CodeArtifact's.
    pub(in crate::server) fn of(table: &Table, path: &'a str) -> Option<Self> {
        if let Some(below) = path.strip_prefix(TOP) {
            return Some(Self::by_alias(table, path, below));
        }
        Self::by_place(table, path)
    }

    /// Of what the place is, or would be.
    pub(super) fn format(&self) -> Option<Format> {
        match self {
            Self::Place(place) => Some(place.format),
            Self::Above(_) => None,
            Self::NotServed { format, .. } => *format,
        }
    }

    /// `/codeartifact/<alias>/<format>/…`
    fn by_alias(table: &Table, path: &'a str, below: &'a str) -> Self {
        let (alias, below) = below.split_once('/').unwrap_or((below, ""));
        let (format, rest) = below.split_once('/').unwrap_or((below, ""));
        let known = Format::of_name(format);
        if alias.is_empty() && below.is_empty() {
            return Self::Above(table.upstreams().to_vec());
        }
        let Some(upstream) = table.by_alias(alias) else {
            return Self::NotServed {
                reason: format!(
                    "no repository of CodeArtifact is configured as `{alias}`: see `codeartifact` \
                     in the proxy's configuration"
                ),
                format: known,
            };
        };
        if below.is_empty() {
            return Self::Above(vec![Arc::clone(upstream)]);
        }
        let Some(known) = known else {
            return Self::NotServed {
                reason: format!(
                    "packages of CodeArtifact are below {TOP}{alias}/ and their format, which is \
                     pypi, npm or maven and not `{format}`"
                ),
                format: None,
            };
        };
        Self::Place(Place {
            upstream: Arc::clone(upstream),
            format: known,
            base: &path[..path.len() - rest.len()],
            path: rest,
        })
    }

    /// `/<account>/<region>/<domain>/<repository>/…`, as an older proxy of Python packages had them. A bucket
    /// may have a folder of twelve digits, but hardly one of a region in it.
    fn by_place(table: &Table, path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.splitn(5, '/');
        let owner = parts.next().filter(|owner| is_number(owner))?;
        let region = parts.next().filter(|region| is_region(region))?;
        let (domain, repository) = (parts.next()?, parts.next()?);
        let rest = parts.next().unwrap_or("");
        if owner.len() != ACCOUNT_DIGITS {
            // Only what is a repository of ours but for its account: anything else is the bucket's.
            let is_meant = |upstream: &Arc<Upstream>| {
                let config = &upstream.config;
                config.region == region
                    && config.domain == domain
                    && config.repository == repository
            };
            let meant = table
                .upstreams()
                .iter()
                .find(|upstream| is_meant(upstream))?;
            let known = &meant.config.domain_owner;
            return Some(Self::NotServed {
                reason: format!(
                    "an account has {ACCOUNT_DIGITS} digits, and `{owner}` has {}: is it {known}?",
                    owner.len()
                ),
                format: Some(Format::Pypi),
            });
        }
        let Some(upstream) = table.by_place(owner, region, domain, repository) else {
            return Some(Self::NotServed {
                reason: format!(
                    "repository {domain}/{repository} of account {owner} in {region} is not \
                     configured: see `codeartifact` in the proxy's configuration"
                ),
                format: Some(Format::Pypi),
            });
        };
        Some(Self::Place(Place {
            upstream: Arc::clone(upstream),
            format: Format::Pypi,
            base: &path[..path.len() - rest.len()],
            path: rest,
        }))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Such as `eu-central-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let mut words = text.rsplit('-');
    let number = words.next().unwrap_or("");
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let (count, are_words) = words.fold((0, true), |(count, are_words), word| {
        let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        (count + 1, are_words && is_word)
    });
    is_number && are_words && count >= 2
}

/// What a method wants of a place; `None` where it is not for that.
pub(super) fn action(method: &Method, address: &Address) -> Option<Action> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Some(Action::Read);
    }
    publishing(address)
        .contains(&method.as_str())
        .then_some(Action::Publish)
}

/// The methods that publish at a place.
pub(super) fn publishing(address: &Address) -> &'static [&'static str] {
    let path = address.path();
    match address.format() {
        // twine and `uv publish` post to the top.
        Format::Pypi if path.is_empty() => &["POST"],
        Format::Maven if address.kind() == Kind::File => &["PUT"],
        Format::Npm if is_dist_tag(path) => &["PUT", "DELETE"],
        Format::Npm if is_package(path) => &["PUT"],
        Format::Pypi | Format::Maven | Format::Npm => &[],
    }
}

/// `-/package/<name>/dist-tags/<tag>`
fn is_dist_tag(path: &str) -> bool {
    let below = path.strip_prefix("-/package/");
    let named = below.and_then(|below| below.split_once("/dist-tags/"));
    named.is_some_and(|(name, tag)| is_package(name) && !tag.is_empty() && !tag.contains('/'))
}

/// `name` or `@scope/name`
fn is_package(path: &str) -> bool {
    let name = match path.strip_prefix('@') {
        Some(scoped) => match scoped.split_once('/') {
            Some((scope, name)) if !scope.is_empty() => name,
            Some(_) | None => return false,
        },
        None => path,
    };
    !name.is_empty() && !name.starts_with('-') && !name.contains('/')
}

/// Where a project's page really is, relative to where it was asked for; `None` where that was right.
///
/// Clients resolve a page's links against its URL, so that its slash matters, and one page should have one name
/// (PEP 503).
pub(super) fn right_name(address: &Address, normalised: impl Fn(&str) -> String) -> Option<String> {
    if (address.format(), address.kind()) != (Format::Pypi, Kind::Page) {
        return None;
    }
    let asked = address.path().strip_prefix("simple/")?;
    let (name, up) = match asked.strip_suffix('/') {
        Some(name) => (name, "../"),
        None => (asked, ""),
    };
    let right = normalised(name);
    // What is no project's name is CodeArtifact's to refuse.
    let is_name = |name: &str| {
        let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !name.is_empty() && name.bytes().all(is_of_it)
    };
    let is_right = right == name && !up.is_empty();
    (!is_right && is_name(&right)).then(|| format!("{up}{right}/"))
}

#[cfg(test)]
pub(super) mod tests {

    use super::*;
    use crate::config::CodeArtifactUpstream;

    pub(in crate::server::codeartifact) fn table() -> Table {
        Table::new(vec![CodeArtifactUpstream {
            publish: true,
            ..CodeArtifactUpstream::example()
        }])
    }

    /// Base, format and path of what is served.
    fn placed(path: &str) -> Option<(String, Format, String)> {
        match Route::of(&table(), path)? {
            Route::Place(place) => Some((place.base.into(), place.format, place.path.into())),
            other @ (Route::Above(_) | Route::NotServed { .. }) => panic!("{path}: {other:?}"),
        }
    }

    fn not_served(path: &str) -> String {
        match Route::of(&table(), path) {
            Some(Route::NotServed { reason, .. }) => reason,
            other => panic!("{path}: {other:?}"),
        }
    }

    fn address(format: Format, path: &str) -> Address {
        let table = table();
        let upstream = table.by_alias("main").expect("an upstream");
        Address::parse(upstream, format, path, None).expect("an address")
    }

    #[test]
    fn a_configured_repository_is_found_by_alias_and_format() {
        for (path, base, format, rest) in [
            (
                "/codeartifact/main/pypi/simple/requests/",
                "/codeartifact/main/pypi/",
                Format::Pypi,
                "simple/requests/",
            ),
            (
                "/codeartifact/main/npm/@acme%2fpad",
                "/codeartifact/main/npm/",
                Format::Npm,
                "@acme%2fpad",
            ),
            (
                "/codeartifact/main/maven/",
                "/codeartifact/main/maven/",
                Format::Maven,
                "",
            ),
            (
                "/codeartifact/main/pypi",
                "/codeartifact/main/pypi",
                Format::Pypi,
                "",
            ),
        ] {
            assert_eq!(placed(path), Some((base.into(), format, rest.into())));
        }
    }

    #[test]
    fn the_older_routes_lead_to_python_packages_of_the_same_repository() {
        let base = "/012345678901/eu-central-1/acme/all/";
        let found = placed(&format!("{base}simple/requests/"));
        let expected = (base.into(), Format::Pypi, "simple/requests/".into());
        assert_eq!(found, Some(expected));
        let top = placed("/012345678901/eu-central-1/acme/all");
        assert_eq!(top.expect("a place").2, "");
    }

    #[test]
    fn what_is_not_configured_is_not_served() {
        assert!(not_served("/codeartifact/other/pypi/simple/x/").contains("`other`"));
        assert!(not_served("/codeartifact//x").contains("``"));
        assert!(not_served("/codeartifact/main/nuget/x").contains("`nuget`"));
        for path in [
            "/012345678901/eu-central-2/acme/all/simple/x/",
            "/012345678901/eu-central-1/other/all/simple/x/",
            "/012345678901/eu-central-1/acme/other/simple/x/",
        ] {
            assert!(not_served(path).contains("is not configured"), "{path}");
        }
        // A leading zero is easily lost.
        let lost = not_served("/12345678901/eu-central-1/acme/all/simple/x/");
        assert!(
            lost.contains("12 digits") && lost.contains("012345678901"),
            "{lost}"
        );
    }

    #[test]
    fn above_all_places_there_is_something_to_read() {
        for path in [
            "/codeartifact/",
            "/codeartifact/main",
            "/codeartifact/main/",
        ] {
            match Route::of(&table(), path) {
                Some(Route::Above(upstreams)) => assert_eq!(upstreams.len(), 1, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[test]
    fn paths_of_the_bucket_stay_the_buckets() {
        assert!(Route::may_be("/codeartifact/x"));
        assert!(Route::may_be("/012345678901/eu-central-1/acme/all/"));
        assert!(Route::may_be("/12345678901/eu-central-1/acme/all/"));
        for path in ["/", "/codeartifact", "/com/acme/a.jar", "/012345678901"] {
            assert!(!Route::may_be(path), "{path}");
        }
        for path in [
            "/",
            "/codeartifact",
            "/codeartifacts/main/pypi/",
            "/com/acme/a.jar",
            "/012345678901/releases/a/b/c.jar",
            "/012345678901/eu-central-1/acme",
            "/0123456789012/eu-central-1/other/all/",
            "/12345678901/eu-central-1/acme/other/",
            "/01234567890x/eu-central-1/acme/all/",
        ] {
            assert!(Route::of(&table(), path).is_none(), "{path}");
        }
    }

    #[test]
    fn regions_look_like_regions() {
        for region in ["eu-central-1", "us-gov-west-1", "ap-southeast-12"] {
            assert!(is_region(region), "{region}");
        }
        for other in [
            "",
            "1",
            "eu-1",
            "eu-central-",
            "eu--1",
            "EU-Central-1",
            "a-b-c",
        ] {
            assert!(!is_region(other), "{other}");
        }
    }

    #[test]
    fn each_format_is_published_to_in_its_own_way() {
        for (format, path, methods) in [
            (Format::Pypi, "", &["POST"] as &[_]),
            (Format::Pypi, "simple/", &[]),
            (Format::Pypi, "simple/requests/", &[]),
            (Format::Maven, "g/a/1/a-1.jar", &["PUT"]),
            (Format::Maven, "g/a/maven-metadata.xml", &["PUT"]),
            (Format::Maven, "g/a/", &[]),
            (Format::Npm, "left-pad", &["PUT"]),
            (Format::Npm, "@acme%2Fpad", &["PUT"]),
            (Format::Npm, "left-pad/-rev/1-a", &[]),
            (Format::Npm, "-/user/org.couchdb.user:me", &[]),
            (
                Format::Npm,
                "-/package/@acme%2fpad/dist-tags/beta",
                &["PUT", "DELETE"],
            ),
            (Format::Npm, "-/package/left-pad/dist-tags", &[]),
            (Format::Npm, "-/npm/v1/security/advisories/bulk", &[]),
        ] {
            assert_eq!(publishing(&address(format, path)), methods, "{path}");
        }
        let top = address(Format::Pypi, "");
        assert_eq!(action(&Method::HEAD, &top), Some(Action::Read));
        assert_eq!(action(&Method::POST, &top), Some(Action::Publish));
        assert_eq!(action(&Method::PUT, &top), None);
        assert_eq!(action(&Method::OPTIONS, &top), None);
    }

    #[test]
    fn a_project_has_one_page() {
        let normalised = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
        for (path, right) in [
            ("simple/requests/", None),
            ("simple/requests", Some("requests/")),
            ("simple/Typing_Extensions", Some("typing-extensions/")),
            ("simple/Typing_Extensions/", Some("../typing-extensions/")),
            ("simple/", None),
            ("simple/requests/1/r-1.tar.gz", None),
        ] {
            let address = address(Format::Pypi, path);
            assert_eq!(right_name(&address, normalised).as_deref(), right, "{path}");
        }
        let odd = address(Format::Pypi, "simple/a%3A%2F%2Fb");
        assert_eq!(right_name(&odd, normalised), None);
        assert_eq!(right_name(&address(Format::Npm, "Left"), normalised), None);
    }
}
