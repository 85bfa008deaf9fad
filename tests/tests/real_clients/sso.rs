//! The files of an SSO session, used by the proxy, the real AWS CLI (new and old) and boto3 at the same
//! time.

mod dates;
mod logins;
mod races;
mod refreshes;
mod registrations;

use std::time::{Duration, Instant};

use simulated_aws::SimulatedAws;
use tests::scratch::BUCKET;
use tests::{Proxy, eventually};

use crate::shared_home::SharedHome;

/// Within this time of its writing a token is in use: the promise.
const SOON: Duration = Duration::from_secs(2);

fn put(aws: &SimulatedAws, key: &str) {
    let stored = aws.s3().put(BUCKET, key, b"bytes");
    stored.expect("an object");
}

/// How long it takes, from the moment that `act` has written a token, until the proxy has role
/// credentials by it.
async fn taken_up(home: &SharedHome<'_>, proxy: &Proxy, act: impl Future<Output = ()>) -> Duration {
    let before = home.token();
    let taken = takings(proxy);
    let seen = async {
        eventually("a token is written", async || {
            home.token().is_some_and(|token| Some(token) != before)
        })
        .await;
        let written = Instant::now();
        eventually("the proxy takes it up", async || takings(proxy) > taken).await;
        let taken_up = written.elapsed();
        eprintln!("taken up {} ms after it was written", taken_up.as_millis());
        taken_up
    };
    let ((), taken_up) = tokio::join!(act, seen);
    taken_up
}

/// How often the proxy has taken up a new token.
fn takings(proxy: &Proxy) -> usize {
    let log = proxy.log();
    log.matches("credentials are valid").count()
}
