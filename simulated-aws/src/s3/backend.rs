//! The operations s3s hands over, once a request is verified and read.

use async_trait::async_trait;
use s3s::dto::{
    Bucket, BucketLocationConstraint, DeleteObjectInput, DeleteObjectOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListObjectsV2Input, ListObjectsV2Output, Owner, PutObjectInput,
    PutObjectOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::access::denied;
use super::listing::list;
use super::read::{Reading, open};
use super::store::Store;
use super::write::write;
use crate::{Action, Identities, S3};

/// The region whose buckets have no location constraint.
const CLASSIC_REGION: &str = "us-east-1";

/// The back end of s3s.
pub(crate) struct Backend {
    s3: S3,
    identities: Identities,
}

impl Backend {
    pub(crate) fn new(s3: S3, identities: Identities) -> Self {
        Self { s3, identities }
    }

    fn require_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.s3.store().has_bucket(bucket) {
            return Ok(());
        }
        let message = "The specified bucket does not exist";
        Err(S3Error::with_message(S3ErrorCode::NoSuchBucket, message))
    }

    /// What a missing key looks like: a secret, to those who may not list.
    fn missing_key<T>(&self, request: &S3Request<T>) -> S3Error {
        let signer = request.credentials.as_ref();
        let may_list = signer
            .is_some_and(|signer| self.identities.may(&signer.access_key, Action::ListBucket));
        if may_list {
            S3Error::with_message(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
        } else {
            denied()
        }
    }
}

/// Runs file work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    s3: &S3,
    work: impl FnOnce(&Store) -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    let s3 = s3.clone();
    tokio::task::spawn_blocking(move || work(s3.store()))
        .await
        .map_err(S3Error::internal_error)?
}

#[async_trait]
impl s3s::S3 for Backend {
    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.require_bucket(&request.input.bucket)?;
        let reading = Reading::of_get(&request.input);
        let found = open(&self.s3, reading).await?;
        found
            .map(|found| S3Response::new(found.get()))
            .ok_or_else(|| self.missing_key(&request))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.require_bucket(&request.input.bucket)?;
        let reading = Reading::of_head(&request.input);
        let found = open(&self.s3, reading)
            .await?
            .ok_or_else(|| self.missing_key(&request))?;
        let partial = found.content_range().is_some();
        let mut response = S3Response::new(found.head());
        // s3s knows the status for GET only.
        response.status = partial.then_some(http::StatusCode::PARTIAL_CONTENT);
        Ok(response)
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.require_bucket(&request.input.bucket)?;
        Ok(S3Response::new(write(&self.s3, request).await?))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let DeleteObjectInput { bucket, key, .. } = request.input;
        self.require_bucket(&bucket)?;
        blocking(&self.s3, move |store| {
            store.delete(&bucket, &key).map_err(S3Error::internal_error)
        })
        .await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.require_bucket(&request.input.bucket)?;
        let listed = blocking(&self.s3, move |store| list(store, request.input)).await?;
        Ok(S3Response::new(listed))
    }

    async fn list_buckets(
        &self,
        _: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let known = blocking(&self.s3, |store| {
            store.buckets().map_err(S3Error::internal_error)
        });
        let buckets = known.await?.into_iter().map(|(name, made)| Bucket {
            bucket_region: Some(self.s3.bucket_region(&name)),
            creation_date: Some(made.into()),
            name: Some(name),
        });
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            owner: Some(Owner {
                display_name: None,
                id: Some("simulated-aws".to_owned()),
            }),
            ..ListBucketsOutput::default()
        }))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.require_bucket(&request.input.bucket)?;
        let bucket_region = Some(self.s3.bucket_region(&request.input.bucket));
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region,
            ..HeadBucketOutput::default()
        }))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.require_bucket(&request.input.bucket)?;
        let region = self.s3.bucket_region(&request.input.bucket);
        let location_constraint =
            (region != CLASSIC_REGION).then(|| BucketLocationConstraint::from(region));
        Ok(S3Response::new(GetBucketLocationOutput {
            location_constraint,
        }))
    }
}
