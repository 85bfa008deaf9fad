//! `bazel-proxy warm`: fetches ahead, through a running proxy, what a build will ask for.
//!
//! ```text
//! files ─► lists ─► Work ─► at most --jobs visits ─► Summary
//!                    ▲         └─► the proxy's cache
//!                    └── poms: parents, bills of materials, the artifact itself
//! ```
//!
//! It may be ended at any time: what is cached is there, and the next run passes over it.

mod client;
mod input;
mod lookout;
mod pace;
mod progress;
mod summary;
mod target;
mod task;
mod visit;
mod work;

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use self::client::Client;
use self::lookout::{Pulse, look};
use self::progress::Progress;
use self::summary::Summary;
use self::target::Target;
use self::task::Task;
use self::visit::{End, Outcome, Visited, Visitor};
use self::work::Work;
use crate::cli::WarmArgs;

/// How a shell tells that a program was ended by a signal.
const EXIT_SIGNALLED: u8 = 128;
/// With few jobs, so many visits in a row have to come to nothing before a run is given up.
const FEWEST_IN_VAIN: usize = 3;

pub(super) fn run(args: &WarmArgs, vars: &impl Fn(&str) -> Option<String>) -> ExitCode {
    let config = match super::config_without_bucket(vars) {
        Ok(config) => config,
        Err(faults) => return usage(&faults.to_string()),
    };
    let target = match &args.url {
        Some(url) => Target::parse(url),
        None => Ok(Target::local(config.listen.on_this_machine())),
    };
    let target = match target {
        Ok(target) => target,
        Err(problem) => return usage(&problem),
    };
    let lists = match input::read_all(&args.files, args.format, &target.hosts(&config)) {
        Ok(lists) => lists,
        Err(problem) => return usage(&problem),
    };
    let mut left_out = BTreeMap::new();
    for (what, count) in lists.iter().flat_map(|list| &list.left_out) {
        *left_out.entry(*what).or_default() += count;
    }
    let client = Client::new(&target, config.ca_bundle.as_deref());
    let run = Run {
        work: Work::new(lists),
        summary: Summary::default(),
        jobs: usize::from(args.jobs),
        in_vain: 0,
        visitor: Arc::new(Visitor::new(client)),
        progress: Arc::new(Progress::new(args.quiet)),
    };
    let outcome = super::runtime().map(|runtime| runtime.block_on(run.finish(&target, &left_out)));
    outcome.unwrap_or_else(|error| {
        eprintln!("no thread can be started: {error}");
        ExitCode::FAILURE
    })
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(super::EXIT_USAGE)
}

struct Run {
    work: Work,
    summary: Summary,
    jobs: usize,
    /// How many visits in a row have come to nothing.
    in_vain: usize,
    visitor: Arc<Visitor>,
    progress: Arc<Progress>,
}

/// Why a run ended before its work did.
enum Early {
    End(End),
    Signal(SignalKind),
}

impl Run {
    async fn finish(mut self, target: &Target, left_out: &BTreeMap<&str, usize>) -> ExitCode {
        if let Err(problem) = self.find_proxy(target).await {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
        let started = Instant::now();
        let pulse = Pulse::new();
        let (visitor, progress) = (Arc::clone(&self.visitor), Arc::clone(&self.progress));
        let lookout = tokio::spawn(look(visitor, pulse.clone(), progress));
        let outcome = self.work(&pulse).await;
        lookout.abort();
        self.progress.end();
        let left = self.work.total() - self.summary.done();
        self.summary.print(left, left_out, started.elapsed());
        match outcome {
            Ok(()) if self.summary.is_success() => ExitCode::SUCCESS,
            Ok(()) => ExitCode::FAILURE,
            Err(Early::End(end)) => {
                eprintln!("{}\nThe same command goes on from here.", why(&end));
                ExitCode::FAILURE
            }
            Err(Early::Signal(kind)) => {
                eprintln!("ended; the same command goes on from here");
                let number = u8::try_from(kind.as_raw_value()).unwrap_or(0);
                ExitCode::from(EXIT_SIGNALLED + number)
            }
        }
    }

    async fn find_proxy(&self, target: &Target) -> Result<(), String> {
        let top = &target.top;
        match self.visitor.client().page("/healthz").await {
            Ok((StatusCode::OK, _)) => Ok(()),
            Ok((status, text)) => Err(format!(
                "{top}/healthz answers {}: {text}\nIs this a bazel-proxy?",
                status.as_u16()
            )),
            Err(client::Broken(reason)) => Err(format!(
                "no proxy answers on {top}: {reason}\nStart one (`bazel-proxy`), or name another with --url."
            )),
        }
    }

    async fn work(&mut self, pulse: &Pulse) -> Result<(), Early> {
        let mut signalled = pin!(signalled());
        let mut tick = interval(Duration::from_secs(1));
        let mut visits = JoinSet::<(Task, Visited)>::new();
        loop {
            while visits.len() < self.jobs
                && let Some(task) = self.work.next()
            {
                let visitor = Arc::clone(&self.visitor);
                visits.spawn(async move {
                    let visited = visitor.visit(&task).await;
                    (task, visited)
                });
            }
            tokio::select! {
                biased;
                kind = &mut signalled => return Err(Early::Signal(kind)),
                visited = visits.join_next() => match visited {
                    None => return Ok(()),
                    Some(Ok((task, visited))) => {
                        pulse.beat();
                        self.note(&task, visited).map_err(Early::End)?;
                    }
                    Some(Err(error)) => {
                        let reason = format!("a request ended unexpectedly: {error}");
                        return Err(Early::End(End::Unreachable(reason)));
                    }
                },
                _ = tick.tick() => {}
            }
            let done = self.summary.done();
            self.progress
                .set(done, self.work.total(), self.summary.bytes());
        }
    }

    fn note(&mut self, task: &Task, visited: Visited) -> Result<(), End> {
        let (outcome, pom) = visited?;
        self.summary.add(task, &outcome);
        if let Outcome::InVain(reason) = &outcome {
            self.in_vain += 1;
            // One artifact may have trouble of its own; if all that are asked for have it, more of them
            // would only be a burden.
            if self.in_vain >= self.jobs.max(FEWEST_IN_VAIN) {
                return Err(End::Unreachable(reason.clone()));
            }
        } else {
            self.in_vain = 0;
        }
        self.work.follow(task, outcome.is_there(), pom.as_ref());
        Ok(())
    }
}

fn why(end: &End) -> String {
    match end {
        End::PersonNeeded(text) => text.clone(),
        End::Unreachable(text) => format!("the repository does not answer in order: {text}"),
    }
}

/// The next signal that ends a run in order; never, where signals cannot be handled: then they end it at
/// once, as is their way.
async fn signalled() -> SignalKind {
    let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
    let (Ok(mut terminated), Ok(mut interrupted)) = (signal(terminate), signal(interrupt)) else {
        return pending().await;
    };
    tokio::select! {
        _ = terminated.recv() => terminate,
        _ = interrupted.recv() => interrupt,
    }
}
