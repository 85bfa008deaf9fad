//! The listener for containers: credentials for whoever has a service's token, in the forms that SDKs ask for.
//!
//! ```text
//! accept ─► guard (Host, headers, method) ─► route ─┬─► health, readiness (no token)
//!                                                   └─► door (token, limiter) ─► Supply::issue ─► answer
//!                                                                                     └─► audit, numbers
//! ```
//!
//! All of it is answered from memory. No answer may be kept, and none is a redirect. Without a good token the
//! pages for health tell which services there are and how they stand, and nothing else tells even that.

mod answer;
mod audit;
mod door;
mod guard;
mod health;
mod limiter;
mod numbers;
mod overview;
mod refusal;
mod route;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use prometheus::IntGauge;
use tokio::time::Instant;

use super::answering::{Answers, Bounds, Client};
use super::hosts::{AllowedHosts, HostError};
use super::status;
use crate::container_credentials::{InForce, Service, Supply, Table};
use crate::credentials::{State, now};
use crate::error::Error;
use crate::metrics::{Issuance, Last, Metrics};
use crate::peer::Chain;
use crate::request::{self, Context, ID_HEADER, RequestId};
pub(super) use answer::whole;
use audit::Audit;
use door::Door;
pub(super) use overview::{Overview, ServiceOverview};
use refusal::Refusal;
use route::Route;

/// An answer: head and whole body.
type Answer = Response<Full<Bytes>>;

/// Answers requests for credentials. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CredentialsService(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    in_force: InForce,
    hosts: AllowedHosts,
    door: Door,
    audit: Audit,
    metrics: Arc<Metrics>,
}

/// What a request is about, once it is through the guard.
struct Asked<'a> {
    request: &'a Parts,
    peer: SocketAddr,
    arrived: Instant,
}

impl Asked<'_> {
    fn is_head(&self) -> bool {
        self.request.method == Method::HEAD
    }
}

impl CredentialsService {
    /// Over the services in force. Beside those of the configuration in force (`server.allowed_hosts`), the
    /// names in `proxy_hosts` (`PROXY_ALLOWED_HOSTS`) may stand in a `Host` header.
    ///
    /// From here on, `metrics` has the numbers of containers.
    #[must_use]
    pub fn new(in_force: InForce, proxy_hosts: &[String], metrics: Arc<Metrics>) -> Self {
        metrics.containers();
        Self(Arc::new(Inner {
            in_force,
            hosts: AllowedHosts::new(proxy_hosts),
            door: Door::default(),
            audit: Audit::new(),
            metrics,
        }))
    }

    /// Whether a request to another listener is meant for this process.
    pub(super) fn check_host(&self, request: &Parts) -> Result<(), HostError> {
        let table = self.0.in_force.table();
        self.0.hosts.check(table.allowed_hosts(), request)
    }

    /// What counts the listener's connections.
    #[must_use]
    pub fn connections(&self) -> IntGauge {
        self.0.metrics.containers().open_connections.clone()
    }

    /// Answers a request whose body does not matter.
    async fn answer_head(&self, request: &Parts, peer: SocketAddr) -> Answer {
        let asked = Asked {
            request,
            peer,
            arrived: Instant::now(),
        };
        let given = request.headers.get(ID_HEADER).and_then(RequestId::given);
        let id = given.unwrap_or_else(RequestId::generate);
        let named = id.to_header();
        let context = Context::new(id, Chain::default());
        let mut answer = request::scope(context, self.0.answer(&asked)).await;
        answer.headers_mut().insert(ID_HEADER, named);
        answer
    }
}

impl Answers for CredentialsService {
    type Body = Full<Bytes>;

    const BOUNDS: Bounds = Bounds {
        connections: 1024,
        // An eighth of what there is: artifacts have the rest, and nobody's idle connections take it from them.
        descriptors: 8,
        // SDKs do not come back for minutes.
        idle: Duration::from_secs(30),
        headers: 64,
        head_bytes: 16 * 1024,
    };

    async fn answer(&self, request: Request<Incoming>, client: Client) -> Answer {
        // The body is dropped unread: what of it has not come with the head costs the connection.
        let (request, _body) = request.into_parts();
        self.answer_head(&request, client.peer).await
    }
}

impl Inner {
    async fn answer(self: &Arc<Self>, asked: &Asked<'_>) -> Answer {
        let table = self.in_force.table();
        let answer = match self.admit(&table, asked) {
            Ok(Admitted::Page(page, who)) => Ok(self.page(&table, &page, who.as_deref(), asked)),
            Ok(Admitted::Scrape) => {
                let all = CredentialsService(Arc::clone(self));
                let text = super::numbers::text(&self.metrics, None, Some(&all)).await;
                Ok(answer::numbers(text, asked.is_head()))
            }
            Ok(Admitted::Client(service, supply)) => {
                self.issue(&table, &service, supply, asked).await
            }
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(|refusal| self.refuse(&refusal, asked))
    }

    fn admit<'a>(&self, table: &Table, asked: &'a Asked<'_>) -> Result<Admitted<'a>, Refusal> {
        guard::check(&self.hosts, table.allowed_hosts(), asked.request)?;
        let headers = &asked.request.headers;
        let open = || self.door.open(table, headers, asked.peer.ip());
        let wanted = match route::parse(asked.request.uri.path())? {
            Route::Credentials(wanted) => wanted,
            // None is needed there, but whoever shows one is told more.
            Route::Page(page) if headers.contains_key(AUTHORIZATION) => {
                return Ok(Admitted::Page(page, Some(Arc::clone(open()?))));
            }
            Route::Page(page) => return Ok(Admitted::Page(page, None)),
            Route::Numbers => return Ok(Admitted::Scrape),
        };
        let service = open()?;
        // What is not the service's is refused below, where its numbers are known.
        let supply = door::supply(service, &wanted).map(Arc::clone);
        Ok(Admitted::Client(Arc::clone(service), supply))
    }

    fn page(
        &self,
        table: &Table,
        page: &health::Page<'_>,
        who: Option<&Service>,
        asked: &Asked<'_>,
    ) -> Answer {
        let (status, body) = health::answer(table, self.metrics.containers(), page, who);
        let is_wanted = table.logs_health_checks();
        self.audit.health(page.subject(), status, is_wanted, asked);
        answer::json(status, body, asked.is_head())
    }

    /// Whether a request that was admitted by the table of `before` may still have that, after it has waited.
    fn is_still_admitted(
        &self,
        before: &Arc<Table>,
        supply: &Arc<Supply>,
        asked: &Asked<'_>,
    ) -> Result<bool, Refusal> {
        let table = self.in_force.table();
        if Arc::ptr_eq(before, &table) {
            return Ok(true);
        }
        let Admitted::Client(_, now) = self.admit(&table, asked)? else {
            return Ok(false);
        };
        Ok(Arc::ptr_eq(&now?, supply))
    }

    /// Hands credentials out, or says why there are none.
    async fn issue(
        &self,
        table: &Arc<Table>,
        service: &Service,
        supply: Result<Arc<Supply>, Refusal>,
        asked: &Asked<'_>,
    ) -> Result<Answer, Refusal> {
        let supply = match supply {
            Ok(supply) => supply,
            Err(refusal) => {
                self.count(service, Issuance::NotAllowed, asked);
                return Err(refusal);
            }
        };
        let mut issued = supply.issue().await;
        if !self.is_still_admitted(table, &supply, asked)? {
            issued = Err(Error::unavailable("the service has just been changed"));
        }
        match issued {
            Ok(issued) if asked.is_head() => {
                self.count(service, Issuance::Checked, asked);
                Ok(answer::issued(&issued, true))
            }
            Ok(issued) => {
                audit::issued(service, &supply, &issued, asked);
                self.count(service, Issuance::Issued, asked);
                Ok(answer::issued(&issued, false))
            }
            Err(error) => {
                let is_denied = matches!(supply.credentials().state(), State::Denied(_));
                let (status, outcome) = status::for_sdk(&error, is_denied);
                self.audit.none_to_issue(service, outcome, &error, asked);
                self.count(service, outcome, asked);
                let text = error.to_string();
                Ok(answer::trouble(status, outcome, &text, asked.is_head()))
            }
        }
    }

    fn count(&self, service: &Service, outcome: Issuance, asked: &Asked<'_>) {
        let issued = (outcome == Issuance::Issued).then(|| Last {
            at: now(),
            peer: asked.peer.ip(),
        });
        let containers = self.metrics.containers();
        containers.note(&service.name, outcome, asked.arrived.elapsed(), issued);
        let table = self.in_force.table();
        if containers.has_many_gone(table.services().len()) {
            numbers::keep_only(containers, &table);
        }
    }

    fn refuse(&self, refusal: &Refusal, asked: &Asked<'_>) -> Answer {
        if let Some(turned) = refusal.turned() {
            let containers = self.metrics.containers();
            containers.note_turned_away(turned, asked.arrived.elapsed());
        }
        self.audit.refused(refusal, asked);
        answer::refusal(refusal, asked.is_head())
    }
}

/// Who has come through guard and door.
enum Admitted<'a> {
    /// Anybody, for a page that needs no token, and the service whose token was shown nevertheless.
    Page(health::Page<'a>, Option<Arc<Service>>),
    /// Anybody, for the numbers.
    Scrape,
    /// A service, and what it is to be given, or why not.
    Client(Arc<Service>, Result<Arc<Supply>, Refusal>),
}

#[cfg(test)]
mod tests;
