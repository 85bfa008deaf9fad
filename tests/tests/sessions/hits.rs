//! What is in the cache is served, whatever becomes of the session.

use simulated_aws::Fault;
use tests::sso_world::in_state;
use tests::{SsoWorld, eventually};

use crate::support::{each, on_portal, on_refresh};

/// What goes wrong with the session, and the state that it leads to.
fn troubles() -> Vec<(&'static str, Option<Fault>)> {
    let refused = |code| Some(on_refresh().respond(400, code));
    vec![
        ("login-required", refused("InvalidGrantException")),
        ("config-error", refused("InvalidRequestException")),
        (
            "denied",
            Some(on_portal().respond(403, "ForbiddenException")),
        ),
        ("offline", Some(on_refresh().reset())),
        ("refreshing", Some(on_refresh().hang())),
        ("valid", None),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_are_served_in_every_state_of_the_session() {
    each(troubles(), async |(state, fault)| {
        let world = SsoWorld::new().await;
        let _login = world.sign_in();
        let proxy = world.start().await;
        let path = world.new_artifact();
        let body = proxy.get(&path).await.body;
        eventually("it is cached", async || proxy.get(&path).await.is_hit()).await;
        drop(proxy);

        let _login = world.sign_in_long_ago();
        if let Some(fault) = fault {
            world.aws.faults().add(fault);
        }
        let proxy = world.start().await;
        let first = proxy.get(&path).await;
        assert!(first.is_hit(), "{state}: before anything is known");
        in_state(&proxy, state).await;
        let hit = proxy.get(&path).await;
        assert!(hit.is_hit(), "{state}: {}", hit.text());
        assert_eq!(hit.body, body, "{state}");
    })
    .await;
}
