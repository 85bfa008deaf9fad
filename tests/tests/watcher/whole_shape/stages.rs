//! `kill -9` at every stage in turn. A new agent, or proxy, then brings it to its end.

use futures_util::future::join_all;
use simulated_aws::{Fault, Operation};
use tests::sso_world::REFRESH_GRANT;
use tests::{SsoWorld, Watcher, eventually};

use super::{Bench, acts};

/// What an agent does about a request, in this order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Locking,
    Renewing,
    Probing,
    LoggingIn,
    Adopting,
    Proving,
    Settling,
}

impl Stage {
    const ALL: [Self; 7] = [
        Self::Locking,
        Self::Renewing,
        Self::Probing,
        Self::LoggingIn,
        Self::Adopting,
        Self::Proving,
        Self::Settling,
    ];

    /// As the agent's log names it.
    fn action(self) -> &'static str {
        match self {
            Self::Locking => "Lock",
            Self::Renewing => "Renew",
            Self::Probing => "Probe",
            Self::LoggingIn => "LogIn",
            Self::Adopting => "Adopt",
            Self::Proving => "Prove",
            Self::Settling => "Settle",
        }
    }

    /// Sees to it that an agent stays at this stage, where something can be found that keeps it there.
    pub(super) fn hold(self, bench: &Bench) {
        let aws = &bench.world.aws;
        let portal = Fault::on(Operation::GetRoleCredentials);
        match self {
            Self::Renewing => {
                aws.faults().add(portal.hang());
            }
            Self::Probing => {
                // Without a refresh token, the probe is the first to call that.
                lose_refresh_token(&bench.world);
                let probe = Fault::on(Operation::CreateToken).grant_type(REFRESH_GRANT);
                aws.faults().add(probe.hang());
            }
            Self::LoggingIn | Self::Adopting | Self::Proving => bench.tell("hold"),
            Self::Locking | Self::Settling => {}
        }
    }

    /// Brings an agent there.
    pub(super) async fn reach(self, bench: &Bench, agent: Watcher) -> Watcher {
        match self {
            Self::LoggingIn => bench.has_begun(1).await,
            Self::Adopting => {
                bench.has_begun(1).await;
                let successor = agent.kill_9().spawn();
                acts(&successor, self.action(), 1).await;
                return successor;
            }
            Self::Proving => {
                bench.has_begun(1).await;
                let portal = Fault::on(Operation::GetRoleCredentials);
                bench.world.aws.faults().add(portal.hang());
                bench.untell("hold");
            }
            Self::Locking | Self::Renewing | Self::Probing | Self::Settling => {}
        }
        acts(&agent, self.action(), 1).await;
        agent
    }

    /// Shows that the agent was killed there, where it was kept there.
    fn left(self, bench: &Bench) {
        let has_lock = bench.state("login.lock").exists();
        match self {
            Self::Renewing | Self::Probing | Self::LoggingIn | Self::Adopting | Self::Proving => {
                assert!(has_lock, "{self:?}");
            }
            // A matter of luck.
            Self::Locking | Self::Settling => eprintln!("{self:?}: is the lock left? {has_lock}"),
        }
        let runs_login = matches!(self, Self::LoggingIn | Self::Adopting);
        assert_eq!(bench.runs_login(), runs_login, "{self:?}");
    }

    /// Takes back what kept it there.
    async fn release(self, bench: &Bench, successor: &Watcher) {
        bench.world.aws.faults().clear();
        match self {
            Self::LoggingIn | Self::Adopting => {
                let adoptions = successor.log().matches("action=Adopt(").count();
                acts(successor, "Adopt", adoptions.max(1)).await;
                bench.untell("hold");
            }
            Self::Locking | Self::Renewing | Self::Probing | Self::Proving | Self::Settling => {}
        }
    }
}

fn lose_refresh_token(world: &SsoWorld) {
    world.write(&world.aws.sso().sign_in_without_refresh());
    world.aws.sso().end_sessions();
}

/// The agent is killed at this stage; its successor comes to the same end, with the same login.
async fn kill_agent(stage: Stage) {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    let miss = bench.asked_for_login(&proxy).await;
    stage.hold(&bench);
    let agent = bench.agent().spawn();
    let agent = stage.reach(&bench, agent).await;
    let killed = agent.kill_9();
    stage.left(&bench);
    let successor = killed.spawn();
    stage.release(&bench, &successor).await;
    miss.await
        .unwrap_or_else(|error| panic!("{stage:?}: {error}"));
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 1, "{stage:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_at_any_stage_leaves_one_login_and_nothing_else() {
    join_all(Stage::ALL.map(kill_agent)).await;
}

/// Whoever asked for the login does not need it any more, so no next attempt takes the lock over.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_and_a_login_that_a_dead_agent_left_go_with_the_request() {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    let agent = bench.agent().start().await;
    let miss = bench.asked_for_login(&proxy).await;
    bench.has_begun(1).await;
    let idle = agent.kill_9().env("SSO_LOGIN_MODE", "standalone");
    let successor = idle.start().await;
    eventually("the successor has looked", async || {
        successor.log().contains("mode: Standalone")
    })
    .await;
    assert!(bench.runs_login() && bench.state("login.lock").exists());

    let _tokens = bench.world.sign_in();
    miss.await.expect("served");
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 1);
}

/// What is killed while a login runs.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Login,
    AgentThenLogin,
    LoginThenAgent,
}

async fn kill_login(victim: Victim) {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    let agent = bench.agent().start().await;
    let miss = bench.asked_for_login(&proxy).await;
    bench.has_begun(1).await;
    let agent = match victim {
        Victim::Login => {
            bench.kill_login();
            agent
        }
        Victim::AgentThenLogin => {
            let killed = agent.kill_9();
            bench.kill_login();
            killed.spawn()
        }
        Victim::LoginThenAgent => {
            bench.kill_login();
            agent.kill_9().spawn()
        }
    };
    bench.has_begun(2).await;
    bench.untell("hold");
    miss.await
        .unwrap_or_else(|error| panic!("{victim:?}: {error}"));
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 2, "{victim:?}");
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_killed_is_begun_anew_whatever_dies_with_it() {
    let victims = [
        Victim::Login,
        Victim::AgentThenLogin,
        Victim::LoginThenAgent,
    ];
    join_all(victims.map(kill_login)).await;
}

/// When the proxy is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Signalling,
    Waiting,
    LoggingIn,
}

async fn kill_proxy(moment: Moment) {
    let bench = Bench::new().await;
    let proxy = bench.signed_in().await;
    let port = proxy.address().port().to_string();
    bench.tell("hold");
    let agent = match moment {
        Moment::Signalling | Moment::Waiting => None,
        Moment::LoggingIn => Some(bench.agent().start().await),
    };
    bench.end_session();
    let client = bench.doomed_miss(&proxy).await;
    match moment {
        Moment::Signalling => drop(bench.world.signalled().await),
        Moment::Waiting => {
            eventually("a request waits", async || {
                proxy.log().contains("misses wait for a login")
            })
            .await;
        }
        Moment::LoggingIn => bench.has_begun(1).await,
    }
    let killed = proxy.kill_9();
    drop(client);
    let proxy = killed.env("PROXY_PORT", &port).start().await;
    let agent = agent.unwrap_or_else(|| bench.agent().spawn());
    let miss = bench.waiting_miss(&proxy);
    bench.has_begun(1).await;
    bench.untell("hold");
    miss.await
        .unwrap_or_else(|error| panic!("{moment:?}: {error}"));
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 1, "{moment:?}");
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_killed_before_or_during_a_login_serves_after_it() {
    let moments = [Moment::Signalling, Moment::Waiting, Moment::LoggingIn];
    join_all(moments.map(kill_proxy)).await;
}
