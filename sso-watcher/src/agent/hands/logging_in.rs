//! The question, the login, and the login of a dead watcher.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Inner;
use crate::agent::journal::ShownCode;
use crate::aws_cli::login::{Ending, Flow, Invitation, RunningLogin};
use crate::clock;
use crate::decision::{Answer, LoginEnd, Request};
use crate::desktop::question::Question;
use crate::login;
use crate::session::Session;
use crate::status::portal_host;

impl Inner {
    /// Asks the person whether to log in now.
    pub(super) async fn ask(&self, request: &Request, cancelled: watch::Receiver<u64>) -> Answer {
        let session = self.session(request).await;
        let portal = session.map(|session| session.profile().session.start_url.clone());
        let portal = portal.unwrap_or_default();
        let signal = self.desk().signal.clone();
        let asker = signal.as_ref().and_then(|signal| signal.source.clone());
        let question = Question {
            profile: request.profile.clone(),
            portal_host: portal_host(&portal).to_owned(),
            asker: asker.unwrap_or_else(|| "a program".to_owned()),
            reason: signal.and_then(|signal| signal.reason).unwrap_or_default(),
        };
        info!(
            profile = request.profile,
            asker = question.asker,
            reason = question.reason,
            "asking"
        );
        tokio::select! {
            answer = self.tools.person.ask(&question, self.tools.login_timeout) => answer,
            () = changed(cancelled) => Answer::Silence,
        }
    }

    /// Runs `aws sso login` to its end, or ends it.
    pub(super) async fn log_in(
        &self,
        request: &Request,
        cancelled: watch::Receiver<u64>,
    ) -> LoginEnd {
        self.desk().is_logging_in = true;
        let session = match self.session(request).await {
            Ok(session) => session,
            Err(why) => return LoginEnd::Misconfigured(why),
        };
        let login = match self.start(&session).await {
            Ok(login) => login,
            Err(end) => return end,
        };
        self.explain_prompt(request);
        let deadline = Instant::now() + self.tools.login_timeout;
        let ending = login
            .watch(deadline, changed(cancelled), |invitation| {
                self.invite(request, invitation);
            })
            .await;
        self.forget_login(&ending);
        let end = self.judge(&ending);
        if let LoginEnd::RegistrationBroken(why) = &end {
            warn!("{why}");
            session.give_up_registration().await;
        }
        end
    }

    /// Starts the login, and lets it begin when it is written down.
    async fn start(&self, session: &Session) -> Result<RunningLogin, LoginEnd> {
        let found = self.tools.program.find().await;
        let cli = found.map_err(LoginEnd::Misconfigured)?;
        let writable = session.prove_writable().await;
        writable.map_err(LoginEnd::Misconfigured)?;
        let token_before = session.fingerprint().await;
        let tools = &self.tools;
        let plan = login::plan(
            cli,
            session,
            &tools.person,
            &self.eyes.state,
            &tools.environment,
            tools.launcher.clone(),
        );
        info!(
            aws = %plan.cli.path.display(),
            version = %plan.cli.version,
            flow = ?plan.flow,
            "starting `aws sso login`"
        );
        let started = tokio::task::block_in_place(|| {
            let mut desk = self.desk();
            desk.token_before.clone_from(&token_before);
            let guard = desk.guard.as_mut().ok_or("the login lock was lost")?;
            login::start(&plan, guard, token_before, tools.login_timeout)
        });
        let mut login = started.map_err(LoginEnd::Failed)?;
        login.begin().await;
        Ok(login)
    }

    /// Every prompt is logged, with its cause.
    fn explain_prompt(&self, request: &Request) {
        let signal = self.desk().signal.clone();
        let field = |value: Option<String>| value.unwrap_or_default();
        let (source, code, reason) = match signal {
            Some(signal) => (
                field(signal.source),
                field(signal.code),
                field(signal.reason),
            ),
            None => Default::default(),
        };
        info!(
            profile = request.profile,
            source, code, reason, "PROMPT: a person is asked to sign in"
        );
    }

    /// Shows the page and the code where the person looks, if no browser does.
    fn invite(&self, request: &Request, invitation: Invitation) {
        let Some(code) = invitation.user_code else {
            return;
        };
        let (person, profile) = (self.tools.person.clone(), request.profile.clone());
        let shown = ShownCode {
            url: invitation.url,
            code,
        };
        self.desk().invitation = Some(shown.clone());
        self.news.notify_one();
        tokio::spawn(async move {
            if person.login_flow() == Flow::DeviceCode {
                let text = format!(
                    "To log in with profile {profile}, open {} and enter the code {}",
                    shown.url, shown.code
                );
                person.tell("AWS login needed", &text).await;
            }
        });
    }

    /// Waits for the login of a dead watcher.
    pub(super) async fn adopt(&self, cancelled: watch::Receiver<u64>) -> LoginEnd {
        self.desk().is_logging_in = true;
        let Some(orphan) = self.desk().orphan.clone() else {
            return LoginEnd::Failed("the login of the dead watcher is gone".to_owned());
        };
        let left = orphan
            .deadline
            .and_then(|end| end.duration_since(clock::wall()).ok());
        // A clock that was stepped makes no login last longer.
        let left = left.unwrap_or(Duration::ZERO).min(self.tools.login_timeout);
        let login = RunningLogin::adopt(orphan.group, &self.eyes.state.login_output());
        let ending = login
            .watch(Instant::now() + left, changed(cancelled), |_| ())
            .await;
        self.forget_login(&ending);
        self.judge(&ending)
    }

    fn forget_login(&self, ending: &Ending) {
        let forgotten = tokio::task::block_in_place(|| {
            let mut desk = self.desk();
            desk.invitation = None;
            let guard = desk.guard.as_mut();
            guard.map(|guard| login::over(guard, ending))
        });
        if let Some(Err(error)) = forgotten {
            warn!(%error, "the login lock");
        }
    }

    fn judge(&self, ending: &Ending) -> LoginEnd {
        let end = login::end(ending, self.tools.login_timeout);
        info!(how = %ending.how, said = ending.said, "`aws sso login` has ended");
        end
    }
}

/// Ends when the action is cancelled.
async fn changed(mut cancelled: watch::Receiver<u64>) {
    if cancelled.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
