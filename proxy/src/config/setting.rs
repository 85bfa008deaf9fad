//! The settings that are more than a number: each is checked by what it will be used for.

use std::path::PathBuf;

use program::reader::Reader;

use super::EveryNth;

/// Names without scheme, port and path, separated by commas or white space.
pub(super) fn host_names(read: &mut Reader<'_>, variable: &'static str) -> Vec<String> {
    let names = read.list(variable);
    for name in &names {
        if !is_host_name(name) {
            read.fault(
                variable,
                format!("`{name}` is not a name"),
                "give names without scheme, port and path, for example bazel-proxy",
            );
        }
    }
    names
}

/// Whether this may stand in a `Host` header, without a port.
pub(super) fn is_host_name(name: &str) -> bool {
    let is_legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
    let has_port = name.contains(':') && name.parse::<std::net::IpAddr>().is_err();
    !name.is_empty() && !has_port && name.chars().all(is_legal)
}

/// `off`, `all`, or one of so many.
pub(super) fn access_log_hits(read: &mut Reader<'_>) -> Option<EveryNth> {
    const VARIABLE: &str = "ACCESS_LOG_HITS";
    let text = read.text(VARIABLE)?;
    let every = match text.as_str() {
        "off" => return None,
        "all" => Some("1"),
        other => other.strip_prefix("1/"),
    };
    let every = every.and_then(|every| every.parse().ok()).map(EveryNth);
    if every.is_none() {
        read.fault(
            VARIABLE,
            format!("`{text}` says not which hits to log"),
            "use off, all, or 1/100 for one of a hundred",
        );
    }
    every
}

pub(super) fn bucket_name(read: &mut Reader<'_>) -> String {
    const VARIABLE: &str = "S3_BUCKET_NAME";
    let Some(name) = read.text(VARIABLE) else {
        read.fault(
            VARIABLE,
            "not set",
            "name the bucket that holds your artifacts, for example \
             S3_BUCKET_NAME=my-team-artifacts; or a repository of CodeArtifact by \
             CODEARTIFACT_DOMAIN, CODEARTIFACT_DOMAIN_OWNER and CODEARTIFACT_REPOSITORY; or, for \
             several of them, or credentials for containers, a configuration file by --config",
        );
        return String::new();
    };
    // The general rules of "Bucket naming rules" (Amazon S3 User Guide), which S3-compatible
    // servers relax to allow capitals and underscores.
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !(3..=63).contains(&name.len()) || !name.chars().all(legal) {
        read.fault(
            VARIABLE,
            format!("`{name}` is not a bucket's name"),
            "3 to 63 letters, digits, `-` and `.`; without s3:// and without a path (that is \
             S3_PREFIX)",
        );
    }
    name
}

pub(super) fn prefix(read: &mut Reader<'_>) -> String {
    let text = read.text("S3_PREFIX").unwrap_or_default();
    let trimmed = text.trim_matches('/');
    if trimmed.split('/').any(|segment| segment == "..") {
        read.fault(
            "S3_PREFIX",
            format!("`{text}` holds `..`"),
            "give the folder's own name",
        );
    }
    if trimmed.len() > 512 {
        read.fault(
            "S3_PREFIX",
            "longer than 512 bytes",
            "S3 keys end at 1024 bytes",
        );
    }
    if trimmed.is_empty() {
        String::new()
    } else {
        format!("{trimmed}/")
    }
}

pub(super) fn region(read: &mut Reader<'_>) -> String {
    let region = read
        .text("AWS_REGION")
        .unwrap_or_else(|| "us-west-2".to_owned());
    if !region
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-')
    {
        let problem = format!("`{region}` is not a region");
        read.fault("AWS_REGION", problem, "for example us-west-2");
    }
    region
}

pub(super) fn s3_endpoint(read: &mut Reader<'_>) -> Option<String> {
    endpoint(read, "AWS_ENDPOINT_URL_S3")
}

/// `AWS_ENDPOINT_URL_CODEARTIFACT`, else `AWS_ENDPOINT_URL`.
pub(super) fn codeartifact_endpoint(read: &mut Reader<'_>) -> Option<String> {
    // The general one is reported with the bucket's, which falls back to it, too.
    if read.is_set("AWS_ENDPOINT_URL_CODEARTIFACT") || read.is_set("AWS_ENDPOINT_URL_S3") {
        return endpoint(read, "AWS_ENDPOINT_URL_CODEARTIFACT");
    }
    read.text("AWS_ENDPOINT_URL")
}

/// A service's own variable, else the one for all services.
fn endpoint(read: &mut Reader<'_>, of_service: &'static str) -> Option<String> {
    [of_service, "AWS_ENDPOINT_URL"]
        .into_iter()
        .find_map(|variable| {
            let url = read.text(variable)?;
            let uri = url.parse::<http::Uri>().ok();
            let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
            if !matches!(scheme, Some("http" | "https")) {
                let problem = format!("`{url}` is not an http or https URL");
                read.fault(variable, problem, "for example http://127.0.0.1:9090");
            }
            Some(url)
        })
}

/// `CACHE_DIR`, else the platform's cache folder (the image sets `CACHE_DIR=/data`).
pub(super) fn cache_folder(read: &mut Reader<'_>) -> PathBuf {
    let folder = |text: String, below: &str| PathBuf::from(text).join(below);
    let home = read.text("HOME");
    let platform = if cfg!(target_os = "macos") {
        home.map(|home| folder(home, "Library/Caches/bazel-proxy"))
    } else {
        read.text("XDG_CACHE_HOME")
            .map(|cache| folder(cache, "bazel-proxy"))
            .or_else(|| home.map(|home| folder(home, ".cache/bazel-proxy")))
    };
    let chosen = read.text("CACHE_DIR").map(PathBuf::from).or(platform);
    chosen.unwrap_or_else(|| {
        read.fault(
            "CACHE_DIR",
            "not set, and there is no HOME",
            "name a folder for the cache",
        );
        PathBuf::new()
    })
}
