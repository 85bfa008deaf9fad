//! `install`, `uninstall`, `start`, `stop`, `restart`: the agent as the system's supervisor has it.

use std::path::Path;
use std::process::ExitCode;

use nix::unistd::getuid;

use super::{Context, block_on, failed};
use crate::home;
use crate::mode::Mode;
use crate::settings::installed::{self, Installed};
use crate::settings::{AGENT, Settings};
use crate::supervisor::{AgentFile, AgentState, Supervisor, SupervisorError};

pub(super) fn install(context: &Context) -> ExitCode {
    finish(put_in_place(context, false))
}

pub(super) fn restart(context: &Context) -> ExitCode {
    finish(put_in_place(context, true))
}

pub(super) fn uninstall(context: &Context) -> ExitCode {
    finish(remove(context))
}

pub(super) fn start(context: &Context) -> ExitCode {
    let supervisor = supervisor(context);
    let started = done(supervisor.start());
    finish(started.map(|()| "The agent runs.".to_owned()))
}

pub(super) fn stop(context: &Context) -> ExitCode {
    let supervisor = supervisor(context);
    let stopped = done(supervisor.stop());
    let text = if is_installed(context) {
        "The agent is stopped; it starts again with `sso-watcher start`, or at your next login to this \
         machine."
    } else {
        "The agent is not installed, and does not run in the background: `sso-watcher install` installs it."
    };
    finish(stopped.map(|()| text.to_owned()))
}

fn finish(outcome: Result<String, String>) -> ExitCode {
    match outcome {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

fn done<T>(work: impl Future<Output = Result<T, SupervisorError>>) -> Result<T, String> {
    block_on(work)?.map_err(|error| error.to_string())
}

fn put_in_place(context: &Context, is_restart: bool) -> Result<String, String> {
    let settings = &context.settings;
    let found = block_on(context.search().run())?;
    let aws = found.map_err(|error| error.to_string())?;
    context.state.create().map_err(|error| error.to_string())?;
    let file = agent_file(context, &aws.path)?;
    let supervisor = supervisor(context);
    if is_restart {
        done(supervisor.restart(&file))?;
    } else {
        done(supervisor.install(&file))?;
    }
    remember(context)?;
    Ok(format!(
        "The agent runs, and will at each login to this machine.\n\
         \n  file     {}\n  aws      {} ({})\n  profile  {}\n  mode     {}\n  log      {}\n\n\
         `sso-watcher test` rehearses a login; `sso-watcher status` says what it does.",
        supervisor.path().display(),
        aws.path.display(),
        aws.version,
        settings.profile,
        mode_in_use(context),
        settings.log_file.display(),
    ))
}

/// What `sso-watcher mode` has chosen, else the settings; the agent says what is wrong with a choice.
pub(super) fn mode_in_use(context: &Context) -> Mode {
    let chosen = context.state.mode().unwrap_or_default();
    chosen.unwrap_or(context.settings.mode)
}

fn agent_file(context: &Context, aws: &Path) -> Result<AgentFile, String> {
    let program = std::env::current_exe();
    let program =
        program.map_err(|error| format!("this program's own path is unknown: {error}"))?;
    if is_a_build(&program) {
        eprintln!(
            "sso-watcher: {} goes away with `cargo clean`; `cargo install --locked --path sso-watcher` \
             puts it where it stays",
            program.display()
        );
    }
    let mut variables = Settings::passed_on(&context.vars());
    variables.insert(AGENT.to_owned(), "1".to_owned());
    if let Some(home) = context.environment.get("HOME") {
        variables.insert("HOME".to_owned(), home);
    }
    Ok(AgentFile {
        program,
        variables,
        search_path: AgentFile::search_path(Some(aws)),
        log: context.settings.log_file.clone(),
    })
}

/// Whether a program lies in a folder of cargo's.
fn is_a_build(program: &Path) -> bool {
    let is_target =
        |folder: &Path| folder.join("CACHEDIR.TAG").exists() && folder.ends_with("target");
    program.ancestors().any(is_target)
}

/// For commands in any other folder.
fn remember(context: &Context) -> Result<(), String> {
    let installed = Installed {
        env_file: context.env_file.clone(),
        variables: Settings::passed_on(&context.vars()),
    };
    let place = installed::place(&context.vars());
    installed.write(&place).map_err(|error| error.to_string())
}

fn remove(context: &Context) -> Result<String, String> {
    let supervisor = supervisor(context);
    let before = done(supervisor.uninstall())?;
    let place = installed::place(&context.vars());
    let is_remembered = Installed::remove(&place).map_err(|error| error.to_string())?;
    Ok(match before {
        AgentState::NotInstalled if !is_remembered => "The agent was not installed.".to_owned(),
        AgentState::NotInstalled | AgentState::Stopped | AgentState::Running { .. } => format!(
            "The agent is removed. The program itself, its log {} and {} stay.",
            context.settings.log_file.display(),
            context.state.path().display(),
        ),
    })
}

/// Whether there is an agent to be started.
pub(super) fn is_installed(context: &Context) -> bool {
    supervisor(context).path().exists()
}

pub(super) fn supervisor(context: &Context) -> Supervisor {
    let home = home::home(&context.vars());
    Supervisor::new(
        context.platform,
        &home,
        getuid().as_raw(),
        &context.environment,
    )
}
