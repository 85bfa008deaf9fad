//! A stand-in for a public package index, with its files on another host, as the real one has them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::ACCEPT;
use http::request::Parts;
use http::{Request, Response, StatusCode};

use crate::aws::Port;
use crate::codeartifact::asset::Asset;
use crate::codeartifact::page::Page;
use crate::codeartifact::presigned;
use crate::codeartifact::pypi::page::Telling;
use crate::codeartifact::pypi::{Project, ProjectFile, chosen, normalised};
use crate::exchange::Exchange;
use crate::packages::Wheel;
use crate::service::{ErrorAnswer, PlainBody, RequestId, Service, Target, reply};
use crate::{Clock, Counters, Error, Faults, Operation};

/// A running public index of Python packages, on a port of its own, with its files on another.
///
/// A page is a [`Operation::ReadPackage`], a file a [`Operation::GetAsset`], to its own [`Faults`] and
/// [`Counters`]. Dropping it stops it.
pub struct PublicIndex {
    shared: Arc<Shared>,
    faults: Faults,
    counters: Counters,
    index: Port,
    files: Port,
}

struct Shared {
    projects: Mutex<BTreeMap<String, Project>>,
    has_hashes: Mutex<bool>,
    clock: Clock,
    /// The URL of the files' server.
    files: OnceLock<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Project>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_hashes(&self) -> MutexGuard<'_, bool> {
        self.has_hashes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::must_use_candidate,
    reason = "the index comes back for chaining only"
)]
impl PublicIndex {
    /// Starts one, without packages, on the current tokio runtime.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            projects: Mutex::default(),
            has_hashes: Mutex::new(true),
            clock: Clock::default(),
            files: OnceLock::new(),
        });
        let (faults, counters) = (Faults::default(), Counters::default());
        let files = open(Box::new(Files(Arc::clone(&shared))), &faults, &counters).await?;
        shared
            .files
            .get_or_init(|| format!("http://{}", files.address));
        let index = open(Box::new(Index(Arc::clone(&shared))), &faults, &counters).await?;
        Ok(Self {
            shared,
            faults,
            counters,
            index,
            files,
        })
    }

    /// The URL of the index, `…/simple`.
    #[must_use]
    pub fn index_url(&self) -> String {
        format!("http://{}/simple", self.index.address)
    }

    /// Host and port of the files.
    #[must_use]
    pub fn files_host(&self) -> String {
        self.files.address.to_string()
    }

    /// Puts a file in, in place of one of that name.
    pub fn put_file(
        &self,
        project: &str,
        version: &str,
        file_name: &str,
        bytes: impl Into<Bytes>,
    ) -> &Self {
        let asset = Asset::new(bytes, self.shared.clock.now());
        let file = ProjectFile::new(version, file_name, asset);
        let mut projects = self.shared.lock();
        projects.entry(normalised(project)).or_default().put(file);
        drop(projects);
        self
    }

    /// Puts a wheel in.
    pub fn put_wheel(&self, wheel: &Wheel) -> &Self {
        let (name, version) = (wheel.name(), wheel.version());
        self.put_file(name, version, &wheel.file_name(), wheel.bytes())
    }

    /// Takes a project away.
    pub fn remove(&self, project: &str) -> &Self {
        self.shared.lock().remove(&normalised(project));
        self
    }

    /// Whether links have a hash; they do unless set.
    pub fn set_hashes(&self, has_hashes: bool) -> &Self {
        *self.shared.has_hashes() = has_hashes;
        self
    }

    /// The names of all projects that were ever asked for, normalised, be they there or not.
    #[must_use]
    pub fn asked(&self) -> BTreeSet<String> {
        let log = self.counters.log();
        let keys = log.into_iter().filter_map(|call| call.key);
        keys.filter_map(|key| {
            let name = key
                .split('/')
                .find(|part| !part.is_empty() && !matches!(*part, "simple" | "packages"));
            name.map(normalised)
        })
        .collect()
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What was asked. The key of a call is the path without the slash it begins with.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

async fn open(
    service: Box<dyn Service>,
    faults: &Faults,
    counters: &Counters,
) -> Result<Port, Error> {
    let exchange = Exchange {
        services: vec![service],
        faults: faults.clone(),
        counters: counters.clone(),
        clock: Clock::default(),
        requests: AtomicU64::new(0),
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Port::open(address, &Arc::new(exchange)).await
}

/// The pages.
struct Index(Arc<Shared>);

/// The files, at `packages/<project>/<version>/<file>`.
struct Files(Arc<Shared>);

fn target(head: &Parts, operation: Operation) -> Target {
    Target {
        key: Some(head.uri.path().trim_start_matches('/').to_owned()),
        ..Target::of(operation)
    }
}

fn text(error: &ErrorAnswer) -> Response<PlainBody> {
    reply(error.status(), "text/plain", format!("{}\n", error.message))
}

fn missing() -> Response<PlainBody> {
    reply(StatusCode::NOT_FOUND, "text/plain", "not here\n")
}

impl Service for Index {
    fn target(&self, head: &Parts) -> Option<Target> {
        Some(target(head, Operation::ReadPackage))
    }

    fn answer(&self, request: Request<PlainBody>, _: Target) -> BoxFuture<'_, Response<PlainBody>> {
        let head = request.into_parts().0;
        let response = self.page(&head).unwrap_or_else(missing);
        async { response }.boxed()
    }

    fn error(&self, error: &ErrorAnswer, _: &RequestId) -> Response<PlainBody> {
        text(error)
    }
}

impl Index {
    fn page(&self, head: &Parts) -> Option<Response<PlainBody>> {
        let name = head.uri.path().strip_prefix("/simple/")?;
        let name = normalised(name.trim_end_matches('/'));
        let accept = head
            .headers
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok());
        let form = chosen(accept)?;
        let files = self.0.files.get().map_or("", String::as_str);
        let telling = Telling {
            base: &format!("{files}/packages/{name}/"),
            has_metadata: true,
            has_hashes: *self.0.has_hashes(),
        };
        let projects = self.0.lock();
        let project = projects.get(&name)?;
        let page = Page {
            bytes: telling.page(&name, project, form).into(),
            content_type: form.content_type(),
            modified: project.files.iter().map(|file| file.asset.stored).max(),
        };
        drop(projects);
        Some(page.answer_as_usual(&head.headers))
    }
}

impl Service for Files {
    fn target(&self, head: &Parts) -> Option<Target> {
        Some(target(head, Operation::GetAsset))
    }

    fn answer(&self, request: Request<PlainBody>, _: Target) -> BoxFuture<'_, Response<PlainBody>> {
        let head = request.into_parts().0;
        let response = self.file(&head).unwrap_or_else(missing);
        async { response }.boxed()
    }

    fn error(&self, error: &ErrorAnswer, _: &RequestId) -> Response<PlainBody> {
        text(error)
    }
}

impl Files {
    fn file(&self, head: &Parts) -> Option<Response<PlainBody>> {
        let path = head.uri.path().strip_prefix("/packages/")?;
        let mut parts = path.splitn(3, '/');
        let project = normalised(parts.next()?);
        let projects = self.0.lock();
        let asset = projects.get(&project)?.asset(parts.next()?, parts.next()?);
        let asset = asset?.clone();
        drop(projects);
        presigned::answer(&asset, &head.headers)
    }
}
