//! Whose token it is: those of two domains, and of two principals, are never used for each other.

use std::collections::{BTreeMap, BTreeSet};

use simulated_aws::Operation;
use simulated_aws::packages::Wheel;
use tests::eventually;
use tests::scratch::ACCESS_KEY;
use tests::sso_world::PROFILE;

use crate::calls;
use crate::world::{ACCEPT_JSON, OWNER, REGION, REPOSITORY, Setting, World, upstream};

/// Further repositories in the file: an alias, a domain, and a repository's name.
fn further(repositories: &[[&str; 3]]) -> String {
    let mut text = upstream("");
    for [alias, domain, repository] in repositories {
        let one = format!(
            "  {alias}:\n    domain: {domain}\n    domain_owner: \"{OWNER}\"\n    region: {REGION}\n    \
             repository: {repository}\n"
        );
        text.push_str(&one);
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_used_for_its_own_domain_and_for_all_of_it() {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    let others = [["more", "acme", "more"], ["foreign", "foreign", REPOSITORY]];
    setting.seed("first");
    for [_, domain, repository] in others {
        let repository = setting
            .service()
            .add_repository(domain, OWNER, REGION, repository);
        repository.put_wheel(&Wheel::new("acme-first", "1.0"));
    }
    setting.configure(&further(&others));
    let world = setting.start().await;
    for _ in 0..2 {
        for alias in ["main", "more", "foreign"] {
            for path in [
                "simple/acme-first/",
                "simple/acme-first/1.0/acme_first-1.0-py3-none-any.whl",
            ] {
                let path = format!("/codeartifact/{alias}/pypi/{path}");
                let headers = [("accept", ACCEPT_JSON)];
                let answer = world.proxy.get_with(&path, &headers).await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            }
        }
    }
    let mut tokens: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let pages = world.calls(Operation::ReadPackage);
    for call in pages.into_iter().chain(world.calls(Operation::ReadAsset)) {
        let domain = calls::path(&call).split('/').nth(2).unwrap_or_default();
        let token = world.service().token_of(&call).expect("a token of ours");
        let of_domain = tokens.entry(domain.to_owned()).or_default();
        of_domain.insert(token.token);
    }
    assert_eq!(tokens.len(), 2, "{:?}", tokens.keys());
    let all: BTreeSet<_> = tokens.values().flatten().collect();
    assert_eq!(all.len(), 2, "one for each domain");
    assert_eq!(world.calls(Operation::GetAuthorizationToken).len(), 2);
    assert_eq!(world.refused(), 0);
}

/// The access key whose token the latest question came with.
async fn asks_as(world: &World, project: usize) -> String {
    let path = format!("/pypi/simple/none-{project}/");
    assert_eq!(world.get(&path).await.status, 404);
    let calls = world.calls(Operation::ReadPackage);
    let token = world.service().token_of(calls.last().expect("a question"));
    token.expect("a token of ours").access_key_id
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_over_has_a_token_of_their_own() {
    let world = World::seeded(&["first"]).await;
    assert_eq!(world.get("/pypi/simple/acme-first/").await.status, 200);
    let mut projects = 0..;
    let mut next = async || asks_as(&world, projects.next().unwrap_or_default()).await;
    let before = next().await;
    let (id, secret) = ACCESS_KEY;
    assert_ne!(before, id);
    let scratch = &world.sso.scratch;
    scratch.write_config("");
    scratch.write_credentials(&format!(
        "[{PROFILE}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    ));
    eventually("the other's token is used", async || next().await == id).await;
    for _ in 0..5 {
        assert_eq!(next().await, id);
    }
    std::fs::remove_file(scratch.home().join(".aws/credentials")).expect("removed");
    scratch.write_config(&world.sso.config());
    eventually("the first one's is used", async || next().await != id).await;
    for _ in 0..5 {
        assert_ne!(next().await, id);
    }
    assert_eq!(world.refused(), 0);
}
