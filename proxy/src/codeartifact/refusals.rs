//! Repositories that are known to be of no use: CodeArtifact has refused them, and only somebody with more rights, or
//! another configuration, helps. Told in the log, by readiness and by the status page, not only to clients.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::Upstream;
use crate::config::Format;
use crate::error::{Error, Trouble};

/// The same of one repository is not logged more often.
const LOGGED_EVERY: Duration = Duration::from_mins(1);
/// A repository that was refused is asked once more at most this often, however often readiness is.
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// What was refused when it was asked last.
#[derive(Default)]
pub(super) struct Refusals(Mutex<All>);

#[derive(Default)]
struct All {
    /// By the repository's name. No more than what was ever configured.
    refused: HashMap<(String, Format), Refused>,
    /// When which repository was logged with which cure: what was said names the package, and differs each time.
    logged: HashMap<(String, String), Instant>,
}

struct Refused {
    trouble: Arc<Trouble>,
    probed: Option<Instant>,
}

impl Refusals {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a repository was asked, and has answered.
    pub(super) fn answered(&self, upstream: &Upstream, format: Format) {
        let mut all = self.all();
        // Nearly always there is none, and no name has to be made.
        if !all.refused.is_empty() {
            all.refused.remove(&(upstream.name().to_owned(), format));
        }
    }

    /// Notes why a repository could not be asked. What passes by itself says nothing of it.
    pub(super) fn failed(&self, upstream: &Upstream, format: Format, error: &Error) {
        let trouble = match error {
            // Who says that has let us look.
            Error::NotFound | Error::Rejected { .. } => return self.answered(upstream, format),
            Error::Misconfigured(trouble) => trouble,
            Error::MissingOrDenied
            | Error::Denied(_)
            | Error::LoginRequired(_)
            | Error::ClockSkew(_)
            | Error::Unavailable(_)
            | Error::Throttled { .. }
            | Error::Changed
            | Error::Corrupt(_)
            | Error::Cache(_) => return,
        };
        let (mut all, name) = (self.all(), upstream.name());
        let of_format = (name.to_owned(), format);
        let probed = all.refused.get(&of_format).and_then(|it| it.probed);
        let refused = Refused {
            trouble: Arc::clone(trouble),
            probed,
        };
        all.refused.insert(of_format, refused);
        all.logged.retain(|_, at| at.elapsed() < LOGGED_EVERY);
        let of_cure = (name.to_owned(), trouble.cure.clone());
        if let Entry::Vacant(unlogged) = all.logged.entry(of_cure) {
            unlogged.insert(Instant::now());
            let (alias, Trouble { reason, cure, .. }) = (&upstream.config.alias, &**trouble);
            warn!(
                upstream = alias,
                %format, reason, cure, "a repository of CodeArtifact cannot be used"
            );
        }
    }

    /// Why a repository is of no use, where that is known; of several formats, of the first.
    pub(super) fn of(&self, upstream: &Upstream) -> Option<Error> {
        let all = self.all();
        let mut formats = upstream.config.formats.iter();
        formats.find_map(|format| {
            let refused = all.refused.get(&(upstream.name().to_owned(), *format))?;
            Some(Error::Misconfigured(Arc::clone(&refused.trouble)))
        })
    }

    /// The formats that may be asked once more. Whoever is told does ask.
    pub(super) fn to_probe(&self, upstream: &Upstream) -> Vec<Format> {
        let mut all = self.all();
        let is_due = |format: &Format| {
            let refused = all.refused.get_mut(&(upstream.name().to_owned(), *format));
            refused.is_some_and(|refused| {
                let is_due = refused.probed.is_none_or(|at| at.elapsed() >= PROBE_EVERY);
                if is_due {
                    refused.probed = Some(Instant::now());
                }
                is_due
            })
        };
        let formats = upstream.config.formats.iter().copied();
        formats.filter(is_due).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codeartifact::Table;
    use crate::config::CodeArtifactUpstream;

    fn upstream() -> Arc<Upstream> {
        let table = Table::new(vec![CodeArtifactUpstream {
            formats: vec![Format::Pypi, Format::Npm],
            ..CodeArtifactUpstream::example()
        }]);
        Arc::clone(&table.upstreams()[0])
    }

    fn refusal() -> Error {
        Error::Misconfigured(Trouble::new("refused", "Ask."))
    }

    #[test]
    fn a_refusal_stays_until_an_answer_and_only_a_refusal_is_one() {
        let (refusals, upstream) = (Refusals::default(), upstream());
        refusals.failed(&upstream, Format::Npm, &Error::unavailable("no answer"));
        assert!(refusals.of(&upstream).is_none());
        refusals.failed(&upstream, Format::Npm, &refusal());
        refusals.failed(&upstream, Format::Npm, &Error::unavailable("no answer"));
        refusals.answered(&upstream, Format::Pypi);
        assert!(refusals.of(&upstream).is_some());
        refusals.failed(&upstream, Format::Npm, &Error::NotFound);
        assert!(refusals.of(&upstream).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_is_probed_at_once_and_then_now_and_then() {
        let (refusals, upstream) = (Refusals::default(), upstream());
        assert!(refusals.to_probe(&upstream).is_empty());
        refusals.failed(&upstream, Format::Npm, &refusal());
        assert_eq!(refusals.to_probe(&upstream), [Format::Npm]);
        refusals.failed(&upstream, Format::Npm, &refusal());
        assert!(refusals.to_probe(&upstream).is_empty());
        tokio::time::advance(PROBE_EVERY).await;
        assert_eq!(refusals.to_probe(&upstream), [Format::Npm]);
    }
}
