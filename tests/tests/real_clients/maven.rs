//! Maven, whose plugins, too, come through the proxy.

use crate::bucket::files_below;
use crate::build::{Build, Place, cold_warm_and_offline, remove};
use crate::clients::{MAVEN, SAMPLE_JARS, are_installed};
use tests::commands::succeed;

pub(crate) struct Maven;

impl Build for Maven {
    const PROJECT: &'static str = "maven";

    async fn build(&self, place: &Place) -> String {
        let mut maven = place.command("mvn");
        let repository = place.folder("repo").display().to_string();
        maven
            .args(["-B", "-q", "-s", "settings.xml"])
            .arg(format!("-Dmaven.repo.local={repository}"))
            .arg("package");
        succeed(maven, place.limit).await;
        assert_local_repository_is_the_bucket(place);
        place.greeting("target/greeter-1.0.jar", "Maven").await
    }

    async fn forget(&self, place: &Place) {
        remove(place, &place.folder("repo")).await;
        remove(place, &place.project().join("target")).await;
    }
}

/// Every jar and pom that Maven keeps is the bucket's, byte for byte.
fn assert_local_repository_is_the_bucket(place: &Place) {
    let repository = place.folder("repo");
    let mut compared = 0;
    for file in files_below(&repository) {
        let extension = file.extension().unwrap_or_default();
        if extension != "jar" && extension != "pom" {
            continue;
        }
        let key = file.strip_prefix(&repository).expect("below it");
        let object = place.world.object(&key.display().to_string());
        let same = std::fs::read(&file).ok() == std::fs::read(object).ok();
        assert!(same, "{} differs", key.display());
        compared += 1;
    }
    assert!(compared > 100, "only {compared} artifacts were fetched");
}

/// Maven keeps a note of what a repository has said to be missing, and asks no more for it.
pub(crate) fn assert_nothing_is_remembered_as_missing(place: &Place) {
    let files = files_below(&place.folder("repo"));
    let notes = files.iter().filter(|file| {
        file.extension()
            .is_some_and(|extension| extension == "lastUpdated")
    });
    let notes: Vec<_> = notes.collect();
    assert!(notes.is_empty(), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn maven_builds_with_plugins_cold_warm_and_after_a_kill_without_aws() {
    if are_installed(&[MAVEN, SAMPLE_JARS]) {
        cold_warm_and_offline(&Maven, "hello, nevaM").await;
    }
}
