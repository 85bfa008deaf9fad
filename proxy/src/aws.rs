//! What all AWS calls share: one HTTP client, and the meaning of AWS's error codes.

mod verdict;

pub use sso_session::http_client::{
    ForwardProxy, SharedHttpClient, SharedHttpConnector, http_client, http_connector,
};
pub use verdict::{Failure, Verdict};
