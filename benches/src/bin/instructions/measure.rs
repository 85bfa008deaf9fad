//! Rounds of one path, and what they say together.

use std::fmt;

use crate::Outcome;
use crate::client::Client;
use crate::origin;
use crate::paths::Path;
use crate::program::{Dump, Program};
use crate::tools::Tools;

/// Odd, so that one of them is the median. What happens once a second falls into few of them.
const ROUNDS: usize = 7;
/// Before the first round, so that connections, buffers and threads are there.
const WARM_UP: u32 = 20;

/// The running program and its client.
pub(crate) struct Bench {
    client: Client,
    program: Program,
    /// No two fills are of the same artifact.
    asked: u32,
}

/// Instructions of one path.
pub(crate) struct Measurement {
    pub(crate) path: &'static Path,
    /// A request, in the median round.
    pub(crate) instructions: u64,
    /// A request, in the cheapest and in the dearest round.
    range: (u64, u64),
    /// The median round's.
    pub(crate) dump: Dump,
}

impl Bench {
    pub(crate) fn start(tools: &Tools) -> Outcome<Self> {
        let origin = origin::start()?;
        let mut program = Program::start(tools, origin)?;
        let client = Client::connect(program.address())?;
        program.count()?;
        Ok(Self {
            client,
            program,
            asked: 0,
        })
    }

    pub(crate) fn measure(&mut self, path: &'static Path) -> Outcome<Measurement> {
        self.rounds(path)
            .map_err(|problem| format!("{problem}\nbazel-proxy's log:\n{}", self.program.log()))
    }

    fn rounds(&mut self, path: &'static Path) -> Outcome<Measurement> {
        let tag = match path.preparation() {
            Some(request) => self.client.ask(&request)?.entity_tag,
            None => None,
        };
        self.program.settle()?;
        self.ask(path, WARM_UP.min(path.requests), tag.as_deref())?;
        self.program.zero()?;
        let mut dumps = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            self.ask(path, path.requests, tag.as_deref())?;
            dumps.push(self.program.dump()?);
        }
        Measurement::of(path, dumps)
    }

    /// Asks so often, each time of a program that sleeps.
    fn ask(&mut self, path: &Path, times: u32, tag: Option<&str>) -> Outcome<()> {
        for _ in 0..times {
            self.asked += 1;
            let request = path.request(self.asked, tag);
            let answer = self.client.ask(&request)?;
            path.check(&answer)?;
            self.program.settle()?;
        }
        Ok(())
    }
}

impl Measurement {
    fn of(path: &'static Path, mut rounds: Vec<Dump>) -> Outcome<Self> {
        rounds.sort_by_key(|round| round.instructions);
        let a_request = |round: &Dump| round.instructions / u64::from(path.requests);
        let (Some(least), Some(most)) = (rounds.first(), rounds.last()) else {
            return Err("no round was counted".into());
        };
        let range = (a_request(least), a_request(most));
        let median = rounds.swap_remove(rounds.len() / 2);
        Ok(Self {
            path,
            instructions: a_request(&median),
            range,
            dump: median,
        })
    }
}

/// The path, its instructions a request, and how far rounds are apart.
impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<13} {:>11} instructions for {} (rounds: {} to {})",
            self.path.name, self.instructions, self.path.what, self.range.0, self.range.1
        )
    }
}
