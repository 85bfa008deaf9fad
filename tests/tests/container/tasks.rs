//! `mise run start`, `status`, `logs` and `stop`, as a user who is not root calls them.

use tests::commands::{run, succeed};

use crate::house::{COMPOSE_FILE, House, USER};
use crate::shared::{LIMIT, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_start_show_and_stop_the_container_of_a_user() {
    let Some(house) = House::on_own_network().await else {
        return;
    };
    house.log_in().await;
    let started = succeed(house.task("start"), LIMIT).await.text();
    let url = format!("serves on http://{}/", house.address());
    assert!(started.contains(&url), "{started}");
    let container = house.container(COMPOSE_FILE).await;
    let facts = container.facts().await;
    let user = facts["Config"]["User"].as_str().expect("a user");
    assert!(user.starts_with(&format!("{USER}:")), "{user}");

    let artifact = house.sso.new_artifact();
    let answer = house.client().get(&artifact).await;
    assert_eq!(answer.expect("an answer").status, 200);
    until("all is well", async || {
        let status = run(house.task("status"), LIMIT).await;
        status.code() == 0 && status.text().contains("running (healthy)")
    })
    .await;
    let status = succeed(house.task("status"), LIMIT).await.text();
    assert!(status.contains(", 0 restarts"), "{status}");
    let log = succeed(house.task("logs"), LIMIT).await.text();
    assert!(log.contains(&artifact), "{log}");

    succeed(house.task("stop"), LIMIT).await;
    let facts = container.facts().await;
    assert_eq!(facts["State"]["Status"], "exited");
    assert_eq!(facts["State"]["ExitCode"], 0);
    let status = run(house.task("status"), LIMIT).await;
    assert_ne!(status.code(), 0, "{}", status.text());
}
