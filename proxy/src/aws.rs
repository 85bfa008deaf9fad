//! What all AWS calls share: one HTTP client, and the meaning of AWS's error codes.

mod verdict;

pub use sso_session::http_client::{SharedHttpClient, http_client};
pub use verdict::{Failure, Verdict};
