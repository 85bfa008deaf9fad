//! After the tour: serve, and show what reaches S3, until somebody says stop.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::error::Error;
use crate::stage::Stage;
use crate::terminal::Terminal;

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

/// Shows each call to S3 as it happens. Returns only with the news that the proxy has ended.
pub(crate) async fn until_the_proxy_ends(
    stage: &mut Stage,
    terminal: &Terminal,
) -> Result<(), Error> {
    stage.counters().reset();
    terminal.heading("Serving until Ctrl-C");
    terminal.say(&format!(
        "Each call to S3 is shown as it happens; a hit makes none. A file that you put into {} can \
         be fetched under its name.",
        stage.bucket_folder().display()
    ));
    let mut shown = 0;
    loop {
        stage.proxy.still_runs()?;
        // Nobody makes a hundred thousand calls by hand, so the log never drops its first.
        let calls = stage.counters().log();
        for call in calls.iter().skip(shown) {
            // Shown only with its answer, and in order.
            let Some(status) = call.status else { break };
            let (operation, key) = (call.operation, call.key.as_deref().unwrap_or("(bucket)"));
            terminal.doing(&format!("S3: {operation} {key} → {status}"));
            shown += 1;
        }
        sleep(LOOK_EVERY).await;
    }
}
