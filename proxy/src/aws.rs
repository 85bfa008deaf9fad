//! What all AWS calls share: one HTTP client, and the meaning of AWS's error codes.

mod http_client;
mod verdict;

pub use aws_smithy_runtime_api::client::http::SharedHttpClient;
pub use http_client::http_client;
pub use verdict::{Failure, Verdict};
