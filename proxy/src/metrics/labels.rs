//! Values of labels that are a closed set: each has its text once, and all begin at zero.

use http::StatusCode;

/// What becomes of a request that waited for a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOutcome {
    /// It was answered.
    Answered,
    /// The client comes back and waits on.
    Redirected,
    /// It was told to come again.
    GivenUp,
}

/// Who ended an answer early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortedBy {
    /// It has left.
    Client,
    /// It could not go on.
    Proxy,
}

impl HeldOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Answered, Self::Redirected, Self::GivenUp];

    /// By the answer's status.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::TEMPORARY_REDIRECT => Self::Redirected,
            status if status.is_server_error() => Self::GivenUp,
            _ => Self::Answered,
        }
    }

    /// The value of the label `outcome`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Redirected => "redirected",
            Self::GivenUp => "given-up",
        }
    }
}

impl AbortedBy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Client, Self::Proxy];

    /// The value of the label `by`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Proxy => "proxy",
        }
    }
}
