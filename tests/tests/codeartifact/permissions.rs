//! The policies of `docs/CODEARTIFACT.md`: they are enough, and none of their permissions is too many.

use serde_json::Value;
use simulated_aws::packages::Wheel;
use simulated_aws::{Action, PublicIndex};
use tests::workspace_folder;

use crate::world::{ACCEPT_JSON, Setting, World, fallback, upstream, wheel_bytes};

/// What CodeArtifact is asked for, and may be denied.
const ALL: [Action; 6] = [
    Action::GetAuthorizationToken,
    Action::GetServiceBearerToken,
    Action::GetRepositoryEndpoint,
    Action::ReadFromRepository,
    Action::PublishPackageVersion,
    Action::DescribePackage,
];

/// The actions of the document's policies: to read, to publish, and for a public index.
fn documented() -> [Vec<String>; 3] {
    let text = std::fs::read_to_string(workspace_folder().join("docs/CODEARTIFACT.md"));
    let text = text.expect("the document");
    let (_, below) = text.split_once("\n## Permissions\n").expect("the heading");
    let (below, _) = below.split_once("\n## ").expect("the next heading");
    let blocks = below.split("```json\n").skip(1);
    let policies: Vec<_> = blocks
        .map(|block| {
            let json = block.split("\n```").next().unwrap_or_default();
            let policy: Value = serde_json::from_str(json).expect("JSON");
            let statements = match policy.get("Statement") {
                Some(statements) => statements.as_array().expect("a list").clone(),
                None => vec![policy],
            };
            let actions = statements.iter().flat_map(|statement| {
                let actions = &statement["Action"];
                let list = actions.as_array().cloned();
                list.unwrap_or_else(|| vec![actions.clone()])
            });
            let names = actions.map(|action| action.as_str().expect("an action").to_owned());
            names.collect()
        })
        .collect();
    policies.try_into().expect("three policies")
}

/// What the packages of a world are asked for, and how that went: to read, to publish, to ask in public.
async fn tried(public: &PublicIndex, denied: &[Action]) -> [String; 3] {
    let setting = Setting::new().await;
    let _login = setting.sso.sign_in();
    setting.seed("first");
    let keys = fallback(public, &["leftpad"], &[]);
    setting.configure(&upstream(&format!("publish: true\n{keys}")));
    for action in denied {
        setting.service().deny(*action);
    }
    let world = setting.start().await;
    [
        reads(&world).await,
        publishes(&world).await,
        asks_in_public(&world).await,
    ]
}

/// `done`, or what was said instead.
async fn reads(world: &World) -> String {
    for path in [
        "/pypi/simple/acme-first/",
        "/pypi/simple/acme-first/1.0/acme_first-1.0-py3-none-any.whl",
        "/npm/@acme%2ffirst",
        "/maven/com/acme/first/1.0/first-1.0.jar",
    ] {
        let answer = world.get(path).await;
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{path}: {}", answer.text());
            return answer.text();
        }
    }
    "done".to_owned()
}

async fn publishes(world: &World) -> String {
    let path = "/codeartifact/main/pypi/";
    let wheel = wheel_bytes("acme-new");
    match world.upload_wheel(path, "acme-new", &wheel).await {
        200..300 => "done".to_owned(),
        status => format!("{status}"),
    }
}

async fn asks_in_public(world: &World) -> String {
    let answer = world.get_as("/pypi/simple/leftpad/", ACCEPT_JSON).await;
    match answer.status.as_u16() {
        200 => "done".to_owned(),
        503 => answer.text(),
        status => panic!("{status}: {}", answer.text()),
    }
}

async fn public() -> PublicIndex {
    let public = PublicIndex::start().await.expect("a public index");
    public.put_wheel(&Wheel::new("leftpad", "99.0"));
    public
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_permissions_are_enough() {
    let public = public().await;
    let policies = documented();
    let [to_read, to_publish, in_public] = &policies;
    for (allowed, done) in [
        (vec![to_read], [true, false, false]),
        (vec![to_read, to_publish], [true, true, false]),
        (vec![to_read, in_public], [true, false, true]),
    ] {
        let is_allowed = |action: &Action| {
            allowed
                .iter()
                .any(|policy| policy.iter().any(|one| one == action.name()))
        };
        let denied: Vec<_> = ALL
            .into_iter()
            .filter(|action| !is_allowed(action))
            .collect();
        let outcomes = tried(&public, &denied).await;
        let was_done = outcomes.each_ref().map(|outcome| outcome == "done");
        assert_eq!(was_done, done, "without {denied:?}: {outcomes:?}");
    }
}

/// But for `PutPackageMetadata`, of which the simulated CodeArtifact knows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn each_documented_permission_is_needed_and_named_when_it_is_missing() {
    let public = public().await;
    for (use_of, policy) in documented().iter().enumerate() {
        for name in policy {
            if name == "codeartifact:PutPackageMetadata" {
                continue;
            }
            let action = ALL.into_iter().find(|action| action.name() == name);
            let action = action.unwrap_or_else(|| panic!("{name} is not known"));
            let outcomes = tried(&public, &[action]).await;
            assert_ne!(outcomes[use_of], "done", "without {name}");
            // Without it, the documented form of the endpoint is used, which does not lead to the simulated one.
            let is_named = action == Action::GetRepositoryEndpoint
                || outcomes[use_of].contains(name)
                || outcomes[use_of] == "403";
            assert!(is_named, "without {name}: {outcomes:?}");
        }
    }
}
