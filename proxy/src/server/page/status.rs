//! All that the page says, in one value: what a template or a program makes of it is theirs.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use sso_session::date;

use super::super::app::App;
use super::codeartifact::{self, Packages};
use super::containers::{self, Container};
use super::credentials::{Advice, Credentials, Signal};
use super::headline::{self, Headline, Served};
use super::traffic::Traffic;
use super::vantage::{CacheFill, Program};
use super::work::{Downloads, Parked, TroubleSeen, Upstream};
use crate::codeartifact::CodeArtifact;
use crate::credentials::{Identity, now};

/// The page. Times are RFC 3339, sizes bytes.
#[derive(Serialize)]
pub(super) struct Status {
    /// When it was made.
    now: String,
    state: Headline,
    /// Whose credentials they are; unknown until the configuration was read.
    identity: Option<Identity>,
    credentials: Credentials,
    /// The login that will be needed although the credentials are still good.
    login_ahead: Option<Advice>,
    /// What keeps the credentials in use from being renewed.
    renewal_trouble: Option<Advice>,
    signal: Option<Signal>,
    upstream: Option<Upstream>,
    parked: Parked,
    downloads: Downloads,
    traffic: Traffic,
    cache: CacheFill,
    /// Repositories of CodeArtifact, where any are served.
    codeartifact: Option<Vec<Packages>>,
    /// Services that containers get credentials as, where the configuration has any.
    containers: Option<Vec<Container>>,
    /// How much of their configuration is defined and not in force.
    containers_not_in_force: Option<usize>,
    /// The newest first.
    troubles: Vec<TroubleSeen>,
    program: Program,
}

impl Status {
    pub(super) async fn of(app: &App) -> Self {
        let (signal, figures) = tokio::join!(app.vantage().signal(), app.cache().figures());
        let keeper = app.credentials();
        let upstream = app.bucket().and_then(|bucket| bucket.origin.upstream());
        let upstream = upstream.map(|(url, state)| Upstream::of(url, &state));
        let report = keeper.report();
        let troubles = app.troubles().newest();
        let now = now();
        let codeartifact = app.served_codeartifact().map(CodeArtifact::reports);
        let (containers, not_in_force) = containers::of(app.containers()).unzip();
        Self {
            now: date::format(now),
            state: headline::of(
                &report,
                &troubles,
                &Served {
                    bucket: app.bucket().is_some(),
                    codeartifact: codeartifact.as_deref().map(codeartifact::tokens),
                    upstream: upstream.as_ref().is_some_and(Upstream::is_asked),
                },
                app.vantage().login_wait(),
                now,
            ),
            credentials: Credentials::of(&report),
            login_ahead: report.login_ahead.as_deref().map(Advice::of),
            renewal_trouble: report.renewal_trouble.as_deref().map(Advice::of),
            signal: signal
                .as_ref()
                .map(|signal| Signal::of(signal, report.identity.as_ref(), now)),
            identity: report.identity,
            upstream,
            parked: Parked::of(app.hold().parked(), keeper.waiting(), now),
            downloads: Downloads::of(app.fetchers(), now),
            traffic: Traffic::of(app.metrics()),
            cache: app.vantage().cache_fill(&figures),
            codeartifact: codeartifact.map(|reports| codeartifact::of(reports, app.metrics())),
            containers,
            containers_not_in_force: not_in_force,
            troubles: troubles.into_iter().map(TroubleSeen::from).collect(),
            program: app.vantage().program(now),
        }
    }
}

/// The time so long before `now`.
pub(super) fn before(now: SystemTime, age: Duration) -> String {
    date::format(now.checked_sub(age).unwrap_or(now))
}
