//! What each command does; `main` only chooses.

mod clean;
mod doctor;
mod login;
mod logout;
pub mod logs;
mod mode;
mod rehearsal;
mod run;
mod service;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use sso_session::http_client::http_client;
use sso_session::lock::LoginLock;
use sso_session::signal::SignalFile;
use tokio::signal::unix::{SignalKind, signal};

use crate::agent::Eyes;
use crate::aws_cli::search::Search;
use crate::cli::Command;
use crate::decision::Limits;
use crate::launch;
use crate::logging;
use crate::platform::Platform;
use crate::run::Environment;
use crate::session::{self, Session};
use crate::settings::Settings;
use crate::state_folder::StateFolder;

/// `EX_USAGE` of sysexits.h, for wrong configuration as for wrong usage.
const EXIT_USAGE: u8 = 64;

/// What every command works with.
struct Context {
    settings: Settings,
    environment: Environment,
    platform: Platform,
    state: StateFolder,
    /// The `.env` that variables come from.
    env_file: Option<PathBuf>,
}

/// Runs the chosen command to its end.
#[must_use]
pub fn run(command: Command, env_file: Option<PathBuf>) -> ExitCode {
    if let Command::Launch { command } = command {
        return launch::run(command);
    }
    let environment = Environment::inherited();
    let vars = |name: &str| environment.get(name);
    let platform = Platform::from_vars(&vars);
    if matches!(command, Command::Run) {
        // Before anything is said; a file that cannot be emptied is no reason not to start.
        let _outcome = logging::bound_error_log(&logging::log_file(platform, &vars));
    }
    let (settings, checked) = Settings::read(&vars, platform);
    if let Err(mut faults) = checked {
        faults
            .list
            .retain(|fault| command.needs(&fault.subject.to_string()));
        if !faults.list.is_empty() {
            eprintln!("{faults}");
            return ExitCode::from(EXIT_USAGE);
        }
    }
    let state = StateFolder::new(settings.locations.state_folder.clone());
    let context = Context {
        settings,
        environment,
        platform,
        state,
        env_file,
    };
    match command {
        Command::Run => run::run(&context),
        Command::Install => service::install(&context),
        Command::Uninstall => service::uninstall(&context),
        Command::Start => service::start(&context),
        Command::Stop => service::stop(&context),
        Command::Restart => service::restart(&context),
        Command::Status(args) => status::run(&context, args.json),
        Command::Logs(args) => logs::run(&args, &context.settings.log_file),
        Command::Login(args) => login::run(&context, args.profile.as_deref()),
        Command::Logout(args) => logout::run(&context, args.profile.as_deref()),
        Command::Mode(args) => mode::run(&context, args.mode),
        Command::Test(args) => rehearsal::run(&context, args.profile),
        Command::Clean => clean::run(&context),
        Command::Doctor(args) => doctor::run(&context, args.profile),
        Command::Launch { command } => launch::run(command),
    }
}

impl Context {
    fn vars(&self) -> impl Fn(&str) -> Option<String> {
        |name| self.environment.get(name)
    }

    fn http(&self) -> SharedHttpClient {
        http_client(self.settings.ca_bundle.as_deref())
    }

    fn signal(&self) -> SignalFile {
        SignalFile::new(&self.settings.locations.signal_file)
    }

    /// Where an AWS CLI is looked for.
    fn search(&self) -> Search {
        Search::new(self.settings.login_command.as_deref(), &self.environment)
    }

    fn login_lock(&self) -> LoginLock {
        LoginLock::new(self.state.path())
    }

    fn limits(&self) -> Limits {
        Limits {
            cooldown: self.settings.cooldown,
            poll: self.settings.poll,
            max_prompts_per_hour: self.settings.max_prompts_per_hour,
        }
    }

    fn eyes(&self) -> Eyes {
        Eyes {
            locations: self.settings.locations.clone(),
            state: self.state.clone(),
            signal: self.signal(),
            profile: self.settings.profile.clone(),
            mode: self.settings.mode,
        }
    }

    /// The session of a profile, that of the settings if none is named.
    fn session(&self, profile: Option<&str>) -> Result<Session, String> {
        let name = profile.unwrap_or(&self.settings.profile);
        let locations = &self.settings.locations;
        let profile = session::resolve(locations, &self.vars(), name);
        let profile = profile.map_err(|fault| fault.to_string())?;
        Ok(Session::new(profile, locations, &self.http()))
    }
}

/// Runs a future of a command; or why that cannot be.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("no threads can be started: {error}"))?;
    Ok(runtime.block_on(future))
}

/// SIGTERM or SIGINT, whichever comes first.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Says why a command failed.
fn failed(why: &str) -> ExitCode {
    eprintln!("sso-watcher: {why}");
    ExitCode::FAILURE
}
