//! The requests that clients made, read from the proxy's log.

/// One answered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    /// How it was answered.
    pub(crate) verdict: String,
    /// Whether it waited for a login.
    pub(crate) is_held: bool,
}

/// All requests of a log, oldest first.
pub(crate) fn requests(log: &str) -> Vec<Logged> {
    let lines = log.lines().filter(|line| line.contains(" request method="));
    lines
        .map(|line| Logged {
            method: field(line, "method=").to_owned(),
            path: field(line, "path=").trim_matches('"').to_owned(),
            status: field(line, "status=").parse().expect("a status"),
            verdict: field(line, "verdict=").trim_matches('"').to_owned(),
            is_held: line.contains(" held=true "),
        })
        .collect()
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, rest) = line.split_once(name).expect("a field of the line");
    rest.split(' ').next().unwrap_or(rest)
}
