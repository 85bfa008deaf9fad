//! The soak: one container under load, with tokens that live for seconds, and trouble all the time. A short round
//! is a test as all others; `SOAK_MINUTES=20` makes it a long one (`mise run soak`), which says more.

mod figures;
mod trouble;
mod vitals;

use std::time::Duration;

use simulated_aws::Operation;
use tests::Watcher;
use tests::sso_world::REFRESH_GRANT;
use tokio::time::{Instant, sleep_until};

use crate::container::Container;
use crate::house::House;
use crate::library::Library;
use crate::load::Load;
use figures::{Figures, minutes};
use trouble::TROUBLES;
use vitals::{Vitals, Watch};

/// The short round.
const SHORT: Duration = Duration::from_secs(80);
/// A shorter one could not tell growth from a beginning.
const SHORTEST: Duration = Duration::from_mins(1);
/// Access tokens are renewed after half of their life, and role credentials with them. The latter outlive every
/// trouble that is made: what a longer one comes to is for other tests.
const TOKEN_LIFE: Duration = Duration::from_secs(10);
const ROLE_LIFE: Duration = Duration::from_secs(14);
/// The bucket is larger than the cache's disk, so that something is evicted all the time.
const ARTIFACTS: usize = 6_000;
const VOLUME: &str = "96m";
const CLIENTS: usize = 16;
/// Of each client, from one answer to its next request.
const PAUSE: Duration = Duration::from_millis(40);

#[tokio::test(flavor = "multi_thread")]
async fn renewals_and_troubles_under_load_fail_no_request_and_leak_nothing() {
    let length = length();
    let Some(house) = House::on_host_network().await else {
        return;
    };
    let sso = house.sso.aws.sso();
    sso.set_access_token_life(TOKEN_LIFE);
    sso.set_role_credentials_life(ROLE_LIFE);
    let library = Library::mixed("soak", ARTIFACTS);
    library.publish(&house.sso.aws).await;
    house.log_in().await;
    let container = house.up_on_host_network(VOLUME).await;
    let agent = house.agent().start().await;
    house.is_ready().await;
    let life = container.life().await;
    let at_rest = Vitals::of(life.pid);

    let begin = Instant::now();
    let load = Load::start(house.address(), library, CLIENTS, PAUSE);
    let (watch, troubles) = tokio::join!(
        watch(&house, &agent, &load, life.pid, begin + length),
        make_trouble(&house, &container, begin, length),
    );
    let tally = load.stop().await;
    let figures = Figures {
        length,
        troubles,
        renewals: watch.renewals,
        role_credentials: house
            .sso
            .aws
            .counters()
            .count(Operation::GetRoleCredentials),
        logins: House::prompts(&agent),
        at_rest,
        vitals: watch.vitals,
        at_the_end: Vitals::of(life.pid),
        before: life,
        after: container.life().await,
    };
    let counts = tally.counts();
    eprintln!("{}", figures.table(&counts));
    let breaches = figures.breaches(&counts);
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// By `SOAK_MINUTES`.
fn length() -> Duration {
    let Ok(text) = std::env::var("SOAK_MINUTES") else {
        return SHORT;
    };
    let minutes = text
        .parse()
        .ok()
        .map(|minutes: u64| minutes.saturating_mul(60));
    let length = minutes.map(Duration::from_secs);
    match length {
        Some(length) if length >= SHORTEST => length,
        _ => panic!("SOAK_MINUTES is {text:?}, and not a number of minutes from 1 on"),
    }
}

/// Troubles one after the other, the last one early enough to be over at the end; how many.
async fn make_trouble(
    house: &House,
    container: &Container,
    begin: Instant,
    length: Duration,
) -> usize {
    let kinds = u32::try_from(TROUBLES.len()).expect("a few");
    let gap = (length / (kinds + 1)).min(Duration::from_secs(150));
    let mut made = 0;
    let mut next = begin + gap;
    while next + gap <= begin + length {
        sleep_until(next).await;
        let trouble = TROUBLES[made % TROUBLES.len()];
        eprintln!("{}: {trouble}", minutes(begin.elapsed()));
        trouble.make(house, container).await;
        made += 1;
        next += gap;
    }
    made
}

/// Looks at the process, and says once a minute how it goes.
async fn watch(house: &House, agent: &Watcher, load: &Load, pid: u64, end: Instant) -> Watch {
    const LOOK_EVERY: Duration = Duration::from_secs(2);
    const LOOKS_A_LINE: usize = 30;
    let begin = Instant::now();
    let mut watch = Watch::default();
    let mut seen = std::time::Instant::now();
    let mut next = begin;
    while next < end {
        sleep_until(next).await;
        watch.vitals.push((begin.elapsed(), Vitals::of(pid)));
        if watch.vitals.len() % LOOKS_A_LINE == 0 {
            watch.renewals += renewals_since(house, &mut seen);
            let counts = load.tally.counts();
            let (requests, failed) = (counts.requests, counts.failed);
            drop(counts);
            eprintln!(
                "{}: {requests} requests, {failed} failed, {} renewals, {} logins, {}",
                minutes(begin.elapsed()),
                watch.renewals,
                House::prompts(agent),
                Vitals::of(pid),
            );
        }
        next += LOOK_EVERY;
    }
    watch.renewals += renewals_since(house, &mut seen);
    watch
}

/// Renewals of the token that were granted since somebody last looked: the log of calls is no endless one.
fn renewals_since(house: &House, seen: &mut std::time::Instant) -> u64 {
    let since = std::mem::replace(seen, std::time::Instant::now());
    let log = house.sso.aws.counters().log();
    let renewals = log.iter().filter(|call| {
        let is_renewal = call.grant_type.as_deref() == Some(REFRESH_GRANT);
        is_renewal && call.status == Some(200) && call.at >= since
    });
    renewals.count() as u64
}
