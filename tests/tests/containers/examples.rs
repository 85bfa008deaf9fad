//! Each file of `examples/` starts as it is.

use std::path::PathBuf;

use tests::{eventually, workspace_folder};

use crate::world::Setting;

/// The files of configuration, which are not those of AWS.
fn examples() -> Vec<PathBuf> {
    let folder = workspace_folder().join("examples");
    let entries = std::fs::read_dir(folder).expect("the examples");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml");
    let mut paths: Vec<_> = paths.filter(is_yaml).collect();
    paths.sort();
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_starts() {
    let examples = examples();
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        let setting = Setting::new().await;
        let _login = setting.sign_in();
        let text = std::fs::read_to_string(&example).expect("an example");
        setting.files.configure(&text);
        let world = setting.start().await;
        eventually("it says how it is", async || {
            let ready = world.request("GET", "/livez", &[]).await;
            ready.status == 200
        })
        .await;
    }
}
