//! Whether a hit costs the same however much is in the cache.

use std::time::Duration;

use crate::crowd::Crowd;
use crate::failure::Failure;
use crate::load::{as_f64, closed_loop, warm};
use crate::report::{Better, Goal, Row, Section};
use crate::servers::{Nginx, OpenFiles, Server};
use crate::settings::Settings;
use crate::store::Artifact;

/// What "few" is.
const FEW: usize = 100;
const CONNECTIONS: usize = 64;
/// More than the noise of a machine that does other things, too.
const FLAT: Goal = Goal::RatioAtMost(1.1);

pub(crate) fn measure(settings: &Settings) -> Result<Vec<Section>, Failure> {
    let many = settings.crowd()?;
    let few = Crowd::gather(FEW)?;
    let count = many.artifacts.len();
    let row = |name: &str| Row::new(format!("{name}, {count} entries"), "µs", Better::Lower);
    let beside_few = |name: &str| row(name).about("many", "100 entries");
    let mut all = beside_few("proxy, any of all keys").goal(FLAT);
    let mut same = beside_few("proxy, 100 of all keys").goal(FLAT);
    let mut nginx_all = beside_few("nginx, any of all keys");
    let mut beside_nginx = row("proxy beside nginx, any of all keys");

    let proxies = (
        many.proxy(&settings.proxy).start()?,
        few.proxy(&settings.proxy).start()?,
    );
    let nginxes = (
        Nginx::serving(&many.store.files(), OpenFiles::EachTime)?,
        Nginx::serving(&few.store.files(), OpenFiles::EachTime)?,
    );
    warm(&proxies.0, &many.artifacts)?;
    warm(&proxies.1, &few.artifacts)?;
    warm(&nginxes.0, &many.artifacts)?;
    warm(&nginxes.1, &few.artifacts)?;
    for _ in 0..settings.rounds {
        let cost = |server: &dyn Server, artifacts| cpu_micros(server, artifacts, settings);
        let (own, own_few) = (
            cost(&proxies.0, &many.artifacts)?,
            cost(&proxies.1, &few.artifacts)?,
        );
        let (other, other_few) = (
            cost(&nginxes.0, &many.artifacts)?,
            cost(&nginxes.1, &few.artifacts)?,
        );
        all.round(own, own_few);
        same.round(cost(&proxies.0, &many.artifacts[..FEW])?, own_few);
        nginx_all.round(other, other_few);
        beside_nginx.round(own, other);
    }
    Ok(vec![Section {
        title: format!(
            "CPU time of the server for a hit of 1 KiB, user and system, with {count} objects in the cache beside \
             {FEW}; random keys, {CONNECTIONS} connections."
        ),
        rows: vec![all, same, nginx_all, beside_nginx],
    }])
}

fn cpu_micros(
    server: &dyn Server,
    artifacts: &[Artifact],
    settings: &Settings,
) -> Result<f64, Failure> {
    // Twice as long as elsewhere, as the kernel tells CPU time in ticks of 10 ms.
    let duration: Duration = settings.measure_for * 2;
    let load = || closed_loop(server.address(), artifacts, CONNECTIONS, duration);
    let (run, spent) = server.process().group().cpu_time_of(load)?;
    Ok(spent.as_secs_f64() * 1e6 / as_f64(run.requests))
}
