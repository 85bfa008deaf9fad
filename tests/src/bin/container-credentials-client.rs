//! The SDK for Rust, which takes its credentials from a container's endpoint, as the variables of the
//! environment say. Rounds and lines are those of `tests/clients/container-credentials/python.py`.
//!
//! ```text
//! usage: container-credentials-client BUCKET KEY SECONDS PAUSE_MILLISECONDS
//! ```

use std::io::{Read as _, Write as _};
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::error::DisplayErrorContext;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [bucket, key, seconds, pause] = &arguments[..] else {
        eprintln!("four arguments are wanted");
        std::process::exit(64);
    };
    let seconds = Duration::from_secs(seconds.parse().expect("seconds"));
    let pause = Duration::from_millis(pause.parse().expect("milliseconds"));
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    let client = Client::new(&config);
    let mut ended = end_of_input();
    let end = Instant::now() + seconds;
    while Instant::now() < end {
        let said = match client.round(bucket, key).await {
            Ok(said) => said,
            Err(error) => json!({"error": error}),
        };
        println!("{said}");
        std::io::stdout().flush().expect("said");
        if tokio::time::timeout(pause, &mut ended).await.is_ok() {
            return;
        }
    }
}

/// Is answered, by an error, when nobody writes to the standard input any more.
fn end_of_input() -> oneshot::Receiver<()> {
    let (open, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = Vec::new();
        // However it ends, it has ended.
        let _outcome = std::io::stdin().read_to_end(&mut ignored);
        drop(open);
    });
    ended
}

struct Client {
    sts: aws_sdk_sts::Client,
    s3: aws_sdk_s3::Client,
}

impl Client {
    fn new(config: &SdkConfig) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(true);
        Self {
            sts: aws_sdk_sts::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
        }
    }

    async fn round(&self, bucket: &str, key: &str) -> Result<Value, String> {
        let caller = self.sts.get_caller_identity().send().await;
        let caller = caller.map_err(|error| DisplayErrorContext(error).to_string())?;
        let object = self.s3.get_object().bucket(bucket).key(key).send().await;
        let object = object.map_err(|error| DisplayErrorContext(error).to_string())?;
        let body = object.body.collect().await;
        let bytes = body.map_err(|error| error.to_string())?.into_bytes().len();
        Ok(json!({"arn": caller.arn(), "bytes": bytes}))
    }
}
