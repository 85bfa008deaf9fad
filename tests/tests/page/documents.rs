//! `docs/STATUS.md` has every field of the JSON, and no other.

use std::collections::BTreeSet;

use serde_json::Value;
use tests::workspace_folder;

use crate::scene::Scene;

/// The paths of all values: `parked.longest[].key`.
fn paths(value: &Value, here: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if here.is_empty() { "" } else { "." };
                paths(value, &format!("{here}{dot}{name}"), found);
            }
        }
        Value::Array(values) if !here.is_empty() => {
            for value in values.iter().filter(|value| value.is_object()) {
                paths(value, &format!("{here}[]"), found);
            }
            if !values.iter().any(Value::is_object) {
                found.insert(here.to_owned());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            found.insert(here.to_owned());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_is_documented() {
    let scene = Scene::logged_out().await;
    let path = scene.put("g/a.jar", b"bytes");
    let _asked = scene.world.signalled().await;
    // One that fails soon, one that waits, and a download.
    scene.miss_of("Mozilla/5.0", &path).await;
    let waits = scene.miss_of("bazel/7.4.0", &path);
    let look = async { scene.waiting(1).await };
    let mut found = BTreeSet::new();
    tokio::select! {
        _ = waits => panic!("it does not wait"),
        status = look => paths(&status, "", &mut found),
    }
    let _login = scene.world.sign_in();
    scene.world.served(&scene.proxy).await;
    let path = scene.put("g/big.jar", &vec![1; 1 << 20]);
    scene.slow_down("g/big.jar", 100_000);
    let _download = scene.proxy.begin("GET", &path, &[]).await;
    let status = scene
        .until("it is told", |status| status["downloads"]["count"] == 1)
        .await;
    paths(&status, "", &mut found);
    let scene = Scene::with_packages().await;
    paths(&scene.status().await, "", &mut found);
    // Where there is nothing, `null` or an empty list stands for the whole.
    let parents: Vec<_> = found
        .iter()
        .filter(|path| {
            let below = [format!("{path}."), format!("{path}[].")];
            found
                .iter()
                .any(|other| below.iter().any(|below| other.starts_with(below.as_str())))
        })
        .cloned()
        .collect();
    found.retain(|path| !parents.contains(path));

    let document = std::fs::read_to_string(workspace_folder().join("docs/STATUS.md"));
    let document = document.expect("the document");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: BTreeSet<_> = rows
        .filter_map(|row| row.split_once("` |"))
        .map(|(path, _)| path.to_owned())
        .collect();
    // What none of these scenes has.
    let rare = [
        "containers",
        "identity.assumed_role_arn",
        "login_ahead",
        "renewal_trouble",
        "upstream",
    ];
    found.retain(|path| !rare.contains(&path.as_str()));
    let missing: Vec<_> = found.difference(&told).collect();
    assert!(missing.is_empty(), "not in docs/STATUS.md: {missing:?}");
    // What none of these scenes has.
    let rare = [
        "containers",
        "identity.assumed_role_arn",
        "login_ahead",
        "renewal_trouble",
        "upstream",
    ];
    let stale: Vec<_> = told
        .difference(&found)
        .filter(|path| !rare.iter().any(|rare| path.starts_with(rare)))
        .collect();
    assert!(stale.is_empty(), "only in docs/STATUS.md: {stale:?}");
}
