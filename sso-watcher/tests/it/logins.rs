//! `aws sso login` of the real CLIs, run and understood.

use std::fs;
use std::future::pending;
use std::time::Duration;

use simulated_aws::{Fault, Operation};
use sso_watcher::aws_cli::Version;
use sso_watcher::aws_cli::login::{Flow, How, Invitation, RunningLogin};
use sso_watcher::aws_cli::verdict::{Meaning, meaning};
use tokio::time::Instant;

use crate::world::{Cli, PROFILE, World, deadline, worlds};

fn nobody(_invitation: Invitation) {}

fn approve(world: &World, invitation: Invitation) {
    let code = invitation.user_code.expect("a code");
    assert!(world.aws.sso().approve(&code));
}

#[tokio::test]
async fn both_versions_are_found() {
    for world in worlds().await {
        let cli = world.search().run().await.expect("found");
        assert!(cli.version >= Version::new(2, 9, 0), "{}", cli.version);
        assert_eq!(cli.knows_device_code_flag(), world.cli == Cli::New);
    }
}

#[tokio::test]
async fn a_browser_on_this_machine_completes_a_login() {
    for mut world in worlds().await {
        world.set("CLICK", "--data decision=allow");
        let mut invitations = Vec::new();
        let told = |invitation| invitations.push(invitation);
        let (meaning, ending) = world.log_in(PROFILE, Flow::Browser, told).await;
        assert_eq!(meaning, Meaning::Succeeded, "{ending:?}");
        assert_eq!(world.aws.sso().sessions_alive(), 1);
        assert!(
            ending.said.starts_with("Successfully logged into"),
            "{ending:?}"
        );
        // The old one shows a code even where its browser has it.
        let has_code = invitations.iter().any(|shown| shown.user_code.is_some());
        assert_eq!(has_code, world.cli == Cli::Old);
        assert!(ending.has_invited);
    }
}

#[tokio::test]
async fn a_denial_in_the_browser_is_a_refusal() {
    for mut world in worlds().await {
        world.set("CLICK", "--data decision=deny");
        let (meaning, ending) = world.log_in(PROFILE, Flow::Browser, nobody).await;
        assert_eq!(meaning, Meaning::Refused, "{ending:?}");
    }
}

#[tokio::test]
async fn a_code_completes_a_login_from_elsewhere() {
    for world in worlds().await {
        for profile in [PROFILE, "legacy"] {
            let told = |invitation: Invitation| {
                assert!(invitation.url.ends_with("/device"), "{}", invitation.url);
                approve(&world, invitation);
            };
            let (meaning, ending) = world.log_in(profile, Flow::DeviceCode, told).await;
            assert_eq!(meaning, Meaning::Succeeded, "{ending:?}");
        }
        assert_eq!(world.aws.sso().sessions_alive(), 2);
        assert!(!world.has("page.html"), "a browser was opened");
    }
}

#[tokio::test]
async fn a_denied_code_is_a_refusal() {
    for world in worlds().await {
        let deny = |invitation: Invitation| {
            let code = invitation.user_code.expect("a code");
            assert!(world.aws.sso().deny(&code));
        };
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, deny).await;
        assert_eq!(meaning, Meaning::Refused, "{ending:?}");
        assert_eq!(ending.how, How::Ended(254));
    }
}

#[tokio::test]
async fn a_login_that_nobody_completes_is_ended() {
    for world in worlds().await {
        let plan = world.plan(PROFILE, Flow::DeviceCode).await;
        let login = RunningLogin::start(&plan).expect("started");
        let group = login.group().clone();
        let soon = Instant::now() + Duration::from_secs(15);
        let ending = login.watch(soon, pending(), nobody).await;
        assert_eq!(meaning(&ending), Meaning::Unanswered, "{ending:?}");
        assert!(!group.is_alive());
        // Codes are for the person alone.
        for code in world.aws.sso().pending_sign_ins() {
            assert!(!ending.said.contains(&code), "{}", ending.said);
        }
    }
}

#[tokio::test]
async fn a_killed_agents_login_is_followed_by_its_successor() {
    for world in worlds().await {
        let plan = world.plan(PROFILE, Flow::DeviceCode).await;
        let login = RunningLogin::start(&plan).expect("started");
        let group = login.group().clone();
        // Nothing of the agent is left to end it.
        std::mem::forget(login);
        let login = RunningLogin::adopt(group, &plan.output);
        let approve = |invitation| approve(&world, invitation);
        let ending = login.watch(deadline(), pending(), approve).await;
        assert_eq!(ending.how, How::Unseen);
        assert_eq!(meaning(&ending), Meaning::Succeeded, "{ending:?}");
    }
}

#[tokio::test]
async fn an_aws_that_is_away_is_not_taken_for_a_refusal() {
    for mut world in worlds().await {
        world.set_endpoint("http://127.0.0.1:1");
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, nobody).await;
        assert_eq!(meaning, Meaning::Unreachable, "{ending:?}");
        assert!(!ending.has_invited);
    }
}

#[tokio::test]
async fn answers_of_others_than_aws_pass() {
    for world in worlds().await {
        let faults = world.aws.faults();
        let portal = Fault::on(Operation::RegisterClient);
        faults.add(portal.respond_with(200, "text/html", "<html>Welcome to the hotel</html>"));
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, nobody).await;
        assert_eq!(meaning, Meaning::Unreachable, "{ending:?}");
        faults.clear();
        faults.add(Fault::on(Operation::RegisterClient).respond(500, "InternalServerException"));
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, nobody).await;
        assert_eq!(meaning, Meaning::Unreachable, "{ending:?}");
    }
}

#[tokio::test]
async fn a_damaged_registration_is_recognised_and_a_new_one_made() {
    for world in worlds().await {
        let login = world.aws.sso().sign_in();
        let written = login.write_registration(&world.cache(), Some(PROFILE));
        let registration = written.expect("written");
        for damaged in ["", "{\"clientId\": \"", "[]", "{}"] {
            let name = registration.strip_prefix(world.cache()).expect("below");
            world.write(&format!(".aws/sso/cache/{}", name.display()), damaged);
            let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, nobody).await;
            assert_eq!(meaning, Meaning::RegistrationBroken, "{damaged} {ending:?}");
        }
        fs::remove_file(&registration).expect("removed");
        let approve = |invitation| approve(&world, invitation);
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, approve).await;
        assert_eq!(meaning, Meaning::Succeeded, "{ending:?}");
    }
}

#[tokio::test]
async fn a_rejected_registration_is_recognised() {
    for world in worlds().await {
        let approve = |invitation| approve(&world, invitation);
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, approve).await;
        assert_eq!(meaning, Meaning::Succeeded, "{ending:?}");
        world.aws.sso().forget_registrations();
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, nobody).await;
        assert_eq!(meaning, Meaning::RegistrationBroken, "{ending:?}");
        assert_eq!(ending.how, How::Ended(254));
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_recognised() {
    for world in worlds().await {
        world.write_config("\n[profile half]\nsso_session = absent\n");
        for (profile, code) in [("nobody", 255), ("plain", 253), ("half", 253)] {
            let (meaning, ending) = world.log_in(profile, Flow::DeviceCode, nobody).await;
            assert_eq!(meaning, Meaning::Misconfigured, "{ending:?}");
            assert_eq!(ending.how, How::Ended(code), "{profile}");
        }
        let start = Fault::on(Operation::StartDeviceAuthorization);
        world
            .aws
            .faults()
            .add(start.respond(400, "InvalidRequestException"));
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, nobody).await;
        assert_eq!(meaning, Meaning::Misconfigured, "{ending:?}");
        assert_eq!(ending.how, How::Ended(254));
    }
}

#[tokio::test]
async fn a_code_that_has_expired_was_not_answered() {
    for world in worlds().await {
        let token = Fault::on(Operation::CreateToken);
        world
            .aws
            .faults()
            .add(token.respond(400, "ExpiredTokenException"));
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, nobody).await;
        assert_eq!(meaning, Meaning::Unanswered, "{ending:?}");
        assert_eq!(ending.how, How::Ended(255));
    }
}

/// It would ask on a terminal, and end at once for want of one.
#[tokio::test]
async fn a_person_who_wants_to_be_prompted_is_not() {
    for mut world in worlds().await {
        world.write_config("\n[default]\ncli_auto_prompt = on\n");
        world.set("AWS_CLI_AUTO_PROMPT", "on");
        let approve = |invitation| approve(&world, invitation);
        let (meaning, ending) = world.log_in(PROFILE, Flow::DeviceCode, approve).await;
        assert_eq!(meaning, Meaning::Succeeded, "{ending:?}");
    }
}

/// A name that looks like an option reaches the CLI as a name.
#[tokio::test]
async fn no_profile_is_taken_for_an_option() {
    let Some(world) = World::new(Cli::New).await else {
        return;
    };
    let (meaning, ending) = world.log_in("--version", Flow::DeviceCode, nobody).await;
    assert_eq!(meaning, Meaning::Misconfigured, "{ending:?}");
    assert!(
        ending.said.contains("(--version) could not be found"),
        "{ending:?}"
    );
    assert!(world.cached().is_empty());
}
