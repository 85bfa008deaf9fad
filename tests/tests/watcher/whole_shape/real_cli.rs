//! The same with the real AWS CLI, which waits for the browser that it has opened.

use std::os::unix::fs::PermissionsExt as _;

use futures_util::future::join;
use tests::clients::{AWS_CLI, are_installed};
use tests::eventually;

use super::{Bench, acts, processes_of_group};
use crate::stand_ins::write;

impl Bench {
    /// The real AWS CLI, which keeps the books that the stand-in keeps; and a browser that forks, as the
    /// CLI waits for it, and whose user waits while `hold` is there.
    async fn with_real_cli() -> Self {
        let bench = Self::new().await;
        let (logins, bin) = (
            bench.logins.display(),
            bench.world.scratch.path().join("bin"),
        );
        let aws = format!(
            "#!/bin/sh\n\
             if [ \"$1\" = sso ]; then\n\
             exec 9>'{logins}/alone'\n\
             flock -n 9 || echo overlap $$ >>'{logins}/log'\n\
             echo begin $$ >>'{logins}/log'\n\
             fi\n\
             exec '{}' \"$@\"\n",
            AWS_CLI.path().display()
        );
        let browser = format!(
            "#!/bin/sh\n\
             (echo browser $$ >>'{logins}/log'\n\
             while [ -e '{logins}/hold' ]; do sleep 0.05; done\n\
             exec curl --silent --location --noproxy '*' \"$1\" >/dev/null 2>&1) 9>&- &\n"
        );
        std::fs::remove_file(bin.join("aws")).expect("the stand-in");
        for (name, text) in [("aws", &aws), ("browser", &browser)] {
            write(&bin.join(name), text);
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(bin.join(name), mode).expect("a program");
        }
        bench
    }

    fn agent_in_desktop_session(&self) -> tests::WatcherBuilder {
        let browser = self.world.scratch.path().join("bin/browser");
        let agent = self.agent().env("DISPLAY", ":0");
        agent.env("BROWSER", &format!("{} %s", browser.display()))
    }

    async fn has_opened_browsers(&self, count: usize) {
        eventually("a browser is opened", async || {
            self.said("browser").len() >= count
        })
        .await;
    }
}

async fn an_adopted_login_is_finished() {
    let bench = Bench::with_real_cli().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    let agent = bench.agent_in_desktop_session().start().await;
    let miss = bench.asked_for_login(&proxy).await;
    bench.has_opened_browsers(1).await;
    let successor = agent.kill_9().spawn();
    acts(&successor, "Adopt", 1).await;
    bench.untell("hold");
    miss.await.expect("served");
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 1);
}

async fn a_killed_login_is_begun_anew() {
    let bench = Bench::with_real_cli().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    let agent = bench.agent_in_desktop_session().start().await;
    let miss = bench.asked_for_login(&proxy).await;
    bench.has_opened_browsers(1).await;
    let killed = agent.kill_9();
    bench.kill_login();
    let _successor = killed.spawn();
    bench.has_opened_browsers(2).await;
    bench.untell("hold");
    miss.await.expect("served");
    bench.is_healed(&proxy).await;
    assert_eq!(bench.begun().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_the_aws_cli_outlives_its_agent_and_is_begun_anew_if_it_dies_too() {
    if are_installed(&[AWS_CLI]) {
        join(
            an_adopted_login_is_finished(),
            a_killed_login_is_begun_anew(),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_login_of_the_aws_cli_nothing_is_left_when_the_agent_is_stopped() {
    if !are_installed(&[AWS_CLI]) {
        return;
    }
    let bench = Bench::with_real_cli().await;
    let proxy = bench.signed_in().await;
    bench.tell("hold");
    let agent = bench.agent_in_desktop_session().start().await;
    bench.end_session();
    let client = bench.doomed_miss(&proxy).await;
    bench.has_opened_browsers(1).await;
    let leader = bench.begun()[0];
    let running = processes_of_group(leader);
    assert!(running.len() >= 2, "the CLI and its browser: {running:?}");
    assert!(agent.stop().await.success());
    assert_eq!(processes_of_group(leader), [] as [i32; 0]);
    assert!(!bench.state("login.lock").exists());
    drop(client);
}
