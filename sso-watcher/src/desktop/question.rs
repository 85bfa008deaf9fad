//! A dialog that asks the person whether to log in now.
//!
//! It names what is asked for, as a dialog that says "log in" and not where is what somebody else would
//! show, too.

mod dialog;

use std::fmt::Write as _;
use std::time::Duration;

use tracing::warn;

use super::Desktop;
use crate::decision::Answer;
use crate::platform::Platform;
use crate::run::Environment;
use crate::said;

/// The dialog's title.
const TITLE: &str = "AWS SSO login";

/// Enough of a text that others wrote.
const MAX_CHARS: usize = 200;

/// What can be chosen. The first is chosen unless the person chooses another.
const CHOICES: [(&str, Answer); 6] = [
    ("Log in now", Answer::LogIn),
    ("Snooze 15 minutes", Answer::Snooze(Duration::from_mins(15))),
    ("Snooze 30 minutes", Answer::Snooze(Duration::from_mins(30))),
    ("Snooze 1 hour", Answer::Snooze(Duration::from_hours(1))),
    ("Snooze 4 hours", Answer::Snooze(Duration::from_hours(4))),
    ("Not now", Answer::NotNow),
];

/// What the person is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whom to log in with.
    pub profile: String,
    /// The host of the page where the person would sign in.
    pub portal_host: String,
    /// What needs the login, as the signal's `source` says.
    pub asker: String,
    /// Why, as the signal says.
    pub reason: String,
}

impl Question {
    /// Asks, and waits for an answer as long as `limit`; then the dialog goes away. It also goes away if
    /// this is not waited for any more. Why nobody can be asked is logged.
    pub async fn ask(
        &self,
        platform: Platform,
        environment: &Environment,
        limit: Duration,
    ) -> Answer {
        let desktop = Desktop::from_vars(platform, &|name| environment.get(name));
        let chosen = match desktop {
            Desktop::Here => dialog::choose(platform, environment, &self.prompt(), limit).await,
            Desktop::Absent(absence) => Err(absence.to_string()),
        };
        chosen.unwrap_or_else(|why| {
            warn!(why, "the person cannot be asked");
            Answer::CannotAsk
        })
    }

    fn prompt(&self) -> String {
        let mut prompt = format!("{} asks for an AWS login.\n", shown(&self.asker));
        for (name, text) in [
            ("Profile", &self.profile),
            ("Portal", &self.portal_host),
            ("Reason", &self.reason),
        ] {
            // Writing to a text cannot fail.
            let _written = write!(prompt, "\n{name}: {}", shown(text));
        }
        prompt
    }
}

fn shown(text: &str) -> String {
    said::fit(text, MAX_CHARS)
}

/// The answer that a dialog's choice stands for. None chosen is a "not now".
fn answer(chosen: &str) -> Option<Answer> {
    let chosen = chosen.trim();
    if chosen.is_empty() {
        return Some(Answer::NotNow);
    }
    let found = CHOICES.iter().find(|(label, _)| *label == chosen);
    found.map(|(_, answer)| *answer)
}
