//! What was measured, as ratios: the proxy's value by the other's, of rounds that follow each other.

mod numbers;
mod table;

use numbers::{median, spread};
pub(crate) use table::{Style, print};

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// Throughput.
    Higher,
    /// Time, memory.
    Lower,
}

/// What a row is to come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// At least this ratio.
    RatioAtLeast(f64),
    /// At most this ratio.
    RatioAtMost(f64),
    /// At most this value of the proxy, in the row's unit.
    AtMost(f64),
    /// The proxy's value minus the other's, in the row's unit, is at most this.
    DifferenceAtMost(f64),
}

/// One line of the table: a pair of values a round.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: String,
    unit: &'static str,
    better: Better,
    subject: &'static str,
    other: &'static str,
    goal: Option<Goal>,
    /// The proxy's value, and the other's where there is one to compare with.
    rounds: Vec<(f64, Option<f64>)>,
}

/// The rows of one group.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// What was measured, and how: a sentence or two for whoever reads the table.
    pub(crate) title: String,
    /// What came of it.
    pub(crate) rows: Vec<Row>,
}

impl Row {
    /// A row without a value yet, about the proxy and nginx.
    #[must_use]
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, better: Better) -> Self {
        Self {
            name: name.into(),
            unit,
            better,
            subject: "proxy",
            other: "nginx",
            goal: None,
            rounds: Vec::new(),
        }
    }

    /// About `subject` instead of the proxy, and beside `other` instead of nginx.
    #[must_use]
    pub(crate) fn about(mut self, subject: &'static str, other: &'static str) -> Self {
        (self.subject, self.other) = (subject, other);
        self
    }

    /// With a goal.
    #[must_use]
    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Notes one round of both.
    pub(crate) fn round(&mut self, proxy: f64, other: f64) {
        self.rounds.push((proxy, Some(other)));
    }

    /// Notes one round of the proxy, where there is nothing to compare it with.
    pub(crate) fn alone(&mut self, proxy: f64) {
        self.rounds.push((proxy, None));
    }

    fn own(&self) -> Option<f64> {
        median(self.rounds.iter().map(|(own, _)| *own))
    }

    /// The smallest and the largest of the proxy's values.
    fn own_between(&self) -> Option<(f64, f64)> {
        spread(self.rounds.iter().map(|(own, _)| *own))
    }

    fn others(&self) -> Option<f64> {
        median(self.pairs().map(|(_, other)| other))
    }

    /// The median of the rounds' ratios, which noise that lasts longer than a round leaves alone.
    fn ratio(&self) -> Option<f64> {
        median(self.ratios())
    }

    /// The smallest and the largest ratio of a round.
    fn ratios_between(&self) -> Option<(f64, f64)> {
        spread(self.ratios())
    }

    fn ratios(&self) -> impl Iterator<Item = f64> {
        self.pairs().map(|(own, other)| own / other)
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        let rounds = self.rounds.iter();
        rounds.filter_map(|(own, other)| other.map(|other| (*own, other)))
    }

    /// Whether the row came to its goal; `None` without one. A row without values misses it.
    pub(crate) fn is_met(&self) -> Option<bool> {
        let holds = |value: Option<f64>, holds: &dyn Fn(f64) -> bool| value.is_some_and(holds);
        self.goal.map(|goal| match goal {
            Goal::RatioAtLeast(least) => holds(self.ratio(), &|ratio| ratio >= least),
            Goal::RatioAtMost(most) => holds(self.ratio(), &|ratio| ratio <= most),
            Goal::AtMost(most) => holds(self.own(), &|own| own <= most),
            Goal::DifferenceAtMost(most) => {
                let differences = self.pairs().map(|(own, other)| own - other);
                holds(median(differences), &|difference| difference <= most)
            }
        })
    }

    /// Whether the proxy is ahead; `None` where there is nothing to compare it with.
    fn is_ahead(&self) -> Option<bool> {
        self.ratio().map(|ratio| match self.better {
            Better::Higher => ratio >= 1.0,
            Better::Lower => ratio <= 1.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(goal: Goal, rounds: &[(f64, f64)]) -> Row {
        let mut row = Row::new("hits", "1/s", Better::Higher).goal(goal);
        for (own, other) in rounds {
            row.round(*own, *other);
        }
        row
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_and_not_of_the_values() {
        // A machine that is twice as fast in the last round changes both values.
        let row = row(
            Goal::RatioAtLeast(1.1),
            &[(11.0, 10.0), (9.0, 10.0), (24.0, 20.0)],
        );
        assert_eq!(row.ratio(), Some(1.1));
        assert_eq!(row.ratios_between(), Some((0.9, 1.2)));
        assert_eq!(row.is_met(), Some(true));
    }

    #[test]
    fn each_kind_of_goal_can_be_missed() {
        let rounds = [(10.0, 8.0)];
        assert_eq!(row(Goal::RatioAtLeast(1.3), &rounds).is_met(), Some(false));
        assert_eq!(row(Goal::RatioAtMost(1.2), &rounds).is_met(), Some(false));
        assert_eq!(row(Goal::AtMost(9.0), &rounds).is_met(), Some(false));
        assert_eq!(
            row(Goal::DifferenceAtMost(1.9), &rounds).is_met(),
            Some(false)
        );
        assert_eq!(
            row(Goal::DifferenceAtMost(2.0), &rounds).is_met(),
            Some(true)
        );
        assert_eq!(row(Goal::AtMost(9.0), &[]).is_met(), Some(false));
    }
}
