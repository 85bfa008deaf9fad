//! `sso-watcher test`: asks the agent for a login as a build does, and follows what it does with it.

use std::process::ExitCode;
use std::time::Duration;

use sso_session::signal::{LoginSignal, Rehearsed};
use tokio::time::Instant;

use super::{Context, block_on, failed, service};
use crate::agent::journal::{Doing, Journal};
use crate::clock;
use crate::mode::Mode;
use crate::settings::Settings;
use crate::status::{is_agent_alive, starting_command};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(200);
/// What everything but the login itself may take.
const MARGIN: Duration = Duration::from_mins(2);

pub(super) fn run(context: &Context, profile: Option<String>) -> ExitCode {
    if !is_agent_alive(&context.state) {
        let start = starting_command(service::is_installed(context));
        return failed(&format!("no agent is running: {start} has one run"));
    }
    let mode = service::mode_in_use(context);
    if mode == Mode::Standalone {
        return failed(
            "the mode is standalone, in which the agent does nothing: `sso-watcher mode auto` changes it, \
             and `sso-watcher login` logs in by hand",
        );
    }
    match block_on(rehearse(context, profile, mode)).flatten() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

async fn rehearse(
    context: &Context,
    profile: Option<String>,
    mode: Mode,
) -> Result<String, String> {
    let session = context.session(profile.as_deref())?;
    let (profile, name) = (session.profile(), session.profile().session.name.clone());
    // Whoever rehearses a login wants one.
    context
        .state
        .forget_logout(session.token_file().path())
        .map_err(|error| error.to_string())?;
    let file = context.signal();
    let written = file.rehearse(&profile.base_profile, name.as_deref(), clock::wall());
    let generation = match written.map_err(|error| error.to_string())? {
        Rehearsed::Written { generation } => generation,
        Rehearsed::Busy { profile } => {
            return Err(format!(
                "a build asks for a login with profile {profile} right now: `sso-watcher status` says \
                 what becomes of it"
            ));
        }
    };
    println!(
        "asked    for a login with profile {}, as a build does",
        profile.base_profile
    );
    let deadline = Instant::now() + patience(&context.settings, mode);
    let mut told = None;
    loop {
        let signal = file.read().map_err(|error| error.to_string())?;
        let signal = signal.filter(|signal| signal.generation == Some(generation));
        let Some(signal) = signal else {
            return Ok("done     the login works, and the request is gone".to_owned());
        };
        if let Some(error) = &signal.last_error {
            let _removed = file.remove_handled(&signal.key());
            return Err(format!("the rehearsal failed: {error}"));
        }
        follow(context, &signal, &mut told).await;
        if Instant::now() >= deadline {
            let _removed = file.remove_handled(&signal.key());
            return Err(
                "the agent did nothing: `sso-watcher status` and `sso-watcher logs` say why"
                    .to_owned(),
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How long the agent may take.
fn patience(settings: &Settings, mode: Mode) -> Duration {
    let waits_for_person = match mode {
        // The question and the login have as long each.
        Mode::Notify => settings.login_timeout * 2,
        Mode::Auto | Mode::Silent | Mode::Standalone => settings.login_timeout,
    };
    settings.cooldown + waits_for_person + MARGIN
}

/// Tells what is new.
async fn follow(context: &Context, signal: &LoginSignal, told: &mut Option<String>) {
    let Some(journal) = Journal::read(&context.state) else {
        return;
    };
    let text = match (journal.doing, &journal.invitation) {
        (Doing::LoggingIn, Some(shown)) => {
            format!(
                "login    open {} and enter the code {}",
                shown.url, shown.code
            )
        }
        (Doing::LoggingIn, None) => "login    complete the sign-in in your browser".to_owned(),
        (Doing::Asking, _) => "question answer it on your screen".to_owned(),
        (Doing::Trying, _) => "trying   the lock, and whether AWS answers".to_owned(),
        (Doing::Finishing, _) => "proving  the login".to_owned(),
        (Doing::Idle, _) => format!("waiting  {}", super::status::gather(context).await.next),
    };
    // The seconds that are left change all the time.
    let words = |text: &str| {
        text.chars()
            .filter(|c| !c.is_ascii_digit())
            .collect::<String>()
    };
    if signal.is_test() && told.as_deref().map(words) != Some(words(&text)) {
        println!("{text}");
        *told = Some(text);
    }
}
