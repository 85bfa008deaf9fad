//! `sso-watcher mode [X]`: shows the mode, or chooses one; the running agent takes it up at its next look.

use std::process::ExitCode;

use super::{Context, failed, service};
use crate::cli::Choice;
use crate::status::{is_agent_alive, starting_command};

pub(super) fn run(context: &Context, choice: Option<Choice>) -> ExitCode {
    let state = &context.state;
    let outcome = match choice {
        None => return show(context),
        Some(Choice::Mode(mode)) => state.set_mode(mode),
        Some(Choice::Default) => state.forget_mode().map(|_| ()),
    };
    if let Err(error) = outcome {
        return failed(&format!("the mode cannot be written: {error}"));
    }
    show(context)
}

fn show(context: &Context) -> ExitCode {
    let chosen = match context.state.mode() {
        Ok(chosen) => chosen,
        Err(text) => {
            let file = context.state.path().join("mode");
            return failed(&format!(
                "{} holds `{}`, which is no mode; `sso-watcher mode auto` mends it",
                file.display(),
                text.escape_debug(),
            ));
        }
    };
    let mode = chosen.unwrap_or(context.settings.mode);
    let origin = if chosen.is_some() {
        "chosen"
    } else {
        "SSO_LOGIN_MODE"
    };
    println!("{mode} ({origin}): the agent {}", mode.meaning());
    if !is_agent_alive(&context.state) {
        let start = starting_command(service::is_installed(context));
        println!("No agent is running: {start} has one run.");
    }
    ExitCode::SUCCESS
}
