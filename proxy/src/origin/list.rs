//! Folders: `ListObjectsV2`, and what its permission says about denied keys.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use tokio::time::Instant;
use tracing::warn;

use super::call::Refusal;
use super::operation::Operation;
use super::{Origin, PATIENCE};
use crate::artifact::FolderKey;
use crate::aws::Verdict;
use crate::error::Error;

/// One page of a folder.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Folders in it, by name, ending in `/`.
    pub folders: Vec<ListedFolder>,
    /// Objects in it, by name.
    pub objects: Vec<ListedObject>,
    /// The last name of this page, where more follow.
    pub next_after: Option<String>,
}

/// A folder in a listing.
#[derive(Clone, Debug)]
pub struct ListedFolder {
    /// Relative to the listed one, ending in `/`.
    pub name: String,
}

/// An object in a listing.
#[derive(Clone, Debug)]
pub struct ListedObject {
    /// Relative to the listed folder.
    pub name: String,
    /// Its length.
    pub size_bytes: u64,
    /// Seconds since the epoch.
    pub last_modified: Option<i64>,
}

/// Lists a page after the name `after`, at most `most` entries.
pub(super) async fn page(
    origin: &Origin,
    folder: &FolderKey,
    after: Option<&str>,
    most: i32,
) -> Result<Listing, Error> {
    let (_permit, left) = origin.admit(PATIENCE).await?;
    let prefix = format!("{}{folder}", origin.prefix);
    let start_after = after.map(|after| start_after(&prefix, after));
    let answer = origin
        .call(Operation::ListObjectsV2, left, |client| {
            client
                .list_objects_v2()
                .bucket(&origin.bucket)
                .prefix(&prefix)
                .delimiter("/")
                .max_keys(most)
                .set_start_after(start_after.clone())
                .send()
        })
        .await;
    match answer {
        Ok(answer) => Ok(listing(&prefix, &answer)),
        Err(Refusal::Answer(Verdict::AccessDenied, failure)) if !failure.call.says_why => {
            Err(origin.denied_without_a_word(&failure))
        }
        Err(Refusal::Answer(Verdict::AccessDenied, failure)) => Err(Error::Denied(format!(
            "folders of this bucket may not be listed: {failure}"
        ))),
        Err(refusal) => Err(origin.explain(folder.as_str(), refusal).await),
    }
}

/// A folder's name is passed over with everything in it: U+10FFFF sorts behind all of that.
fn start_after(prefix: &str, after: &str) -> String {
    if after.ends_with('/') {
        format!("{prefix}{after}\u{10FFFF}")
    } else {
        format!("{prefix}{after}")
    }
}

fn listing(prefix: &str, answer: &ListObjectsV2Output) -> Listing {
    let relative = |key: Option<&str>| Some(key?.strip_prefix(prefix)?.to_owned());
    let folders: Vec<_> = answer
        .common_prefixes()
        .iter()
        .filter_map(|folder| relative(folder.prefix()))
        .map(|name| ListedFolder { name })
        .collect();
    let objects: Vec<_> = answer
        .contents()
        .iter()
        .filter_map(|object| {
            let name = relative(object.key())?;
            // The folder's own marker object, as consoles make them.
            (!name.is_empty()).then(|| ListedObject {
                name,
                size_bytes: object
                    .size()
                    .and_then(|size| size.try_into().ok())
                    .unwrap_or(0),
                last_modified: object
                    .last_modified()
                    .map(aws_sdk_s3::primitives::DateTime::secs),
            })
        })
        .collect();
    let last_folder = folders.last().map(|folder| &folder.name);
    let last_object = objects.last().map(|object| &object.name);
    let more = answer.is_truncated() == Some(true);
    let next_after = last_folder.max(last_object).filter(|_| more).cloned();
    Listing {
        folders,
        objects,
        next_after,
    }
}

/// Lists one key. `Ok(true)`: may list; `Ok(false)`: denied, but the bucket answers.
pub(super) async fn probe(origin: &Origin, patience: Duration) -> Result<bool, Error> {
    match try_probe(origin, patience).await {
        Ok(allowed) => Ok(allowed),
        Err(refusal) => Err(origin.explain(&origin.prefix, refusal).await),
    }
}

pub(super) async fn try_probe(origin: &Origin, patience: Duration) -> Result<bool, Refusal> {
    let answer = origin
        .call(Operation::ListObjectsV2, patience, |client| {
            let list = client
                .list_objects_v2()
                .bucket(&origin.bucket)
                .prefix(&origin.prefix);
            list.max_keys(1).send()
        })
        .await;
    match answer {
        Ok(_) => Ok(true),
        Err(Refusal::Answer(Verdict::AccessDenied, _)) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Remembers whether the bucket may be listed.
#[derive(Default)]
pub(super) struct ListPermission(Mutex<Option<(Instant, bool)>>);

impl ListPermission {
    /// Asks S3 at most every five minutes. Where it cannot be asked, listing counts as allowed, so
    /// that a denial stays one.
    pub(super) async fn get(&self, origin: &Origin) -> bool {
        const GOOD_FOR: Duration = Duration::from_mins(5);
        let remembered = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked_at, allowed)) = remembered
            && asked_at.elapsed() < GOOD_FOR
        {
            return allowed;
        }
        let Ok(allowed) = try_probe(origin, PATIENCE).await else {
            return true;
        };
        if !allowed {
            warn!(
                bucket = origin.bucket,
                "s3:ListBucket is missing: a denied artifact cannot be told from a missing one, so \
                 both are answered 404"
            );
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), allowed));
        allowed
    }
}
