//! Which request something is done for: its id stands in every line that is logged on its behalf, and
//! S3's own ids in its last one. The proxies that it has come through are named to the next one.
//!
//! The context goes with the task (`task_local`) and is handed on by [`spawn`] and [`spawn_blocking`]:
//! nobody between the server and S3 has to carry it. A download belongs to the request that began it;
//! those that read along name its calls, too.

mod id;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use http::HeaderName;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::peer::Chain;
pub use id::RequestId;

/// Where a client may name its request, and is told how the log calls it.
pub const ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// S3's ids of so many calls are kept: those of the last ones, which decided.
const MOST_CALLS: usize = 4;

tokio::task_local! {
    static CURRENT: Arc<Context>;
}

/// What is known of one request wherever something is done for it.
#[derive(Debug)]
pub struct Context {
    id: RequestId,
    chain: Chain,
    calls: Calls,
    /// Those of the request that began the download which this one reads along with. Not that request
    /// itself: two that read along with each other would keep each other for ever.
    along: OnceLock<Calls>,
}

/// The last calls to S3, shared by all who name them.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<S3Ids>>>);

/// S3's names for one call, which AWS's support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Ids {
    /// `x-amz-request-id`.
    pub request_id: Option<String>,
    /// `x-amz-id-2`.
    pub extended_id: Option<String>,
}

impl Context {
    /// A request of which nothing has been done yet.
    #[must_use]
    pub fn new(id: RequestId, chain: Chain) -> Arc<Self> {
        Arc::new(Self {
            id,
            chain,
            calls: Calls::default(),
            along: OnceLock::new(),
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// The proxies that it has come through.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Does something on its behalf, now.
    pub fn run<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(Arc::clone(self), work)
    }

    /// S3's ids of the last calls for it, or for the download that it reads along with; oldest first.
    #[must_use]
    pub fn s3_calls(&self) -> Vec<S3Ids> {
        let own = self.calls.lock().clone();
        match self.along.get() {
            Some(other) if own.is_empty() => other.lock().clone(),
            Some(_) | None => own,
        }
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Vec<S3Ids>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request that is being worked for, if there is one.
#[must_use]
pub fn current() -> Option<Arc<Context>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Works for a request.
pub async fn scope<F: Future>(context: Arc<Context>, work: F) -> F::Output {
    CURRENT.scope(context, work).await
}

/// Notes S3's ids of a call for the current request.
pub fn note_s3_call(ids: S3Ids) {
    let _outside_of_requests = CURRENT.try_with(|context| {
        let mut calls = context.calls.lock();
        if calls.len() == MOST_CALLS {
            calls.remove(0);
        }
        calls.push(ids);
    });
}

/// The current request reads along with what another one began.
pub fn read_along_with(other: Option<&Arc<Context>>) {
    let Some(other) = other else { return };
    let _outside_of_requests = CURRENT.try_with(|context| {
        if !Arc::ptr_eq(context, other) {
            let _the_first_counts = context.along.set(other.calls.clone());
        }
    });
}

/// `tokio::spawn`, on behalf of the current request.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let work = work.in_current_span();
    match current() {
        Some(context) => tokio::spawn(CURRENT.scope(context, work)),
        None => tokio::spawn(work),
    }
}

/// `tokio::task::spawn_blocking`, on behalf of the current request.
pub fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    match current() {
        Some(context) => tokio::task::spawn_blocking(move || context.run(work)),
        None => tokio::task::spawn_blocking(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Arc<Context> {
        Context::new(RequestId::generate(), Chain::default())
    }

    fn ids(request_id: &str) -> S3Ids {
        S3Ids {
            request_id: Some(request_id.to_owned()),
            extended_id: None,
        }
    }

    #[tokio::test]
    async fn what_is_spawned_is_for_the_same_request() {
        let context = context();
        let same = |found: Option<Arc<Context>>, context: &Arc<Context>| {
            found.is_some_and(|found| Arc::ptr_eq(&found, context))
        };
        let spawned = async {
            let task = spawn(async { spawn_blocking(current).await.expect("no panic") });
            task.await.expect("no panic")
        };
        assert!(same(scope(Arc::clone(&context), spawned).await, &context));
        assert!(current().is_none());
        assert!(
            spawn(async { current() })
                .await
                .expect("no panic")
                .is_none()
        );
    }

    #[tokio::test]
    async fn who_reads_along_names_the_calls_of_the_download() {
        let (first, second) = (context(), context());
        second.run(|| read_along_with(Some(&first)));
        first.run(|| note_s3_call(ids("A")));
        assert_eq!(second.s3_calls(), [ids("A")]);
        second.run(|| note_s3_call(ids("B")));
        assert_eq!(second.s3_calls(), [ids("B")]);
    }

    #[test]
    fn who_read_along_with_each_other_do_not_keep_each_other() {
        let (first, second) = (context(), context());
        second.run(|| read_along_with(Some(&first)));
        first.run(|| read_along_with(Some(&second)));
        let weak = [&first, &second].map(Arc::downgrade);
        drop((first, second));
        assert!(weak.iter().all(|context| context.upgrade().is_none()));
    }

    #[test]
    fn the_last_calls_are_kept() {
        let context = context();
        context.run(|| (0..10).for_each(|number| note_s3_call(ids(&number.to_string()))));
        assert_eq!(context.s3_calls(), ["6", "7", "8", "9"].map(ids));
    }
}
