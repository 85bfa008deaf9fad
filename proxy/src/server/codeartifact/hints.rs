//! What people read who open a URL that clients are configured with, or who ask for what is not there. The status is
//! 404 all the same: no client may take such a text for an index.

use std::fmt::Write as _;
use std::sync::Arc;

use http::request::Parts;

use super::super::hold::authority;
use super::page::scheme;
use crate::codeartifact::{Address, Kind, Upstream};
use crate::config::Format;

/// The URLs that clients of these repositories are configured with.
pub(super) fn of_clients(upstreams: &[Arc<Upstream>], request: &Parts) -> String {
    let origin = authority(request).map_or_else(String::new, |authority| {
        format!("{}://{authority}", scheme(&request.headers))
    });
    let mut text =
        "here is no page; clients of package indexes use these URLs, and add a package's name:"
            .to_owned();
    for upstream in upstreams {
        let config = &upstream.config;
        for format in &config.formats {
            let (clients, below) = match format {
                Format::Pypi => ("pip, uv, Poetry", "simple/"),
                Format::Npm => ("npm, pnpm", ""),
                Format::Maven => ("Maven, Gradle, Bazel", ""),
            };
            let url = format!("{origin}/codeartifact/{}/{format}/{below}", config.alias);
            let (domain, repository) = (&config.domain, &config.repository);
            // A text takes all that is written.
            let _written = write!(text, "\n  {url}  ({clients}; {domain}/{repository})");
        }
    }
    text
}

/// That a repository does not have something.
pub(super) fn missing(address: &Address) -> String {
    let (config, path) = (&address.upstream().config, address.path());
    let what = match (address.kind(), address.format()) {
        (Kind::Page, Format::Pypi) => {
            let name = path.strip_prefix("simple/").unwrap_or(path);
            format!("Python project `{}`", name.trim_end_matches('/'))
        }
        (Kind::Page, Format::Npm) => format!("npm package `{path}`"),
        (Kind::Page | Kind::File, Format::Maven) => format!("Maven file `{path}`"),
        (Kind::File, Format::Pypi) => format!("Python file `{path}`"),
        (Kind::File, Format::Npm) => format!("npm file `{path}`"),
        (Kind::Other, format) => format!("`{path}` for {format}"),
    };
    let (domain, repository) = (&config.domain, &config.repository);
    format!("{domain}/{repository} has no {what}")
}

#[cfg(test)]
mod tests {
    use super::super::route::tests::table;
    use super::*;

    #[test]
    fn clients_are_told_of_where_they_were_asked_for() {
        let request = http::Request::get("/codeartifact/").header("host", "localhost:9000");
        let (request, ()) = request.body(()).expect("a request").into_parts();
        let text = of_clients(table().upstreams(), &request);
        for url in ["pypi/simple/", "npm/", "maven/"] {
            let url = format!("\n  http://localhost:9000/codeartifact/main/{url}  (");
            assert!(text.contains(&url), "{url} in {text}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_repository() {
        let table = table();
        for (format, path, what) in [
            (Format::Pypi, "simple/nothere/", "Python project `nothere`"),
            (Format::Npm, "@acme%2fx", "npm package `@acme/x`"),
            (Format::Maven, "g/a/1/a-1.jar", "Maven file `g/a/1/a-1.jar`"),
            (Format::Npm, "-/none", "`-/none` for npm"),
        ] {
            let address = Address::parse(&table.upstreams()[0], format, path, None);
            let text = missing(&address.expect("an address"));
            assert_eq!(text, format!("acme/all has no {what}"));
        }
    }
}
