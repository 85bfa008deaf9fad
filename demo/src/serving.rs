//! After the tour: serve, and show what reaches S3 and where to sign in, until somebody says stop.

mod login;

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::error::Error;
use crate::stage::Stage;
use crate::terminal::Terminal;
use login::Login;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Becomes true at Ctrl-C, SIGTERM or the end of the terminal.
pub(crate) fn interruption() -> Result<watch::Receiver<bool>, Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
        sender.send_replace(true);
    });
    Ok(receiver)
}

/// Shows each call to S3 as it happens, ends the SSO session at SIGUSR1, and shows the page to sign in
/// at when the watcher opens it. Returns only with the news that a program has ended.
pub(crate) async fn until_a_program_ends(
    stage: &mut Stage,
    terminal: &Terminal,
) -> Result<(), Error> {
    let mut end_session = signal(SignalKind::user_defined1())?;
    stage.counters().reset();
    terminal.heading("Serving until Ctrl-C");
    terminal.say(&format!(
        "Each call to S3 is shown as it happens; a hit makes none. A file that you put into {} can \
         be fetched under its name.",
        stage.bucket_folder().display()
    ));
    terminal.say(
        "To end the SSO session, and then to ask for something new, in another terminal; curl waits, \
         and the page to sign in at is shown here:",
    );
    terminal.quote(&format!(
        "kill -USR1 {}\necho hello > {}/note.txt\ncurl {}",
        std::process::id(),
        stage.bucket_folder().display(),
        stage.url("note.txt")
    ));
    let (mut shown, mut login) = (0, Login::default());
    loop {
        tokio::select! {
            Some(()) = end_session.recv() => {
                stage.end_session();
                terminal.doing("the SSO session has ended");
            }
            () = sleep(LOOK_EVERY) => {}
        }
        stage.proxy.still_runs()?;
        stage.watcher.still_runs()?;
        show_calls(stage, terminal, &mut shown);
        login.look(stage, terminal)?;
    }
}

/// Shows the calls to S3 since the first `shown` calls of all.
fn show_calls(stage: &Stage, terminal: &Terminal, shown: &mut usize) {
    // Nobody makes a hundred thousand calls by hand, so the log never drops its first.
    let calls = stage.counters().log();
    for call in calls.iter().skip(*shown) {
        // Shown only with its answer, and in order.
        let Some(status) = call.status else { break };
        // Calls to SSO name none.
        if call.bucket.is_some() {
            let (operation, key) = (call.operation, call.key.as_deref().unwrap_or("(bucket)"));
            terminal.doing(&format!("S3: {operation} {key} → {status}"));
        }
        *shown += 1;
    }
}
