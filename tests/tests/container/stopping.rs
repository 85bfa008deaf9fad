//! How a container ends, and what becomes of it then.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use simulated_aws::{Fault, Operation};

use crate::house::House;
use crate::shared::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_stopped_ends_what_runs_and_then_itself() {
    let Some(house) = House::on_host_network().await else {
        return;
    };
    house.log_in().await;
    let container = house.up_on_host_network("64m").await;
    house.is_ready().await;

    // Somebody is in the middle of a download of three seconds.
    let body = vec![7; 300_000];
    let put = house
        .sso
        .aws
        .s3()
        .put(tests::scratch::BUCKET, "g/slow.jar", &body);
    put.expect("an object");
    let slow = Fault::on(Operation::GetObject).key("g/slow.jar");
    let slow = house.sso.aws.faults().add(slow.rate(100_000));
    let mut client = house.client();
    let (answer, _stopped) = tokio::join!(client.get("/g/slow.jar"), async {
        until("the download runs", async || {
            house.sso.aws.faults().played(slow) > 0
        })
        .await;
        house.engine.say(&["stop", container.id()]).await
    });
    let answer = answer.expect("the whole download");
    assert!(answer.body == body);
    let facts = container.facts().await;
    assert_eq!(facts["State"]["Status"], "exited");
    // 137 would be a process that had to be killed.
    assert_eq!(facts["State"]["ExitCode"], 0);
    assert!(container.log().await.contains("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_was_killed_is_started_again_and_has_its_cache() {
    let Some(house) = House::on_own_network().await else {
        return;
    };
    house.log_in().await;
    let container = house.up().await;
    let artifact = house.sso.new_artifact();
    let is_hit = async || {
        let answer = house.client().get(&artifact).await;
        answer.is_ok_and(|answer| answer.is_hit())
    };
    until("it is cached", is_hit).await;
    let before = container.life().await;

    house.sso.aws.go_offline().await.expect("offline");
    let pid = i32::try_from(before.pid).expect("a process id");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("killed");
    until("the engine starts it again", async || {
        container.life().await.restarts == 1
    })
    .await;
    until("it is still cached", is_hit).await;
    // What the other tests look at does tell.
    assert_ne!(container.life().await, before);
}
