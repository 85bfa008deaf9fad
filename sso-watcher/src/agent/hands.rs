//! What the agent does: each action is a task, bounded in time, that answers with one event.

mod logging_in;
mod settling;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use sso_session::config::SsoProfile;
use sso_session::lock::{Acquired, LoginGuard, LoginLock, RunningLogin};
use sso_session::signal::LoginSignal;
use tokio::sync::{Notify, mpsc, watch};
use tracing::{Instrument as _, error, info, info_span, warn};

use super::eyes::Eyes;
use super::journal::ShownCode;
use super::program::Program;
use crate::decision::{Action, Event, Locking, Notice, Probe, Renewal, Request};
use crate::mode::Mode;
use crate::person::Person;
use crate::run::Environment;
use crate::session::{self, Session};

/// What the hands work with; it never changes.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) environment: Environment,
    pub(crate) http: SharedHttpClient,
    pub(crate) person: Person,
    pub(crate) program: Program,
    /// This program, as it was found when it began: a newer one may have been put in its place since.
    pub(crate) launcher: Option<PathBuf>,
    /// `SSO_LOGIN_TIMEOUT_SECONDS`.
    pub(crate) login_timeout: Duration,
}

/// Begins actions, and ends them.
pub(crate) struct Hands {
    inner: Arc<Inner>,
    /// Changes when the question or the login of the moment is to end.
    cancelled: watch::Sender<u64>,
    is_looking_for_user: Arc<Mutex<bool>>,
}

struct Inner {
    eyes: Eyes,
    tools: Tools,
    lock: LoginLock,
    events: mpsc::Sender<Event>,
    desk: Mutex<Desk>,
    /// Something is to be written down for `sso-watcher status`.
    news: Notify,
}

/// What one action leaves for the next.
#[derive(Default)]
struct Desk {
    guard: Option<LoginGuard>,
    orphan: Option<RunningLogin>,
    /// The fingerprint of the token before the login.
    token_before: Option<String>,
    is_logging_in: bool,
    invitation: Option<ShownCode>,
    signal: Option<LoginSignal>,
    mode: Mode,
    /// Who holds the lock, as it was logged last.
    holder: Option<String>,
}

impl Hands {
    pub(crate) fn new(eyes: Eyes, tools: Tools, events: mpsc::Sender<Event>) -> Self {
        let lock = LoginLock::new(eyes.state.path());
        Self {
            inner: Arc::new(Inner {
                eyes,
                tools,
                lock,
                events,
                desk: Mutex::default(),
                news: Notify::new(),
            }),
            cancelled: watch::Sender::new(0),
            is_looking_for_user: Arc::default(),
        }
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.inner.tools.environment
    }

    /// Notes what was asked for last, for texts.
    pub(crate) fn see(&self, signal: Option<LoginSignal>, mode: Mode) {
        let mut desk = self.inner.desk();
        desk.signal = signal;
        desk.mode = mode;
    }

    /// The page and the code that the login of the moment shows.
    pub(crate) fn invitation(&self) -> Option<ShownCode> {
        self.inner.desk().invitation.clone()
    }

    /// Waits until there is something to write down.
    pub(crate) async fn news(&self) {
        self.inner.news.notified().await;
    }

    /// Whether a changed token is this agent's own doing.
    pub(crate) fn is_logging_in(&self) -> bool {
        self.inner.desk().is_logging_in
    }

    /// From now on it is somebody else's again.
    pub(crate) fn login_is_over(&self) {
        self.inner.desk().is_logging_in = false;
    }

    /// What is wrong with the AWS CLI, if anything is known, and a number that changes with it. Blocks on
    /// the disk.
    pub(crate) fn program(&self) -> (Option<String>, u64) {
        self.inner.tools.program.look()
    }

    /// Ends the question or the login of the moment.
    pub(crate) fn cancel(&self) {
        self.cancelled.send_modify(|count| *count += 1);
    }

    /// Clears what somebody who was killed has left, where nobody asks for a login any more: the lock, and
    /// the login.
    pub(crate) async fn heal(&self) {
        let inner = Arc::clone(&self.inner);
        let healed = tokio::task::spawn_blocking(move || {
            let is_left = matches!(inner.lock.look(), Ok(Some(holder)) if holder.is_gone);
            if !is_left || !matches!(inner.eyes.signal.read(), Ok(None)) {
                return;
            }
            match inner.lock.try_acquire() {
                Ok(Acquired::Orphan(guard, orphan)) => {
                    info!("ending the login of a dead watcher, which nobody asks for any more");
                    if !orphan.group.end(LAST_WORDS) {
                        warn!("it does not end");
                    }
                    drop(guard);
                }
                Ok(Acquired::Ours(_) | Acquired::Busy(_)) => {}
                Err(error) => warn!(%error, "the login lock"),
            }
        });
        let _done = healed.await;
    }

    /// Tells the person.
    pub(crate) fn notify(&self, notice: Notice) {
        let person = self.inner.tools.person.clone();
        tokio::spawn(async move {
            let (title, text) = match notice {
                Notice::Fault(text) => ("AWS login: something is to be mended", text),
                Notice::Waiting(request) => {
                    let text = format!(
                        "A build waits for an AWS login with profile {}. Run: {}",
                        request.profile,
                        request.login_command()
                    );
                    ("AWS login needed", text)
                }
            };
            person.tell(title, &text).await;
        });
    }

    /// Begins an action; its answer comes as an event.
    pub(crate) fn begin(&self, action: Action) {
        if action == Action::LookForUser {
            return self.look_for_user();
        }
        let inner = Arc::clone(&self.inner);
        let cancelled = self.cancelled.subscribe();
        tokio::spawn(async move {
            let events = inner.events.clone();
            // In a task of its own, so that a panic is an answer, too.
            let work = tokio::spawn(async move { inner.act(action, cancelled).await });
            let event = work.await.unwrap_or_else(|error| {
                error!(%error, "an action broke off");
                Event::Broke(format!("an action broke off: {error}"))
            });
            let _nobody_listens_any_more = events.send(event).await;
        });
    }

    fn look_for_user(&self) {
        let is_looking = Arc::clone(&self.is_looking_for_user);
        if std::mem::replace(&mut *lock(&is_looking), true) {
            return;
        }
        let (person, events) = (self.inner.tools.person.clone(), self.inner.events.clone());
        tokio::spawn(async move {
            let presence = person.look_for().await;
            *lock(&is_looking) = false;
            let _nobody_listens_any_more = events.send(Event::UserLookedFor(presence)).await;
        });
    }
}

/// What a login of a dead watcher gets to end by itself when it is told to.
const LAST_WORDS: Duration = Duration::from_secs(3);

impl Inner {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }

    async fn act(self: Arc<Self>, action: Action, cancelled: watch::Receiver<u64>) -> Event {
        match action {
            Action::Lock(request) => {
                let span = info_span!("request", profile = request.profile);
                Event::Locked(self.take_lock(&request).instrument(span).await)
            }
            Action::Renew(request) => Event::Renewed(match self.session(&request).await {
                Ok(session) => session.renew().await,
                Err(why) => Renewal::Hopeless(why),
            }),
            Action::Probe(request) => Event::Probed(self.probe(&request).await),
            Action::Ask(request) => Event::Answered(self.ask(&request, cancelled).await),
            Action::LogIn(request) => Event::LoginEnded(self.log_in(&request, cancelled).await),
            Action::Adopt(_) => Event::LoginEnded(self.adopt(cancelled).await),
            Action::Prove(request) => Event::Proved(self.prove(&request).await),
            Action::Settle(request, outcome) => {
                self.settle(request, outcome).await;
                Event::Settled
            }
            Action::Cancel | Action::NoteAttempt | Action::LookForUser | Action::Notify(_) => {
                Event::Broke("that is no work for hands".to_owned())
            }
        }
    }

    async fn take_lock(self: &Arc<Self>, request: &Request) -> Locking {
        let profile = match self.session(request).await {
            Ok(session) => session.profile().base_profile.clone(),
            Err(why) => return Locking::Failed(why),
        };
        let inner = Arc::clone(self);
        let taken = tokio::task::spawn_blocking(move || inner.try_lock(&profile));
        taken
            .await
            .unwrap_or_else(|error| Locking::Failed(error.to_string()))
    }

    /// Blocks on the disk, and until the login of a dead watcher has ended that nobody asks for.
    fn try_lock(&self, profile: &str) -> Locking {
        let acquired = self.lock.try_acquire();
        let mut desk = self.desk();
        match acquired {
            Ok(Acquired::Ours(guard)) => {
                desk.guard = Some(guard);
                desk.holder = None;
                Locking::Ours
            }
            Ok(Acquired::Orphan(guard, orphan)) if orphan.profile == profile => {
                info!("a login of a dead watcher is still running: waiting for it");
                desk.token_before.clone_from(&orphan.token_before);
                desk.guard = Some(guard);
                desk.orphan = Some(orphan);
                Locking::Orphan
            }
            Ok(Acquired::Orphan(guard, orphan)) => {
                drop(desk);
                info!(
                    profile = orphan.profile,
                    "ending the login of a dead watcher, which nobody asks for"
                );
                if !orphan.group.end(LAST_WORDS) {
                    return Locking::Failed("the login of a dead watcher does not end".to_owned());
                }
                self.desk().guard = Some(guard);
                Locking::Ours
            }
            Ok(Acquired::Busy(holder)) => {
                let holder = holder.to_string();
                if desk.holder.as_ref() != Some(&holder) {
                    info!("another login is under way: the lock is held by {holder}");
                    desk.holder = Some(holder);
                }
                Locking::Busy
            }
            Err(error) => Locking::Failed(error.to_string()),
        }
    }

    /// Whether a login can be made at all.
    async fn probe(&self, request: &Request) -> Probe {
        if self.desk().mode != Mode::Silent
            // Before a prompt is counted that could not be shown.
            && let Err(why) = self.tools.program.find().await
        {
            return Probe::Hopeless(why);
        }
        let session = match self.session(request).await {
            Ok(session) => session,
            Err(why) => return Probe::Hopeless(why),
        };
        match session.probe().await {
            Ok(()) => Probe::Answers,
            Err(why) => Probe::Passing(why),
        }
    }

    /// The session of the requested profile, as the files have it now.
    async fn session(&self, request: &Request) -> Result<Session, String> {
        let (locations, environment) =
            (self.eyes.locations.clone(), self.tools.environment.clone());
        let name = request.profile.clone();
        let resolving = move || session::resolve(&locations, &|name| environment.get(name), &name);
        let profile: SsoProfile = tokio::task::spawn_blocking(resolving)
            .await
            .map_err(|error| error.to_string())?
            .map_err(|fault| fault.to_string())?;
        Ok(Session::new(
            profile,
            &self.eyes.locations,
            &self.tools.http,
        ))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
