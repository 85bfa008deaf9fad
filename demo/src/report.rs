//! What was claimed and whether it held: the demo's exit code.

use std::process::ExitCode;

/// The claims of all steps.
#[derive(Debug, Default)]
pub(crate) struct Report {
    steps: Vec<Step>,
    complete: bool,
}

#[derive(Debug, Default)]
struct Step {
    held: usize,
    failed: usize,
}

impl Step {
    /// A step that claimed nothing has shown nothing.
    fn did_what_it_says(&self) -> bool {
        self.held > 0 && self.failed == 0
    }
}

impl Report {
    /// Begins the next step and returns its number, from 1.
    pub(crate) fn begin_step(&mut self) -> usize {
        self.steps.push(Step::default());
        self.steps.len()
    }

    /// Records a claim of the current step.
    pub(crate) fn record(&mut self, holds: bool) {
        if self.steps.is_empty() {
            self.begin_step();
        }
        if let Some(step) = self.steps.last_mut() {
            if holds {
                step.held += 1;
            } else {
                step.failed += 1;
            }
        }
    }

    /// No more steps will come.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
    }

    /// Whether the tour was walked to its end.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Steps, and those of them that did what they say.
    pub(crate) fn steps(&self) -> (usize, usize) {
        let good = self.steps.iter().filter(|step| step.did_what_it_says());
        (self.steps.len(), good.count())
    }

    /// Claims that held.
    pub(crate) fn held(&self) -> usize {
        self.steps.iter().map(|step| step.held).sum()
    }

    /// Whether every step of a whole tour did what it says.
    pub(crate) fn is_good(&self) -> bool {
        let (all, good) = self.steps();
        self.complete && all > 0 && all == good
    }

    /// 0 for a good report, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.is_good() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(steps: &[&[bool]]) -> Report {
        let mut report = Report::default();
        for claims in steps {
            report.begin_step();
            for holds in *claims {
                report.record(*holds);
            }
        }
        report.complete();
        report
    }

    #[test]
    fn every_claim_of_every_step_has_to_hold() {
        assert!(report(&[&[true, true], &[true]]).is_good());
        let one_failed = report(&[&[true, false], &[true]]);
        assert!(!one_failed.is_good());
        assert_eq!(one_failed.steps(), (2, 1));
        assert_eq!(one_failed.held(), 2);
    }

    #[test]
    fn nothing_claimed_is_nothing_shown() {
        assert!(!report(&[]).is_good());
        assert!(!report(&[&[true], &[]]).is_good());
    }

    #[test]
    fn a_tour_that_was_broken_off_is_not_good() {
        let mut report = Report::default();
        report.record(true);
        assert!(!report.is_good());
        report.complete();
        assert!(report.is_good());
    }
}
