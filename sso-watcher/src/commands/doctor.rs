//! `sso-watcher doctor`: everything that a login needs, and how to mend what is broken.

use std::process::ExitCode;

use program::report::Report;
use sso_session::config::shell_quoted;
use sso_session::disk;
use sso_session::registration::RegistrationError;
use sso_session::token::{Reading, UnreadableToken};

use super::{Context, block_on, failed, service};
use crate::clock;
use crate::person::Person;
use crate::session::{self, Session};
use crate::supervisor::AgentState;

pub(super) fn run(context: &Context, profile: Option<String>) -> ExitCode {
    match block_on(examine(context, profile)) {
        Ok(report) => report.exit_code(),
        Err(why) => failed(&why),
    }
}

async fn examine(context: &Context, profile: Option<String>) -> Report {
    let mut report = Report::new();
    check_agent(context, &mut report).await;
    check_state_folder(context, &mut report);
    check_program(context, &mut report).await;
    check_desktop(context, &mut report);
    let name = profile.unwrap_or_else(|| context.settings.profile.clone());
    let locations = &context.settings.locations;
    match session::resolve(locations, &context.vars(), &name) {
        Ok(profile) => {
            let session = profile.session.name.as_ref();
            let session = session.map_or("a legacy profile".to_owned(), |name| {
                format!("session {name}")
            });
            report.passed(
                "profile",
                &format!("{name}: {session} at {}", profile.session.start_url),
            );
            if !profile.session.can_be_refreshed() {
                report.advised(
                    "renewal",
                    "this session is never renewed by itself",
                    "Set sso_registration_scopes = sso:account:access in an sso-session of the profile.",
                );
            }
            let session = Session::new(profile, locations, &context.http());
            check_session(&session, &mut report).await;
        }
        Err(fault) => {
            report.failed(
                "profile",
                &format!("{name} cannot be used"),
                &fault.to_string(),
            );
            report.skipped(&["token", "registration", "AWS"], "there is no profile");
        }
    }
    report
}

async fn check_agent(context: &Context, report: &mut Report) {
    const STEP: &str = "agent";
    let supervisor = service::supervisor(context);
    match supervisor.state().await {
        Ok(AgentState::Running { pid }) => {
            let pid = pid
                .map(|pid| format!(", process {pid}"))
                .unwrap_or_default();
            report.passed(
                STEP,
                &format!("running{pid}, by {}", supervisor.path().display()),
            );
        }
        Ok(AgentState::Stopped) => {
            report.failed(
                STEP,
                "installed, and not running",
                "Run `sso-watcher start`.",
            );
        }
        Ok(AgentState::NotInstalled) if crate::status::is_agent_alive(&context.state) => {
            report.advised(
                STEP,
                "running, but not installed",
                "`sso-watcher install` has it run after each login to this machine.",
            );
        }
        Ok(AgentState::NotInstalled) => {
            report.failed(STEP, "not installed", "Run `sso-watcher install`.");
        }
        Err(error) => report.failed(STEP, "its supervisor does not answer", &error.to_string()),
    }
}

fn check_state_folder(context: &Context, report: &mut Report) {
    const STEP: &str = "state folder";
    let folder = context.state.path();
    let proof = context.state.create();
    match proof.and_then(|()| disk::prove_replaceable(&folder.join("agent.json"))) {
        Ok(()) => report.passed(STEP, &folder.display().to_string()),
        Err(error) => report.failed(
            STEP,
            &error.to_string(),
            "Make the folder yours, or name another one in SSO_STATE_DIR, for bazel-proxy too.",
        ),
    }
    match context.signal().read() {
        Ok(None) => report.passed("request", "none"),
        Ok(Some(signal)) => report.advised(
            "request",
            &format!("a login is asked for, with profile {}", signal.profile),
            "`sso-watcher status` says what becomes of it.",
        ),
        Err(error) => report.failed(
            "request",
            &error.to_string(),
            "Make the file readable for you.",
        ),
    }
}

async fn check_program(context: &Context, report: &mut Report) {
    match context.search().run().await {
        Ok(cli) => report.passed(
            "AWS CLI",
            &format!("{} ({})", cli.path.display(), cli.version),
        ),
        Err(error) => report.failed("AWS CLI", "none that can log in", &error.to_string()),
    }
}

fn check_desktop(context: &Context, report: &mut Report) {
    let person = Person::new(context.platform, &context.environment);
    match person.absence() {
        None => report.passed("desktop", "a login opens your browser"),
        Some(why) => report.advised(
            "desktop",
            &format!("none: {why}"),
            "A login shows a page and a code instead, in your terminals and in `sso-watcher status`.",
        ),
    }
}

async fn check_session(session: &Session, report: &mut Report) {
    let log_in = format!(
        "Run `sso-watcher login {}`.",
        shell_quoted(&session.profile().base_profile)
    );
    let path = session.token_file().path().display().to_string();
    match session.token_file().read_settled().await {
        Reading::Found(token) => {
            let (now, end) = (clock::wall(), sso_session::date::format(token.expires_at));
            if now < token.expires_at {
                report.passed("token", &format!("{path}, until {end}"));
            } else if token.can_refresh(now) {
                report.passed("token", &format!("{path}, ended {end}, can be renewed"));
            } else {
                report.failed("token", &format!("{path} ended {end}"), &log_in);
            }
        }
        Reading::Absent => report.failed("token", "nobody is signed in", &log_in),
        Reading::Unreadable(UnreadableToken::Content { problem, .. }) => {
            report.failed("token", &format!("{path} is no token: {problem}"), &log_in);
        }
        Reading::Unreadable(UnreadableToken::Disk(error)) => {
            let cure = "Make it a file that you may read and write.";
            report.failed("token", &error.to_string(), cure);
        }
    }
    if let Err(why) = session.prove_writable().await {
        report.failed(
            "token folder",
            &why,
            "Until then, a person would sign in for nothing.",
        );
    }
    let file = session.registration_file();
    match file.read() {
        Ok(Some(registration)) => {
            let end = sso_session::date::format(registration.expires_at);
            report.passed("registration", &format!("until {end}"));
        }
        Ok(None) => report.passed("registration", "none; the next login makes one"),
        Err(RegistrationError::Content { problem, .. }) => {
            let cure = format!(
                "The agent moves it aside by itself; by hand: {}",
                file.move_command()
            );
            report.failed("registration", &format!("it is damaged: {problem}"), &cure);
        }
        Err(error) => report.failed(
            "registration",
            &error.to_string(),
            "Make it readable for you.",
        ),
    }
    match session.answers().await {
        Ok(()) => report.passed("AWS", "SSO-OIDC answers"),
        Err(why) => report.failed(
            "AWS",
            &why,
            "Check the network; behind a corporate proxy set HTTPS_PROXY, and AWS_CA_BUNDLE if it \
             inspects TLS.",
        ),
    }
}
