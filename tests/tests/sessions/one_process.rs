//! Several profiles of one session in one process.

use std::time::Duration;

use bazel_proxy::aws::http_client;
use bazel_proxy::config::Profile;
use bazel_proxy::credentials::{Credentials, Ending, Keeper, Sessions, Source};
use sso_session::location::Locations;
use tests::{PATIENCE, SsoWorld, eventually};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running keeper, until stopped.
struct Running {
    credentials: Credentials,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The variables of a process at this home.
fn variables(world: &SsoWorld) -> impl Fn(&str) -> Option<String> {
    let (home, endpoint) = (world.scratch.home(), world.aws.endpoint_url());
    move |name| match name {
        "HOME" => Some(home.display().to_string()),
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        _ => None,
    }
}

fn keep(world: &SsoWorld, sessions: &Sessions, profile: &str) -> Running {
    let vars = variables(world);
    let source = Source::new(
        Profile::Named(profile.to_owned()),
        world.aws.region().to_owned(),
        http_client(None),
        sessions.clone(),
        &vars,
    );
    let (keeper, credentials) = Keeper::new(source, Duration::from_hours(1), &vars);
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(keeper.run(async move {
        let _stopped = stopped.await;
        Ending::Shutdown
    }));
    Running {
        credentials,
        stop,
        task,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_of_one_session_share_its_token() {
    let world = SsoWorld::new().await;
    world.aws.sso().assign("123456789012", "Reader");
    let reader = "[profile reader]\nsso_session = corp\nsso_account_id = 123456789012\n\
                  sso_role_name = Reader\n";
    world.scratch.write_config(&(world.config() + reader));
    let _login = world.sign_in_long_ago();
    let threshold = Duration::from_mins(20);
    let locations = Locations::from_vars(&variables(&world));
    let sessions = Sessions::new(locations, threshold, http_client(None));
    let keepers = [
        keep(&world, &sessions, "team"),
        keep(&world, &sessions, "reader"),
    ];
    let mut roles = Vec::new();
    for keeper in &keepers {
        let valid = keeper.credentials.usable(PATIENCE).await.expect("valid");
        roles.push(valid.identity.role_name.clone().unwrap_or_default());
    }
    assert_eq!(roles, ["Developer", "Reader"]);
    assert_eq!(world.refreshes_tried(), 1, "one renewal for both");

    // One login is taken up by both.
    let before: Vec<_> = keepers.iter().map(generation).collect();
    let _login = world.sign_in();
    eventually("both have other role credentials", async || {
        let mut now = keepers.iter().map(generation).zip(&before);
        now.all(|(now, before)| now > *before)
    })
    .await;
    assert_eq!(world.refreshes_tried(), 1);
    for keeper in keepers {
        keeper.stop.send(()).expect("still running");
        keeper.task.await.expect("no panic");
    }
}

fn generation(keeper: &Running) -> Option<u64> {
    keeper.credentials.generation()
}
