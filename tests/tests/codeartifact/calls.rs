//! What reached CodeArtifact, read from the simulated one's books.

use simulated_aws::Call;

/// A header of a call, or an empty text.
pub(crate) fn header<'a>(call: &'a Call, name: &str) -> &'a str {
    let head = call.head.as_ref().expect("a head");
    head.header(name).unwrap_or_default()
}

/// The method.
pub(crate) fn method(call: &Call) -> &str {
    call.head.as_ref().expect("a head").method.as_str()
}

/// The path.
pub(crate) fn path(call: &Call) -> &str {
    call.head.as_ref().expect("a head").uri.path()
}

/// The path and the query.
pub(crate) fn target(call: &Call) -> String {
    call.head.as_ref().expect("a head").uri.to_string()
}

/// Nothing that a client sent for itself went on.
pub(crate) fn assert_nothing_of_the_client(call: &Call) {
    for name in ["cookie", "proxy-authorization", "x-forwarded-for", "te"] {
        assert_eq!(header(call, name), "", "{name}: {call:?}");
    }
    let authorization = header(call, "authorization");
    for of_clients in ["Y2xpZW50OnNlY3JldA", "bm9ib2R5Om5vbmU", "Bearer none"] {
        assert!(!authorization.contains(of_clients), "{call:?}");
    }
}
