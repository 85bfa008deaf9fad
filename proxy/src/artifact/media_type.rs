//! Content types by file name, for objects that were uploaded without a useful one.

/// What S3 answers for objects whose uploader named no type.
const GENERIC: [&str; 3] = ["", "binary/octet-stream", "application/octet-stream"];

/// The content type to send for a key: the stored one, or one by extension where the stored one says
/// nothing.
#[must_use]
pub fn media_type<'a>(key: &str, stored: Option<&'a str>) -> &'a str {
    match stored {
        Some(stored) if !GENERIC.contains(&stored) => stored,
        Some(_) | None => by_extension(key.rsplit('/').next().unwrap_or(key)),
    }
}

fn by_extension(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "jar" | "war" | "ear" | "aar" => "application/java-archive",
        "pom" | "xml" | "xsd" => "application/xml",
        "module" | "json" => "application/json",
        "sha1" | "md5" | "sha256" | "sha512" | "txt" | "properties" | "sum" | "bzl" => "text/plain",
        "asc" | "sig" => "application/pgp-signature",
        "html" | "htm" => "text/html",
        "zip" | "whl" | "klib" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "xz" => "application/x-xz",
        "bz2" => "application/x-bzip2",
        "zst" => "application/zstd",
        "tar" => "application/x-tar",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_stored_type_wins_unless_it_is_generic() {
        let of = |stored| super::media_type("g/A-1.JAR", stored);
        assert_eq!(of(Some("x/y")), "x/y");
        assert_eq!(of(Some("binary/octet-stream")), "application/java-archive");
        assert_eq!(of(None), "application/java-archive");
    }
}
