//! A bucket of artifacts as a build wants them: many small ones, few big ones.

use bytes::Bytes;
use simulated_aws::SimulatedAws;
use tests::scratch::BUCKET;

/// Every so many artifacts one is big.
const BIG_EVERY: usize = 100;
const BIG_BYTES: usize = 1_000_000;

/// One object of the bucket.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub(crate) key: String,
    pub(crate) body: Bytes,
}

/// Puts so many artifacts into the bucket.
pub(crate) fn publish(aws: &SimulatedAws, count: usize) -> Vec<Artifact> {
    (0..count)
        .map(|number| {
            let key = format!("com/example/lib-{number}/1.0/lib-{number}-1.0.jar");
            let length = if number % BIG_EVERY == 0 {
                BIG_BYTES
            } else {
                // 500 bytes to 25 kB, spread evenly.
                500 + (number * 7_919) % 24_500
            };
            put(aws, &key, length)
        })
        .collect()
}

/// Puts one artifact of `length` bytes, which nothing else shares, into the bucket.
pub(crate) fn put(aws: &SimulatedAws, key: &str, length: usize) -> Artifact {
    let mut body = vec![0; length];
    let seed = key.bytes().fold(length as u64, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    fastrand::Rng::with_seed(seed).fill(&mut body);
    aws.s3().put(BUCKET, key, &body).expect("an object");
    Artifact {
        key: key.to_owned(),
        body: body.into(),
    }
}
