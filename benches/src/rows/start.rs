//! From the start of a process to its first answer.

use std::time::Instant;

use crate::failure::Failure;
use crate::http::Connection;
use crate::load::is_hit;
use crate::origin::Origin;
use crate::report::{Better, Goal, Row, Section};
use crate::servers::{Nginx, OpenFiles, ProxyBuilder, Server};
use crate::settings::Settings;

/// Starts are short, so there can be many.
fn starts(settings: &Settings) -> usize {
    if settings.quick { 5 } else { 15 }
}

pub(crate) fn measure(settings: &Settings) -> Result<Vec<Section>, Failure> {
    Ok(vec![Section {
        title: "From the start of the process (before `exec`) to the last byte of its first answer; who asks tries \
                to connect twice a millisecond. Files are in the page cache."
            .to_owned(),
        rows: vec![with_nothing(settings)?, with_a_crowd(settings)?],
    }])
}

fn with_nothing(settings: &Settings) -> Result<Row, Failure> {
    let name = "first answer (/healthz), empty cache";
    let mut row = Row::new(name, "ms", Better::Lower).goal(Goal::AtMost(50.0));
    let origin = Origin::start()?;
    let builder = ProxyBuilder::new(&settings.proxy, origin.address());
    for _ in 0..starts(settings) {
        row.alone(first_answer("/healthz", || builder.start())?);
    }
    Ok(row)
}

fn with_a_crowd(settings: &Settings) -> Result<Row, Failure> {
    let crowd = settings.crowd()?;
    let name = format!("first hit, {} entries in the cache", crowd.artifacts.len());
    let mut row = Row::new(name, "ms", Better::Lower).goal(Goal::AtMost(50.0));
    let builder = crowd.proxy(&settings.proxy);
    let files = crowd.store.files();
    for artifact in crowd.artifacts.iter().take(starts(settings)) {
        let path = format!("/{}", artifact.key);
        row.round(
            first_answer(&path, || builder.start())?,
            first_answer(&path, || Nginx::serving(&files, OpenFiles::EachTime))?,
        );
    }
    Ok(row)
}

/// In milliseconds.
fn first_answer<S: Server>(
    path: &str,
    start: impl FnOnce() -> Result<S, Failure>,
) -> Result<f64, Failure> {
    let begun = Instant::now();
    let server = start()?;
    let answer = Connection::open(server.address())?.get(path)?;
    let taken = begun.elapsed();
    if answer.cache_status.is_some_and(|status| !is_hit(&status)) {
        return Err(Failure::new(format!("{path} was no hit at the start")));
    }
    Ok(taken.as_secs_f64() * 1e3)
}
