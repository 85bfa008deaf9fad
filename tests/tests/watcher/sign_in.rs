//! A request for a login is served: in a browser, or with a code.

mod chromium;
mod terminal;

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

use tests::eventually;
use tests::sso_world::PROFILE;

use crate::host::Host;
use terminal::Terminal;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_on_this_machine_signs_in() {
    Host::with_each_cli(async |host| {
        host.person_will("allow");
        let _agent = host.agent().start().await;
        host.ask();
        host.is_served().await;
        assert_eq!(host.opened().len(), 1, "{:?}", host.opened());
        assert_eq!(host.sso.aws.sso().sessions_alive(), 1);
    })
    .await;
}

/// The AWS CLI writes in place; a container sees what was renamed.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_login_is_published_by_rename_before_the_request_goes() {
    let Some(host) = Host::new().await else {
        return;
    };
    let _old = host.sso.sign_in();
    host.sso.aws.sso().end_sessions();
    let inode = || host.sso.token_path().metadata().expect("a token").ino();
    let agent = host.agent().start().await;
    // The one that was there is published at the start.
    eventually("the old token is published", async || {
        agent.log().contains("a token is published by rename")
    })
    .await;
    // Held open, so that no other file can have its inode.
    let _held = File::open(host.sso.token_path()).expect("a token");
    let before = inode();
    host.person_will("allow");
    host.ask();
    host.is_served().await;
    assert_ne!(inode(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_desktop_a_code_signs_in_from_elsewhere() {
    Host::with_each_cli(async |host| {
        let terminal = Terminal::open().await;
        let agent = host.agent_without_desktop().start().await;
        host.ask();
        let (url, code) = host.invitation(&agent).await;
        assert!(url.ends_with("/device"), "{url}");

        let told =
            format!("To log in with profile {PROFILE}, open {url} and enter the code {code}");
        terminal.shows(&told).await;
        let words = host.run(&agent, &["status"]).await;
        assert!(
            words
                .text()
                .contains(&format!("open {url} and enter the code {code}"))
        );
        assert_eq!(words.code(), 1, "a login is needed");
        assert!(
            !agent.log().contains(&code),
            "codes are for the person alone"
        );

        assert!(host.sso.aws.sso().approve(&code));
        host.is_served().await;
        assert!(host.opened().is_empty(), "{:?}", host.opened());
        assert!(host.status(&agent).await.get("invitation").is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_profile_signs_in() {
    Host::with_each_cli(async |host| {
        let sso = host.sso.aws.sso();
        let config = format!(
            "[profile old]\nsso_start_url = {}\nsso_region = {}\nsso_account_id = 123456789012\n\
             sso_role_name = Developer\nregion = us-west-2\n",
            sso.start_url(),
            sso.region()
        );
        host.sso.scratch.write_config(&config);
        host.person_will("allow");
        let _agent = host.agent().env("AWS_PROFILE", "old").start().await;
        host.request(&serde_json::json!({"profile": "old", "generation": 1}));
        host.sso.unsignalled().await;
        assert_eq!(sso.sessions_alive(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_roles_signs_in_at_its_end() {
    let Some(host) = Host::new().await else {
        return;
    };
    let config = format!(
        "{}\n[profile middle]\nrole_arn = arn:aws:iam::123456789012:role/Middle\n\
         source_profile = {PROFILE}\n\n[profile outer]\n\
         role_arn = arn:aws:iam::123456789012:role/Outer\nsource_profile = middle\n",
        host.sso.config()
    );
    host.sso.scratch.write_config(&config);
    host.person_will("allow");
    let _agent = host.agent().start().await;
    host.ask_for("outer");
    host.is_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_may_have_any_name_that_the_aws_cli_takes() {
    let Some(host) = Host::new().await else {
        return;
    };
    host.person_will("allow");
    let names = ["jo@example.com, v1.2 _x-y", "it's $HOME"];
    let sections = names.map(|name| {
        let section = format!("[profile \"{name}\"]");
        host.sso
            .config()
            .replace(&format!("[profile {PROFILE}]"), &section)
    });
    let _agent = host
        .agent()
        .env("SSO_MAX_PROMPTS_PER_HOUR", "60")
        .start()
        .await;
    for (name, config) in names.into_iter().zip(sections) {
        host.sso.scratch.write_config(&config);
        host.sso.aws.sso().end_sessions();
        host.ask_for(name);
        host.is_served().await;
    }
    assert_eq!(host.opened().len(), names.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_serves_all_profiles_of_its_session() {
    let Some(host) = Host::new().await else {
        return;
    };
    host.sso.aws.sso().assign("123456789012", "Admin");
    let config = format!(
        "{}\n[profile admin]\nsso_session = corp\nsso_account_id = 123456789012\n\
         sso_role_name = Admin\nregion = us-west-2\n",
        host.sso.config()
    );
    host.sso.scratch.write_config(&config);
    host.person_will("allow");
    let _agent = host.agent().start().await;
    for profile in [PROFILE, "admin"] {
        host.ask_for(profile);
        host.is_served().await;
    }
    assert_eq!(host.opened().len(), 1, "the second needs nobody");
}
