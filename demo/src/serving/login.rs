//! What becomes of the proxy's wish for a login: the page that the watcher opens is shown, and a person
//! decides there.

use crate::error::Error;
use crate::stage::Stage;
use crate::terminal::Terminal;

/// What was said so far about the login of the moment.
#[derive(Default)]
pub(super) struct Login {
    is_asked_for: bool,
    is_shown: bool,
    error: Option<String>,
}

impl Login {
    /// Says what is new.
    pub(super) fn look(&mut self, stage: &Stage, terminal: &Terminal) -> Result<(), Error> {
        let Some(signal) = stage.home.signal() else {
            self.end(terminal);
            return Ok(());
        };
        if !std::mem::replace(&mut self.is_asked_for, true) {
            terminal.doing("the proxy asks for a login: misses wait");
        }
        if let Some(page) = stage.home.opened_page() {
            stage.home.close_page()?;
            terminal
                .doing("sso-watcher cannot renew the session, and opens the page to sign in at:");
            terminal.quote(&page);
            self.is_shown = true;
        }
        let error = last_error(&signal);
        if error.is_some() && error != self.error {
            terminal.failed(error.as_deref().unwrap_or_default());
        }
        self.error = error;
        Ok(())
    }

    fn end(&mut self, terminal: &Terminal) {
        if self.is_asked_for {
            terminal.doing(if self.is_shown {
                "somebody signed in: what waits goes on"
            } else {
                "sso-watcher renewed the session: what waits goes on"
            });
        }
        *self = Self::default();
    }
}

/// What the watcher says about its last try.
fn last_error(signal: &str) -> Option<String> {
    let signal: serde_json::Value = serde_json::from_str(signal).ok()?;
    Some(signal["lastError"].as_str()?.to_owned())
}
