//! Each client in all that happens to an index: cold, warm, a token that ends, a day without CodeArtifact, with nothing
//! but the proxy's cache, and a login that ends and comes back.

use std::collections::BTreeMap;

use simulated_aws::Operation;
use tests::clients::are_installed;
use tests::eventually;

use super::{Client, Maven, Npm, Pip, Pnpm, Poetry, Uv, install};
use crate::calls;
use crate::world::{Setting, World, package};

/// What a file of a package costs at CodeArtifact: the redirect, and the file.
const FILES: [Operation; 2] = [Operation::ReadAsset, Operation::GetAsset];

async fn gets(world: &World, client: &dyn Client, name: &str) {
    let name = package(client.format(), name);
    let got = install(client, &world.index(), &name).await;
    let version = got.unwrap_or_else(|said| panic!("{said}\n{}", world.proxy.log()));
    assert!(version.starts_with("1.0"), "{client:?}: {version}");
}

/// How often each file was asked for at its own host.
fn downloads(world: &World) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for call in world.calls(Operation::GetAsset) {
        *times.entry(calls::path(&call).to_owned()).or_default() += 1;
    }
    times
}

async fn whole_life(client: &dyn Client) {
    if !are_installed(&client.parts()) {
        return;
    }
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    for name in ["first", "second", "third"] {
        setting.seed(name);
    }
    // Short, so that every installation asks again for what may change.
    let builder = setting.builder().env("METADATA_TTL", "1");
    let world = setting.start_as(builder.env("LOGIN_WAIT", "2m")).await;
    let counters = world.sso.aws.counters().clone();

    gets(&world, client, "first").await;
    let cold = downloads(&world);
    assert!(cold.len() >= 2, "{client:?}: {cold:?}");
    assert!(
        cold.values().all(|times| *times == 1),
        "{client:?}: {cold:?}"
    );

    counters.reset();
    gets(&world, client, "first").await;
    let warm: u64 = FILES.into_iter().map(|file| counters.count(file)).sum();
    assert_eq!(warm, 0, "{client:?}: {:?}", world.asked());

    counters.reset();
    world.service().revoke_tokens();
    gets(&world, client, "second").await;
    assert_eq!(
        counters.count(Operation::GetAuthorizationToken),
        1,
        "{client:?}"
    );

    let World {
        proxy,
        repository,
        sso,
    } = world;
    let killed = proxy.kill_9();
    sso.aws.go_offline().await.expect("offline");
    let proxy = killed.start().await;
    let world = World {
        proxy,
        repository,
        sso,
    };
    counters.reset();
    for name in ["first", "second"] {
        gets(&world, client, name).await;
    }
    assert_eq!(counters.total(), 0, "{client:?}");

    world.end_login();
    world.sso.aws.go_online().await.expect("online");
    let _signal = world.sso.signalled().await;
    let ((), ()) = tokio::join!(gets(&world, client, "third"), async {
        world.until_waiting().await;
        let _login = world.sso.sign_in();
    });
    eventually("it is written down that somebody waited", async || {
        world.proxy.log().contains(" held=true ")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pip_installs_cold_warm_with_a_new_token_offline_and_over_a_login() {
    whole_life(&Pip).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uv_installs_cold_warm_with_a_new_token_offline_and_over_a_login() {
    whole_life(&Uv).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poetry_installs_cold_warm_with_a_new_token_offline_and_over_a_login() {
    whole_life(&Poetry).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_installs_cold_warm_with_a_new_token_offline_and_over_a_login() {
    whole_life(&Npm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pnpm_installs_cold_warm_with_a_new_token_offline_and_over_a_login() {
    whole_life(&Pnpm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maven_resolves_cold_warm_with_a_new_token_offline_and_over_a_login() {
    whole_life(&Maven).await;
}
