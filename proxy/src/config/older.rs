//! Variables of the Flask proxy of CodeArtifact that this one replaces: `LISTEN_ADDRESS`, `PORT` and `DEBUG`.
//!
//! They count where a repository of CodeArtifact is configured, and ours are not set. Elsewhere nothing is said of
//! them: they are everybody's.

use program::reader::Reader;

/// Which variables say where to listen and how much to log.
pub(super) struct Names {
    pub(super) host: &'static str,
    pub(super) port: &'static str,
    /// Whether `DEBUG` asks for the level debug.
    pub(super) is_debug: bool,
    /// A line for each that counts.
    pub(super) notes: Vec<String>,
}

impl Names {
    /// Ours alone, unless repositories are served.
    pub(super) fn of(read: &Reader<'_>, serves_repositories: bool) -> Self {
        let counts = |theirs: &str, ours: &[&str]| {
            let mut ours = ours.iter();
            serves_repositories && read.is_set(theirs) && !ours.any(|ours| read.is_set(ours))
        };
        let mut notes = Vec::new();
        let mut choose = |theirs: &'static str, ours: &'static str| {
            if !counts(theirs, &[ours]) {
                return ours;
            }
            notes.push(format!("{theirs} is taken for {ours}: better set that"));
            theirs
        };
        let host = choose("LISTEN_ADDRESS", "PROXY_HOST");
        let port = choose("PORT", "PROXY_PORT");
        let debug = read.text("DEBUG").unwrap_or_default();
        let is_on = matches!(
            debug.to_ascii_lowercase().as_str(),
            "true" | "1" | "yes" | "on"
        );
        let is_debug = is_on && counts("DEBUG", &["LOG_LEVEL", "CREDPROXY_LOG_LEVEL"]);
        if is_debug {
            notes.push("DEBUG is taken for LOG_LEVEL=debug: better set that".to_owned());
        }
        Self {
            host,
            port,
            is_debug,
            notes,
        }
    }
}
