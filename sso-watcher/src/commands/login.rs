//! `sso-watcher login [profile]`: the same login as the agent's, now, for a person at a terminal.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use sso_session::disk;
use sso_session::lock::{Acquired, LoginGuard};
use tokio::time::Instant;

use super::{Context, block_on, failed, stop_signal};
use crate::aws_cli::login::LoginPlan;
use crate::clock;
use crate::decision::{self, LoginEnd, Proof};
use crate::login;
use crate::person::Person;
use crate::session::Session;

/// A little longer than the AWS CLI waits for a person.
const PATIENCE: Duration = Duration::from_secs(620);
/// How often a lock that somebody else holds is tried again.
const LOCK_LOOK: Duration = Duration::from_secs(1);
/// What a login that is in the way gets to end.
const GRACE: Duration = Duration::from_secs(3);
/// How often is looked at what the AWS CLI says.
const OUTPUT_LOOK: Duration = Duration::from_millis(100);

pub(super) fn run(context: &Context, profile: Option<&str>) -> ExitCode {
    let session = match context.session(profile) {
        Ok(session) => session,
        Err(why) => return failed(&why),
    };
    match block_on(log_in(context, &session)).flatten() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

async fn log_in(context: &Context, session: &Session) -> Result<String, String> {
    let environment = &context.environment;
    // First, so that a login that ends meanwhile is seen.
    let before = session.fingerprint().await;
    let cli = context
        .search()
        .run()
        .await
        .map_err(|error| error.to_string())?;
    context.state.create().map_err(|error| error.to_string())?;
    let (mut guard, has_waited) = take_lock(context).await?;
    // Whoever is here need not be asked later.
    context
        .state
        .note_hand(clock::wall())
        .map_err(|error| error.to_string())?;
    context
        .state
        .forget_logout(session.token_file().path())
        .map_err(|error| error.to_string())?;
    // Nobody signs in twice: the login that was waited for may have written its token before `before`.
    let before = before.filter(|_| !has_waited);
    if session.fingerprint().await != before
        && session.prove(before.as_deref()).await == Proof::Works
    {
        return finish(context, session).await;
    }
    let before = session.fingerprint().await;
    session.prove_writable().await?;
    session.probe().await?;
    let person = Person::new(context.platform, environment);
    let plan = login::plan(
        cli,
        session,
        &person,
        &context.state,
        environment,
        std::env::current_exe().ok(),
    );
    let end = sign_in(context, session, &plan, &mut guard).await;
    // It holds a page that was for one login.
    let removed = disk::remove(&context.state.login_output());
    removed.map_err(|error| error.to_string())?;
    let end = end?;
    let outcome = match session.prove(before.as_deref()).await {
        Proof::Works => finish(context, session).await,
        Proof::NoNewLogin => Err(blame(end)),
        Proof::Passing(why) | Proof::Hopeless(why) => Err(why),
    };
    drop(guard);
    outcome
}

/// Runs `aws sso login`; as the agent does, once more if its client registration was at fault.
async fn sign_in(
    context: &Context,
    session: &Session,
    plan: &LoginPlan,
    guard: &mut LoginGuard,
) -> Result<LoginEnd, String> {
    let stop = stop_signal().map_err(|error| error.to_string())?;
    tokio::pin!(stop);
    let end = run_once(context, session, plan, guard, &mut stop).await?;
    let LoginEnd::RegistrationBroken(why) = &end else {
        return Ok(end);
    };
    println!("{why}\nOnce more, without it:");
    run_once(context, session, plan, guard, &mut stop).await
}

async fn run_once(
    context: &Context,
    session: &Session,
    plan: &LoginPlan,
    guard: &mut LoginGuard,
    stop: impl Future<Output = ()>,
) -> Result<LoginEnd, String> {
    let note_attempt = || context.state.note_attempt(clock::wall());
    note_attempt().map_err(|error| error.to_string())?;
    let before = session.fingerprint().await;
    let started = tokio::task::block_in_place(|| login::start(plan, guard, before, PATIENCE));
    let mut login = started?;
    login.begin().await;
    let shown = tokio::spawn(show(context.state.login_output()));
    let ending = login.watch(Instant::now() + PATIENCE, stop, |_| ()).await;
    tokio::time::sleep(OUTPUT_LOOK * 2).await;
    shown.abort();
    // Whoever has just broken off does not want the agent to begin at once.
    note_attempt().map_err(|error| error.to_string())?;
    login::over(guard, &ending).map_err(|error| error.to_string())?;
    let end = login::end(&ending, PATIENCE);
    if matches!(end, LoginEnd::RegistrationBroken(_)) {
        session.give_up_registration().await;
    }
    Ok(end)
}

/// Why there is no login.
fn blame(end: LoginEnd) -> String {
    match end {
        LoginEnd::Cancelled => "the login was broken off: nobody is signed in by it".to_owned(),
        end @ (LoginEnd::Completed
        | LoginEnd::Unanswered(_)
        | LoginEnd::Refused(_)
        | LoginEnd::Misconfigured(_)
        | LoginEnd::Unreachable(_)
        | LoginEnd::RegistrationBroken(_)
        | LoginEnd::Failed(_)) => decision::blame(end).1,
    }
}

/// Takes the lock; whether another login was waited for. One that nobody watches is ended.
async fn take_lock(context: &Context) -> Result<(LoginGuard, bool), String> {
    let lock = context.login_lock();
    let deadline = Instant::now() + PATIENCE;
    let mut is_told = false;
    loop {
        let taken = tokio::task::block_in_place(|| lock.try_acquire());
        match taken.map_err(|error| error.to_string())? {
            Acquired::Ours(guard) => return Ok((guard, is_told)),
            Acquired::Orphan(guard, orphan) => {
                if tokio::task::block_in_place(|| orphan.group.end(GRACE)) {
                    return Ok((guard, is_told));
                }
                return Err(format!(
                    "a login that nobody watches any more does not end: end its processes with \
                     `kill -9 -- -{}`, then log in again",
                    orphan.group.id
                ));
            }
            Acquired::Busy(holder) if Instant::now() >= deadline => {
                return Err(format!(
                    "another login is still under way ({holder}); `sso-watcher clean` clears one that \
                     is dead"
                ));
            }
            Acquired::Busy(holder) => {
                if !std::mem::replace(&mut is_told, true) {
                    println!("Another login is under way ({holder}): waiting for it.");
                }
            }
        }
        tokio::time::sleep(LOCK_LOOK).await;
    }
}

/// What follows a login that works: containers see it, and nobody asks for it any more.
async fn finish(context: &Context, session: &Session) -> Result<String, String> {
    let profile = session.profile();
    let file = session.token_file();
    file.republish().map_err(|error| error.to_string())?;
    let signals = context.signal();
    let signal = signals.read().map_err(|error| error.to_string())?;
    if let Some(signal) = signal
        && signal.is_for(&profile.base_profile, profile.session.name.as_deref())
    {
        let removed = signals.remove_handled(&signal.key());
        removed.map_err(|error| error.to_string())?;
    }
    let until = session
        .token()
        .await
        .map(|token| sso_session::date::format(token.expires_at));
    Ok(format!(
        "Signed in with profile {}: the token lasts until {}{}. Waiting builds go on within seconds.",
        profile.base_profile,
        until.unwrap_or_default(),
        if profile.session.can_be_refreshed() {
            ", and is renewed by itself"
        } else {
            ""
        },
    ))
}

/// Shows what the AWS CLI says as it says it.
async fn show(output: impl AsRef<Path>) {
    let mut shown = 0;
    loop {
        let _not_yet = print_from(output.as_ref(), &mut shown);
        tokio::time::sleep(OUTPUT_LOOK).await;
    }
}

fn print_from(output: &Path, shown: &mut u64) -> std::io::Result<()> {
    let mut file = std::fs::File::open(output)?;
    file.seek(SeekFrom::Start(*shown))?;
    let mut text = Vec::new();
    *shown += file.take(64 * 1024).read_to_end(&mut text)? as u64;
    let mut out = std::io::stdout().lock();
    out.write_all(&text)?;
    out.flush()
}
