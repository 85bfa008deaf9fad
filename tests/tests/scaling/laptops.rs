//! Laptops' proxies that ask the team's, through HAProxy, before S3.

use std::sync::Arc;

use futures_util::future::join_all;
use tests::{Proxy, ProxyBuilder, Scratch, eventually};

use crate::artifacts::{Artifact, publish};
use crate::client::Client;
use crate::team::{TURN, Team};

/// What laptops sign with; the team has another key.
const LAPTOP_KEY: (&str, &str) = ("AKIALAPTOPLAPTOPLAPT", "laptop-secret");
const LAPTOPS: usize = 3;
const KEYS: usize = 300;

struct Laptop {
    proxy: Proxy,
    _scratch: Scratch,
}

impl Laptop {
    async fn new(team: &Team, url: &str, roots: &str) -> Self {
        let scratch = Scratch::new();
        let proxy = ProxyBuilder::new(&scratch)
            .aws(&team.aws)
            .env("LOG_LEVEL", "info")
            .env("AWS_ACCESS_KEY_ID", LAPTOP_KEY.0)
            .env("AWS_SECRET_ACCESS_KEY", LAPTOP_KEY.1)
            .env("AWS_CA_BUNDLE", roots)
            .env("UPSTREAM_PROXY_URL", url)
            .start()
            .await;
        Self {
            proxy,
            _scratch: scratch,
        }
    }

    /// Eight clients fetch everything, in an order of each one's own.
    async fn fetch_all(&self, artifacts: &Arc<Vec<Artifact>>) {
        const CLIENTS: usize = 8;
        let clients = (0..CLIENTS).map(|number| {
            let (artifacts, address) = (Arc::clone(artifacts), self.proxy.address());
            tokio::spawn(async move {
                let mut client = Client::new(address);
                let start = number * artifacts.len() / CLIENTS;
                let order = artifacts[start..].iter().chain(&artifacts[..start]);
                for artifact in order {
                    let fetched = client.fetch(artifact).await;
                    let fetched = fetched.unwrap_or_else(|problem| panic!("{problem}"));
                    assert_eq!(fetched.cuts, 0, "{}", artifact.key);
                }
            })
        });
        for client in join_all(clients).await {
            client.expect("a client that gets everything");
        }
    }
}

fn asked_by_laptops(team: &Team) -> usize {
    let log = team.aws.counters().log();
    let by_laptops = log
        .iter()
        .filter(|call| call.access_key_id.as_deref() == Some(LAPTOP_KEY.0));
    by_laptops.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn laptops_before_a_team_of_three_leave_s3_one_get_a_key() {
    let _turn = TURN.lock().await;
    let Some(team) = Team::new().await else {
        return;
    };
    let artifacts = Arc::new(publish(&team.aws, KEYS));
    let url = format!("http://{}", team.address());
    let laptops = join_all((0..LAPTOPS).map(|_| Laptop::new(&team, &url, ""))).await;
    join_all(laptops.iter().map(|laptop| laptop.fetch_all(&artifacts))).await;
    let gets = team.gets();
    assert_eq!(gets.len(), KEYS);
    assert!(gets.values().all(|gets| *gets == 1), "{gets:?}");
    assert_eq!(asked_by_laptops(&team), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_proxy_of_the_team_costs_its_laptops_nothing() {
    let _turn = TURN.lock().await;
    let Some(mut team) = Team::new().await else {
        return;
    };
    team.aws.identities().add_static(LAPTOP_KEY.0, LAPTOP_KEY.1);
    let artifacts = Arc::new(publish(&team.aws, KEYS));
    let url = format!("http://{}", team.address());
    let laptop = Laptop::new(&team, &url, "").await;
    let killed = async {
        eventually("the laptop is at work", async || {
            team.gets().len() > KEYS / 10
        })
        .await;
        let _absent = team.kill_9(2);
    };
    let ((), ()) = tokio::join!(laptop.fetch_all(&artifacts), killed);
}

#[tokio::test(flavor = "multi_thread")]
async fn laptops_reach_their_team_over_tls() {
    let Some((team, authority)) = Team::with_tls().await else {
        return;
    };
    let artifacts = Arc::new(publish(&team.aws, KEYS / 10));
    let url = format!("https://{}", team.address());
    let laptop = Laptop::new(&team, &url, &authority).await;
    laptop.fetch_all(&artifacts).await;
    assert_eq!(asked_by_laptops(&team), 0);
    let ready = tests::sso_world::readiness(&laptop.proxy).await;
    assert_eq!(ready["upstream"]["ready"], true, "{ready}");
}
