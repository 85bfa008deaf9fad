//! A failed call to one of AWS's services, reduced to what decides.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// What is left of an SDK's error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The error code of the answer, if it had one.
    pub code: Option<String>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The service's own message, or the chain of causes. Without a full stop at its end.
    pub message: String,
    /// Whether the service said more than a code. AWS always does; Ceph does not.
    pub says_why: bool,
}

impl Failure {
    /// Reduces an SDK error.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
        let said = metadata
            .and_then(|metadata| metadata.message())
            .filter(|message| !message.is_empty());
        Self {
            code: metadata
                .and_then(|metadata| metadata.code())
                .map(str::to_owned),
            status: error
                .raw_response()
                .map(|response| response.status().as_u16()),
            // Quoted within sentences of ours, which end by themselves.
            message: said.map_or_else(
                || causes(error),
                |said| said.trim_end_matches('.').to_owned(),
            ),
            says_why: said.is_some(),
        }
    }

    /// A call that did not answer in time.
    #[must_use]
    pub fn timed_out(after: std::time::Duration) -> Self {
        Self {
            message: format!("no answer within {after:?}"),
            ..Self::default()
        }
    }

    /// An answer that says nothing that can be used.
    #[must_use]
    pub fn garbage(what: &str) -> Self {
        Self {
            message: what.to_owned(),
            ..Self::default()
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.code, self.status) {
            (Some(code), Some(status)) => write!(f, "{code} ({status}): {}", self.message),
            (None, Some(status)) => write!(f, "status {status}: {}", self.message),
            (Some(code), None) => write!(f, "{code}: {}", self.message),
            (None, None) => f.write_str(&self.message),
        }
    }
}

/// The chain of causes; its end is what helps ("invalid peer certificate: `UnknownIssuer`").
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = chain.map(ToString::to_string).collect();
    texts.join(": ")
}
