//! Gradle, whose only repository is the proxy.

use crate::build::{Build, Place, cold_warm_and_offline, remove};
use crate::clients::{GRADLE, SAMPLE_JARS, are_installed};
use tests::commands::succeed;

pub(crate) struct Gradle;

impl Build for Gradle {
    const PROJECT: &'static str = "gradle";

    async fn build(&self, place: &Place) -> String {
        let mut gradle = place.command("gradle");
        gradle.env("GRADLE_USER_HOME", place.folder("home")).args([
            "--no-daemon",
            "--console=plain",
            "-q",
            "build",
        ]);
        succeed(gradle, place.limit).await;
        place.greeting("build/libs/greeter-1.0.jar", "Gradle").await
    }

    async fn forget(&self, place: &Place) {
        remove(place, &place.folder("home")).await;
        for folder in ["build", ".gradle"] {
            remove(place, &place.project().join(folder)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gradle_builds_cold_warm_and_after_a_kill_without_aws() {
    if are_installed(&[GRADLE, SAMPLE_JARS]) {
        cold_warm_and_offline(&Gradle, "hello, eldarG").await;
    }
}
