//! One look at the files: a [`Sight`] for the decision, and what the hands need to act on it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sso_session::config::SsoProfile;
use sso_session::disk;
use sso_session::location::Locations;
use sso_session::signal::{LoginSignal, SignalFile};

use crate::decision::{Request, Sight};
use crate::mode::Mode;
use crate::moment::Moment;
use crate::session;
use crate::state_folder::StateFolder;

/// `~/.aws/config` is no larger.
const MOST_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// Looks at everything that the decision depends on. Blocks on the disk.
#[derive(Clone, Debug)]
pub(crate) struct Eyes {
    pub(crate) locations: Locations,
    pub(crate) state: StateFolder,
    pub(crate) signal: SignalFile,
    /// Used where no signal names another.
    pub(crate) profile: String,
    /// Used where the person has chosen no other.
    pub(crate) mode: Mode,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) sight: Sight,
    pub(crate) signal: Option<LoginSignal>,
    /// The profile that the signal or the settings name; none if it cannot be used.
    pub(crate) profile: Option<SsoProfile>,
    /// Whether the signal could be read; else what was seen last still counts.
    pub(crate) is_readable: bool,
    /// What is wrong, to be logged once each.
    pub(crate) complaints: BTreeSet<String>,
}

impl Eyes {
    /// `program` is what is wrong with the AWS CLI, if anything, and a number that changes with it.
    pub(crate) fn look(
        &self,
        vars: &impl Fn(&str) -> Option<String>,
        program: (Option<String>, u64),
        now: Moment,
    ) -> Seen {
        let mut complaints = BTreeSet::new();
        let (signal, is_readable) = match self.signal.read() {
            Ok(signal) => (signal, true),
            Err(error) => {
                complaints.insert(error.to_string());
                (None, false)
            }
        };
        let mode = self.mode(&mut complaints);
        let name = signal
            .as_ref()
            .map_or(&self.profile, |signal| &signal.profile);
        let (profile, profile_fault) = match session::resolve(&self.locations, vars, name) {
            Ok(profile) => (Some(profile), None),
            Err(fault) => (None, Some(fault.to_string())),
        };
        let (program_fault, program_stamp) = program;
        // Renewing takes no AWS CLI.
        let program_fault = program_fault.filter(|_| mode != Mode::Silent);
        let token_file = profile.as_ref().map(|profile| {
            let name = profile.session.token_file_name();
            self.locations.token_folder.join(name)
        });
        let sight = Sight {
            request: signal.as_ref().map(|signal| request(signal, now)),
            mode,
            configuration: self.configuration(program_stamp),
            fault: profile_fault.or(program_fault),
            last_attempt: self.state.last_attempt(),
            hand: self.state.hand(),
            logged_out: token_file.is_some_and(|file| self.state.is_logged_out(&file)),
            cleaned: self.state.cleaned(),
        };
        Seen {
            sight,
            signal,
            profile,
            is_readable,
            complaints,
        }
    }

    fn mode(&self, complaints: &mut BTreeSet<String>) -> Mode {
        match self.state.mode() {
            Ok(chosen) => chosen.unwrap_or(self.mode),
            Err(text) => {
                complaints.insert(format!(
                    "{}/mode holds `{}`, which is no mode; `sso-watcher mode {}` mends it",
                    self.state.path().display(),
                    text.escape_debug(),
                    self.mode,
                ));
                self.mode
            }
        }
    }

    /// A number that changes with the configuration of AWS and with the program that logs in.
    fn configuration(&self, program_stamp: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        program_stamp.hash(&mut hasher);
        for path in [
            &self.locations.config_file,
            &self.locations.credentials_file,
        ] {
            let bytes = disk::read_bounded(path, MOST_CONFIG_BYTES).ok();
            bytes.map(|bytes| bytes.to_vec()).hash(&mut hasher);
        }
        hasher.finish()
    }
}

fn request(signal: &LoginSignal, now: Moment) -> Request {
    Request {
        profile: signal.profile.clone(),
        key: signal.key(),
        is_test: signal.is_test(),
        next_attempt_after: signal.next_attempt_after(now.wall),
    }
}
