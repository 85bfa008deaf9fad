//! One fault: its scope and its effects.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};

use crate::Operation;
use crate::service::Target;

/// A fault to [add](crate::Faults::add): which requests it strikes, how often, and what happens.
///
/// Effects combine: `delay(…).respond(503, "SlowDown")` answers late with an error. Positions in a body
/// count the bytes of the answer, so of the range, not of the object. A cut, flip or stop at or behind
/// the body's end never happens, nor does one in an answer without a body.
#[derive(Clone, Debug, Default)]
#[must_use = "a fault does nothing until it is added"]
pub struct Fault {
    operations: Vec<Operation>,
    methods: Vec<Method>,
    bucket: Option<String>,
    keys: Option<KeyScope>,
    grant_type: Option<String>,
    pub(super) times: Option<u64>,
    pub(super) skip: u64,
    pub(super) effects: Effects,
}

#[derive(Clone, Debug)]
enum KeyScope {
    Exact(String),
    Prefix(String),
    Suffix(String),
}

/// What a fault does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects {
    pub(crate) delay: Option<Duration>,
    pub(crate) hang: bool,
    pub(crate) close: Option<CutKind>,
    pub(crate) respond: Option<(u16, String)>,
    pub(crate) message: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) raw: Option<RawAnswer>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: BodyEffects,
}

/// An answer that no service would give.
#[derive(Clone, Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// What a fault does to the body of the answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BodyEffects {
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) cut: Option<Cut>,
    pub(crate) pause: Option<(u64, Duration)>,
    pub(crate) flip: Option<u64>,
}

/// The end of a connection in the middle of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) at: u64,
    pub(crate) kind: CutKind,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutKind {
    /// A TCP reset.
    Reset,
    /// An orderly end of stream that the announced length gives away.
    Fin,
}

impl Fault {
    /// A fault on one operation.
    pub fn on(operation: Operation) -> Self {
        Self {
            operations: vec![operation],
            ..Self::default()
        }
    }

    /// A fault on every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Strikes this operation as well.
    pub fn or_on(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// Strikes only these HTTP methods; can be given more than once.
    pub fn method(mut self, method: Method) -> Self {
        self.methods.push(method);
        self
    }

    /// Strikes only this bucket.
    pub fn bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    /// Strikes only this key.
    pub fn key(mut self, key: &str) -> Self {
        self.keys = Some(KeyScope::Exact(key.to_owned()));
        self
    }

    /// Strikes only keys that start so.
    pub fn key_prefix(mut self, prefix: &str) -> Self {
        self.keys = Some(KeyScope::Prefix(prefix.to_owned()));
        self
    }

    /// Strikes only keys that end so.
    pub fn key_suffix(mut self, suffix: &str) -> Self {
        self.keys = Some(KeyScope::Suffix(suffix.to_owned()));
        self
    }

    /// Strikes `CreateToken` only for this grant: with `refresh_token`, people can still sign in.
    pub fn grant_type(mut self, grant_type: &str) -> Self {
        self.grant_type = Some(grant_type.to_owned());
        self
    }

    /// Strikes so many requests and then no more; without it, always.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets so many matching requests pass first.
    pub fn skip_first(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Answers with a status and an AWS error code instead of the real answer.
    pub fn respond(mut self, status: u16, code: &str) -> Self {
        self.effects.respond = Some((status, code.to_owned()));
        self
    }

    /// The text that goes with the code of [`respond`](Self::respond).
    pub fn message(mut self, message: &str) -> Self {
        self.effects.message = Some(message.to_owned());
        self
    }

    /// The `reason` that SSO-OIDC gives beside the code of [`respond`](Self::respond), such as
    /// `KMS_AccessDeniedException`.
    pub fn reason(mut self, reason: &str) -> Self {
        self.effects.reason = Some(reason.to_owned());
        self
    }

    /// Answers with exactly this, in no service's form: the page of a captive portal, half a document,
    /// nothing. An empty content type sends none. It goes before [`respond`](Self::respond).
    pub fn respond_with(mut self, status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.effects.raw = Some(RawAnswer {
            status,
            content_type: content_type.to_owned(),
            body: body.into(),
        });
        self
    }

    /// Puts a header on the answer, in place of its own of that name: `Retry-After` beside a 429, or a `Location`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.effects.headers.insert(name, value);
        self
    }

    /// Waits before the answer's head.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.effects.delay = Some(delay);
        self
    }

    /// Never answers until the fault is removed or the server stops.
    pub fn hang(mut self) -> Self {
        self.effects.hang = true;
        self
    }

    /// Resets the connection instead of answering.
    pub fn reset(mut self) -> Self {
        self.effects.close = Some(CutKind::Reset);
        self
    }

    /// Sends the body at this rate, in bytes a second, in slices of a twentieth of a second.
    pub fn rate(mut self, bytes_per_second: u64) -> Self {
        self.effects.body.bytes_per_second = Some(bytes_per_second.max(1));
        self
    }

    /// Resets the connection after `at` bytes of the body. A reset discards what the client's system
    /// had no room for, so the client sees at most `at` bytes.
    pub fn cut_with_reset(mut self, at: u64) -> Self {
        self.effects.body.cut = Some(Cut {
            at,
            kind: CutKind::Reset,
        });
        self
    }

    /// Closes the connection in good order after exactly `at` bytes of the body.
    pub fn cut_with_fin(mut self, at: u64) -> Self {
        self.effects.body.cut = Some(Cut {
            at,
            kind: CutKind::Fin,
        });
        self
    }

    /// Pauses after `at` bytes of the body.
    pub fn delay_body(mut self, at: u64, pause: Duration) -> Self {
        self.effects.body.pause = Some((at, pause));
        self
    }

    /// Inverts the bits of byte `at` of the body.
    pub fn flip_byte(mut self, at: u64) -> Self {
        self.effects.body.flip = Some(at);
        self
    }

    pub(super) fn matches(&self, method: &Method, target: &Target) -> bool {
        let operation = self.operations.is_empty() || self.operations.contains(&target.operation);
        let method = self.methods.is_empty() || self.methods.contains(method);
        let bucket = self.bucket.is_none() || self.bucket == target.bucket;
        let grant_type = self.grant_type.is_none() || self.grant_type == target.grant_type;
        let key = match (&self.keys, target.key.as_deref()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(KeyScope::Exact(exact)), Some(key)) => exact == key,
            (Some(KeyScope::Prefix(prefix)), Some(key)) => key.starts_with(prefix.as_str()),
            (Some(KeyScope::Suffix(suffix)), Some(key)) => key.ends_with(suffix.as_str()),
        };
        operation && method && bucket && grant_type && key
    }
}
