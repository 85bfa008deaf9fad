//! Services in files of a folder, which come and go.

use std::os::unix::fs::symlink;
use std::time::Duration;

use tests::throughout;

use crate::world::{
    BUILD_TOKEN, DEPLOY_TOKEN, Setting, World, config, role, service, session_of, write_in_place,
};

/// What the service of a dynamic file says.
pub(crate) const DYNAMIC_TOKEN: &str = "dynamic-token-0011223344556677";
const OTHER_TOKEN: &str = "other-dynamic-token-8899aabbcc";

/// The static service `build`, and a folder `dynamic` with these files.
pub(crate) async fn with_files(files: &[(&str, String)]) -> World {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    let folder = setting.files.path("dynamic");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in files {
        setting.files.write(&format!("dynamic/{name}"), text);
    }
    let folder = folder.display();
    let main = config(&[service("build", BUILD_TOKEN, "Builder")]);
    setting.files.configure(&format!(
        "{main}dynamic_services:\n  enabled: true\n  directory: {folder}\n  reload_interval: 1\n"
    ));
    setting.start().await
}

/// A file of one service alone, which is called as the file is.
pub(crate) fn alone(token: &str, role_name: &str) -> String {
    format!(
        "auth_token: {token}\nassumed_role:\n  RoleArn: {}\n  RoleSessionName: dynamic\n",
        role(role_name)
    )
}

/// A file of several services.
fn several(services: &[String]) -> String {
    format!("services:\n{}", services.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_created_edited_and_deleted() {
    let world = with_files(&[]).await;
    let fixed = world.given(BUILD_TOKEN).await;
    assert_eq!(world.status(DYNAMIC_TOKEN).await, 401);
    world
        .files
        .write("dynamic/tools.yaml", alone(DYNAMIC_TOKEN, "Tools"));
    world
        .belongs(DYNAMIC_TOKEN, &session_of("Tools", "dynamic"))
        .await;
    let named = world.get("/role/tools", DYNAMIC_TOKEN).await;
    assert_eq!(named.status, 200, "{}", named.text());

    let path = world.files.path("dynamic/tools.yaml");
    write_in_place(&path, alone(DYNAMIC_TOKEN, "Better"));
    world
        .belongs(DYNAMIC_TOKEN, &session_of("Better", "dynamic"))
        .await;
    let both = several(&[
        service("one", DYNAMIC_TOKEN, "One"),
        service("two", OTHER_TOKEN, "Two"),
    ]);
    write_in_place(&path, both);
    world.belongs(OTHER_TOKEN, &session_of("Two", "two")).await;
    world
        .belongs(DYNAMIC_TOKEN, &session_of("One", "one"))
        .await;
    std::fs::remove_file(path).expect("removed");
    world.answers(DYNAMIC_TOKEN, 401).await;
    world.answers(OTHER_TOKEN, 401).await;
    let after = world.given(BUILD_TOKEN).await;
    assert_eq!(after["AccessKeyId"], fixed["AccessKeyId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symlink_that_is_swapped_as_kubernetes_does_is_noticed() {
    let world = with_files(&[]).await;
    let folder = world.files.path("dynamic");
    let version = |name: &str, role_name: &str| {
        let file = format!("dynamic/{name}/tools.yaml");
        world.files.write(&file, alone(DYNAMIC_TOKEN, role_name));
    };
    let swap = |name: &str| {
        symlink(name, folder.join("..data_tmp")).expect("a link");
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("renamed");
    };
    version("..2026_01", "First");
    swap("..2026_01");
    symlink("..data/tools.yaml", folder.join("tools.yaml")).expect("a link");
    world
        .belongs(DYNAMIC_TOKEN, &session_of("First", "dynamic"))
        .await;
    version("..2026_02", "Second");
    swap("..2026_02");
    std::fs::remove_dir_all(folder.join("..2026_01")).expect("removed");
    world
        .belongs(DYNAMIC_TOKEN, &session_of("Second", "dynamic"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_its_last_good_version_in_force() {
    let world = with_files(&[("tools.yaml", alone(DYNAMIC_TOKEN, "Tools"))]).await;
    world.given(DYNAMIC_TOKEN).await;
    let path = world.files.path("dynamic/tools.yaml");
    let broken = alone(DYNAMIC_TOKEN, "Tools").replace("RoleArn", "RolArn");
    write_in_place(&path, broken);
    world.logged(&["RolArn"]).await;
    throughout(Duration::from_secs(2), "it serves on", async || {
        world.status(DYNAMIC_TOKEN).await == 200 && world.status(BUILD_TOKEN).await == 200
    })
    .await;
    write_in_place(&path, alone(DYNAMIC_TOKEN, "Mended"));
    world
        .belongs(DYNAMIC_TOKEN, &session_of("Mended", "dynamic"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_many_bytes_is_a_fault_of_its_file_alone() {
    let world = with_files(&[("tools.yaml", alone(DYNAMIC_TOKEN, "Tools"))]).await;
    world.given(DYNAMIC_TOKEN).await;
    // As the name of a session, it would be cut in the middle of a letter.
    let name = format!("a{}", "ü".repeat(40));
    let file = format!("dynamic/{name}.yaml");
    world.files.write(&file, alone(OTHER_TOKEN, "Other"));
    world.logged(&[&name, "is not a service's name"]).await;
    std::fs::remove_file(world.files.path("dynamic/tools.yaml")).expect("removed");
    world.answers(DYNAMIC_TOKEN, 401).await;
    assert!(!world.proxy.log().contains("panic"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_reported_and_the_one_in_force_stays() {
    let world = with_files(&[("tools.yaml", alone(DYNAMIC_TOKEN, "Tools"))]).await;
    world
        .belongs(DYNAMIC_TOKEN, &session_of("Tools", "dynamic"))
        .await;
    // The same token in a file that comes first by its name, and the static service's name.
    world
        .files
        .write("dynamic/early.yaml", alone(DYNAMIC_TOKEN, "Early"));
    world
        .files
        .write("dynamic/build.yaml", alone(OTHER_TOKEN, "Impostor"));
    world.logged(&["early"]).await;
    world.logged(&["dynamic/build.yaml"]).await;
    throughout(Duration::from_secs(2), "nothing changes", async || {
        let given = world.given(DYNAMIC_TOKEN).await;
        world.owner(&given).await == session_of("Tools", "dynamic")
            && world.refuses(OTHER_TOKEN).await
            && world.status(BUILD_TOKEN).await == 200
    })
    .await;
    // The one that waited comes in.
    std::fs::remove_file(world.files.path("dynamic/tools.yaml")).expect("removed");
    world
        .belongs(DYNAMIC_TOKEN, &session_of("Early", "dynamic"))
        .await;
    assert!(!world.proxy.log().contains(DEPLOY_TOKEN));
}
