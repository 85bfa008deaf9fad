//! The requests that clients made, read from the proxy's log.

/// One answered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    /// What `Cache-Status` said.
    pub(crate) verdict: String,
}

impl Logged {
    /// Whether it waited for a login.
    pub(crate) fn is_held(&self) -> bool {
        self.verdict.ends_with("; held")
    }
}

/// All requests of a log, oldest first.
pub(crate) fn requests(log: &str) -> Vec<Logged> {
    let lines = log.lines().filter(|line| line.contains(" request method="));
    lines
        .map(|line| Logged {
            method: field(line, "method=").to_owned(),
            path: field(line, "path=").trim_matches('"').to_owned(),
            status: field(line, "status=").parse().expect("a status"),
            verdict: quoted(line, "verdict="),
        })
        .collect()
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.split_once(name).expect("a field of the line");
    rest.split(' ').next().unwrap_or(rest)
}

/// A field whose text holds spaces.
fn quoted(line: &str, name: &str) -> String {
    let (_, rest) = line.split_once(name).expect("a field of the line");
    let text = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    text.map_or(field(line, name), |(text, _)| text).to_owned()
}
