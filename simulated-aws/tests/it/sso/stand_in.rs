//! The stand-in for the AWS CLI does what the real one does.

use std::path::PathBuf;
use std::time::Duration;

use simulated_aws::Operation;

use super::aws_cli::{Cli, finished, last_was_pending, texts, write};
use crate::setup::Setup;

fn stand_in(setup: &Setup) -> Cli {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_simulated-aws-cli"));
    Cli::of(program, setup)
}

const LOGIN: &str = "sso login --profile=demo --use-device-code";

/// What a login did, without what differs from one to the next.
#[derive(Debug, PartialEq)]
struct Deed {
    exit_code: Option<i32>,
    said: String,
    complained: String,
    files: Vec<(String, String)>,
}

/// Runs a login in which the person decides so, in the browser or where nobody opens one.
async fn deed(cli: &Cli, setup: &Setup, arguments: &str, decision: &str) -> Deed {
    let mut command = cli.command(arguments);
    command.env("CLICK", format!("--data decision={decision}"));
    let login = finished(command.output());
    tokio::pin!(login);
    let output = if arguments.contains("--no-browser") {
        tokio::select! {
            output = &mut login => output,
            () = allow(setup) => login.await,
        }
    } else {
        login.await
    };
    let (said, complained) = texts(&output);
    Deed {
        exit_code: output.status.code(),
        said: without_codes(&said),
        complained,
        files: files(cli),
    }
}

/// Allows the sign-in, once the program has heard that nobody has done so yet.
async fn allow(setup: &Setup) {
    while !last_was_pending(setup) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sso = setup.aws.sso();
    let codes = sso.pending_sign_ins();
    assert!(sso.approve(&codes[0]));
}

/// User codes are four capitals, a dash and four capitals.
fn without_codes(text: &str) -> String {
    let is_code = |word: &str| {
        let is_letter = |byte: u8| byte.is_ascii_uppercase();
        let bytes = word.as_bytes();
        bytes.len() == 9
            && bytes[4] == b'-'
            && bytes[..4]
                .iter()
                .chain(&bytes[5..])
                .all(|byte| is_letter(*byte))
    };
    let mask = |word: &str| if is_code(word) { "CODE" } else { word }.to_owned();
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((page, code)) => format!("{page}={}", mask(code)),
        None => mask(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The files of `~/.aws/sso/cache` with their fields, in order.
fn files(cli: &Cli) -> Vec<(String, String)> {
    let Ok(folder) = cli.cache().read_dir() else {
        return Vec::new();
    };
    let mut files: Vec<_> = folder
        .map(|entry| {
            let entry = entry.unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let fields: Vec<_> = text
                .split('"')
                .skip(1)
                .step_by(2)
                .filter(|word| word.len() < 22 && !word.contains('-'))
                .map(str::to_owned)
                .collect();
            (entry.file_name().into_string().unwrap(), fields.join(" "))
        })
        .collect();
    files.sort();
    files
}

async fn assert_same(case: &str, arguments: &str, decision: &str, prepare: impl Fn(&Setup, &Cli)) {
    let setup = Setup::new().await;
    let Some(real) = Cli::new(&setup) else { return };
    let ours = stand_in(&setup);
    let mut deeds = Vec::new();
    for cli in [&real, &ours] {
        prepare(&setup, cli);
        deeds.push(deed(cli, &setup, arguments, decision).await);
    }
    assert_eq!(deeds[1], deeds[0], "{case}");
}

#[tokio::test]
async fn it_logs_in_as_the_real_one_does() {
    for arguments in [
        LOGIN,
        "sso login --profile=demo --use-device-code --no-browser",
        "sso login --profile legacy",
        "sso login --profile legacy --no-browser",
    ] {
        assert_same(arguments, arguments, "allow", |_, _| {}).await;
    }
}

#[tokio::test]
async fn it_fails_as_the_real_one_does() {
    assert_same("denied", LOGIN, "deny", |_, _| {}).await;
    let broken = |text: &'static str| {
        move |_: &Setup, cli: &Cli| {
            let name = "bef3ce16ed5a49520f0a205b135a8af1d5371a72.json";
            write(&cli.cache().join(name), text);
        }
    };
    assert_same("no JSON", LOGIN, "allow", broken("garbage")).await;
    let endless = broken(r#"{"clientId": "x", "clientSecret": "y"}"#);
    assert_same("no end", LOGIN, "allow", endless).await;
    for arguments in [
        "sso login --profile=absent",
        "sso login --profile=chained",
        "sso login",
    ] {
        assert_same(arguments, arguments, "allow", |_, _| {}).await;
    }
}

#[tokio::test]
async fn a_client_that_aws_has_forgotten_is_in_the_way_as_with_the_real_one() {
    assert_same("forgotten", LOGIN, "allow", |setup, cli| {
        let login = setup.aws.sso().sign_in();
        let path = login
            .write_registration(&cli.cache(), Some("demo"))
            .unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, _grants) = text.split_once(", \"grantTypes\"").unwrap();
        write(&path, &format!("{before}}}"));
        setup.aws.sso().forget_registrations();
    })
    .await;
}

#[tokio::test]
async fn it_says_who_it_stands_for_and_what_it_is() {
    let setup = Setup::new().await;
    let said = stand_in(&setup).succeed("--version").await;
    assert!(said.starts_with("aws-cli/2.38.5 "), "{said}");
    assert!(said.ends_with(" simulated\n"), "{said}");
}

#[tokio::test]
async fn what_it_does_not_know_is_a_wrong_usage() {
    let setup = Setup::new().await;
    let cli = stand_in(&setup);
    for arguments in ["s3 ls", "sso", "sso login --nonsense", "--profile"] {
        let output = finished(cli.command(arguments).output()).await;
        let (_, complained) = texts(&output);
        assert_eq!(output.status.code(), Some(252), "{arguments}: {complained}");
        let expected = "\naws: [ERROR]: An error occurred (ParamValidation): ";
        assert!(complained.starts_with(expected), "{complained}");
    }
}

#[tokio::test]
async fn a_network_that_is_away_is_said_and_no_browser_is_opened() {
    let setup = Setup::new().await;
    let cli = stand_in(&setup);
    setup.aws.go_offline().await.unwrap();
    let output = finished(cli.command(LOGIN).output()).await;
    let (said, complained) = texts(&output);
    assert_eq!(output.status.code(), Some(255));
    let endpoint = setup.aws.endpoint_url();
    let expected = format!(
        "\naws: [ERROR]: Could not connect to the endpoint URL: \"{endpoint}/client/register\"\n"
    );
    assert_eq!((said.as_str(), complained), ("", expected));
}

#[tokio::test]
async fn a_known_client_is_used_again() {
    let setup = Setup::new().await;
    let cli = stand_in(&setup);
    setup.aws.sso().approve_at_once(true);
    for _ in 0..2 {
        cli.succeed(LOGIN).await;
    }
    assert_eq!(setup.aws.counters().count(Operation::RegisterClient), 1);
    assert_eq!(setup.aws.sso().sessions_alive(), 2);
}

#[tokio::test]
async fn it_asks_nobody_but_the_endpoint_it_is_given() {
    let setup = Setup::new().await;
    let cli = stand_in(&setup);
    let mut command = cli.command(LOGIN);
    let output = finished(command.env_remove("AWS_ENDPOINT_URL").output()).await;
    assert_eq!(output.status.code(), Some(255));
    assert!(texts(&output).1.contains("set AWS_ENDPOINT_URL"));
}
