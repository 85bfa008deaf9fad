//! Artifacts out of Ceph's S3, which nobody here wrote: signatures, session tokens, keys, ranges.

mod chaos;
mod gateway;
mod listings;
mod objects;
mod sessions;
mod transfers;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use tests::{Answer, Proxy, ProxyBuilder, Scratch, eventually};

use gateway::Gateway;

/// A bucket of a test's own on the shared gateway, and a scratch for a proxy.
struct Shop {
    gateway: &'static Gateway,
    client: Client,
    bucket: String,
    scratch: Scratch,
}

impl Shop {
    /// An empty bucket; `None` where there is no radosgw.
    async fn open(bucket: &str) -> Option<Self> {
        let gateway = gateway::shared().await?;
        let client = gateway.client();
        let created = client.create_bucket().bucket(bucket).send().await;
        created.expect("a bucket");
        Some(Self {
            gateway,
            client,
            bucket: bucket.to_owned(),
            scratch: Scratch::new(),
        })
    }

    async fn put(&self, key: &str, bytes: impl Into<ByteStream>) {
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        let put = put.body(bytes.into()).send().await;
        put.unwrap_or_else(|error| panic!("{key}: {error:?}"));
    }

    /// A proxy over the bucket, with the user's own key in its environment.
    fn proxy(&self) -> ProxyBuilder {
        let gateway = self.gateway;
        ProxyBuilder::new(&self.scratch)
            .env("S3_BUCKET_NAME", &self.bucket)
            .env("AWS_ENDPOINT_URL", &gateway.endpoint)
            .env("AWS_REGION", &gateway.region)
            .env("AWS_ACCESS_KEY_ID", &gateway.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &gateway.secret_access_key)
    }
}

/// Waits until the copy is in place: a client has its last byte a little earlier.
async fn hit(proxy: &Proxy, path: &str) -> Answer {
    let mut found = None;
    eventually("the copy is served", async || {
        let answer = proxy.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let is_hit = answer.is_hit();
        found = Some(answer);
        is_hit
    })
    .await;
    found.expect("found above")
}

/// Bytes without a pattern, the same in every run.
fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    bytes
}
